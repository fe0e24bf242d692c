"""Sharing the forwarding rule with another account, over the simulated RAM and Resolver."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.collectors.resolver_quotas import AccountQuotas, ResolverQuotas
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import NoParameters
from bot.domain.peers import Peers, SeenPlace
from bot.domain.places import HOME, Place
from bot.domain.plans import Advice, Planned
from bot.domain.settling import Progressing
from bot.errors import EvidenceUnavailable, WriteFailed
from bot.fixes.associate_forwarding_rule import FIX as ASSOCIATE
from bot.fixes.share_forwarding_rule import FIX
from bot.sandbox.operator.operating import AwsCommandLine
from tests.fixes.test_fix_associate_rule import Peered
from tests.looking import ListsWhatItReads

OTHER = "210987654321"
APPS = Place(name="apps", region="eu-west-1", vpc_id="vpc-apps")


@dataclass
class Guest(ListsWhatItReads):
    """Both AWS ports as the other account. `lose` names operations whose answer is lost."""

    hands: AwsCommandLine
    lose: set[str] = field(default_factory=set)

    def read(self, service: str, operation: str, **parameters: object) -> Any:
        """Call once."""
        try:
            return self.hands.aws(service, operation, **parameters)
        except ClientError as error:
            raise EvidenceUnavailable(str(error)) from error

    def write(self, service: str, operation: str, **parameters: object) -> Any:
        """Call once; the AWS code begins the text of a failure."""
        try:
            answer = self.hands.aws(service, operation, **parameters)
        except ClientError as error:
            raise WriteFailed(f"{error.response['Error']['Code']}: {error}") from error
        if operation in self.lose:
            raise WriteFailed(f"NoAnswer: {operation}", ambiguous=True)
        return answer


class Sharing:
    """The bench's account owns the rule; a VPC of the other account needs it."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.peered = bench, Peered(bench)
        self.guest = Guest(AwsCommandLine(bench.far_end.url, account=OTHER, region="eu-west-1"))
        self.vpc_id = self.guest.hands.aws("ec2", "CreateVpc", CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]

    def case(self, *, owner: str = "", quotas: tuple[AccountQuotas, ...] = ()) -> Any:
        """Return what is planned from."""
        rule = replace(self.peered.rule, owner=owner or self.peered.rule.owner)
        account = replace(self.peered.account(), place=HOME, account=self.peered.rule.owner, rules=(rule,))
        row = {"rule_id": rule.id, "fault": "not shared", "place": "apps", "vpc_id": self.vpc_id, "account": OTHER}
        seen = Peers(peers=(SeenPlace(place=APPS, found=replace(APPS, account=OTHER)),))
        evidence = (ResolverRules(accounts=(account,)), ResolverQuotas(accounts=quotas), seen)
        return self.bench.case("resolver_rule_broken", {"rules": [row]}, NoParameters(), *evidence)

    def through(self, step: Any, what: Any) -> Any:
        """Return what reads or writes at the step's place."""
        if step.place == HOME:
            return what
        changes = {"aws": self.guest, **({"aws_writer": self.guest} if hasattr(what, "aws_writer") else {})}
        return replace(what, **changes)


@pytest.fixture
def sharing(bench: Any) -> Sharing:
    """Return the world of these tests."""
    return Sharing(bench)


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answers lost"])
def test_it_is_shared_accepted_associated_and_taken_back(sharing: Sharing, *, lost: bool) -> None:
    """Each step at its own place; the undo leaves neither share nor association, and the rule to its owner."""
    bench = sharing.bench
    bench.aws.lose |= {"CreateResourceShare"} if lost else set()
    sharing.guest.lose |= {"AcceptResourceShareInvitation", "AssociateResolverRule"} if lost else set()
    planned = FIX.plan(sharing.case())
    assert isinstance(planned, Planned)
    following = ASSOCIATE.plan(sharing.case().after(*planned.steps))
    assert isinstance(following, Planned)

    made: dict[int, Any] = {}
    done = []
    for index, step in enumerate((*planned.steps, *following.steps)):
        ready, fix = step.with_made(made), FIX if step.fix == FIX.name else ASSOCIATE
        assert fix.read(ready, sharing.through(ready, bench.reading())) == ready.before
        made[index] = fix.apply(ready, sharing.through(ready, bench.writing()))
        settled = fix.settled(ready, made[index], sharing.through(ready, bench.reading()))
        assert settled.progress is Progressing.DONE, settled
        assert fix.found(ready, sharing.through(ready, bench.reading()), "plan1") == made[index]
        done.append((fix, ready))
    undone = [(fix, fix.inverse(ready, made[index])) for index, (fix, ready) in reversed(list(enumerate(done)))]
    for fix, undo in undone:
        if undo is not None:
            assert fix.read(undo, sharing.through(undo, bench.reading())) == undo.before
            gone = fix.apply(undo, sharing.through(undo, bench.writing()))
            assert fix.settled(undo, gone, sharing.through(undo, bench.reading())).progress is Progressing.DONE

    assert [(step.action, step.place.name) for _, step in done] == [
        ("share", "home"), ("accept", "apps"), ("associate", "apps"),
    ]  # fmt: skip
    assert [undo.action if undo else "" for _, undo in undone] == ["disassociate", "", "unshare"]
    assert all(fix.read(step, sharing.through(step, bench.reading())) == step.before for fix, step in done)
    sharing.peered.resolver.delete_resolver_rule(ResolverRuleId=sharing.peered.rule.id)  # nobody holds it any more


def test_a_rule_of_an_account_without_access_is_advice(sharing: Sharing) -> None:
    """Only its owner can share it."""
    assert isinstance(FIX.plan(sharing.case(owner="999999999999")), Advice)


def test_nothing_is_shared_with_an_account_that_may_associate_no_more(sharing: Sharing) -> None:
    """The fix that follows says the same: a plan that would end half way is not begun."""
    none_left = AccountQuotas(account=OTHER, region="eu-west-1", endpoints=None, rules=None, associations=0)

    planned = FIX.plan(sharing.case(quotas=(none_left,)))

    assert isinstance(planned, Advice)
    assert f"Account {OTHER} has 0 associations of Resolver rules with VPCs in eu-west-1; 1 more" in planned.reason


def test_a_share_that_nobody_accepts_is_waited_for(sharing: Sharing) -> None:
    """Until then the rule is not visible to the other account."""
    planned = FIX.plan(sharing.case())
    assert isinstance(planned, Planned)
    share, accept = planned.steps
    effects = FIX.apply(share, sharing.bench.writing())
    ready = accept.with_made({0: effects})

    settled = FIX.settled(ready, {}, sharing.through(ready, sharing.bench.reading()))

    assert settled.progress is Progressing.WAITING
    assert "is not visible yet" in settled.text
