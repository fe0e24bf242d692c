"""Associating the forwarding rule, over the simulated Resolver."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from bot.collectors.resolver_quotas import ResolverQuotas
from bot.collectors.resolver_rules import AccountResolver, ResolverRules
from bot.domain.evidence import NoParameters
from bot.domain.json_values import canonical
from bot.domain.peers import Peers, SeenPlace
from bot.domain.places import Place
from bot.domain.plans import Advice, Planned, Step
from bot.domain.settling import Progressing
from bot.errors import WriteFailed
from bot.fixes.associate_forwarding_rule import FIX
from bot.network.names import ResolverRule, RuleType, Target

HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"


class Peered:
    """The bench's VPC as a peer, with a rule that nobody has associated with it."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.resolver = bench, bench.far_end.client("route53resolver")
        self.place = Place(name="tools", region="eu-west-1", vpc_id=bench.vpc_id)
        outbound = self.resolver.create_resolver_endpoint(
            CreatorRequestId="out", Direction="OUTBOUND", SecurityGroupIds=[bench.group("dns")],
            IpAddresses=[{"SubnetId": one} for one in bench.subnet_ids],
        )["ResolverEndpoint"]["Id"]  # fmt: skip
        made = self.resolver.create_resolver_rule(
            CreatorRequestId="rule", RuleType="FORWARD", DomainName=HOST, ResolverEndpointId=outbound,
            TargetIps=[{"Ip": "10.9.0.10", "Port": 53}],
        )["ResolverRule"]  # fmt: skip
        self.rule = ResolverRule(
            id=made["Id"], name=HOST, type=RuleType.FORWARD, status="COMPLETE", owner=made["OwnerId"],
            region="eu-west-1", endpoint_id=outbound, targets=(Target(address=ip_address("10.9.0.10")),),
        )  # fmt: skip

    def plan(self, fault: str = "not associated") -> Planned | Advice:
        """Plan for one fault of the rule."""
        row = {"rule_id": self.rule.id, "fault": fault, "place": "tools", "vpc_id": self.bench.vpc_id}
        account = self.account()
        seen = Peers(peers=(SeenPlace(place=self.place, found=self.place),))
        evidence = (ResolverRules(accounts=(account,)), ResolverQuotas(accounts=()), seen)
        return FIX.plan(self.bench.case("resolver_rule_broken", {"rules": [row]}, NoParameters(), *evidence))

    def account(self) -> AccountResolver:
        """Return what Resolver has at the peer."""
        return AccountResolver(
            place=self.place, account="1", region="eu-west-1", endpoints=(), rules=(self.rule,), associations=()
        )

    def step(self) -> Step:
        """Return the one step of the plan."""
        planned = self.plan()
        assert isinstance(planned, Planned)
        (step,) = planned.steps
        return step

    def associated(self) -> list[tuple[str, str]]:
        """Return id and name of the rule's associations."""
        filters = [{"Name": "ResolverRuleId", "Values": [self.rule.id]}]
        rows = self.resolver.list_resolver_rule_associations(Filters=filters)["ResolverRuleAssociations"]
        return [(row["Id"], row.get("Name", "")) for row in rows]


@pytest.fixture
def peered(bench: Any) -> Peered:
    """Return the world of these tests."""
    return Peered(bench)


def test_the_plan_is_one_association_at_the_peer(peered: Peered) -> None:
    """Its writer is the peer's own; what the rule does is shown, and read again before the write."""
    step = peered.step()

    assert (step.place, step.action) == (peered.place, "associate")
    assert step.diff[-1] == f"+ associated with {peered.bench.vpc_id}"
    assert f"--resolver-rule-id {peered.rule.id} --vpc-id {peered.bench.vpc_id}" in step.command
    assert canonical(FIX.read(step, peered.bench.reading())) == canonical(step.before)


def test_it_is_made_waited_for_and_taken_back(peered: Peered) -> None:
    """The undo takes away exactly what was made, once."""
    step, bench = peered.step(), peered.bench

    effects = FIX.apply(step, bench.writing())
    settled = FIX.settled(step, effects, bench.reading())
    undo = FIX.inverse(step, effects)

    assert peered.associated() == [(effects["association_id"], "dnsbot-plan1")]
    assert settled.progress is Progressing.DONE
    assert undo is not None
    assert FIX.read(undo, bench.reading()) == undo.before
    gone = FIX.apply(undo, bench.writing())
    assert FIX.settled(undo, gone, bench.reading()).progress is Progressing.DONE
    assert (peered.associated(), FIX.apply(undo, bench.writing()), FIX.inverse(undo, gone)) == (
        [], {"association_id": ""}, None,
    )  # fmt: skip


def test_an_answer_that_was_lost_is_settled_by_what_is_listed(peered: Peered) -> None:
    """Applied again it makes no second one, and both times the same is ours."""
    step, bench = peered.step(), peered.bench
    bench.aws.lose.add("AssociateResolverRule")

    first = FIX.apply(step, bench.writing())
    bench.aws.lose.clear()
    again = FIX.apply(step, bench.writing())

    assert first == again
    assert len(peered.associated()) == 1


def test_what_somebody_else_associated_is_not_taken_back(peered: Peered) -> None:
    """It stays theirs: nothing to undo."""
    step, bench = peered.step(), peered.bench
    peered.resolver.associate_resolver_rule(ResolverRuleId=peered.rule.id, VPCId=bench.vpc_id, Name="theirs")

    effects = FIX.apply(step, bench.writing())

    assert (effects, FIX.inverse(step, effects)) == ({"association_id": ""}, None)
    assert [name for _, name in peered.associated()] == ["theirs"]


def test_a_refusal_is_told(peered: Peered) -> None:
    """A rule that is gone cannot be associated."""
    step = peered.step()
    peered.resolver.delete_resolver_rule(ResolverRuleId=peered.rule.id)

    with pytest.raises(WriteFailed, match="ResourceNotFoundException"):
        FIX.apply(step, peered.bench.writing())


@pytest.mark.parametrize("fault", ["wrong targets", "not shared", "association failed", "conflict"])
def test_other_faults_are_advice(peered: Peered, fault: str) -> None:
    """An association alone would not help."""
    found = peered.plan(fault)

    assert isinstance(found, Advice)


@pytest.mark.parametrize(
    ("seconds", "fails", "progress", "said"),
    [(600, "", Progressing.WAITING, "is CREATING"), (0, "no more", Progressing.FAILED, "is FAILED: no more")],
)
def test_an_association_under_way_is_waited_for_and_a_failed_one_is_not(
    peered: Peered, seconds: int, fails: str, progress: Progressing, said: str
) -> None:
    """With AWS's status and message."""
    step, bench = peered.step(), peered.bench
    pace = {"action": "route53resolver:AssociateResolverRule", "seconds": seconds, "fails": fails}
    bench.far_end.control("POST", "paces", [pace])

    effects = FIX.apply(step, bench.writing())
    settled = FIX.settled(step, effects, bench.reading())
    bench.far_end.control("POST", "paces", [])

    assert settled.progress is progress
    assert said in settled.text
