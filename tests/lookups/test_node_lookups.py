"""A pod whose image has no tool: its node asks in its place, and nobody takes that for the pod's own answers (C5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors.node_lookups import COLLECTOR
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Verdict
from bot.domain.lookup_matrix import LookupMatrix, NodeLookups, rows
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.ports import ExecResult
from bot.errors import EvidenceUnavailable
from bot.rules.dns_lookups_fail import RULE
from tests.looking import NOW, TARGET, Ends, collect_through
from tests.lookups.conftest import printed

ANSWER = ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; ANSWER SECTION:\nx. 5 IN A 172.20.0.1\n"
SILENCE = ";; connection timed out; no servers could be reached\n"
NAMES = (("kubernetes.default.svc.cluster.local.", False), ("amazon.com.", True))


def client(pod: str, node: str, kind: ClientKind = ClientKind.POD) -> Client:
    """Return a pod's."""
    return Client(node=node, kind=kind, pod=f"shop/{pod}")


def questions(of: Client, answer: Answer) -> tuple[Lookup, ...]:
    """Return all questions of a client, each with this answer."""
    return tuple(
        Lookup(
            client=of, server=server, through_service=server == "172.20.0.10", transport=transport,
            external=external, name=name, answer=answer, detail="the image has neither dig nor nslookup",
        )
        for server in ("172.20.0.10", "10.0.1.5")
        for transport in Transport
        for name, external in NAMES
    )  # fmt: skip


BARE = client("ui-1", "node-a")
ABLE = client("web-1", "node-b")
MATRIX = LookupMatrix(
    nodes_total=2,
    nodes_looked=1,
    lookups=(*questions(BARE, Answer.NOT_ASKED), *questions(ABLE, Answer.ANSWERED)),
    resolvers=(),
    gaps=(Gap(what="lookups from pod shop/ui-1", reason="its image has neither dig nor nslookup"),),
    without_tools=(BARE,),
)


class TwoNodes:
    """A `ClusterReader` of two nodes."""

    def list(self, _: Any, read: Any, **__: Any) -> list[Any]:
        """See `ClusterReader.list`."""
        return [read({"metadata": {"name": name}, "spec": {}, "status": {}}) for name in ("node-a", "node-b")]


@dataclass
class FakeNodes:
    """A `NodeProber` with dig."""

    silent: str = "nobody"
    error: EvidenceUnavailable | None = None
    fails_after: int = 1_000
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, node: str, arguments: Sequence[str]) -> ExecResult:
        """See `NodeProber.run`."""
        self.ran.append((node, *arguments))
        if self.error is not None and len(self.ran) > self.fails_after:
            raise self.error
        silent = any(self.silent in one for one in arguments)
        return printed(SILENCE, exit_code=9) if silent else printed(ANSWER)


def ask(nodes: FakeNodes, matrix: LookupMatrix = MATRIX, **parameters: Any) -> NodeLookups:
    """Return what nodes ask in the place of this matrix's pods."""
    ends = Ends(reader=TwoNodes(), node_prober=nodes)
    found: NodeLookups = collect_through(COLLECTOR, ends, needed={LookupMatrix: matrix}, parameters=parameters)[0]
    return found


def judge(matrix: LookupMatrix, from_nodes: NodeLookups | Gap) -> Any:
    """Return what the rule says."""
    evidence = {LookupMatrix: matrix, NodeLookups: from_nodes}
    return RULE.judge(Case(target=TARGET, collected_at=NOW, thresholds=RULE.thresholds(), evidence=evidence))


def test_the_node_asks_all_that_the_pod_could_not() -> None:
    """The same servers, names and transports; the client is the node, and says in whose place."""
    nodes = FakeNodes()

    found = ask(nodes)

    assert {one[0] for one in nodes.ran} == {"node-a"}
    assert [(one.server, one.transport, one.name) for one in found.lookups] == [
        (one.server, one.transport, one.name) for one in questions(BARE, Answer.NOT_ASKED)
    ]
    assert {one.client for one in found.lookups} == {
        Client(node="node-a", kind=ClientKind.HOST, instead_of="shop/ui-1")
    }
    assert {one.answer for one in found.lookups} == {Answer.ANSWERED}
    assert COLLECTOR.summarise(found) == "8 of 8 lookups answered, asked from 1 nodes and not from the pods"


def test_where_every_pod_has_a_tool_no_node_is_asked_from() -> None:
    """It costs nothing, not even a list of nodes."""
    nodes = FakeNodes()

    found = ask(nodes, replace(MATRIX, without_tools=()))

    assert (found.lookups, nodes.ran) == ((), [])
    assert COLLECTOR.summarise(found).startswith("not needed")


def test_nodes_that_ask_are_bounded() -> None:
    """Each may take a pod that is made for it."""
    other = client("ui-2", "node-b")
    matrix = replace(
        MATRIX, without_tools=(BARE, other), lookups=(*MATRIX.lookups, *questions(other, Answer.NOT_ASKED))
    )

    found = ask(FakeNodes(), matrix, max_nodes=1)

    assert {one.client.instead_of for one in found.lookups} == {"shop/ui-1"}
    assert found.pods_total == 2


def test_a_node_that_cannot_be_asked_from_is_no_answer() -> None:
    """Where it is the only one, the reason stands in place of the evidence."""
    with pytest.raises(EvidenceUnavailable, match="set node_probe"):
        ask(FakeNodes(error=EvidenceUnavailable("set node_probe", setting="node_probe"), fails_after=0))


def test_a_question_that_fails_later_is_not_asked() -> None:
    """The others stand."""
    found = ask(FakeNodes(error=EvidenceUnavailable("lost"), fails_after=3))

    assert [one.answer for one in found.lookups] == [Answer.ANSWERED] * 3 + [Answer.NOT_ASKED] * 5


def test_the_report_says_that_the_node_was_asked_and_not_the_pod() -> None:
    """In the matrix as a line of its own, beside that of the pod which was not asked."""
    titles = [row.title for row in rows((*MATRIX.lookups, *ask(FakeNodes()).lookups))]
    assert titles == ["node-a", "node-a, asked from the node, not from the pod shop/ui-1", "node-b"]


def test_answers_of_the_node_do_not_make_the_pod_one_that_answers() -> None:
    """The pod's packets may take another way: the hole stays, and a debug container would fill it."""
    judgement = judge(MATRIX, ask(FakeNodes()))

    assert judgement.verdict is Verdict.UNKNOWN
    assert any(gap.what.startswith("lookups from node-a through the service") for gap in judgement.missing)
    assert MATRIX.gaps[0] in judgement.missing


def test_failures_of_the_node_are_a_symptom() -> None:
    """DNS does not work from there, whoever asks; the client is the node."""
    judgement = judge(MATRIX, ask(FakeNodes(silent="10.0.1.5")))

    assert judgement.verdict is Verdict.PROBLEM
    assert {(one.client.kind, one.client.instead_of) for one in judgement.failing} == {(ClientKind.HOST, "shop/ui-1")}
    assert "node-a, asked from the node, not from the pod shop/ui-1: " in "\n".join(judgement.proof)


def test_without_the_nodes_answers_it_judges_as_before() -> None:
    """They may be wanted in vain."""
    judgement = judge(MATRIX, Gap(what="node_lookups", reason="off"))

    assert judgement.verdict is Verdict.UNKNOWN
