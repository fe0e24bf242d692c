"""Where CoreDNS's pods run, where they could run, and what its Deployment says of their place and memory (C13).

Nodes count that take another such pod now: Ready, not cordoned, and with no taint that the pods do not tolerate. Of
them numbers and zones are kept. Cost: one get of the Deployment and one list of nodes, which others make as well; where
the Deployment chooses nodes by labels of its own a further list of those. In a playbook:
`{collector: coredns_placement}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.kubernetes.coredns import coredns_setup
from bot.kubernetes.members import optional_number, optional_text, part, parts, text
from bot.kubernetes.nodes import Node
from bot.kubernetes.owners import manager_of
from bot.kubernetes.resources import DEPLOYMENTS, KUBE_SYSTEM, NODES
from bot.kubernetes.rollouts import unfinished
from bot.kubernetes.spreading import (
    Apart,
    apart_on_nodes,
    chosen_nodes,
    held_apart,
    spread_over_zones,
    takes,
    tolerations,
)
from bot.kubernetes.workloads import (
    RESTARTED_AT,
    memory_limit,
    template_annotations,
    template_labels,
    template_spec,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPod:
    """A pod of the DNS service that has a node and is not going away."""

    name: str
    node: str
    zone: str
    """Empty where the node's labels do not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadDeployment:
    """What a Deployment says of where its pods run, and how many there are."""

    namespace: str
    name: str
    uid: str
    replicas: int
    manager: str
    """Who says that they manage it, by its labels: Helm, Argo CD, Flux; empty: nobody."""
    labels: tuple[tuple[str, str], ...]
    """Of its pods."""
    apart: Apart
    """By anti-affinity on the node's name."""
    held_apart: bool
    """By a topology spread constraint on the node's name that leaves pods pending rather than co-located."""
    over_zones: bool
    """Whether a topology spread constraint asks for several zones."""
    affinity: str
    """JSON of the pod template's `affinity`; empty: it has none."""
    constraints: str
    """JSON of the pod template's `topologySpreadConstraints`; empty: it has none."""
    restarted_at: str
    rollout: str
    """What its rollout waits for; empty: it is complete."""
    container: str = ""
    """The container of its pods that runs CoreDNS."""
    memory_limit: str = ""
    """Of that container, as the pod template writes it: `170Mi`; empty: none."""

    @property
    def what(self) -> str:
        """As kubectl names it."""
        return f"deployment/{self.name}"

    @property
    def pod_labels(self) -> Mapping[str, str]:
        """Its pods' labels by name."""
        return dict(self.labels)

    @classmethod
    def of(cls, answer: RawObject) -> SpreadDeployment:
        """Return the Deployment from the API's answer."""
        metadata, spec, labels = answer["metadata"], template_spec(answer), template_labels(answer)
        affinity, constraints = part(spec, "affinity"), parts(spec, "topologySpreadConstraints")
        container = coredns_setup(spec).container
        return cls(
            namespace=optional_text(metadata, "namespace"),
            name=text(metadata, "name"),
            uid=optional_text(metadata, "uid"),
            replicas=optional_number(part(answer, "spec"), "replicas", 1),
            manager=manager_of(answer),
            labels=tuple(sorted(labels.items())),
            apart=apart_on_nodes(spec, labels),
            held_apart=held_apart(spec, labels),
            over_zones=spread_over_zones(spec, labels),
            affinity=json.dumps(affinity, sort_keys=True) if affinity else "",
            constraints=json.dumps(constraints, sort_keys=True) if constraints else "",
            restarted_at=template_annotations(answer).get(RESTARTED_AT, ""),
            rollout=unfinished("Deployment", answer),
            container=container,
            memory_limit=memory_limit(answer, container),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPlacement:
    """Where the pods of the DNS service are, and where they could be."""

    pods: tuple[PlacedPod, ...]
    """By name."""
    deployments: tuple[SpreadDeployment, ...]
    nodes: int
    """How many nodes take another such pod, or have one."""
    zones: tuple[str, ...]
    """Of these nodes, without those whose labels name none."""
    gaps: tuple[Gap, ...] = ()
    """What could not be read, or cannot be told: the Deployment, which nodes it chooses."""

    @property
    def by_node(self) -> Mapping[str, tuple[str, ...]]:
        """Names of pods by node."""
        return {
            node: tuple(pod.name for pod in self.pods if pod.node == node)
            for node in sorted({pod.node for pod in self.pods})
        }

    @property
    def most_on_a_node(self) -> int:
        """How many a node has at most where they are spread evenly."""
        return -(-len(self.pods) // max(self.nodes, 1))

    @property
    def crowded(self) -> tuple[str, ...]:
        """Nodes with more pods than an even spread would give them, and with two at least."""
        most = max(self.most_on_a_node, 1)
        return tuple(node for node, pods in self.by_node.items() if len(pods) > most)

    @property
    def one_zone(self) -> str:
        """The zone of all pods, where there are several of both; empty: they are in more than one."""
        zones = {pod.zone for pod in self.pods}
        return next(iter(zones)) if len(self.pods) > 1 and len(zones) == 1 and len(self.zones) > 1 else ""


def collect(look: View) -> CorednsPlacement:
    """Read the Deployments of CoreDNS's pods, and which nodes would take these."""
    found = look.need(CorednsPods)
    answers, gaps = _deployments(look, found)
    with reading("list nodes"):
        nodes = {node.name: node for node in look.cluster.list(NODES, Node.of)}
    with reading(f"Deployments in {found.namespace}"):
        deployments = tuple(map(SpreadDeployment.of, answers))
        fit = [] if len(answers) != 1 else _fitting(look, template_spec(answers[0]), nodes, gaps)
    placed = tuple(_placed(pod, nodes) for pod in found.pods if pod.node and not pod.terminating)
    taken = {node.name: node.zone for node in fit} | {pod.node: pod.zone for pod in placed}
    return CorednsPlacement(
        pods=tuple(sorted(placed, key=lambda pod: pod.name)),
        deployments=deployments,
        nodes=len(taken),
        zones=tuple(sorted(set(taken.values()) - {""})),
        gaps=tuple(gaps),
    )


def _deployments(look: View, found: CorednsPods) -> tuple[list[RawObject], list[Gap]]:
    answers: list[RawObject] = []
    gaps: list[Gap] = []
    for name in found.deployments:
        try:
            answers.append(look.cluster.get(DEPLOYMENTS, name, namespace=found.namespace))
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"Deployment {found.namespace}/{name}", error))
    return answers, gaps


