"""The VPC CNI: aws-node's DaemonSet and its pods, and under which enforcing mode pods were made (B7, B9).

What a pod with a branch interface is under was decided by the aws-node pod that ran on its node when it was made. Of a
pod that is older than that, the DaemonSet's ControllerRevisions tell: they say when which mode came. Where they cannot
be read, its present pods alone date it. Cost: one get of the DaemonSet, and a list each of its pods and revisions. In
a playbook: `{collector: vpc_cni}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count, timestamp
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import CONTROLLER_REVISIONS, DAEMON_SETS, KUBE_SYSTEM, PODS
from bot.kubernetes.vpc_cni import AWS_NODE, AWS_NODE_PODS, AwsNode, AwsNodePod, AwsNodeRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcCni:
    """aws-node as Kubernetes runs it."""

    aws_node: AwsNode | None
    """None: there is no such DaemonSet (Auto Mode, another CNI)."""
    pods: tuple[AwsNodePod, ...] = ()
    """By node."""

    revisions: tuple[AwsNodeRevision, ...] = ()
    """By number: what it was before, and since when it is what it is."""
    undated: Gap | None = None
    """Why its revisions were not read. That leaves open what pods were made under that are older than its own."""

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What reports name; a rule carries it where it leaves a pod open."""
        return (self.undated,) if self.undated else ()

    def mode_of(self, pod: Pod) -> EnforcingMode | None:
        """Return what a pod with a branch interface was made under; None: nothing tells."""
        return self.made_under(pod)[0]

    def made_under(self, pod: Pod) -> tuple[EnforcingMode | None, str]:
        """Return the mode, and what tells it where it is not the aws-node pod of its node.

        A pod of the same second is newer than that: nothing gives pods a network until the new aws-node runs. An older
        one was made under one of the revisions that were there before it: a rollout takes its time.
        """
        own = next((one for one in reversed(self.pods) if one.node == pod.node), None)
        if own and own.created_at <= pod.created_at:
            return own.mode, ""
        older = "older than aws-node's pod there" if own else "on a node without aws-node"
        if len({one.mode for one in self.revisions}) == 1:
            what = (
                "its one revision says" if len(self.revisions) == 1 else f"all its {len(self.revisions)} revisions say"
            )
            return self.revisions[0].mode, f"{older}, and {what} {self.revisions[0].mode}"
        if not self.revisions:
            return None, f"{older}, and its revisions were not read" if self.undated else older
        if any(later.created_at < one.created_at for one, later in pairwise(self.revisions)):
            return None, f"{older}, which was taken back to an earlier revision, so that these do not say when"
        before = [one for one in self.revisions if one.created_at < pod.created_at]
        if len({one.mode for one in before}) != 1:
            return None, f"{older}, and younger than its revision that changed the mode" if before else older
        changed = next(one for one in self.revisions[len(before) :] if one.mode is not before[0].mode)
        return before[0].mode, (
            f"{older}, and than its revision {changed.number} of {timestamp(changed.created_at)}, before which it was "
            f"{before[0].mode}"
        )


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
    revisions, undated = _revisions(look, aws_node)
    return VpcCni(aws_node=aws_node, pods=tuple(pods), revisions=revisions, undated=undated)


def _revisions(look: View, aws_node: AwsNode) -> tuple[tuple[AwsNodeRevision, ...], Gap | None]:
    try:
        with reading(f"list ControllerRevisions of {AWS_NODE}"):
            listed = look.cluster.list(
                CONTROLLER_REVISIONS, AwsNodeRevision.of, namespace=KUBE_SYSTEM, labels=AWS_NODE_PODS
            )
    except EvidenceUnavailable as error:
        return (), Gap.of(f"since when {AWS_NODE} has its mode: its pods alone date it", error)
    own = [one for one in listed if one.owner_uid == aws_node.uid]
    return tuple(sorted(own, key=lambda one: one.number)), None


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
        KubernetesPermission(
            verb="list",
            resource="controllerrevisions",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="since when aws-node has its enforcing mode (B9)",
            without="aws-node's present pods alone tell since when it has its mode",
        ),
    ),
)
