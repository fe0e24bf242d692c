from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.collectors.kube_dns import KubeDns
from bot.collectors.lookups import Lookups, PodResolver
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap
from bot.domain.findings import Answer, Case, Cell, Judgement, Kind, Protocol, Rule, Verdict
from bot.rules import dns_lookups_fail, wrong_nameserver

SERVICE, COREDNS_A, COREDNS_B = "172.20.0.10", "10.0.1.5", "10.0.2.5"
INTERNAL, EXTERNAL = "kubernetes.default.svc.cluster.local.", "amazon.com."
NODES = ("a", "b", "c")


def cell(node: str, server: str, protocol: Protocol, name: str, answer: Answer = Answer.ANSWERED) -> Cell:
    """Return one cell."""
    return Cell(
        node=node,
        pod=f"shop/web-{node}",
        server=server,
        through_service=server == SERVICE,
        protocol=protocol,
        external=not name.endswith("cluster.local."),
        name=name,
        answer=answer,
        detail="connection timed out" if answer is Answer.TIMED_OUT else "",
    )


def all_cells(*servers: str) -> list[Cell]:
    """Return the whole matrix of three nodes, all answered."""
    return [
        cell(node, server, protocol, name)
        for node in NODES
        for server in (servers or (SERVICE, COREDNS_A, COREDNS_B))
        for protocol in Protocol
        for name in (INTERNAL, EXTERNAL)
    ]


def answering(cells: Iterable[Cell], answer: Answer, **where: object) -> list[Cell]:
    """Return the cells, those that match `where` with this answer."""
    return [
        replace(one, answer=answer, detail="why")
        if all(getattr(one, key) == value for key, value in where.items())
        else one
        for one in cells
    ]


def lookups(cells: Iterable[Cell], *resolvers: PodResolver, **changed: Any) -> Lookups:
    """Return the evidence."""
    made = tuple(cells)
    looked = {one.node for one in made if one.answer is not Answer.NOT_ASKED}
    fields: dict[str, Any] = {"nodes_total": 3, "nodes_looked": len(looked), "cells": made, "resolvers": resolvers}
    return Lookups(**fields | changed)


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


def symptom(cells: Iterable[Cell], **changed: Any) -> Judgement:
    """Judge the symptom."""
    return judge(dns_lookups_fail.RULE, lookups(cells, **changed))


def test_it_is_a_symptom() -> None:
    """Never a root cause."""
    assert dns_lookups_fail.RULE.kind is Kind.SYMPTOM


def test_all_answered_is_healthy_and_says_from_where() -> None:
    """The whole matrix, from all nodes."""
    judgement = symptom(all_cells())

    assert judgement.verdict is Verdict.HEALTHY
    assert "looked from 3 of 3 nodes" in judgement.summary
    assert judgement.proof[1].split() == [
        "from",
        *f"{SERVICE}* udp {SERVICE}* tcp {COREDNS_A} udp {COREDNS_A} tcp {COREDNS_B} udp {COREDNS_B} tcp".split(),
    ]


PLACES = [
    ("everything", {}, "of every kind", 36),
    ("one node", {"node": "b"}, "only from b", 12),
    ("service path", {"through_service": True}, "only through the service", 12),
    ("one CoreDNS pod", {"server": COREDNS_A}, f"only by {COREDNS_A}", 12),
    ("one protocol", {"protocol": Protocol.TCP}, "only over tcp", 18),
    ("external names", {"external": True}, "only for external names", 18),
    ("internal names", {"external": False}, "only for internal names", 18),
]