def _placed(pod: CorednsPod, nodes: Mapping[str, Node]) -> PlacedPod:
    node = nodes.get(pod.node)
    return PlacedPod(name=pod.name, node=pod.node, zone=node.zone if node else "")


def _fitting(look: View, spec: RawObject, nodes: Mapping[str, Node], gaps: list[Gap]) -> Sequence[Node]:
    """Return the nodes that take a pod of this template, among those that it chooses."""
    chosen, borne = chosen_nodes(spec), tolerations(spec)
    if chosen is None:
        why = "the Deployment chooses nodes by affinity in a way that no label selector says"
        gaps.append(Gap(what="nodes that take CoreDNS pods", reason=why))
        return []
    among = look.cluster.list(NODES, Node.of, labels=chosen) if chosen else list(nodes.values())
    return [node for node in among if takes(node, borne)]


def summarise(found: CorednsPlacement) -> str:
    """Say on how many nodes and in how many zones the pods are, and how many nodes could have one."""
    zones = {pod.zone for pod in found.pods} - {""}
    placed = f"{count(len(found.pods), 'CoreDNS pod')} on {count(len(found.by_node), 'node')}"
    could = f"{count(found.nodes, 'node')} in {count(len(found.zones), 'zone')} could have one"
    return f"{placed} in {count(len(zones), 'zone')}; {could}"


COLLECTOR = Collector(
    name="coredns_placement",
    title="Nodes and zones of the CoreDNS pods",
    evidence=CorednsPlacement,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="deployments",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="what keeps CoreDNS's pods on nodes of their own (C13)",
            follows_dns=True,
        ),
        KubernetesPermission(verb="list", resource="nodes", unlocks="which nodes and zones CoreDNS's pods could be in"),
    ),
    needs=(CorednsPods,),
)
