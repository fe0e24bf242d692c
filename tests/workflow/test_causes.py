from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.api_calls import ApiCall, CallReach
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict, healthy
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Reach, Transport
from bot.workflow.causes import explain

INSIDE = Client(node="n1", kind=ClientKind.BRANCH, pod="shop/web")
OUTSIDE = Client(kind=ClientKind.PEER, place="hub")


def failed(client: Client) -> Lookup:
    """Return a lookup by this client that timed out."""
    return Lookup(
        client=client,
        server="10.0.1.5",
        through_service=False,
        transport=Transport.UDP,
        external=False,
        name="kubernetes.default.svc.cluster.local.",
        answer=Answer.TIMED_OUT,
    )


def problem(rule: str, kind: Kind = Kind.CAUSE, *, explains: tuple[str, ...] = (), **more: Any) -> Finding:
    """Return a rule that found a problem."""
    return Finding(
        rule=rule,
        title=rule,
        kind=kind,
        playbook="garden",
        severity=Severity.CRITICAL,
        judgement=Judgement(verdict=Verdict.PROBLEM, summary=rule, **more),
        explains=explains,
    )


PODS_FAIL = problem("pods_fail", Kind.SYMPTOM, failing=(failed(INSIDE),))
PEERS_FAIL = problem("peers_fail", Kind.SYMPTOM, failing=(failed(OUTSIDE),))
REACHES = [
    pytest.param((Reach(),), ("pods_fail",), id="everything in the cluster"),
    pytest.param((Reach(kinds=frozenset({ClientKind.PEER})),), ("peers_fail",), id="peers"),
    pytest.param((Reach(), Reach(kinds=frozenset({ClientKind.PEER}))), ("pods_fail", "peers_fail"), id="both"),
    pytest.param((Reach(kinds=frozenset({ClientKind.BRANCH})),), ("pods_fail",), id="branch-interface pods"),
    pytest.param((Reach(kinds=frozenset({ClientKind.POD})),), (), id="plain pods alone"),
    pytest.param((), (), id="nothing"),
]


@pytest.mark.parametrize(("reach", "explained"), REACHES)
def test_a_cause_explains_every_symptom_whose_look_ups_it_reaches(
    reach: tuple[Reach, ...], explained: tuple[str, ...]
) -> None:
    """No playbook names a symptom: whatever symptoms there are, reach decides."""
    found = {one.rule: one for one in explain([problem("cause", reach=reach), PODS_FAIL, PEERS_FAIL])}

    assert found["cause"].explains == explained
    assert [rule for rule, one in found.items() if one.explained_by == ("cause",)] == sorted(explained)


def test_a_cause_explains_a_cause_only_where_the_playbook_says_so() -> None:
    """Reach says nothing of other causes; and a rule that found nothing explains nothing."""
    well = problem("well", explains=("first",), reach=(Reach(),))
    findings = explain(
        [
            problem("first", explains=("second",), reach=(Reach(),)),
            problem("second", reach=(Reach(),)),
            replace(well, judgement=healthy("Fine.")),
        ]
    )

    assert {one.rule: one.explained_by for one in findings} == {"first": (), "second": ("first",), "well": ()}


def called(node: str, *, through_service: bool = True, silent: bool = True, server: str = "172.20.0.1") -> ApiCall:
    """Return a call to the API by a pod of this node that got nowhere."""
    caller = Client(node=node, kind=ClientKind.POD, pod=f"kube-system/coredns-{node}")
    return ApiCall(caller=caller, server=server, through_service=through_service, silent=silent)


def on(*nodes: str, **more: Any) -> CallReach:
    """Return the reach of a cause on these nodes."""
    return CallReach(nodes=frozenset(nodes), **more)


CUTS = [
    pytest.param((on("n1"),), (called("n1"),), True, id="the same node"),
    pytest.param((on("n2"),), (called("n1"),), False, id="another node"),
    pytest.param((on("n1"),), (called("n1"), called("n2")), False, id="one of two nodes: the other has its own cause"),
    pytest.param((on("n1", "n2"),), (called("n1"), called("n2")), True, id="both nodes"),
    pytest.param((CallReach(),), (called("n1"), called("n2")), True, id="everywhere"),
    pytest.param((on("n1"),), (called(""),), False, id="a node that is not known"),
    pytest.param((on("n1", service_only=True),), (called("n1", through_service=False),), False, id="not by ClusterIP"),
    pytest.param((on("n1", silent_only=True),), (called("n1", silent=False),), False, id="refused, not dropped"),
    pytest.param((on("n1", kinds=frozenset({ClientKind.HOST})),), (called("n1"),), False, id="hosts alone"),
    pytest.param((on(pods=frozenset({"kube-system/other"})),), (called("n1"),), False, id="another pod"),
    pytest.param(
        (on("n1", servers=frozenset({"10.0.0.9"})),),
        (called("n1", through_service=False, server="10.9.9.9"),),
        False,
        id="another server",
    ),
    pytest.param((on("n1", servers=frozenset({"10.0.0.9"})),), (called("n1"),), True, id="any server by ClusterIP"),
    pytest.param((), (called("n1"),), False, id="a cause that cuts nobody off"),
]


