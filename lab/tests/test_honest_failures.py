from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.sandbox import report_reading as reading
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.editing import edit
from bot.sandbox.slack import Seen, SlackFarEnd
from bot.sandbox.stage import stage_on
from lab.contract.far_end import Json
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(420)
WRITE = "ec2:AuthorizeSecurityGroupIngress"


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
            lambda seen: seen.ts == self.card.ts and bool(reading.outcome(seen)), timeout_seconds=200
        )
        return reading.outcome(ended)

    def writes(self) -> int:
        """Return how many writing calls AWS received from the bot since the card was shown."""
        calls = self.lab.aws_control("GET", "calls")
        return sum(call["action"] == WRITE and not call["dry_run"] for call in calls)

    def rules(self) -> list[Json]:
        """Return the ingress rules of the cluster security group that plans made."""
        group = self.lab.world.cluster_security_group_id
        found = self.lab.operator.aws(
            "ec2", "DescribeSecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group]}]
        )["SecurityGroupRules"]
        return [rule for rule in found if any(tag["Key"].startswith("dnsbot") for tag in rule.get("Tags", ()))]

    def as_soon_as_written(self, act: Callable[[], object]) -> threading.Thread:
        """Act once, in another thread, when the bot's rule is there."""

        def watch() -> None:
            until = time.monotonic() + 120
            while not self.rules() and time.monotonic() < until:
                time.sleep(0.05)
            act()

        thread = threading.Thread(target=watch)
        thread.start()
        return thread


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
        finally:
            server.go_on()
        outcome, written = open_desk.outcome(), open_desk.writes()

    assert outcome.startswith("Verified") == (written == 1), outcome
    assert written <= 1


def test_throttled_write_is_told_and_nothing_is_claimed() -> None:
    """AWS answers the fix's call with RequestLimitExceeded: nothing changed, and the card says so."""
    with desk() as open_desk:
        open_desk.lab.aws_control("POST", "faults", [{"action": WRITE, "kind": "throttle", "times": None}])
        open_desk.approve()
        outcome, rules = open_desk.outcome(), open_desk.rules()

    assert rules == []
    assert not outcome.startswith("Verified")
    assert "RequestLimitExceeded" in outcome or "Throttl" in outcome


def test_coredns_dead_again_before_verify_is_not_verified() -> None:
    """The rule is written, then somebody scales CoreDNS to nothing: look-ups fail, and no success is claimed."""
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

        watching = open_desk.as_soon_as_written(kill)
        open_desk.approve()
        outcome = open_desk.outcome()
        watching.join()

    assert not outcome.startswith("Verified")


def test_rule_of_a_third_party_between_approval_and_write_stops_it() -> None:
    """The group changed after the plan was made: nothing is written, and a new diagnosis is offered."""
    with desk() as open_desk:
        group = open_desk.lab.world.cluster_security_group_id
        rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}
        open_desk.lab.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[rule])
        open_desk.lab.aws_control("DELETE", "calls")
        open_desk.approve()
        outcome, written = open_desk.outcome(), open_desk.writes()

    assert "Nothing was written" in outcome
    assert written == 0


def test_new_rule_revoked_before_verify_is_not_verified() -> None:
    """The rule that the bot wrote is taken away at once by somebody else: look-ups fail, no success is claimed."""
    with desk() as open_desk:
        group = open_desk.lab.world.cluster_security_group_id

        def revoke() -> None:
            made = [rule["SecurityGroupRuleId"] for rule in open_desk.rules()]
            open_desk.lab.operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, SecurityGroupRuleIds=made)

        watching = open_desk.as_soon_as_written(revoke)
        open_desk.approve()
        outcome = open_desk.outcome()
        watching.join()

    assert not outcome.startswith("Verified")
