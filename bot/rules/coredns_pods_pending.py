"""CoreDNS pods are pending: no node takes them, or the node has no address for them.

Told by the scheduler's message (taints, no nodes, resources), the compute-type annotation beside Fargate's taint
on the nodes and, for pods that have a node, by sandbox and mount events. These are kept for an hour: a pod that was
never started and of which no event says why leaves it open. A pod that waits for its image is `coredns_image_pull`.

In a playbook: `{rule: coredns_pods_pending, severity: critical, with: {grace: 60s}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.phrases import timestamp
from bot.kubernetes.nodes import COMPUTE_TYPE
from bot.kubernetes.pods import STARTING
from bot.rules._faulty_objects import deployment_of
from bot.rules._unplaced import Reason, lacking, without_address

_STUCK_EVENTS = ("FailedCreatePodSandBox", "FailedMount", "FailedAttachVolume", "NetworkNotReady")
_REASONS: tuple[tuple[str, str], ...] = (
    ("no nodes available to schedule pods", "the cluster has no node"),
    ("127.0.0.1:50051", "the VPC CNI's daemon on its node (aws-node) does not answer"),
    ("too many pods", "the nodes hold as many pods as their addresses allow"),
    ("untolerated taint", "every node carries a taint that CoreDNS does not tolerate"),
    ("that the pod didn't tolerate", "every node carries a taint that CoreDNS does not tolerate"),
    ("node affinity", "no node fits its node selector or affinity"),
    (': configmap "', "a ConfigMap that it mounts does not exist"),
)
_NO_ADDRESS = "failed to assign an ip address"
FARGATE = "the pod template asks for EC2 nodes (compute-type: ec2) while nodes are Fargate"
_ADVICE = {
    FARGATE: (
        "kubectl -n NAMESPACE patch deployment DEPLOYMENT --type=json -p='"
        '[{"op":"remove","path":"/spec/template/metadata/annotations/eks.amazonaws.com~1compute-type"}]\''
    ),
    "the cluster has no node": (
        "Add nodes, or a Fargate profile for NAMESPACE: aws eks list-nodegroups --cluster-name CLUSTER"
    ),
    "the VPC CNI's daemon on its node (aws-node) does not answer": (
        "kubectl -n kube-system get pods -l k8s-app=aws-node -o wide  # and its log on the node: "
        "/var/log/aws-routed-eni/ipamd.log"
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
    """A pod younger than this may still find its place: too early to tell, but where the scheduler has said that no
    node takes it and no CoreDNS pod is ready, so that nothing is gained by waiting. 0 counts every pending pod."""


def judge(case: Case) -> Judgement:
    """Conclude which CoreDNS pods are pending, and why."""
    found = case.need(CorednsPods)
    young = case.collected_at - case.thresholds.grace
    pending = [pod for pod in found.pods if _stuck(pod)]
    waiting = any(pod.ready for pod in found.pods)
    stuck = [pod for pod in pending if pod.created_at <= young or (pod.unschedulable_message and not waiting)]
    if stuck:
        return _problem(stuck, found, case)
    early = tuple(_early(pod) for pod in pending)
    missing = (*early, *map(_silent, filter(_unstarted, found.pods)), *found.gaps, *found.nobody)
    if missing:
        return not_known("whether CoreDNS pods are pending", *missing)
    if found.absent:
        return nothing_to_check(found.absence)
    return healthy(f"None of {len(found.pods)} CoreDNS pods is pending.")


def _stuck(pod: CorednsPod) -> bool:
    if pod.phase != "Pending" or pod.terminating:
        return False
    return not pod.node or (
        pod.container.waiting_reason in STARTING and any(one.reason in _STUCK_EVENTS for one in pod.events)
    )


def _unstarted(pod: CorednsPod) -> bool:
    """Return whether a pod that has a node was never started there, and nothing says why."""
    starting = pod.container.waiting_reason in STARTING and not pod.container.has_run
    return bool(pod.node) and starting and not pod.terminating and not _stuck(pod)


def _early(pod: CorednsPod) -> Gap:
    reason = f"too early to tell: {pod.name} is pending since {timestamp(pod.created_at)}"
    return Gap(what=f"pod {pod.name}", reason=reason)


def _silent(pod: CorednsPod) -> Gap:
    state = pod.container.waiting_reason or pod.phase
    reason = f"{pod.name} is {state} on {pod.node} since {timestamp(pod.created_at)}, and no event says why"
    return Gap(what=f"pod {pod.name}", reason=f"{reason} (events are kept for an hour)")


def _words(pod: CorednsPod) -> str:
    """Return what the scheduler or the kubelet says: the newest event, else the pod's condition."""
    reasons = ("FailedScheduling",) if not pod.node else _STUCK_EVENTS
    said = next((event.message for event in pod.events if event.reason in reasons), "")
    return said or pod.unschedulable_message or "no reason given"


