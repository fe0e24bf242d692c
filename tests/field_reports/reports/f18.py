from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json

NO_ADDRESS = (
    'Failed to create pod sandbox: plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP '
    "address to container"
)


def _waits(one: Json) -> Json:
    if one["metadata"].get("labels", {}).get("k8s-app") == "kube-dns":
        one["status"] |= {"phase": "Pending", "podIP": "", "podIPs": []}
    return one


def arrange(field: Field) -> None:
    """The CNI's role may not assign IPv6 addresses: no CoreDNS pod gets one."""
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    for pod in field.coredns():
        field.unready(pod, container={"state": waiting, "lastState": {}, "restartCount": 0})
        field.event(pod, "FailedCreatePodSandBox", NO_ADDRESS)
    field.change("pods", _waits)


REPORT = Report(
    name="f18",
    source="eksctl-io/eksctl#4661 (same: aws-ia/terraform-aws-eks-blueprints#371)",
    happened="IPv6 cluster: the CNI's role lacks the IPv6 rights, CoreDNS pods get no address.",
    right="coredns_pods_pending (CNI may not assign IPv6)",
    before="coredns_pods_pending (problem, lookups fail)",
    scenario="healthy-ipv6",
    arrange=arrange,
    causes=("coredns_pods_pending",),
    verdict="problem",
    says={"coredns_pods_pending": "in an IPv6 cluster its role needs rights of its own"},
)
