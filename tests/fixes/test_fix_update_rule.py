"""Aiming a forwarding rule, over the simulated Resolver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import NoParameters
from bot.domain.plans import Advice, Planned, Step
from bot.domain.settling import Progressing
from bot.errors import WriteFailed
from bot.fixes.update_forwarding_rule import FIX
from tests.fixes.test_fix_associate_rule import Peered


@pytest.fixture
def peered(bench: Any) -> Peered:
    """Return the world of these tests: the peer's own rule is aimed at 10.9.0.10."""
    return Peered(bench)


def planned(peered: Peered, *, inbound: list[str], owner: str = "", fault: str = "wrong targets") -> Planned | Advice:
    """Plan for a rule of the peer's account."""
    own = replace(peered.rule, owner=owner or peered.rule.owner)
    account = replace(peered.account(), account=peered.rule.owner, rules=(own,))
    row = {"rule_id": own.id, "fault": fault, "place": "tools", "inbound_addresses": inbound}
    case = peered.bench.case(
        "resolver_rule_broken", {"rules": [row, row]}, NoParameters(), ResolverRules(accounts=(account,))
    )
    return FIX.plan(case)


def aimed(peered: Peered) -> list[str]:
    """Return where the rule is aimed."""
    rule = peered.resolver.get_resolver_rule(ResolverRuleId=peered.rule.id)["ResolverRule"]
    return sorted(f"{one['Ip']}:{one['Port']}" for one in rule["TargetIps"])


def the_step(peered: Peered) -> Step:
    """Return the one step for two inbound addresses."""
    found = planned(peered, inbound=["10.0.1.7", "10.0.0.7"])
    assert isinstance(found, Planned)
    (step,) = found.steps
    return step


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_it_is_aimed_once_and_back(peered: Peered, *, lost: bool) -> None:
    """As the rule's owner; name and outbound endpoint stay, and the undo restores the targets that it had."""
    step, bench = the_step(peered), peered.bench
    bench.aws.lose |= {"UpdateResolverRule"} if lost else set()
    assert step.place == peered.place
    assert FIX.read(step, bench.reading()) == step.before

    effects = FIX.apply(step, bench.writing())
    assert FIX.settled(step, effects, bench.reading()).progress is Progressing.DONE
    assert aimed(peered) == ["10.0.0.7:53", "10.0.1.7:53"]

    undo = FIX.inverse(step, effects)
    assert undo is not None
    assert FIX.read(undo, bench.reading()) == undo.before
    FIX.apply(undo, bench.writing())
    assert aimed(peered) == ["10.9.0.10:53"]
    rule = peered.resolver.get_resolver_rule(ResolverRuleId=peered.rule.id)["ResolverRule"]
    assert (rule["DomainName"], rule["ResolverEndpointId"]) == (f"{peered.rule.name}.", peered.rule.endpoint_id)


@pytest.mark.parametrize(
    "found",
    [
        {"inbound": []},
        {"inbound": ["10.9.0.10"]},
        {"inbound": ["10.0.0.7"], "owner": "999999999999"},
        {"inbound": ["10.0.0.7"], "fault": "not associated"},
    ],
    ids=["no inbound endpoint", "aimed there already", "another's rule", "another fault"],
)
def test_what_aiming_does_not_mend_is_advice(peered: Peered, found: Any) -> None:
    """Nothing is sent where the rule would not lead to the cluster's VPC, or nobody may change it."""
    assert isinstance(planned(peered, **found), Advice)


@pytest.mark.parametrize(
    ("seconds", "fails", "progress", "said"),
    [(600, "", Progressing.WAITING, "is UPDATING"), (0, "no", Progressing.FAILED, "is FAILED: no")],
)
def test_a_rule_under_way_is_waited_for_and_a_failed_one_is_not(
    peered: Peered, seconds: int, fails: str, progress: Progressing, said: str
) -> None:
    """With AWS's status and message."""
    step, bench = the_step(peered), peered.bench
    bench.far_end.control(
        "POST", "paces", [{"action": "route53resolver:UpdateResolverRule", "seconds": seconds, "fails": fails}]
    )
    effects = FIX.apply(step, bench.writing())
    settled = FIX.settled(step, effects, bench.reading())
    bench.far_end.control("POST", "paces", [])

    assert settled.progress is progress
    assert said in settled.text


def test_a_refusal_is_told(peered: Peered) -> None:
    """A rule that is gone cannot be aimed."""
    step = the_step(peered)
    peered.resolver.delete_resolver_rule(ResolverRuleId=peered.rule.id)

    with pytest.raises(WriteFailed, match="ResourceNotFoundException"):
        FIX.apply(step, peered.bench.writing())
