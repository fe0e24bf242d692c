from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json

DIED = (
    'E0901 10:00:00.000000 1 server.go:511] "Error running ProxyServer" err="failed to initialize iptables: '
    "exit status 3: iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist "
    '(do you need to insmod?)"'
)
UNREACHABLE = (
    "[ERROR] plugin/kubernetes: Failed to watch *v1.Service: failed to list *v1.Service: "
    'Get "https://172.20.0.1:443/api/v1/services?limit=500&resourceVersion=0": dial tcp 172.20.0.1:443: i/o timeout'
)


def ended(one: Json) -> Json:
    """Return the pod in CrashLoopBackOff, where it is kube-proxy's."""
    if (one["metadata"].get("labels") or {}).get("k8s-app") != "kube-proxy":
        return one
    status = one["status"]
    for condition in status["conditions"]:
        if condition["type"] in ("Ready", "ContainersReady"):
            condition |= {"status": "False", "reason": "ContainersNotReady"}
    for container in status["containerStatuses"]:
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=kube-proxy"}
        container |= {"ready": False, "restartCount": 12, "state": {"waiting": waiting}}
    return one


def arrange(field: Field) -> None:
    """kube-proxy dies at its start on every node, and CoreDNS has never reached the API."""
    field.change("pods", ended)
    for pod in field.operator.get("pods", labels="k8s-app=kube-proxy"):
        field.log(pod["metadata"]["name"], DIED)
    for name in field.coredns():
        field.unready(name)
        field.log(name, *[UNREACHABLE] * 3)


REPORT = Report(
    name="f20",
    source="kubernetes/kops#17915",
    happened=(
        "kube-proxy ends at its start on every node (new OS image); CoreDNS therefore cannot reach the API by its "
        "ClusterIP."
    ),
    right="kube_proxy_not_running",
    before="coredns_api_unreachable, kube_proxy_not_running (problem, lookups fail)",
    arrange=arrange,
    causes=("kube_proxy_not_running",),
    verdict="problem",
    explained={"coredns_api_unreachable": "kube_proxy_not_running"},
)