def _why(pod: CorednsPod, found: CorednsPods, case: Case) -> Reason:
    words = _words(pod).lower()
    if _NO_ADDRESS in words:
        return without_address(case, pod, words)
    only_fargate = "fargate" in words or found.nodes == found.fargate_nodes > 0
    if _annotation(found) == "ec2" and "taint" in words and only_fargate:
        why = FARGATE
    else:
        why = next((meaning for sign, meaning in _REASONS if sign in words), "")
    if not why and (lacks := lacking(words)):
        return lacks
    return Reason(why=why, advice=_advice(why, found, case.target.eks_name))


def _annotation(found: CorednsPods) -> str:
    return dict(found.deployment_annotations).get(COMPUTE_TYPE, "")


def _maybe_fargate(why: list[str], annotation: str) -> bool:
    """Return whether there is no node at all and the annotation keeps the pods off Fargate."""
    return annotation == "ec2" and "the cluster has no node" in why


def _advice(reason: str, found: CorednsPods, cluster: str) -> str:
    named = _ADVICE.get(reason, "").replace("NAMESPACE", found.namespace).replace("DEPLOYMENT", found.deployment)
    return named.replace("CLUSTER", cluster)


def _named_taints(stuck: list[CorednsPod], found: CorednsPods) -> str:
    """Name the taints where it is taints that keep the pods away."""
    if not found.taints or not any("taint" in _words(pod).lower() for pod in stuck):
        return ""
    named = ", ".join(f"{taint} on {nodes} of {found.nodes} nodes" for taint, nodes in found.taints[:3])
    return f" ({named})"


def _problem(stuck: list[CorednsPod], found: CorednsPods, case: Case) -> Judgement:
    reasons = {one.why: one for pod in stuck if (one := _why(pod, found, case)).why}
    why = sorted(reasons)
    annotation = _annotation(found)
    notes = [f"annotation {COMPUTE_TYPE}: {annotation} on the pod template"] if annotation else []
    if found.taints:
        notes += [f"{nodes} of {found.nodes} nodes bear the taint {taint}" for taint, nodes in found.taints[:5]]
    elif found.fargate_nodes:
        notes.append(f"{found.fargate_nodes} of {found.nodes} nodes bear the taint {COMPUTE_TYPE}=fargate")
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(stuck)} of {len(found.pods)} CoreDNS pods are pending: "
        f"{'; '.join(why) or _words(stuck[0])}{_named_taints(stuck, found)}. They answer nothing.",
        proof=(*(f"{pod.name}: {_words(pod)}" for pod in stuck[:10]), *notes),
        details={"pods": [pod.name for pod in stuck], "reasons": why, "compute_type": annotation},
        missing=found.gaps,
        reach=found.reach_of({pod.name for pod in stuck}),
        pods=tuple(pod.name for pod in stuck),
        objects=deployment_of(found),
        advice=(
            *(reasons[reason].advice for reason in why if reasons[reason].advice),
            *(
                (f"On a cluster of Fargate nodes alone: {_advice(FARGATE, found, case.target.eks_name)}",)
                if _maybe_fargate(why, annotation)
                else ()
            ),
            f"kubectl -n {stuck[0].namespace} describe pod {stuck[0].name}",
        ),
    )


RULE = Rule(
    name="coredns_pods_pending",
    title="CoreDNS pods are pending",
    check="Scheduling of the CoreDNS pods",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPods,),
    wants=(EksCluster, Subnets, WorkerNodes),
    problem_refuted_by=((CorednsPods, "a pod that is scheduled and was started"),),
    healthy_refuted_by=(
        (
            CorednsPods,
            "a pending pod, however young, one that was never started, or no pod where one is wanted",
        ),
    ),
    thresholds=Thresholds,
)
