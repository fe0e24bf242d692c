"""A node hands its pods a nameserver that is not the ClusterIP of kube-dns (C6)."""

from __future__ import annotations

from bot.sandbox.world.editing import Json, edit_pod_template
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import CLUSTER_DNS, WORKLOAD_SELECTOR, World

_OTHER_CLUSTERS_DNS = "10.100.0.10"
"""The default of clusters whose VPC is not in 10.0.0.0/8 (EKS User Guide, service CIDR)."""


def _acts(world: World, operator: Operator) -> None:
    node = world.chance("wrong-nameserver").choice(world.nodes)
    operator.kubelet(node.name, cluster_dns=_OTHER_CLUSTERS_DNS)
    operator.delete_pods(labels=WORKLOAD_SELECTOR, node=node.name)


def _harmless(world: World, operator: Operator) -> None:
    policies = world.chance("own-nameserver").sample(["None", "ClusterFirst"], 2)
    for name, policy in zip(("carts", "checkout"), policies, strict=True):
        chosen = {
            "dnsPolicy": policy,
            "dnsConfig": {"nameservers": [world.home.resolver], "searches": ["corp.example"]},
        }

        def asking_it(template: Json, chosen: Json = chosen) -> Json:
            return {**template, "spec": {**template["spec"], **chosen}}

        edit_pod_template(operator, "deployments.apps", name, asking_it, namespace=name)


def _heal(world: World, operator: Operator) -> None:
    for node in world.nodes:
        operator.kubelet(node.name, cluster_dns=CLUSTER_DNS)
    operator.delete_pods(labels=WORKLOAD_SELECTOR)


SCENARIO = Scenario(
    name="wrong-nameserver",
    title="A node hands its pods a nameserver that is not the ClusterIP",
    story=(
        "An operator set another cluster DNS address in the kubelet configuration of one node; the application pods "
        "there were recreated afterwards and ask a server that does not exist."
    ),
    root_cause="wrong_nameserver",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="wrong-nameserver-look-alike",
    title="Pods name a nameserver of their own on purpose",
    story=(
        "The owners of one application set dnsPolicy None with the VPC resolver as nameserver; those of another named "
        "it beside the cluster's DNS in their dnsConfig. Neither is the kubelet's doing."
    ),
    root_cause="",
    not_to_blame=("wrong_nameserver",),
    weighed={"wrong_nameserver": r"nameserver 172\.20\.0\.10, 10\.\d+\.0\.2$"},
    acts=_harmless,
)
