"""The Service kube-dns was made again without its fixed address; every pod asks the old one."""

from __future__ import annotations

from bot.sandbox.world.editing import find
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import CLUSTER_DNS, WORKLOAD_SELECTOR, World

_NAMESPACE = "kube-system"


def _made_again(operator: Operator, address: str) -> None:
    """Delete the Service and create it with this address; a ClusterIP cannot be changed."""
    held = find(operator, "services", "kube-dns", namespace=_NAMESPACE)
    operator.delete("services", "kube-dns", namespace=_NAMESPACE)
    metadata = {key: held["metadata"][key] for key in ("name", "namespace", "labels")}
    kept = {key: held["spec"][key] for key in ("type", "ports", "selector")}
    spec = {**kept, "clusterIP": address, "clusterIPs": [address]}
    operator.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    operator.delete_pods(labels="app.kubernetes.io/name=ui")  # one comes later: its kubelet tells it the same


def _other(world: World) -> str:
    """Return an address of the service range that nobody has: applications' end in 20 and more."""
    chance = world.chance("random-cluster-ip")
    return f"172.20.{chance.randrange(60, 250)}.{chance.randrange(5, 20)}"


def _acts(world: World, operator: Operator) -> None:
    _made_again(operator, _other(world))


def _harmless(world: World, operator: Operator) -> None:
    _made_again(operator, _other(world))
    for node in world.nodes:
        operator.kubelet(node.name, cluster_dns=_other(world))
    operator.delete_pods(labels=WORKLOAD_SELECTOR)


def _heal(_world: World, operator: Operator) -> None:
    _made_again(operator, CLUSTER_DNS)


SCENARIO = Scenario(
    name="kube-dns-address-changed",
    title="The DNS Service was made again without its fixed address",
    story=(
        "An operator deleted the Service kube-dns and created it anew without clusterIP. It got a random address and "
        "works there; all pods still ask the service CIDR's tenth address, as EKS told their nodes."
    ),
    root_cause="kube_dns_address_changed",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("wrong_nameserver", "kube_dns_service_missing", "kube_dns_no_endpoints"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="kube-dns-address-changed-look-alike",
    title="The DNS Service has another address, and the nodes were told",
    story=(
        "The same Service at the same random address; the operator then set it as clusterDNS of all kubelets and "
        "recreated the application pods."
    ),
    root_cause="",
    not_to_blame=("kube_dns_address_changed", "wrong_nameserver"),
    acts=_harmless,
)
