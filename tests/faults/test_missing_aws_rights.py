"""Each right of `deploy/iam-read.json` taken away alone: `diagnose` and `doctor` name it and lose nothing else.

Each right of `deploy/iam-write.json` as well: `doctor` names it before a fix needs it.

AWS' own error codes (UnauthorizedOperation, AccessDeniedException) come from the simulated AWS. That the policy grants
each right is shown in `tests/deploy/test_iam_policies_enforced.py`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app import SourceBook, load_units, make_diagnoser
from bot.commands import diagnosing, doctoring
from bot.commands.asked import Asked
from bot.commands.printing import JSON
from bot.doctor.checks import CheckState, doctor_text
from bot.doctor.cluster import check_cluster
from bot.domain.cluster import Question
from bot.domain.permissions import AwsPermission, Use
from bot.domain.places import PlaceKind
from bot.report.json_report import json_report
from bot.report.permissions import Need, needs
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.world import ACCOUNT, CLUSTER
from bot.settings.assumed import Reach
from bot.settings.load import load_settings
from bot.workflow.diagnose import HEALTH
from bot.workflow.who_changed import CLOUD_TRAIL
from tests.environment import environment
from tests.faults.every_right import use_every_right
from tests.patience import patient

DEPLOY = Path(__file__).parents[2] / "deploy"
POLICY = json.loads((DEPLOY / "iam-read.json").read_text())
ACTIONS: list[str] = [action for statement in POLICY["Statement"] for action in statement["Action"]]
CATALOGUE = load_units()
NEEDS: dict[str, Need] = {
    need.permission.action: need
    for need in needs(CATALOGUE)
    if isinstance(need.permission, AwsPermission) and need.use is Use.READ and need.permission.place is PlaceKind.HOME
}
HEALTH_READS = CATALOGUE.collectors[HEALTH].inputs
OTHERS_READ = [unit.inputs for name, unit in CATALOGUE.collectors.items() if name != HEALTH] + [
    rule.inputs for rule in CATALOGUE.rules.values()
]
FOR_HEALTH_ALONE = {
    CATALOGUE.collector_of(kind).name for kind in HEALTH_READS if not any(kind in read for read in OTHERS_READ)
}
ELSEWHEN = {HEALTH, CLOUD_TRAIL, *FOR_HEALTH_ALONE}
GATHERED = [action for action in ACTIONS if NEEDS[action].gathers and not ELSEWHEN.issuperset(NEEDS[action].units)]
"""What a diagnosis reads in any case; the others are read by light rounds, about what is at fault, or by fixes alone,
around a write."""
WRITES: dict[str, Need] = {
    need.permission.action: need
    for need in needs(CATALOGUE)
    if isinstance(need.permission, AwsPermission) and need.use is Use.CHANGE and need.permission.place is PlaceKind.HOME
}
CALLED = [action for action, need in WRITES.items() if not getattr(need.permission, "by_service", False)]
"""What the bot itself calls; the others AWS services call with its rights."""
Examine = Callable[[], tuple[dict[str, Any], list[str]]]
BINDING = "cluster_binding"
"""Which cluster this is: where that stays open, nothing is proposed."""


def rests_on(collector: str) -> set[str]:
    """Return the actions that a collector and all that it needs declare."""
    unit = CATALOGUE.collectors[collector]
    own = {one.action for one in unit.permissions if isinstance(one, AwsPermission)}
    return own.union(*(rests_on(CATALOGUE.collector_of(needed).name) for needed in unit.needs))


CLUSTER_UNCONFIRMED_WITHOUT = rests_on(BINDING)


@pytest.fixture(scope="module")
def world(far_ends: RunningWorld) -> Iterator[RunningWorld]:
    """Return a healthy world in which every right is used: DNS is let in by a prefix list and by nothing else."""
    far_ends.restart(scenario="private-endpoint-peered-look-alike", seed=11, nodes=2)
    use_every_right(far_ends)
    operator, group = far_ends.operator, far_ends.world.cluster_security_group_id
    made = operator.aws(
        "ec2", "CreateManagedPrefixList", PrefixListName="vpc", MaxEntries=1, AddressFamily="IPv4",
        Entries=[{"Cidr": "10.0.0.0/8"}],
    )["PrefixList"]  # fmt: skip
    itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    listed = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": made["PrefixListId"]}]}
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[listed])
    operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[itself])
    with environment({**far_ends.environment, "DATABASE_URL": f"sqlite:///{far_ends.directory}/history.db"}):
        yield far_ends


@pytest.fixture
def denied(world: RunningWorld, request: pytest.FixtureRequest) -> Iterator[RunningWorld]:
    """Return the world with the parameter's actions refused to everybody in the cluster's account."""
    world.aws_control("POST", "deny", {"actions": request.param, "account": ACCOUNT})
    yield world
    world.aws_control("POST", "deny", {"actions": []})


@contextmanager
def logs_as_before() -> Iterator[None]:
    """Take back the log handlers that a command puts in place: they hold this test's standard error."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def diagnose(world: RunningWorld, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Run `dnsbot diagnose cluster-prod --output json` in this process."""
    asked = Asked(
        words=(CLUSTER,), config=world.directory / "dnsbot.yaml", reach=Reach(), pod="", names=(), deadline="60s"
    )
    with logs_as_before():
        code = diagnosing.diagnose(asked, output=JSON)
    return code, json.loads(capsys.readouterr().out)


