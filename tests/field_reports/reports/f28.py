from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report

WAITS = '[INFO] plugin/ready: Plugins not ready: "kubernetes"'


def arrange(field: Field) -> None:
    """No CoreDNS reaches the API; this version logs that it failed and drops the reason."""
    for pod in field.coredns():
        field.unready(pod)
        field.log(pod, *repeated(WAITS, 20), *repeated("[ERROR] plugin/kubernetes: Failed to watch", 20), since=600)


REPORT = Report(
    name="f28",
    source="coredns/coredns#7727 (seen with CoreDNS 1.13.1)",
    happened="CoreDNS cannot reach the API; this version logs `Failed to watch` and drops the reason.",
    right="the API rules must stay open",
    before="kube_dns_no_endpoints (problem, lookups fail)",
    arrange=arrange,
    verdict="problem",
    not_healthy=("coredns_api_unreachable", "coredns_api_unauthorized", "coredns_api_forbidden"),
)
