from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Question

WAITS = '[INFO] plugin/ready: Plugins not ready: "kubernetes"'
SLOW = (
    '[WARNING] plugin/health: Local health request to "http://:8080/health" failed: Get "http://:8080/health": '
    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
)


def nobody(asked: Question) -> str:
    """The pod network carries nothing."""
    del asked
    return "timed out"


def arrange(field: Field) -> None:
    """Pods reach nothing: CoreDNS waits for the API, its self-test times out, lookups time out."""
    for pod in field.coredns():
        field.unready(pod)
        field.log(pod, *[WAITS, SLOW] * 20, since=600, until=10)
    field.lookups(nobody)


REPORT = Report(
    name="f23",
    source="cilium/cilium#37492",
    happened="EKS 1.31, Cilium overlay: pods reach nothing; CoreDNS waits for the API, its self-test times out.",
    right="pod network (none of ours): no known cause",
    before="kube_dns_no_endpoints (problem, lookups fail)",
    arrange=arrange,
    verdict="problem",
    not_healthy=("coredns_api_unreachable", "coredns_pods_not_ready", "dns_lookups_fail"),
    explained={"kube_dns_no_endpoints": "coredns_pods_not_ready"},
)