def doctor(world: RunningWorld, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run `dnsbot doctor cluster-prod` and return what it says about the cluster, line by line."""
    with logs_as_before():
        doctoring.doctor(world.directory / "dnsbot.yaml", CLUSTER)
    return told_of_cluster(capsys.readouterr().out)


def told_of_cluster(text: str) -> list[str]:
    """Return what the doctor says about the cluster, each check as one line."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip().startswith("it may cost: "):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line.strip())
    return [line for line in lines if f" {CLUSTER}" in line]


@pytest.fixture(scope="module")
def examine(world: RunningWorld) -> Iterator[Examine]:
    """Return a function that gives the report and what the doctor says, both of one diagnosis.

    Clients are made once: the commands make theirs each time, which takes longer than to diagnose.
    """
    from bot.clients.sources import open_writers  # noqa: PLC0415  # slow to import

    settings = load_settings(world.directory / "dnsbot.yaml", {})
    sources, connection = SourceBook(settings), settings.clusters[CLUSTER]
    writers, diagnoser = open_writers(connection), patient(make_diagnoser(settings, sources))
    found, fixes = needs(CATALOGUE), CATALOGUE.fixes.values()

    def run() -> tuple[dict[str, Any], list[str]]:
        diagnosis = diagnoser.run(Question(cluster=CLUSTER))
        checks = check_cluster(
            connection.target, lambda _: diagnosis, found, {}, fixes, writers.rehearse, writers.enter
        )
        return json.loads(json.dumps(json_report(diagnosis))), told_of_cluster(doctor_text(list(checks)))

    yield run
    sources.close()
    writers.close()


def faults(told: Sequence[str]) -> list[str]:
    """Return the lines that say that something is missing or could not be looked at."""
    return [line for line in told if line.startswith((CheckState.MISSING.value, CheckState.UNKNOWN.value))]


def idle(report: dict[str, Any]) -> set[str]:
    """Return the rules that have nothing to check here by what was read; what they only want shows nothing."""
    unread = {CATALOGUE.collectors[one["collector"]].evidence for one in report["evidence"] if one["gap"]}
    resting = {name for name, rule in CATALOGUE.rules.items() if unread.isdisjoint(rule.needs)}
    nothing = {one["rule"] for one in report["findings"] if one["nothing_to_check"]}
    return nothing & resting


def test_the_policy_holds_what_the_units_read() -> None:
    """The loop below takes away each right that units declare, and no other."""
    assert sorted(NEEDS) == ACTIONS


def test_with_every_right_all_is_well(world: RunningWorld, capsys: pytest.CaptureFixture[str]) -> None:
    """In this world each right is used, and nothing is missing: what the loop below sees is the right's doing."""
    world.aws_control("DELETE", "calls")

    code, report = diagnose(world, capsys)

    used = {call["action"] for call in world.aws_control("GET", "calls") if call["access_key"].startswith("ASIA")}
    assert (code, report["verdict"], report["coverage"]["unknown"]) == (0, "healthy", [])
    assert set(GATHERED) <= used
    assert faults(doctor(world, capsys)) == []


@pytest.mark.parametrize(
    ("denied", "action"), [([action], action) for action in GATHERED], indirect=["denied"], ids=GATHERED
)
@pytest.mark.usefixtures("denied")
def test_a_right_taken_away_is_named_and_costs_only_what_needs_it(examine: Examine, action: str) -> None:
    """Checks that need it are UNKNOWN and name it, all others run, nothing crashes, and doctor tells the same."""
    need = NEEDS[action]

    report, said = examine()

    told = faults(said)
    unknown = {one["rule"]: one for one in report["coverage"]["unknown"]}
    lost = set(need.disables) - idle(report) | ({BINDING} if action in CLUSTER_UNCONFIRMED_WITHOUT else set())
    assert set(unknown) == lost
    assert report["coverage"]["ran"] == report["coverage"]["total"] - len(lost)
    assert {finding["rule"] for finding in report["findings"] if finding["verdict"] == "problem"} == set()
    assert {one["grant"] for one in unknown.values()} <= {action}
    assert all(action in one["reason"] for one in unknown.values())
    assert action in {gap["grant"] for evidence in report["evidence"] for gap in evidence["gaps"]}
    assert report["verdict"] == ("unknown" if lost else "healthy")
    assert told
    assert all(action in line for line in told)
    assert all(any(rule in line for line in told) for rule in lost)


@pytest.fixture
def blocked(world: RunningWorld) -> Iterator[str]:
    """Return the cluster security group while no rule of it lets DNS in."""
    operator, group = world.operator, world.world.cluster_security_group_id
    found = operator.aws("ec2", "DescribeManagedPrefixLists", Filters=[{"Name": "prefix-list-name", "Values": ["vpc"]}])
    listed = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": found["PrefixLists"][0]["PrefixListId"]}]}]
    operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=listed)
    yield group
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=listed)


