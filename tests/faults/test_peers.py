"""A peer in another account, over HTTP with the simulated AWS: entered, refused, and each of its rights taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot.app import SourceBook, load_units, make_diagnoser
from bot.doctor.checks import Check, CheckState
from bot.doctor.cluster import check_cluster
from bot.domain.cluster import Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.domain.peers import Peers
from bot.domain.permissions import AwsPermission, Use
from bot.domain.places import HOME, PlaceKind
from bot.report.json_report import json_report
from bot.report.permissions import needs
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.bot_roles import READER, WRITER, role_arn, trusting
from bot.sandbox.world.private_endpoint import lead
from bot.sandbox.world.world import ACCOUNT, CLUSTER
from bot.settings.load import load_settings
from bot.workflow.diagnose import Diagnoser
from bot.workflow.who_changed import CLOUD_TRAIL
from tests.environment import environment
from tests.faults.every_right import use_every_right
from tests.patience import patient

ACTIONS = sorted(
    need.permission.action
    for need in needs(load_units())
    if isinstance(need.permission, AwsPermission)
    and need.permission.place is PlaceKind.PEER
    and need.use is Use.READ
    and need.gathers
    and set(need.units) != {CLOUD_TRAIL}  # asked only about what is at fault there
)

"""What a diagnosis reads at peers of which nothing is at fault."""
ABOUT_PEERS = {rule.name for rule in load_units().rules.values() if Peers in rule.needs}


def resting_on(action: str) -> set[str]:
    """Return the rules that need evidence which this action is read for: a part of it is then missing."""
    units = load_units()
    lacking = {
        one.evidence
        for one in units.collectors.values()
        for permission in one.permissions
        if isinstance(permission, AwsPermission) and permission.action == action
    }
    return {rule.name for rule in units.rules.values() if lacking.intersection(rule.needs)}


@pytest.fixture(scope="module")
def world(far_ends: RunningWorld) -> Iterator[RunningWorld]:
    """A healthy world with a neighbour in another account, which trusts the bot no longer."""
    far_ends.restart(scenario="peer-role-refused", seed=1, nodes=2)
    lead(far_ends.world, far_ends.operator, far_ends.world.neighbours[0])
    use_every_right(far_ends)
    with environment(far_ends.environment):
        yield far_ends


@pytest.fixture
def trusted(world: RunningWorld) -> Iterator[RunningWorld]:
    """The world while its neighbour trusts the bot."""
    let_in(world, ACCOUNT)
    yield world
    let_in(world, world.world.neighbours[0].account)


@pytest.fixture(scope="module")
def diagnoser(world: RunningWorld) -> Iterator[Diagnoser]:
    """A diagnoser that has entered the neighbour: its clients are made once, which takes longer than to diagnose."""
    settings = load_settings(world.directory / "dnsbot.yaml", {})
    sources, target = SourceBook(settings), settings.clusters[CLUSTER].target
    made, enough = patient(make_diagnoser(settings, sources)), Deadline.after(60)
    let_in(world, ACCOUNT)
    for place in (HOME, *(peer.place for peer in target.peers)):
        made.open_sources(target).aws(enough, place).read("ec2", "DescribeVpcs")
    let_in(world, world.world.neighbours[0].account)
    yield made
    sources.close()


def let_in(world: RunningWorld, account: str) -> None:
    """Let people of this account assume the reading role of the neighbour."""
    (peer,) = world.world.neighbours
    owner = world.operator.at(peer.account, peer.region)
    owner.aws("iam", "UpdateAssumeRolePolicy", RoleName=READER, PolicyDocument=trusting(account))


def examine(world: RunningWorld) -> tuple[Diagnosis, list[Check]]:
    """Return a diagnosis, and what the doctor says of it."""
    from bot.clients.sources import open_writers  # noqa: PLC0415  # slow to import

    settings = load_settings(world.directory / "dnsbot.yaml", {})
    sources, connection = SourceBook(settings), settings.clusters[CLUSTER]
    writers = open_writers(connection)
    diagnoser = patient(make_diagnoser(settings, sources))
    diagnosis = diagnoser.run(Question(cluster=CLUSTER))
    found = needs(diagnoser.catalogue)
    checks = list(check_cluster(connection.target, lambda _: diagnosis, found, {}, enter=writers.enter))
    sources.close()
    writers.close()
    return diagnosis, checks


def report_of(diagnosis: Diagnosis) -> Any:
    """Return the report as a script reads it."""
    return json.loads(json.dumps(json_report(diagnosis)))


def unknown(diagnosis: Diagnosis) -> set[str]:
    """Return the rules that could not judge."""
    return {finding.rule for finding in diagnosis.findings if finding.verdict is Verdict.UNKNOWN}


def gaps_of(diagnosis: Diagnosis) -> list[dict[str, str]]:
    """Return all gaps of the evidence but those of what is switched off."""
    gaps = [gap for one in diagnosis.evidence for gap in one.gaps if not gap.off]
    return [{"reason": gap.reason, "grant": gap.grant} for gap in gaps]


def test_a_peer_that_refuses_the_role_is_one_gap_and_everything_else_runs(world: RunningWorld) -> None:
    """Checks of what is at home come to their conclusions; the role and its trust are named, by the doctor, too."""
    (peer,) = world.world.neighbours
    role = role_arn(peer.account, READER)

    diagnosis, checks = examine(world)

    assert (diagnosis.verdict.value, unknown(diagnosis)) == ("unknown", ABOUT_PEERS)
    (gap,) = gaps_of(diagnosis)
    assert gap["grant"] == f"sts:AssumeRole on {role}"
    assert f"Grant `sts:AssumeRole on {role}` to arn:aws:sts::{ACCOUNT}:" in gap["reason"]
    assert "have the role's trust policy name it" in gap["reason"]
    home, shared = report_of(diagnosis)["places"]
    assert (home["vpc_id"], home["account"], home["gap"]) == (world.world.home.id, ACCOUNT, None)
    assert (shared["name"], shared["gap"]["grant"]) == (peer.name, gap["grant"])
    missing = [check.text for check in checks if check.state is CheckState.MISSING]
    assert missing
    assert all(text.startswith(gap["reason"]) for text in missing)


def test_a_peer_that_trusts_the_bot_is_looked_at_as_its_own_account(trusted: RunningWorld) -> None:
    """One call there, as the peer's role, and none of it as the cluster's."""
    (peer,) = trusted.world.neighbours
    trusted.aws_control("DELETE", "calls")

    diagnosis, checks = examine(trusted)

    assert gaps_of(diagnosis) == []
    found = diagnosis.places[1].found
    assert (found.account, found.vpc_id, found.region) == (peer.account, peer.id, peer.region)
    calls = [call.text for one in diagnosis.evidence for call in one.calls if not call.shared]
    assert calls.count(f"ec2:DescribeVpcs at {peer.name}") == 1
    assumed = [call for call in trusted.aws_control("GET", "calls") if call["action"] == "sts:AssumeRole"]
    assert len(assumed) == 3  # the cluster's reader, the peer's reader, and for the doctor the peer's writer
    entered = [check.text for check in checks if f"peer {peer.name}" in check.subject]
    assert entered == [f"can be looked at, in account {peer.account}", "the writer role can be assumed"]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_right_at_a_peer_that_is_taken_away_is_named_with_its_place(
    trusted: RunningWorld, diagnoser: Diagnoser, action: str
) -> None:
    """The same right in the cluster's own account is another one; nothing else is lost."""
    (peer,) = trusted.world.neighbours
    trusted.aws_control("POST", "deny", {"actions": [action], "account": peer.account})

    diagnosis = diagnoser.run(Question(cluster=CLUSTER))

    trusted.aws_control("POST", "deny", {"actions": []})
    grants = {gap["grant"] for gap in gaps_of(diagnosis)}
    assert grants == {f"{action} at {diagnosis.target.peers[0].place}"}
    assert peer.name in str(diagnosis.target.peers[0].place)
    resting = resting_on(action)
    assert ABOUT_PEERS & resting <= unknown(diagnosis) <= ABOUT_PEERS | resting


def test_a_writer_that_a_peer_does_not_trust_is_found_by_the_doctor(trusted: RunningWorld) -> None:
    """Before a plan that needs it was approved."""
    (peer,) = trusted.world.neighbours
    owner = trusted.operator.at(peer.account, peer.region)
    owner.aws("iam", "UpdateAssumeRolePolicy", RoleName=WRITER, PolicyDocument=trusting(peer.account))

    _, checks = examine(trusted)

    owner.aws("iam", "UpdateAssumeRolePolicy", RoleName=WRITER, PolicyDocument=trusting(ACCOUNT))
    (missing,) = [check for check in checks if check.state is CheckState.MISSING]
    assert f"sts:AssumeRole on {role_arn(peer.account, WRITER)}" in missing.text
