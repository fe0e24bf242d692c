from __future__ import annotations

from bot.sandbox.world.dns_pods import coredns_pods
from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """One of the chart's pods is killed for its memory again and again."""
    killed = min(pod["metadata"]["name"] for pod in coredns_pods(field.operator))
    field.crash(killed, "[INFO] CoreDNS-1.12.0", reason="OOMKilled", exit_code=137)


REPORT = Report(
    name="f05c",
    source="CoreDNS's own Helm chart on EKS (variant)",
    happened="Helm-labelled CoreDNS: one of two pods OOMKilled again and again.",
    right="coredns_oom_killed",
    before="none (unknown)",
    arrange=arrange,
    causes=("coredns_oom_killed",),
    verdict="problem",
    scenario="healthy-helm-coredns",
)
