"""Calls are kept within what an account may make a second, before AWS refuses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from bot.clients.aws_reading import BotocoreReader
from bot.clients.identities import own_identity
from bot.clients.pace import Pace
from bot.domain.deadline import Deadline
from bot.errors import SourceTimeout
from tests.clients.conftest import Act, FarEnd, respond, wire
from tests.turns import Clock, most_in_a_second


def sent(pace: Pace, clock: Clock, number: int, *where: str) -> list[float]:
    """Take turns and return when each came."""
    times = []
    for _ in range(number):
        pace.wait(*where)
        times.append(clock.now)
    return times


def test_no_second_has_more_than_five_calls() -> None:
    """Of 23 calls to Resolver five go at once, and no second ever has six."""
    clock = Clock()

    times = sent(Pace(clock, clock.sleep), clock, 23, "route53resolver", "111122223333", "eu-west-1")

    assert times[:5] == [0.0] * 5
    assert most_in_a_second(times) == 5


def test_accounts_and_regions_do_not_wait_for_one_another() -> None:
    """Each has five a second of its own; services that AWS does not limit so tightly never wait."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)

    for where in (("1", "eu-west-1"), ("2", "eu-west-1"), ("1", "us-east-1")):
        sent(pace, clock, 5, "route53resolver", *where)
    sent(pace, clock, 50, "sts", "1", "eu-west-1")

    assert clock.now == 0


def test_each_operation_of_ec2_and_eks_has_its_own_turns() -> None:
    """Two hundred clusters of one account describe themselves at ten a second, and list interfaces meanwhile."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)

    times = sent(pace, clock, 200, "eks", "1", "eu-west-1", "DescribeCluster")
    others = sent(pace, clock, 20, "ec2", "1", "eu-west-1", "DescribeNetworkInterfaces")

    assert most_in_a_second(times) == 10
    assert times[-1] < 21
    assert others == [times[-1]] * 20


def test_what_is_one_for_all_regions_is_told_by_its_account_alone() -> None:
    """Route 53 itself has no region to name."""
    clock = Clock()
    pace = Pace(clock, lambda _: None)
    sent(pace, clock, 50, "route53", "111122223333", "")

    with pytest.raises(SourceTimeout, match="Cannot call route53 in account 111122223333 in time"):
        sent(pace, clock, 1, "route53", "111122223333", "")


def test_a_turn_that_comes_too_late_is_not_taken() -> None:
    """Whoever cannot be served within its time is told at once why, and does not keep the next one waiting."""
    clock = Clock()
    pace = Pace(clock, lambda _: None)
    sent(pace, clock, 50, "route53resolver", "111122223333", "eu-west-1")

    with pytest.raises(SourceTimeout, match="of account 111122223333 in time: 5 requests a second are kept to"):
        sent(pace, clock, 1, "route53resolver", "111122223333", "eu-west-1")
    clock.sleep(5)

    assert sent(pace, clock, 1, "route53resolver", "111122223333", "eu-west-1") == [5.0]


@dataclass
class Turns(Pace):
    """Keeps who asked for a turn, and gives it at once."""

    asked: list[tuple[str, str, str, str]] = field(default_factory=list)

    def wait(self, service: str, account: str, region: str, operation: str = "") -> None:
        """See `Pace.wait`."""
        self.asked.append((service, account, region, operation))


def page(following: str) -> Act:
    """Answer with an empty page of rules."""
    body = {"ResolverRules": [], "MaxResults": 1, **({"NextToken": following} if following else {})}
    return respond("200 OK", json.dumps(body), "x-amzn-RequestId: 4c9c0a57")


def test_every_request_takes_a_turn(serve: Callable[..., FarEnd], aws_at: Callable[[str], None]) -> None:
    """Each page of a list, and each request that is sent once more, waits; other services' do not."""
    far_end = serve(page("more"), respond("503 Slow Down", "{}", "x-amzn-RequestId: 1"), page(""))
    aws_at(far_end.url)
    turns = Turns()
    identity = own_identity(retries=True, wire=replace(wire(), pace=turns))

    BotocoreReader(identity, Deadline.after(30)).read("route53resolver", "ListResolverRules")
    identity.close()

    assert turns.asked == [("route53resolver", "", "eu-west-1", "ListResolverRules")] * 3
