from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.reports.f20 import DIED, UNREACHABLE, ended
from tests.field_reports.told import Json


def arrange(field: Field) -> None:
    """kube-proxy is down on the first CoreDNS pod's node alone, and neither pod reaches the API."""
    names = field.coredns()
    down = field.nodes()[f"kube-system/{names[0]}"]
    field.change("pods", lambda one: ended(one) if _runs_on(one, down) else one)
    for pod in field.operator.get("pods", labels="k8s-app=kube-proxy"):
        if _runs_on(pod, down):
            field.log(pod["metadata"]["name"], DIED)
    for name in names:
        field.unready(name)
        field.log(name, *[UNREACHABLE] * 3)


def _runs_on(pod: Json, node: str) -> bool:
    return bool(pod["spec"].get("nodeName") == node)


REPORT = Report(
    name="f20b",
    source="kubernetes/kops#17915, on one of two nodes (variant)",
    happened="kube-proxy is down on one CoreDNS pod's node; the other pod, elsewhere, does not reach the API either.",
    right="kube_proxy_not_running, and another cause that nobody knows on the other node",
    before="coredns_api_unreachable, kube_proxy_not_running (problem, lookups fail)",
    arrange=arrange,
    causes=("coredns_api_unreachable", "kube_proxy_not_running"),
    verdict="problem",
)