def changed(report: dict[str, Any], rule: str) -> dict[str, Any]:
    """Return what is told of who changed the first object that this rule names."""
    (finding,) = [one for one in report["findings"] if one["rule"] == rule]
    row: dict[str, Any] = finding["changed"][0]
    return row


def test_who_took_a_rule_away_is_told_and_when_cloudtrail_may_not_be_asked_so_is_that(
    world: RunningWorld, examine: Examine, blocked: str
) -> None:
    """The operator's call is named; without the right the cause is found all the same, and the right is named."""
    told, _ = examine()
    world.aws_control("POST", "deny", {"actions": ["cloudtrail:LookupEvents"], "account": ACCOUNT})
    silent, said = examine()
    world.aws_control("POST", "deny", {"actions": []})

    row, refused = changed(told, "dns_blocked_by_security_group"), changed(silent, "dns_blocked_by_security_group")
    assert row["object"] == f"security group {blocked}"
    assert (row["changes"][0]["event"], row["changes"][0]["by"]) == (
        "RevokeSecurityGroupIngress",
        "user/sandbox-operator",
    )
    assert (refused["changes"], refused["object"]) == ([], row["object"])
    assert "cloudtrail:LookupEvents" in refused["reason"]
    assert silent["root_causes"] == told["root_causes"]
    assert silent["coverage"] == told["coverage"]
    assert any("cloudtrail:LookupEvents" in line for line in faults(said))


def test_the_writing_policy_holds_what_the_fixes_write() -> None:
    """The loop below takes away each right that fixes declare and use themselves, and no other."""
    policy = json.loads((DEPLOY / "iam-write.json").read_text())

    assert sorted(WRITES) == sorted(action for statement in policy["Statement"] for action in statement["Action"])


@pytest.mark.parametrize(
    ("denied", "action"), [([action], action) for action in CALLED], indirect=["denied"], ids=CALLED
)
def test_a_right_to_change_taken_away_is_named_with_the_fixes_that_it_costs(
    denied: RunningWorld, examine: Examine, action: str
) -> None:
    """One line names it and its fixes; nothing was changed to find out, and a diagnosis does not miss it.

    A write of which AWS knows no dry run is no fault that anybody could see: it is told as one that is not judged.
    """
    denied.aws_control("DELETE", "calls")

    _, told = examine()

    calls = denied.aws_control("GET", "calls")
    (about,) = [line for line in told if f"Grant `{action}`" in line or f"needs {action}" in line]
    assert faults(told) == ([about] if "cannot be judged beforehand" not in about else [])
    assert all(fix in about for fix in WRITES[action].units)
    assert {call["action"] for call in calls if not call["dry_run"]} & set(CALLED) == set()
