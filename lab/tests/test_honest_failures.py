from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.sandbox.slack import Seen, SlackFarEnd
from bot.sandbox.story import report_reading as reading
from bot.sandbox.story.bot_process import BotProcess
from bot.sandbox.story.stage import stage_on
from bot.sandbox.world.access_keys import OPERATOR, holder_of
from bot.sandbox.world.editing import edit
from lab.contract.far_end import Json, eventually
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(600)
WRITE, READ_AGAIN = "ec2:AuthorizeSecurityGroupIngress", "ec2:DescribeSecurityGroupRules"
BINDING = "eks:DescribeCluster"
"""The repair's first call: which cluster is this? Its second asks the API server."""
STILL_FAILS = "Not verified: Applied, but "
"""How the outcome begins when the plan was written and the fault is still seen."""
_HELD_SECONDS = 25.0
"""Longer than it takes to change a group, shorter than the bot waits for its state."""


@dataclass(frozen=True)
class Desk:
    """A broken lab, the bot in Slack, and a proposal that waits for its approval."""

    lab: RunningLab
    slack: SlackFarEnd
    card: Seen

    def approve(self) -> None:
        """Let ben press Approve."""
        self.slack.person("ben").clicks(self.card, "approve")

    def outcome(self) -> str:
        """Wait for the outcome on the card and return it."""
        ended = self.slack.person("ben").wait_for(
            lambda seen: seen.ts == self.card.ts and bool(reading.outcome(seen)), timeout_seconds=300
        )
        return reading.outcome(ended)

    def arrived(self, action: str) -> list[Json]:
        """Return the calls that AWS received from the bot since the card was shown, dry runs left out."""
        calls = self.lab.aws_control("GET", "calls")
        ours = [call for call in calls if holder_of(call["access_key"]) != OPERATOR and not call["dry_run"]]
        return [call for call in ours if call["action"] == action]

    def writes(self) -> int:
        """Return how many writing calls AWS received from the bot since the card was shown."""
        return len(self.arrived(WRITE))

    def rules(self) -> list[Json]:
        """Return the ingress rules of the cluster security group that plans made."""
        group = self.lab.world.cluster_security_group_id
        found = self.lab.operator.aws(
            "ec2", "DescribeSecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group]}]
        )["SecurityGroupRules"]
        return [rule for rule in found if any(tag["Key"].startswith("dnsbot") for tag in rule.get("Tags", ()))]

    @contextmanager
    def as_soon_as_written(self, act: Callable[[], object]) -> Iterator[Future[None]]:
        """Act once, in another thread, when the bot's rule is there; the future fails when it never comes."""

        def watch() -> None:
            eventually(self.rules, bool, seconds=120)
            act()

        with ThreadPoolExecutor(1) as beside:
            yield beside.submit(watch)


@contextmanager
def desk() -> Iterator[Desk]:
    """Open a lab with a hardened cluster security group, and let ana ask."""
    with (
        RunningLab(scenario="security-group", seed=1) as lab,
        stage_on(lab) as stage,
        tempfile.TemporaryDirectory(prefix="dnsbot-honest-") as folder,
        BotProcess(
            configuration=stage.configuration, environment=stage.http_environment, log=Path(folder) / "bot.log"
        ) as bot,
    ):
        stage.slack.deliver_to(bot.url)
        ana = stage.slack.person("ana")
        assert ana.types("/dns-diagnose cluster-prod").ok
        card = stage.slack.person("ben").wait_for(reading.can_be_approved, timeout_seconds=120)
        lab.aws_control("DELETE", "calls")
        yield Desk(lab, stage.slack, card)


def test_approval_while_the_api_server_stands_still() -> None:
    """It is stopped when ben approves, and goes on 20 s later: what is claimed is what was looked at."""
    with desk() as open_desk:
        server = open_desk.lab.control_plane.child("kube-apiserver")
        server.pause()
        try:
            open_desk.approve()
            time.sleep(20)
            begun, written_meanwhile = len(open_desk.arrived(BINDING)), open_desk.writes()
        finally:
            server.go_on()
        outcome, written = open_desk.outcome(), open_desk.writes()

    assert (begun, written_meanwhile) == (1, 0), "the repair did not wait for the API server"
    assert written <= 1
    assert written == 1 or not outcome.startswith("Verified"), outcome
    assert ("Nothing was written" in outcome) == (written == 0), outcome


def test_throttled_write_is_told_and_nothing_is_claimed() -> None:
    """AWS answers the fix's call with 503 RequestLimitExceeded: no step is called done, and it is not sent again."""
    with desk() as open_desk:
        open_desk.lab.aws_control("POST", "faults", [{"action": WRITE, "kind": "throttle", "times": None}])
        open_desk.approve()
        outcome, rules, written = open_desk.outcome(), open_desk.rules(), open_desk.writes()

    assert (rules, written) == ([], 1)
    assert outcome.startswith("Refused: Nothing was written. "), outcome
    assert "RequestLimitExceeded: ec2:AuthorizeSecurityGroupIngress" in outcome


def test_coredns_dead_again_before_verify_is_not_verified() -> None:
    """The rule is written, then somebody scales CoreDNS to nothing: lookups fail, and no success is claimed."""
    with desk() as open_desk:
        operator = open_desk.lab.operator

        def kill() -> None:
            edit(
                operator,
                "deployments.apps",
                "coredns",
                lambda coredns: {**coredns, "spec": {**coredns["spec"], "replicas": 0}},
                namespace="kube-system",
            )

        with open_desk.as_soon_as_written(kill) as killed:
            open_desk.approve()
            outcome, written = open_desk.outcome(), open_desk.writes()

    assert killed.exception() is None
    assert written == 1
    assert outcome.startswith(STILL_FAILS), outcome


def test_rule_of_a_third_party_between_approval_and_write_stops_it() -> None:
    """The group changes while the approved plan's state is read again: nothing is written, and the card says why."""
    with desk() as open_desk:
        group = open_desk.lab.world.cluster_security_group_id
        rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}
        held = {"action": READ_AGAIN, "kind": "delay", "seconds": _HELD_SECONDS, "times": 1}
        open_desk.lab.aws_control("POST", "faults", [held])
        open_desk.approve()
        reading_again = eventually(lambda: open_desk.arrived(READ_AGAIN), bool)
        open_desk.lab.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[rule])
        waits_still = open_desk.arrived(READ_AGAIN)
        open_desk.lab.aws_control("DELETE", "faults")
        outcome, written = open_desk.outcome(), open_desk.writes()

    assert waits_still == reading_again
    assert [call["status"] for call in waits_still] == [0]
    assert outcome.startswith("Refused: Nothing was written."), outcome
    assert "no longer as it was when the plan was made" in outcome
    assert "8080" in outcome
    assert written == 0


def test_new_rule_revoked_before_verify_is_not_verified() -> None:
    """The rule that the bot wrote is taken away at once by somebody else: lookups fail, no success is claimed."""
    with desk() as open_desk:
        group = open_desk.lab.world.cluster_security_group_id

        def revoke() -> None:
            made = [rule["SecurityGroupRuleId"] for rule in open_desk.rules()]
            open_desk.lab.operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, SecurityGroupRuleIds=made)

        with open_desk.as_soon_as_written(revoke) as revoked:
            open_desk.approve()
            outcome, written, rules = open_desk.outcome(), open_desk.writes(), open_desk.rules()

    assert revoked.exception() is None
    assert (written, rules) == (1, [])
    assert outcome.startswith(STILL_FAILS), outcome
