"""CoreDNS comes from its own Helm chart: other labels, names and image; a left-over ConfigMap of the usual name."""

from __future__ import annotations

from bot.sandbox.world.coredns_chart import move_to_chart
from bot.sandbox.world.editing import write_corefile
from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    move_to_chart(world, operator)
    write_corefile(operator, ".:53 {\n    errors\n    proxy . /etc/resolv.conf\n")


SCENARIO = Scenario(
    name="healthy-helm-coredns",
    title="CoreDNS by its own Helm chart; nothing is wrong",
    story=(
        "The cluster's owners gave the EKS add-on up and run CoreDNS by its chart: Service coredns with the old "
        "address, Deployment and ConfigMap coredns-coredns, label k8s-app: coredns. The add-on's ConfigMap is still "
        "there with a Corefile that CoreDNS would refuse; nobody mounts it."
    ),
    root_cause="",
    not_to_blame=("kube_dns_service_missing", "coredns_crash_corefile", "kube_dns_no_endpoints"),
    weighed={"kube_dns_service_missing": r"Service kube-system/coredns at 172\.20\.0\.10"},
    lab_seeds=(1,),
    acts=_acts,
)
