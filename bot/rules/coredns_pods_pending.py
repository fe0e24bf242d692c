"""CoreDNS pods find no place to run: no node takes them, or the node has no address for them.

Told by the scheduler's message (taints, no nodes, resources), the compute-type annotation beside Fargate's taint
on the nodes and, for pods that have a node, by sandbox and mount events. A pod that waits for its image is
`coredns_image_pull`.

In a playbook: `{rule: coredns_pods_pending, severity: critical, with: {grace: 60s}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_pods import COMPUTE_TYPE, CorednsPod, CorednsPods
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown

_STUCK_EVENTS = ("FailedCreatePodSandBox", "FailedMount", "FailedAttachVolume", "NetworkNotReady")
_REASONS: tuple[tuple[str, str], ...] = (
    ("no nodes available to schedule pods", "the cluster has no node"),
    ("failed to assign an ip address", "the node has no free IP address for it"),
    ("too many pods", "the nodes hold as many pods as their addresses allow"),
    ("insufficient", "no node has enough free CPU or memory"),
    ("untolerated taint", "every node carries a taint that CoreDNS does not tolerate"),
    ("that the pod didn't tolerate", "every node carries a taint that CoreDNS does not tolerate"),
    ("node affinity", "no node fits its node selector or affinity"),
    ('configmap "coredns" not found', "the ConfigMap coredns, which it mounts, does not exist"),
)
FARGATE = "the pod template asks for EC2 nodes (compute-type: ec2) while nodes are Fargate"
_ADVICE = {
    FARGATE: (
        "kubectl -n kube-system patch deployment coredns --type=json -p='"
        '[{"op":"remove","path":"/spec/template/metadata/annotations/eks.amazonaws.com~1compute-type"}]\''
    ),
    "the cluster has no node": (
        "Add nodes, or a Fargate profile for kube-system: aws eks list-nodegroups --cluster-name CLUSTER"
    ),
    "the node has no free IP address for it": (
        "Free addresses in the node's subnet, or enable prefix delegation: aws ec2 describe-subnets "
        "--query 'Subnets[].[SubnetId,AvailableIpAddressCount]'"
    ),
    "every node carries a taint that CoreDNS does not tolerate": (
        "kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints  "
        "# then add the toleration through the add-on's configuration values, or an untainted node group"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a pending pod counts."""

    grace: timedelta = timedelta(seconds=60)
    """A pod younger than this may still find its place. 0 counts every pending pod."""


def judge(case: Case) -> Judgement:
    """Conclude which CoreDNS pods are pending, and why."""
    found = case.need(CorednsPods)
    young = case.collected_at - case.thresholds.grace
    pending = [pod for pod in found.pods if _stuck(pod)]
    stuck = [pod for pod in pending if pod.created_at is None or pod.created_at <= young]
    if stuck:
        return _problem(stuck, found, case.target.eks_name)
    if found.gaps:
        return unknown(f"Whether CoreDNS pods are pending is open: {found.gaps[0].reason}.", *found.gaps)
    notes = [f"{pod.name}: pending for less than {case.thresholds.grace.total_seconds():g} s" for pod in pending]
    return healthy(
        f"{len(found.pods) - len(pending)} of {len(found.pods)} CoreDNS pods have found their place.", *notes
    )


def _stuck(pod: CorednsPod) -> bool:
    if pod.phase != "Pending" or pod.terminating:
        return False
    waiting = pod.container.waiting_reason if pod.container else ""
    return not pod.node or (
        waiting in {"", "ContainerCreating"} and any(one.reason in _STUCK_EVENTS for one in pod.events)
    )


def _words(pod: CorednsPod) -> str:
    """Return what the scheduler or the kubelet says: the newest event, else the pod's condition."""
    reasons = ("FailedScheduling",) if not pod.node else _STUCK_EVENTS
    said = next((event.message for event in pod.events if event.reason in reasons), "")
    return said or pod.unschedulable_message or "no reason given"


def _why(pod: CorednsPod, found: CorednsPods) -> str:
    words = _words(pod).lower()
    only_fargate = "fargate" in words or found.nodes == found.fargate_nodes > 0
    if _annotation(found) == "ec2" and "taint" in words and only_fargate:
        return FARGATE
    return next((meaning for sign, meaning in _REASONS if sign in words), "")


def _annotation(found: CorednsPods) -> str:
    return dict(found.deployment_annotations).get(COMPUTE_TYPE, "")


def _maybe_fargate(why: list[str], annotation: str) -> bool:
    """Return whether there is no node at all and the annotation keeps the pods off Fargate."""
    return annotation == "ec2" and "the cluster has no node" in why


def _problem(stuck: list[CorednsPod], found: CorednsPods, cluster: str) -> Judgement:
    why = sorted({_why(pod, found) for pod in stuck} - {""})
    annotation = _annotation(found)
    notes = [f"annotation {COMPUTE_TYPE}: {annotation} on the pod template"] if annotation else []
    if found.fargate_nodes:
        notes.append(f"{found.fargate_nodes} of {found.nodes} nodes bear the taint {COMPUTE_TYPE}=fargate")
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(stuck)} of {len(found.pods)} CoreDNS pods are pending: "
        f"{'; '.join(why) or _words(stuck[0])}. They answer nothing.",
        proof=(*(f"{pod.name}: {_words(pod)}" for pod in stuck[:10]), *notes),
        details={"pods": [pod.name for pod in stuck], "reasons": why, "compute_type": annotation},
        missing=found.gaps,
        reach=found.reach_of({pod.name for pod in stuck}),
        advice=(
            *(_ADVICE[reason].replace("CLUSTER", cluster) for reason in why if reason in _ADVICE),
            *((f"On a cluster of Fargate nodes alone: {_ADVICE[FARGATE]}",) if _maybe_fargate(why, annotation) else ()),
            f"kubectl -n kube-system describe pod {stuck[0].name}",
        ),
    )


RULE = Rule(
    name="coredns_pods_pending",
    title="CoreDNS pods find no place to run",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPods,),
    thresholds=Thresholds,
)
