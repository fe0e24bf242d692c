"""What Route 53 Resolver is asked where clusters share an account: calls a diagnosis, and calls a second."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.clients.pace import Pace
from bot.clients.time_limit import within
from bot.collectors import dns_firewall, dns_profiles, resolver_rules
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.evidence import SourceCall
from bot.domain.peers import Peers
from bot.domain.places import HOME, OnPremises
from bot.workflow.call_log import Call, CallLog
from bot.workflow.recent_lists import KEPT_SECONDS, RecentLists
from bot.workflow.shared_reads import SharedReads
from bot.workflow.views import Opening, open_view
from tests.collectors_aws.test_name_collectors import CLUSTER, RESOLVER
from tests.looking import TARGET, Ends, ListsWhatItReads
from tests.turns import Clock, most_in_a_second

ROLE = "arn:aws:iam::111122223333:role/dnsbot-read"
ANSWERS: Mapping[str, Any] = RESOLVER | {
    "route53resolver:ListFirewallRuleGroupAssociations": {"FirewallRuleGroupAssociations": []},
    "route53profiles:ListProfileAssociations": {"ProfileAssociations": []},
}
LONG = Deadline.after(3600)


@dataclass
class Account(ListsWhatItReads):
    """One AWS account: keeps when it was asked for Resolver."""

    clock: Clock
    pace: Pace
    times: list[float] = field(default_factory=list)

    def read(self, service: str, operation: str, **parameters: object) -> Any:
        """Answer in turn."""
        del parameters
        with within(LONG):
            self.pace.wait(service, "111122223333", "eu-west-1")
        if service == "route53resolver":
            self.times.append(self.clock())
        return ANSWERS[f"{service}:{operation}"]


@dataclass(frozen=True, kw_only=True)
class Office:
    """Diagnoses clusters of one account."""

    clock: Clock = field(default_factory=Clock)
    roles: Mapping[str, str]

    def diagnose(self, account: Account, recent: RecentLists, name: str) -> list[SourceCall]:
        """Gather what one cluster's diagnosis asks about names, and return its calls."""
        target = replace(TARGET, name=name, on_premises=(OnPremises(name="hq", cidrs=("10.64.0.0/10",)),))
        made: list[SourceCall] = []
        for unit in (resolver_rules.COLLECTOR, dns_firewall.COLLECTOR, dns_profiles.COLLECTOR):
            log = CallLog(unit=unit.name, declared=unit.permissions)
            unit.collect(open_view(unit.view, self._opening(account, recent, target, log)))
            made += log.calls()
        return made

    def _opening(self, account: Account, recent: RecentLists, target: ClusterTarget, log: CallLog) -> Opening:
        ends: Any = Ends(aws_reader=account)
        return Opening(
            sources=ends,
            nodes=ends.nodes,
            deadline=LONG,
            calls=log,
            reads=SharedReads({}),
            target=target,
            question=Question(cluster=target.name),
            parameters=None,
            started_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
            needed={type(CLUSTER): CLUSTER, Peers: Peers(peers=())},
            recent=recent,
        )

    def all_at_once(self) -> tuple[Account, RecentLists, dict[str, list[SourceCall]]]:
        """Diagnose every cluster side by side."""
        account = Account(self.clock, Pace(self.clock, self.clock.sleep))
        recent = RecentLists({name: {HOME: role} for name, role in self.roles.items()}, clock=self.clock)
        with ThreadPoolExecutor(len(self.roles)) as pool:
            made = pool.map(lambda name: self.diagnose(account, recent, name), self.roles)
            return account, recent, dict(zip(self.roles, made, strict=True))


@pytest.mark.parametrize("number", [1, 50])
def test_clusters_that_share_an_account_ask_resolver_once_a_minute(number: int) -> None:
    """One cluster or fifty: five calls to Resolver, never more than five a second, and each tells what it sent."""
    office = Office(roles=dict.fromkeys([f"cluster-{each}" for each in range(number)], ROLE))

    account, _, made = office.all_at_once()

    sent = sum(not call.shared for calls in made.values() for call in calls if call.name.startswith("route53resolver"))
    assert (len(account.times), sent) == (5, 5)
    assert most_in_a_second(account.times) <= 5
    assert {len(calls) for calls in made.values()} == {6}


def test_roles_share_nothing_and_wait_for_one_another() -> None:
    """Ten roles of one account may each see different things: 50 calls, and still no second has more than five."""
    office = Office(roles={f"cluster-{each}": f"{ROLE}-{each}" for each in range(10)})

    account, _, _ = office.all_at_once()

    assert len(account.times) == 50
    assert most_in_a_second(account.times) <= 5


def test_an_answer_tells_its_age_and_is_asked_for_anew_after_a_minute() -> None:
    """Thirty seconds later nothing is sent and the report says so; after a minute, or for a verification, all is."""
    office = Office(roles={"cluster-0": ROLE})
    account, recent, _ = office.all_at_once()

    office.clock.sleep(30)
    young = office.diagnose(account, recent, "cluster-0")
    verifying = office.diagnose(account, recent.asking_anew(), "cluster-0")
    after_it = office.diagnose(account, recent, "cluster-0")
    office.clock.sleep(KEPT_SECONDS + 1)
    old = office.diagnose(account, recent, "cluster-0")

    assert {(call.shared, call.aged_text.partition(" ")[2]) for call in young} == {(True, "(answered 30 s before)")}
    assert {call.shared for call in verifying} == {call.shared for call in old} == {False}
    assert {(call.shared, call.age_seconds) for call in after_it} == {(True, 0.0)}
    assert len(account.times) == 15


@pytest.mark.parametrize(("action", "sent"), [("eks:DescribeAddonVersions", 1), ("eks:DescribeCluster", 2)])
def test_what_aws_has_brought_out_is_asked_once_for_all_clusters(action: str, sent: int) -> None:
    """What is of one cluster is asked of each."""
    clock, asked = Clock(now=1000.0), list[str]()
    recent = RecentLists({name: {HOME: ROLE} for name in ("a", "b")}, clock=clock)

    for name in ("a", "b"):
        recent.answer(Call.aws(action, HOME), replace(TARGET, name=name), lambda: asked.append(action), LONG)

    assert len(asked) == sent


def test_two_that_ask_the_same_at_the_same_moment_send_it_once() -> None:
    """Both ask the same at once: the one that came between asks AWS, and the other is given its answer."""
    clock, asked = Clock(now=1000.0), list[str]()
    recent = RecentLists({TARGET.name: {HOME: ROLE}}, clock=clock)
    call = Call.aws("route53resolver:ListResolverRules", HOME)

    def ask(who: str, deadline: Deadline = LONG) -> str:
        def sent() -> str:
            asked.append(who)
            return who

        return recent.answer(call, TARGET, sent, deadline)[0]

    class Overtaken(Deadline):
        """Somebody else asks at the moment at which it is seen how long to wait."""

        def remaining(self) -> float:
            """Return the seconds left, after the other has asked."""
            ask("the other")
            return LONG.remaining()

    assert (ask("the first", Overtaken(LONG.at)), asked) == ("the other", ["the other"])
