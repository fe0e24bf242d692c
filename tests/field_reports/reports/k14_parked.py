from __future__ import annotations

from bot.sandbox.world.world import CLUSTER_DNS
from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json


def beside(one: Json) -> Json:
    """Return Cilium's configuration with kube-proxy left to its work."""
    one["data"] |= {"kube-proxy-replacement": "false"}
    return one


def arrange(field: Field) -> None:
    """Cilium does not replace kube-proxy after all, and nothing leads ClusterIPs to pods."""
    field.change("configmaps", beside, name="cilium-config")
    field.lookups(lambda asked: "timed out" if asked.server == CLUSTER_DNS else None)


REPORT = Report(
    name="k14_parked",
    source="cilium/cilium, guide for EKS (variant: the replacement is off)",
    happened="kube-proxy's DaemonSet is parked on a node selector that nobody bears; Cilium does not replace it.",
    right="not healthy: whether the nodes need kube-proxy is open",
    before="kube_proxy_not_running healthy",
    arrange=arrange,
    verdict="problem",
    not_healthy=("kube_proxy_not_running",),
    scenario="healthy-cilium",
)
