from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """A CoreDNS that runs and serves lost the API; its log drops the reason."""
    for pod in field.coredns():
        field.log(pod, *repeated("[ERROR] plugin/kubernetes: Failed to watch", 20), since=600)


REPORT = Report(
    name="f28b",
    source="coredns/coredns#7727, from a pod that stays Ready (variant)",
    happened="A running CoreDNS 1.13.1 lost the API: endpoints grow stale; only `Failed to watch` is logged.",
    right="the API rules must stay open",
    before="none (unknown)",
    arrange=arrange,
    verdict="unknown",
    not_healthy=("coredns_api_unreachable", "coredns_api_unauthorized", "coredns_api_forbidden"),
)
