"""Lookups that a node makes in the place of a pod whose image has neither dig nor nslookup (C5).

Asks what could not be asked in the pod, with `dig` in a pod on the network of its node: the short-lived one of
`node_probe`, since no pod of EKS's own there has it. Its packets take the node's way, not the pod's: what they get
shows DNS from that node, and says nothing of the pod's own groups. Cost: nothing where every pod has a tool; else at
most `max_nodes` nodes x the questions of one pod. In a playbook: `{collector: node_lookups}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from bot.collectors._looking_on_nodes import PERMISSIONS, on_each
from bot.dns.lookup_tools import ToolAnswer, dig_arguments, read_dig
from bot.domain.evidence import Collector
from bot.domain.lookup_matrix import LookupMatrix, NodeLookups
from bot.domain.lookups import Answer, Client, ClientKind, Lookup
from bot.domain.reading import reading
from bot.domain.views import NodeView
from bot.errors import EvidenceUnavailable
from bot.kubernetes.nodes import Node
from bot.kubernetes.resources import NODES


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLookupParameters:
    """How many nodes ask, and for how long."""

    max_nodes: int = 4
    """One pod without tools stands for all of its node."""
    time_budget: timedelta = timedelta(seconds=22)
    """For all of them together, all at once. A pod that is made must be pulled and started within it."""


def collect(look: NodeView) -> NodeLookups:
    """Ask from nodes. Raises `EvidenceUnavailable` where there are such pods and none of their nodes can ask."""
    matrix, parameters = look.need(LookupMatrix), look.parameters
    by_node = {client.node: client for client in reversed(matrix.without_tools)}
    chosen = [by_node[name] for name in sorted(by_node)][: parameters.max_nodes]
    if not chosen:
        return NodeLookups(lookups=(), pods_total=0)
    with reading("list nodes"):
        nodes = {one.name: one for one in look.cluster.list(NODES, Node.of)}
    there = [nodes[client.node] for client in chosen if client.node in nodes]
    if not there:
        raise EvidenceUnavailable("the nodes of the pods without tools are gone")
    made, gaps = on_each(look, there, partial(_ask, look, matrix, by_node))
    return NodeLookups(
        lookups=tuple(lookup for of_one in made for lookup in of_one),
        pods_total=len(matrix.without_tools),
        gaps=gaps,
    )


def _ask(look: NodeView, matrix: LookupMatrix, by_node: dict[str, Client], node: Node) -> tuple[Lookup, ...]:
    pod = by_node[node.name]
    asked = [one for one in matrix.lookups if one.client == pod]
    client = Client(node=node.name, kind=ClientKind.HOST, instead_of=pod.pod)
    first = [_one(look, client, lookup) for lookup in asked[:1]]  # which tells whether the node can be asked from
    return (*first, *_others(look, client, asked[1:]))


def _others(look: NodeView, client: Client, asked: Sequence[Lookup]) -> Iterable[Lookup]:
    for lookup in asked:
        try:
            yield _one(look, client, lookup)
        except EvidenceUnavailable as error:
            yield _answered(client, lookup, ToolAnswer(answer=Answer.NOT_ASKED, detail=error.reason))


def _one(look: NodeView, client: Client, lookup: Lookup) -> Lookup:
    result = look.nodes.run(client.node, dig_arguments(lookup.server, lookup.name, lookup.transport))
    return _answered(client, lookup, read_dig(result, server=lookup.server))


def _answered(client: Client, lookup: Lookup, found: ToolAnswer) -> Lookup:
    return replace(
        lookup,
        client=client,
        answer=found.answer,
        detail=found.detail,
        addresses=found.addresses,
        empty=found.empty,
    )


def summarise(found: NodeLookups) -> str:
    """Say how many lookups nodes made, and how many answered."""
    if not found.pods_total:
        return "not needed: every pod that was asked has dig or nslookup"
    asked = [one for one in found.lookups if one.answer is not Answer.NOT_ASKED]
    answered = sum(one.answer is Answer.ANSWERED for one in asked)
    nodes = len({one.client.node for one in asked})
    return f"{answered} of {len(asked)} lookups answered, asked from {nodes} nodes and not from the pods"


COLLECTOR = Collector(
    name="node_lookups",
    title="Lookups from nodes, for pods without tools",
    evidence=NodeLookups,
    view=NodeView,
    collect=collect,
    summarise=summarise,
    permissions=PERMISSIONS,
    needs=(LookupMatrix,),
    parameters=NodeLookupParameters,
    deadline_seconds=25.0,
)