@pytest.mark.parametrize(("reach", "calls", "explained"), CUTS)
def test_a_cause_explains_calls_that_it_cuts_off_there_and_nowhere_else(
    reach: tuple[CallReach, ...], calls: tuple[ApiCall, ...], *, explained: bool
) -> None:
    """The edge holds for the same nodes, ways and pods: a call elsewhere keeps the effect a root cause."""
    found = {
        one.rule: one for one in explain([problem("cause", call_reach=reach), problem("effect", failing_calls=calls)])
    }

    assert found["effect"].explained_by == (("cause",) if explained else ())
    assert found["cause"].explains == (("effect",) if explained else ())


def test_causes_on_two_nodes_explain_together_what_is_seen_on_both() -> None:
    """kube-proxy is down on one node and a group is closed on the other: neither effect is a cause of its own."""
    effect = problem("effect", failing_calls=(called("n1"), called("n2")))
    found = explain([problem("one", call_reach=(on("n1"),)), problem("two", call_reach=(on("n2"),)), effect])

    assert {one.rule: one.explained_by for one in found} == {"effect": ("one", "two"), "one": (), "two": ()}


def test_a_cause_does_not_explain_its_own_calls() -> None:
    """What is both an effect and a cause of others' failures stays a root cause while nothing else cuts it off."""
    both = problem("both", call_reach=(CallReach(),), failing_calls=(called("n1", through_service=False),))
    found = explain([both, problem("effect", failing_calls=(called("n1"),))])

    assert {one.rule: one.explained_by for one in found} == {"both": (), "effect": ("both",)}


@pytest.mark.parametrize(
    ("own", "explained"),
    [({"acl-1 out"}, True), ({"acl-1 out", "acl-2 in"}, False), ({"acl-2 in"}, False), (set(), True)],
    ids=["the same way", "one more way", "another way", "not about ways"],
)
def test_a_named_cause_that_is_about_closed_ways_follows_only_from_the_same_ways(
    own: set[str], *, explained: bool
) -> None:
    """One entry of an ACL stops two things: that is one fault. A further closed way is a fault of its own."""
    first = problem("first", explains=("second",), closed_ways=frozenset({"acl-1 out", "acl-1 in"}))
    found = {one.rule: one for one in explain([first, problem("second", closed_ways=frozenset(own))])}

    assert found["second"].explained_by == (("first",) if explained else ())
    assert found["first"].explains == (("second",) if explained else ())


ONE_POD = problem("pods_ail", Kind.SYMPTOM, pods=("dns-a", "dns-b"))


@pytest.mark.parametrize(
    ("pods", "explained"),
    [(("dns-b",), ("pods_ail",)), (("dns-c",), ()), ((), ())],
    ids=["one of them", "other", "none"],
)
def test_a_cause_explains_the_symptom_whose_pods_it_names(pods: tuple[str, ...], explained: tuple[str, ...]) -> None:
    """One pod in common is enough; what the cause does not name stays told as unexplained (`Diagnosis`)."""
    found = {one.rule: one for one in explain([problem("cause", pods=pods), ONE_POD])}

    assert found["cause"].explains == explained


@pytest.mark.parametrize(
    ("about", "explained_by"), [((), ("pods_ail",)), (("dns-c",), ())], ids=["what it follows from", "other pods"]
)
def test_an_effect_of_what_nobody_can_explain_is_no_root(about: tuple[str, ...], explained_by: tuple[str, ...]) -> None:
    """A symptom's playbook names the effect: it follows from the symptom, but where it is about other pods."""
    ailing = replace(ONE_POD, explains=("no_endpoints",))

    found = {one.rule: one for one in explain([ailing, problem("no_endpoints", pods=about)])}

    assert found["no_endpoints"].explained_by == explained_by
    assert found["pods_ail"].explained_by == ()
