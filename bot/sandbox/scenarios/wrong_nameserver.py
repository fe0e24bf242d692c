"""A node hands its pods a nameserver that is not the ClusterIP of kube-dns (C6)."""

from __future__ import annotations

from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import WORKLOAD_SELECTOR, World

_OTHER_CLUSTERS_DNS = "10.100.0.10"
"""The default of clusters whose VPC is not in 10.0.0.0/8 (EKS User Guide, service CIDR)."""


def _acts(world: World, operator: Operator) -> None:
    node = world.chance("wrong-nameserver").choice(world.nodes)
    operator.kubelet(node.name, cluster_dns=_OTHER_CLUSTERS_DNS)
    operator.delete_pods(labels=WORKLOAD_SELECTOR, node=node.name)


SCENARIO = Scenario(
    name="wrong-nameserver",
    title="A node hands its pods a nameserver that is not the ClusterIP",
    story=(
        "An operator set another cluster DNS address in the kubelet configuration of one node; the application pods "
        "there were recreated afterwards and ask a server that does not exist."
    ),
    root_cause="wrong_nameserver",
    acts=_acts,
)
