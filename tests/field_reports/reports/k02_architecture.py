from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """One of two pods is on a node of another architecture than its image: exit code 1, one line of the runtime's."""
    field.crash(field.coredns()[0], "exec /coredns: exec format error")


REPORT = Report(
    name="k02_architecture",
    source="the smallest input of an image of another architecture",
    happened="One of two CoreDNS pods crash-loops with `exec format error`; the other serves.",
    right="no known cause found: the node cannot run the image; the Corefile is not to blame",
    before="coredns_crash_corefile (problem)",
    arrange=arrange,
    verdict="problem",
    judged={"coredns_pods_not_ready": "problem"},
    not_healthy=("coredns_crash_corefile",),
    says={"coredns_pods_not_ready": "CrashLoopBackOff"},
)
