"""Lookups of three nodes by the service and two CoreDNS pods, and judging them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.domain.cluster import ClusterTarget
from bot.domain.findings import Case, Judgement, Rule
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.rules import dns_lookups_fail

SERVICE, COREDNS_A, COREDNS_B = "172.20.0.10", "10.0.1.5", "10.0.2.5"
INTERNAL, EXTERNAL = "kubernetes.default.svc.cluster.local.", "amazon.com."
NODES = ("a", "b", "c")


def lookup(
    node: str,
    server: str,
    transport: Transport,
    name: str,
    answer: Answer = Answer.ANSWERED,
    kind: ClientKind = ClientKind.POD,
) -> Lookup:
    """Return one lookup."""
    return Lookup(
        client=Client(node=node, kind=kind, pod=f"shop/web-{node}"),
        server=server,
        through_service=server == SERVICE,
        transport=transport,
        external=not name.endswith("cluster.local."),
        name=name,
        answer=answer,
        detail="connection timed out" if answer is Answer.TIMED_OUT else "",
    )


def all_lookups(*servers: str, kind: ClientKind = ClientKind.POD) -> list[Lookup]:
    """Return the whole matrix of three nodes, all answered."""
    return [
        lookup(node, server, transport, name, kind=kind)
        for node in NODES
        for server in (servers or (SERVICE, COREDNS_A, COREDNS_B))
        for transport in Transport
        for name in (INTERNAL, EXTERNAL)
    ]


def _field(one: Lookup, name: str) -> object:
    return one.client.node if name == "node" else getattr(one, name)


def answering(asked: Iterable[Lookup], answer: Answer, **where: object) -> list[Lookup]:
    """Return the lookups, those that match `where` with this answer."""
    return [
        replace(one, answer=answer, detail="why")
        if all(_field(one, key) == value for key, value in where.items())
        else one
        for one in asked
    ]


def lookups(asked: Iterable[Lookup], *resolvers: PodResolver, **changed: Any) -> LookupMatrix:
    """Return the evidence."""
    made = tuple(asked)
    looked = {one.client.node for one in made if one.answer is not Answer.NOT_ASKED}
    fields: dict[str, Any] = {"nodes_total": 3, "nodes_looked": len(looked), "lookups": made, "resolvers": resolvers}
    return LookupMatrix(**fields | changed)


def judge(rule: Rule, *evidence: object) -> Judgement:
    """Judge this evidence with the rule's default thresholds."""
    return rule.judge(
        Case(
            target=ClusterTarget(name="c", eks_name="c", region="eu-west-1"),
            collected_at=datetime(2026, 11, 21, tzinfo=UTC),
            thresholds=rule.thresholds(),
            evidence={type(one): one for one in evidence},
        )
    )


def symptom(asked: Iterable[Lookup], **changed: Any) -> Judgement:
    """Judge the symptom."""
    return judge(dns_lookups_fail.RULE, lookups(asked, **changed))
