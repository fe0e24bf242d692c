"""The VPC CNI: aws-node's DaemonSet and its pods, and under which enforcing mode pods were made (B7, B9).

What a pod with a branch interface is under was decided by the aws-node pod that ran on its node when it was made.
Cost: one get of the DaemonSet and one list of its pods. In a playbook: `{collector: vpc_cni}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Collector
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import NotFound
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import DAEMON_SETS, KUBE_SYSTEM, PODS
from bot.kubernetes.vpc_cni import AWS_NODE, AWS_NODE_PODS, AwsNode, AwsNodePod


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcCni:
    """aws-node as Kubernetes runs it."""

    aws_node: AwsNode | None
    """None: there is no such DaemonSet (Auto Mode, another CNI)."""
    pods: tuple[AwsNodePod, ...] = ()
    """By node."""

    def mode_of(self, pod: Pod) -> EnforcingMode | None:
        """Return what a pod with a branch interface was made under.

        None: it is older than the aws-node pod of its node, or there is none, so that an earlier one decided. A pod of
        the same second is newer: nothing gives pods a network until the new aws-node runs.
        """
        own = next((one for one in reversed(self.pods) if one.node == pod.node), None)
        return own.mode if own and own.created_at <= pod.created_at else None


def collect(look: View) -> VpcCni:
    """Read the DaemonSet and its pods."""
    try:
        found = look.cluster.get(DAEMON_SETS, AWS_NODE, namespace=KUBE_SYSTEM)
    except NotFound:
        return VpcCni(aws_node=None)
    with reading(f"get DaemonSet {AWS_NODE} and list its pods"):
        listed = look.cluster.list(PODS, AwsNodePod.of, namespace=KUBE_SYSTEM, labels=AWS_NODE_PODS)
        pods = sorted(listed, key=lambda one: (one.node, one.created_at))
        aws_node = AwsNode.of(found)
    return VpcCni(aws_node=aws_node, pods=tuple(pods))


def summarise(found: VpcCni) -> str:
    """Say which version runs, and in which mode."""
    if found.aws_node is None:
        return f"no DaemonSet {AWS_NODE}"
    version = ".".join(map(str, found.aws_node.version)) or "of unknown version"
    how = "set" if found.aws_node.mode else "the default"
    return f"VPC CNI {version}, {count(len(found.pods), 'pod')}; mode {found.aws_node.enforces} ({how})"


COLLECTOR = Collector(
    name="vpc_cni",
    title="VPC CNI (aws-node)",
    evidence=VpcCni,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="daemonsets",
            group="apps",
            namespace=KUBE_SYSTEM,
            names=(AWS_NODE,),
            unlocks="aws-node's version and its enforcing mode",
        ),
        KubernetesPermission(
            verb="list",
            resource="pods",
            namespace=KUBE_SYSTEM,
            unlocks="which pods are older than aws-node's pod on their node",
        ),
    ),
)
