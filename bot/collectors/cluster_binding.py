"""Whether the Kubernetes credentials and the EKS name lead to the same cluster.

Why it matters: a fix planned from one cluster's pods must never be applied to another cluster's security groups. The
nodes' providerIDs must be instances in the EKS cluster's VPC. Cost: one get of the namespace kube-system.
"""

from __future__ import annotations

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.diagnosis import Binding, ClusterBinding
from bot.domain.evidence import Collector
from bot.domain.permissions import KubernetesPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.kubernetes.nodes import Compute
from bot.kubernetes.resources import KUBE_SYSTEM, NAMESPACES
from bot.network.model import InterfaceKind


def collect(look: View) -> ClusterBinding:
    """Compare the nodes that Kubernetes lists with the interfaces in the EKS cluster's VPC."""
    cluster, nodes = look.need(EksCluster), look.need(WorkerNodes)
    namespace = look.cluster.get(NAMESPACES, KUBE_SYSTEM)
    with reading(f"get namespace {KUBE_SYSTEM}"):
        uid = str(namespace["metadata"]["uid"])
    matches, why = _compare(cluster, nodes)
    binding = Binding(account=cluster.account, cluster_arn=cluster.arn, kube_system_uid=uid)
    return ClusterBinding(binding=binding, vpc_id=cluster.vpc_id, matches=matches, why=why)


def _compare(cluster: EksCluster, nodes: WorkerNodes) -> tuple[bool | None, str]:
    strangers = [name for name in nodes.cluster_tags if name != cluster.name]
    if strangers:
        return False, f"The nodes' interfaces are tagged for the cluster {strangers[0]}, not {cluster.name}."
    if not nodes.nodes:
        return None, "Kubernetes lists no nodes, so nothing shows in which VPC they run."
    auto = [node.name for node in nodes.nodes if node.compute is Compute.AUTO]
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
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get", resource="namespaces", names=(KUBE_SYSTEM,), unlocks="tell one cluster from another"
        ),
    ),
    needs=(EksCluster, WorkerNodes),
)
