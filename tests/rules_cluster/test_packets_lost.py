from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.packet_captures import PacketCaptures, PodCapture
from bot.dns.packet_capture import Exchange
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.kubernetes.packet_capture import CapturePoint
from bot.rules.dns_lookups_fail import RULE as LOOKUPS_FAIL
from bot.rules.packets_lost import RULE
from tests.looking import NOW, TARGET, as_stored

SERVICE, FIRST, SECOND = "172.20.0.10", "10.0.1.11", "10.0.2.12"
NAME = "amazon.com"
CLIENT = Client(node="node-a", kind=ClientKind.POD, pod="shop/ui")
OFF = Gap(what="packets of lookups", reason="no packets are captured", off=True)


def asked(server: str = FIRST, *, answer: str = "", waited_ms: int = 3, **changes: Any) -> Exchange:
    """Return what the client's socket sent, and got."""
    made = Exchange(
        client="10.0.1.7", port=40001, server=server, transport=Transport.UDP, name=NAME, sent=1,
        back=1 if answer else 0, answer=answer, waited_ms=waited_ms if answer else 0,
    )  # fmt: skip
    return replace(made, **changes)


def at_client(*exchanges: Exchange, **changes: Any) -> PodCapture:
    """Return what was captured at the client."""
    point = CapturePoint(node="node-a", pod="shop/ui", address="10.0.1.7", interface="eni1", of_dns=False)
    made = PodCapture(
        point=point, exchanges=exchanges, packets=9, others=0, unread=0, size=900, ended=False
    )  # fmt: skip
    return replace(made, **changes)


def at_server(address: str, *exchanges: Exchange, **changes: Any) -> PodCapture:
    """Return what was captured at a CoreDNS pod."""
    node = "node-b" if address == FIRST else "node-c"
    point = CapturePoint(
        node=node, pod=f"kube-system/coredns-{node[-1]}", address=address, interface="eni2", of_dns=True
    )
    return replace(at_client(*exchanges, **changes), point=point)


def looked_up(answer: Answer, *servers: str, coredns: int = 2) -> LookupMatrix:
    """Return one lookup by each server."""
    return LookupMatrix(
        nodes_total=3,
        nodes_looked=1,
        lookups=tuple(
            Lookup(
                client=CLIENT, server=one, through_service=one == SERVICE, transport=Transport.UDP, external=True,
                name=f"{NAME}.", answer=answer,
            )
            for one in servers or (FIRST,)
        ),
        resolvers=(),
        coredns_known=coredns,
    )  # fmt: skip


def judged(captures: PacketCaptures, matrix: LookupMatrix) -> Judgement:
    """Return what the rule says of evidence as it is stored."""
    evidence = {PacketCaptures: as_stored(captures), LookupMatrix: as_stored(matrix)}
    return RULE.judge(Case(target=TARGET, collected_at=NOW, thresholds=RULE.thresholds(), evidence=evidence))


LOST = "lost in the network between node node-a and node node-b"
SILENT = "kube-system/coredns-b on node node-b got it and did not answer"
BACK = "the answer of kube-system/coredns-b on node node-b was lost on the way back to shop/ui on node node-a"


@pytest.mark.parametrize(
    ("client", "first", "conclusion"),
    [
        pytest.param([asked()], [], LOST, id="query-lost"),
        pytest.param([asked()], [asked()], SILENT, id="not-answered"),
        pytest.param([asked()], [asked(answer="NOERROR")], BACK, id="answer-lost"),
        pytest.param([asked()], [asked(back=1)], BACK, id="something-came-back-from-it"),
        pytest.param([asked()], [asked(port=40002)], LOST, id="another-socket-of-the-same-client"),
        pytest.param([asked()], [asked(name="example.org")], LOST, id="another-name"),
        pytest.param([], [], "no packet was seen at eni1 of node node-a: none left the pod", id="none-left-the-pod"),
        pytest.param(
            [asked(answer="NOERROR", waited_ms=2400)], [asked(answer="NOERROR")], "answered later than 2 s", id="late"
        ),
        pytest.param(
            [asked(name="", transport=Transport.TCP)], [asked(name="", transport=Transport.TCP)], SILENT, id="tcp"
        ),
    ],
)
def test_a_query_by_a_coredns_pods_own_address_is_followed(
    client: list[Exchange], first: list[Exchange], conclusion: str
) -> None:
    """Which side it vanished on; the lookup that timed out is what fails, if it is of that socket."""
    transport = client[0].transport if client else Transport.UDP
    matrix = looked_up(Answer.TIMED_OUT)
    matrix = replace(matrix, lookups=tuple(replace(one, transport=transport) for one in matrix.lookups))
    captures = (at_client(*client), at_server(FIRST, *first), at_server(SECOND))

    judgement = judged(PacketCaptures(captures=captures), matrix)

    assert judgement.verdict is Verdict.PROBLEM
    assert conclusion in judgement.summary
    assert judgement.failing == matrix.lookups


