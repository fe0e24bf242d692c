"""Nodes' tables of tracked connections: full ones, what resembles them, and what lookups say where none was seen."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors.node_conntrack import Allowances, ConntrackOfNode, NodeConntracks
from bot.domain.api_calls import ApiCall
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookups import Answer, Client, ClientKind
from bot.rules.conntrack_table_full import RULE

P, H, U = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
SERVICE, COREDNS_A, COREDNS_B = "172.20.0.10", "10.0.1.7", "10.0.2.7"
ANSWERED = ((SERVICE, "inside", Answer.ANSWERED),)
SOME_TIME_OUT = (*ANSWERED, (SERVICE, "outside", Answer.TIMED_OUT))
NONE: tuple[Any, ...] = ()
REFUSED = Gap(what="NodeConntracks", reason="403 Forbidden", grant="pods/exec: create")
BEYOND = Allowances(interface="eth0", counters=(("conntrack_allowance_exceeded", 4711),))


def node(entries: int | None, maximum: int | None = 1000, *, name: str = "node-a", ena: bool = False) -> NodeConntracks:
    """Return one node's table; `ena`: ENA has dropped beyond its allowance."""
    one = ConntrackOfNode(
        node=name, entries=entries, maximum=maximum, dns_connections=(), allowances=(BEYOND,) if ena else ()
    )
    return NodeConntracks(nodes=(one,), nodes_total=2)


TABLES = [
    ("room", node(400), SOME_TIME_OUT, H, "the fullest of 1 table is 40% full"),
    ("at the maximum", node(1000), SOME_TIME_OUT, P, "1000 of 1000 entries on node-a"),
    ("just below it", node(985), NONE, P, "985 of 1000 entries"),
    ("nearly", node(970), ANSWERED, H, "table is 97% full."),
    ("ENA's allowance exceeded", node(400, ena=True), SOME_TIME_OUT, H, "ENA dropped 4711 packets since eth0 was made"),
    ("the maximum is not known", node(1000, None), SOME_TIME_OUT, U, "some lookups timed out on node-a"),
    ("another node was seen", node(400, name="node-b"), SOME_TIME_OUT, U, "some lookups timed out on node-a"),
    ("another node was seen, answers", node(400, name="node-b"), ANSWERED, H, "from 1 further node was answered"),
    ("no node, answers", REFUSED, ANSWERED, H, "every lookup from 1 node was answered"),
    ("no node, silence", REFUSED, SOME_TIME_OUT, U, "403 Forbidden"),
    ("no node, no lookup", REFUSED, NONE, U, "no lookup was made, and no node's table was seen"),
    ("a node, no lookup", node(400), NONE, H, "40% full"),
]


@pytest.mark.parametrize(
    ("found", "looked", "verdict", "said"), [row[1:] for row in TABLES], ids=[row[0] for row in TABLES]
)
def test_a_table_counts_by_its_maximum_and_unseen_ones_by_look_ups(
    judge: Any, make: Any, found: NodeConntracks | Gap, looked: Any, verdict: Verdict, said: str
) -> None:
    """Whatever ENA counts: that is another limit. A time-out from a node whose table was not seen leaves it open."""
    judgement: Judgement = judge(RULE, make.lookups(*looked), gaps={NodeConntracks: found})

    assert judgement.verdict is verdict, judgement.summary
    assert said in "\n".join((judgement.summary, *judgement.proof))
    if found is REFUSED and looked is SOME_TIME_OUT:
        assert judgement.missing == (REFUSED,)


def test_everything_of_the_node_is_covered_and_what_asks_its_coredns(judge: Any, make: Any) -> None:
    """Packets from it and packets to pods on it are tracked there; not those between others."""
    direct = ((COREDNS_A, "inside", Answer.TIMED_OUT), (COREDNS_B, "inside", Answer.TIMED_OUT))
    asked = make.lookups(*direct).lookups

    on_a = judge(RULE, make.lookups(*direct), gaps={NodeConntracks: node(1000)})
    elsewhere = judge(RULE, make.lookups(*direct), gaps={NodeConntracks: node(1000, name="node-b")})

    assert [any(reach.covers(one) for reach in on_a.reach) for one in asked] == [True, True]
    assert [any(reach.covers(one) for reach in elsewhere.reach) for one in asked] == [False, True]
    caller = Client(node="node-a", kind=ClientKind.POD, pod="kube-system/coredns-a")
    call = ApiCall(caller=caller, server="10.0.3.4", through_service=False, silent=True)
    assert [[reach.covers(call) for reach in one.call_reach] for one in (on_a, elsewhere)] == [[True], [False]]


def test_how_full_counts_is_the_playbooks_choice(judge: Any) -> None:
    """A table may be watched more closely."""
    assert judge(RULE, gaps={NodeConntracks: node(900)}, full_share=0.9).verdict is P
    assert judge(RULE, gaps={NodeConntracks: node(900)}).verdict is H
