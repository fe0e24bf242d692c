"""CoreDNS's pods share a node, or a zone, though there are others for them (C13).

Each node's interface gets 1,024 packets a second at most to the VPC's resolver: two pods behind one interface share
them, and go down together with the node. PROBLEM: a node has more pods than an even spread over the nodes that take
them would give it, and two at least; or all pods are in one zone while nodes of another would take them.
HEALTHY: they are spread as evenly as the nodes allow; one pod alone, or one node alone, is somebody's choice and said.
UNKNOWN while a rollout is under way: old and new pods share nodes then.

In a playbook: `{rule: coredns_pods_co_located, severity: warning}`.
"""

from __future__ import annotations

from bot.collectors.coredns_placement import CorednsPlacement, SpreadDeployment
from bot.collectors.coredns_pods import CorednsPods
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.phrases import and_more, count
from bot.kubernetes.spreading import Apart

PACKETS_PER_SECOND = 1_024
"""What the VPC's resolver takes from one network interface (VPC User Guide, "DNS attributes for your VPC"; C13)."""
_MOST_SHOWN = 10


def judge(case: Case) -> Judgement:
    """Conclude whether CoreDNS's pods could be spread better."""
    found, pods = case.need(CorednsPlacement), case.need(CorednsPods)
    gaps = (*found.gaps, *pods.gaps)
    if pods.absent and not gaps:
        return nothing_to_check(pods.absence)
    apart = not found.crowded and not found.one_zone
    rolling = next((one.rollout for one in found.deployments if one.rollout), "")
    if apart and not gaps:
        return _spread(found, pods)
    if gaps and (apart or not found.deployments):
        return not_known("whether CoreDNS's pods are spread over nodes", *gaps)
    if rolling:
        gap = Gap(what="CoreDNS's pods on their nodes", reason=f"too early to tell: a rollout is under way ({rolling})")
        return not_known("whether CoreDNS's pods are spread", gap, *gaps, proof=_where(found))
    return _problem(found, gaps)


def _spread(found: CorednsPlacement, pods: CorednsPods) -> Judgement:
    if not found.pods:
        return nothing_to_check(f"no CoreDNS pod is on a node; {pods.desired_replicas} wanted")
    if len(found.pods) == 1:
        return healthy(f"One CoreDNS pod is on a node, {pods.desired_replicas} wanted: it shares it with none.")
    if found.nodes == 1:
        said = f"All {count(len(found.pods), 'CoreDNS pod')} are on {found.pods[0].node}: no other node takes one."
        return healthy(said, *_where(found))
    zones = {pod.zone for pod in found.pods} - {""}
    return healthy(
        f"{count(len(found.pods), 'CoreDNS pod')} are on {count(len(found.by_node), 'node')} in "
        f"{count(len(zones), 'zone')}: no node has more than {max(map(len, found.by_node.values()))}.",
        *_where(found),
    )


def _where(found: CorednsPlacement) -> tuple[str, ...]:
    zones = {pod.node: pod.zone for pod in found.pods}
    return tuple(
        f"{node}{f' ({zones[node]})' if zones[node] else ''}: {', '.join(pods)}"
        for node, pods in sorted(found.by_node.items(), key=lambda item: (-len(item[1]), item[0]))[:_MOST_SHOWN]
    )


def _problem(found: CorednsPlacement, gaps: tuple[Gap, ...]) -> Judgement:
    crowded, free = found.crowded, found.nodes - len(found.by_node)
    if crowded:
        held = sum(len(found.by_node[node]) for node in crowded)
        seen = f"{held} of {len(found.pods)} CoreDNS pods share {and_more(crowded, 3)}"
        room = f"{count(free, 'further node')} would take one" if free else "other nodes have fewer"
        follows = (
            f"They share the {PACKETS_PER_SECOND:,} packets a second that the VPC's resolver takes from one interface, "
            "and the node's end is the end of both."
        )
    else:
        seen = f"All {count(len(found.pods), 'CoreDNS pod')} are in {found.one_zone}"
        room = f"nodes in {and_more([zone for zone in found.zones if zone != found.one_zone], 3)} would take one"
        follows = "With that zone DNS fails in all of them."
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{seen}; {room}. {follows}",
        proof=(*_where(found), *map(_says, found.deployments)),
        details={
            "nodes": list(crowded or found.by_node),
            "zone": found.one_zone,
            "pods": [pod.name for pod in found.pods if not crowded or pod.node in crowded],
            "nodes_that_take_one": found.nodes,
        },
        missing=gaps,
        objects=tuple(
            FaultyObject(kind=ObjectKind.DEPLOYMENT, name=one.name, namespace=one.namespace)
            for one in found.deployments
        ),
        advice=_advice(found),
    )


def _says(one: SpreadDeployment) -> str:
    """Say what a Deployment has for keeping its pods apart."""
    how = {
        Apart.NOT: "no podAntiAffinity on kubernetes.io/hostname",
        Apart.PREFERRED: "a preferred podAntiAffinity on kubernetes.io/hostname, which counts when a pod is placed",
        Apart.REQUIRED: "a required podAntiAffinity on kubernetes.io/hostname, set after these pods were placed",
    }[one.apart]
    held = "; a topology spread constraint with DoNotSchedule" if one.held_apart else ""
    return f"Deployment {one.namespace}/{one.name}: {how}{held}"


def _advice(found: CorednsPlacement) -> tuple[str, ...]:
    return tuple(
        f"kubectl -n {one.namespace} rollout restart {one.what}  # nothing moves a pod that runs; a new one is placed "
        "anew"
        for one in found.deployments[:1]
    )


RULE = Rule(
    name="coredns_pods_co_located",
    title="CoreDNS pods share a node or a zone",
    check="CoreDNS's spread over nodes and zones",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPlacement, CorednsPods),
    problem_refuted_by=(
        (CorednsPlacement, "no other node that takes such a pod, or a rollout that is under way"),
        (CorednsPods, "pods that are going away"),
    ),
    healthy_refuted_by=((CorednsPlacement, "a node with more pods than an even spread would give it"),),
)