def test_a_query_by_the_service_is_found_at_the_pod_that_it_was_led_to() -> None:
    """kube-proxy's rules change the server's address, and nothing else of the socket."""
    captures = (at_client(asked(SERVICE)), at_server(FIRST), at_server(SECOND, asked(SECOND)))

    judgement = judged(PacketCaptures(captures=captures), looked_up(Answer.TIMED_OUT, SERVICE))

    assert "kube-system/coredns-c on node node-c got it and did not answer" in judgement.summary


@pytest.mark.parametrize(
    ("captures", "known"),
    [
        pytest.param((at_client(asked(SERVICE)), at_server(FIRST)), 2, id="a-pod-was-not-captured"),
        pytest.param((at_client(asked(SERVICE)), at_server(FIRST, ended=True)), 1, id="a-capture-had-ended"),
        pytest.param((at_client(asked(), ended=True), at_server(FIRST, asked())), 1, id="the-clients-had-ended"),
    ],
)
def test_what_may_have_been_missed_is_no_loss(captures: tuple[PodCapture, ...], known: int) -> None:
    """UNKNOWN: nothing is concluded from what was not looked at."""
    server = captures[0].exchanges[0].server

    judgement = judged(PacketCaptures(captures=captures), looked_up(Answer.TIMED_OUT, server, coredns=known))

    assert judgement.verdict is Verdict.UNKNOWN
    assert "may have been led to a pod that was not captured" in judgement.summary


def test_answered_queries_are_healthy() -> None:
    """With how many were captured where."""
    answered = asked(answer="NXDOMAIN")

    judgement = judged(
        PacketCaptures(captures=(at_client(answered), at_server(FIRST, answered))), looked_up(Answer.NXDOMAIN)
    )

    assert (judgement.verdict, judgement.summary) == (
        Verdict.HEALTHY,
        "1 query captured at 2 pods, and each was answered.",
    )


@pytest.mark.parametrize(
    ("captures", "verdict"),
    [
        (PacketCaptures(gaps=(OFF,)), Verdict.UNKNOWN),
        (PacketCaptures(not_needed="no lookup timed out"), Verdict.HEALTHY),
        (PacketCaptures(captures=(at_client(), at_server(FIRST))), Verdict.UNKNOWN),
        (PacketCaptures(captures=(at_client(asked(answer="NOERROR")),), gaps=(Gap(what="w", reason="r"),)),
         Verdict.UNKNOWN),
    ],
    ids=["off", "not-needed", "nothing-captured", "one-unread"],
)  # fmt: skip
def test_without_whole_captures_nothing_is_concluded(captures: PacketCaptures, verdict: Verdict) -> None:
    """Only where nothing timed out is there nothing to look for."""
    judgement = judged(captures, looked_up(Answer.ANSWERED))

    assert judgement.verdict is verdict
    assert judgement.nothing_to_check is (verdict is Verdict.HEALTHY)


def test_failing_lookups_say_where_their_packets_were_lost() -> None:
    """And without a capture they lack it, where something timed out: then a measure gets it."""
    matrix = looked_up(Answer.TIMED_OUT)

    def say(captures: PacketCaptures) -> Judgement:
        case = Case(
            target=TARGET, collected_at=NOW, thresholds=LOOKUPS_FAIL.thresholds(),
            evidence={LookupMatrix: matrix, PacketCaptures: captures},
        )  # fmt: skip
        return LOOKUPS_FAIL.judge(case)

    captured = say(PacketCaptures(captures=(at_client(asked()), at_server(FIRST), at_server(SECOND))))
    assert f"By their packets, 1 query: {LOST}" in captured.summary
    assert OFF not in captured.missing
    assert OFF in say(PacketCaptures(gaps=(OFF,))).missing