@pytest.mark.parametrize(("where", "told", "failed"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
@pytest.mark.parametrize("answer", [Answer.TIMED_OUT, Answer.SERVFAIL, Answer.REFUSED, Answer.NXDOMAIN])
def test_failures_are_localised(where: dict[str, object], told: str, failed: int, answer: Answer) -> None:
    """The summary says what the failures have in common; the cells are those that failed."""
    judgement = symptom(answering(all_cells(), answer, **where))

    assert judgement.verdict is Verdict.PROBLEM
    assert told in judgement.summary
    assert len(judgement.cells) == failed
    assert f"{failed} of 36 look-ups from inside failed ({failed} {answer.value})" in judgement.summary


def test_the_matrix_shows_the_worst_answer_of_each_place() -> None:
    """Nodes with failures come first; internal before the slash, external after it."""
    cells = answering(all_cells(SERVICE), Answer.TIMED_OUT, node="b", external=True)

    proof = symptom(cells).proof

    assert [line.split() for line in proof[2:5]] == [
        ["b", "ok/timeout", "ok/timeout"],
        ["a", "ok/ok", "ok/ok"],
        ["c", "ok/ok", "ok/ok"],
    ]


HOLES = [
    ("tcp nowhere", {"protocol": Protocol.TCP}, "look-ups over tcp"),
    ("udp nowhere", {"protocol": Protocol.UDP}, "look-ups over udp"),
    ("one node", {"node": "b"}, "look-ups from b"),
    ("one server", {"server": COREDNS_A}, f"look-ups by {COREDNS_A}"),
    ("external names", {"external": True}, "look-ups of an external name"),
    (
        "udp through the service from one node",
        {"node": "b", "server": SERVICE, "protocol": Protocol.UDP},
        "from b through",
    ),
]


@pytest.mark.parametrize(("where", "told"), [row[1:] for row in HOLES], ids=[row[0] for row in HOLES])
def test_what_was_not_asked_is_never_healthy(where: dict[str, object], told: str) -> None:
    """All asked answered, and a hole: UNKNOWN, naming it."""
    judgement = symptom(answering(all_cells(), Answer.NOT_ASKED, **where))

    assert judgement.verdict is Verdict.UNKNOWN
    assert told in judgement.summary
    assert judgement.missing


def test_one_nodes_missing_tcp_is_no_hole_while_others_asked_it() -> None:
    """One image without dig among three: each server was asked over TCP from elsewhere."""
    cells = answering(all_cells(), Answer.NOT_ASKED, node="b", protocol=Protocol.TCP)

    assert symptom(cells).verdict is Verdict.HEALTHY


def test_nothing_asked_is_unknown_with_the_reason() -> None:
    """The gap's grant travels on."""
    gap = Gap(what="look-ups", reason="neither dig nor nslookup", grant="pods/exec: create in namespace shop")

    judgement = symptom(answering(all_cells(), Answer.NOT_ASKED), gaps=(gap,))

    assert (judgement.verdict, judgement.missing) == (Verdict.UNKNOWN, (gap,))


def test_a_failure_stands_beside_what_could_not_be_asked() -> None:
    """PROBLEM, with the hole named."""
    cells = answering(all_cells(), Answer.TIMED_OUT, node="a", protocol=Protocol.UDP)

    judgement = symptom(answering(cells, Answer.NOT_ASKED, protocol=Protocol.TCP))

    assert judgement.verdict is Verdict.PROBLEM
    assert [gap.what for gap in judgement.missing] == ["look-ups over tcp"]


def test_a_persons_name_that_nobody_knows_is_a_note() -> None:
    """NXDOMAIN from every server may be the truth about a name that somebody typed."""
    cells = [*all_cells(), *(cell("a", SERVICE, proto, "nope.example.", Answer.NXDOMAIN) for proto in Protocol)]

    judgement = symptom(cells, asked_names=("nope.example.",))

    assert judgement.verdict is Verdict.HEALTHY
    assert "nope.example. does not exist: every server says so" in judgement.summary


def test_a_persons_name_that_only_some_servers_know_is_a_failure() -> None:
    """Servers that disagree are a fault."""
    extra = [
        cell("a", SERVICE, Protocol.UDP, "db.example.", Answer.NXDOMAIN),
        cell("a", COREDNS_A, Protocol.UDP, "db.example."),
    ]

    assert symptom([*all_cells(), *extra], asked_names=("db.example.",)).verdict is Verdict.PROBLEM


def resolver(node: str, *nameservers: str, **changed: Any) -> PodResolver:
    """Return a ClusterFirst pod's resolver."""
    fields: dict[str, Any] = {
        "node": node,
        "pod": f"shop/web-{node}",
        "dns_policy": "ClusterFirst",
        "host_network": False,
        "nameservers": nameservers,
        "search": ("shop.svc.cluster.local",),
        "ndots": 5,
        "node_group": f"group-{node}",
    }
    return PodResolver(**fields | changed)


KUBE_DNS = KubeDns(
    service_exists=True, cluster_ip=SERVICE, cluster_ips=(SERVICE, "fd00::a"), selector="", ports=(), endpoints=()
)


def cause(*resolvers: PodResolver, kube_dns: KubeDns = KUBE_DNS, cells: Iterable[Cell] = ()) -> Judgement:
    """Judge the cause."""
    return judge(wrong_nameserver.RULE, lookups(cells, *resolvers), kube_dns)


RIGHT = [
    ("the ClusterIP", resolver("a", SERVICE)),
    ("the second ClusterIP", resolver("a", SERVICE, "fd00::a")),
    ("NodeLocal DNSCache", resolver("a", "169.254.20.10")),
    ("a server of the pod's own dnsConfig", resolver("a", SERVICE, "10.9.9.9", own_nameservers=("10.9.9.9",))),
]


@pytest.mark.parametrize("right", [row[1] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_right_nameservers_are_healthy(right: PodResolver) -> None:
    """C6, and what is different on purpose."""
    assert cause(right).verdict is Verdict.HEALTHY


OTHERS_CHOICE = [
    ("dnsPolicy None", {"dns_policy": "None"}),
    ("dnsPolicy Default", {"dns_policy": "Default"}),
    ("ClusterFirst on the host's network", {"host_network": True}),
]


@pytest.mark.parametrize("changed", [row[1] for row in OTHERS_CHOICE], ids=[row[0] for row in OTHERS_CHOICE])
def test_nameservers_that_the_kubelet_did_not_choose_are_not_judged(changed: dict[str, Any]) -> None:
    """Beside a right one they change nothing; alone they show nothing."""
    other = resolver("b", "10.9.9.9", **changed)

    assert cause(resolver("a", SERVICE), other).verdict is Verdict.HEALTHY
    assert cause(other).verdict is Verdict.UNKNOWN


def test_a_wrong_nameserver_is_a_problem_of_its_nodes() -> None:
    """Names nodes, groups, servers, and the kubelet's setting."""
    judgement = cause(resolver("a", SERVICE), resolver("b", "172.20.0.2"))

    assert judgement.verdict is Verdict.PROBLEM
    assert judgement.details == {
        "nodes": ["b"],
        "node_groups": ["group-b"],
        "nameservers": ["172.20.0.2"],
        "expected": [SERVICE, "fd00::a"],
    }
    assert "Pods on 1 of 2 nodes looked at (node group group-b) are told to ask 172.20.0.2" in judgement.summary
    assert f"clusterDNS to {SERVICE} for node group group-b" in judgement.advice[0]
    assert "/etc/resolv.conf of shop/web-b" in judgement.proof[0]


def test_host_network_pods_with_the_cluster_policy_are_judged() -> None:
    """ClusterFirstWithHostNet asks for the cluster's DNS."""
    wrong = resolver("a", "10.9.9.9", host_network=True, dns_policy="ClusterFirstWithHostNet")

    assert cause(wrong).verdict is Verdict.PROBLEM


def test_its_reach_is_look_ups_by_that_server_from_those_nodes() -> None:
    """Look-ups by the right server work in that world, so a failing one has another cause."""
    (reach,) = cause(resolver("a", SERVICE), resolver("b", "172.20.0.2")).reach

    assert reach.covers(cell("b", "172.20.0.2", Protocol.UDP, INTERNAL, Answer.TIMED_OUT))
    assert not reach.covers(cell("a", "172.20.0.2", Protocol.UDP, INTERNAL, Answer.TIMED_OUT))
    assert not reach.covers(cell("b", SERVICE, Protocol.UDP, INTERNAL, Answer.TIMED_OUT))
    assert not reach.covers(cell("b", COREDNS_A, Protocol.UDP, INTERNAL, Answer.TIMED_OUT))


def test_an_unread_resolv_conf_is_unknown_and_named() -> None:
    """One node of two was not read."""
    judgement = cause(resolver("a", SERVICE), cells=[cell("b", SERVICE, Protocol.UDP, INTERNAL)])

    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.missing[0].what == "/etc/resolv.conf of pod shop/web-b"


def test_a_wrong_one_stands_beside_an_unread_one() -> None:
    """PROBLEM, with what is missing."""
    judgement = cause(resolver("a", "10.9.9.9"), cells=[cell("b", SERVICE, Protocol.UDP, INTERNAL)])

    assert (judgement.verdict, len(judgement.missing)) == (Verdict.PROBLEM, 1)


def test_without_a_cluster_ip_there_is_nothing_to_compare_with() -> None:
    """A missing Service is another rule's matter."""
    without = KubeDns(service_exists=False, cluster_ip="", cluster_ips=(), selector="", ports=(), endpoints=())

    assert cause(resolver("a", SERVICE), kube_dns=without).verdict is Verdict.UNKNOWN
