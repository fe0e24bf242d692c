"""Whether the Kubernetes credentials and the EKS name lead to the same cluster.

Why it matters: a fix planned from one cluster's pods must never be applied to another cluster's security groups. The
nodes' providerIDs must be instances in the EKS cluster's VPC. Cost: one get of the namespace kube-system.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Collector, Look
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.network.answers import reading
from bot.network.model import InterfaceKind

NAMESPACES = Resource(plural="namespaces")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterBinding:
    """Which cluster this really is."""

    account: str
    cluster_arn: str
    kube_system_uid: str
    matches: bool | None
    """None: it could not be confirmed; nothing may be changed then."""
    why: str
    """What the answer rests on, one sentence."""


def collect(look: Look) -> ClusterBinding:
    """Compare the nodes that Kubernetes lists with the interfaces in the EKS cluster's VPC."""
    cluster, nodes = look.need(EksCluster), look.need(WorkerNodes)
    namespace = look.cluster.get(NAMESPACES, "kube-system")
    with reading("get namespace kube-system"):
        uid = str(namespace["metadata"]["uid"])
    matches, why = _compare(cluster, nodes)
    return ClusterBinding(
        account=cluster.account, cluster_arn=cluster.arn, kube_system_uid=uid, matches=matches, why=why
    )


def _compare(cluster: EksCluster, nodes: WorkerNodes) -> tuple[bool | None, str]:
    strangers = [name for name in nodes.cluster_tags if name != cluster.name]
    if strangers:
        return False, f"The nodes' interfaces are tagged for the cluster {strangers[0]}, not {cluster.name}."
    if not nodes.nodes:
        return None, "Kubernetes lists no nodes, so nothing shows in which VPC they run."
    auto = [node.name for node in nodes.nodes if node.compute == "auto"]
    if auto and not cluster.auto_mode:
        return False, f"{auto[0]} is an EKS Auto Mode node, but EKS says that {cluster.name} has no Auto Mode."
    return _in_vpc(nodes)


def _in_vpc(nodes: WorkerNodes) -> tuple[bool | None, str]:
    total, vpc_id = len(nodes.nodes), nodes.vpc_id
    found = _found(nodes)
    if found:
        return True, f"{found} of {total} nodes have their interface in {vpc_id}."
    instances = [node for node in nodes.nodes if node.instance_id]
    if instances:
        first = instances[0]
        return False, (
            f"None of the {len(instances)} nodes with an instance, {first.name} ({first.instance_id}) for one, "
            f"has an interface in {vpc_id}: the Kubernetes credentials lead to another cluster."
        )
    return None, f"None of the {total} nodes names an instance or holds an address in {vpc_id}."


def _found(nodes: WorkerNodes) -> int:
    """Count EC2 and Auto Mode nodes by their instance, Fargate nodes by the address of their interface."""
    attached = [item for item in nodes.interfaces if item.kind is InterfaceKind.INSTANCE]
    instances = {item.instance_id for item in attached}
    others = [item for item in nodes.interfaces if item.kind is InterfaceKind.OTHER]
    addresses = {str(address) for item in others for address in item.addresses}
    return sum(
        node.instance_id in instances if node.instance_id else node.internal_ip in addresses for node in nodes.nodes
    )


def summarise(evidence: ClusterBinding) -> str:
    """Say whether it is the cluster named, and why."""
    word = {True: "confirmed", False: "another cluster", None: "not confirmed"}[evidence.matches]
    return f"{word}: {evidence.why}"


COLLECTOR = Collector(
    name="cluster_binding",
    title="Which cluster this is",
    evidence=ClusterBinding,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get", resource="namespaces", names=("kube-system",), unlocks="tell one cluster from another"
        ),
    ),
    needs=(EksCluster, WorkerNodes),
)
