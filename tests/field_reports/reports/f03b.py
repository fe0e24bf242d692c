from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """One pod was started again with the second forward and ends of it; the other serves on."""
    first, second = field.coredns()
    field.crash(first, "plugin/forward: this plugin can only be used once per Server Block")
    field.log(second, ".:53", "CoreDNS-1.11.4", since=3_000, until=2_999)


REPORT = Report(
    name="f03b",
    source="coredns/coredns#4729, next restart (variant)",
    happened="The same as f03 after the next restart: one of two pods crash-loops, the other serves.",
    right="coredns_crash_corefile",
    before="none (healthy)",
    arrange=arrange,
    causes=("coredns_crash_corefile",),
    verdict="problem",
    explained={"coredns_pods_not_ready": "coredns_crash_corefile"},
)
