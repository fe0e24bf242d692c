from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, ClusterBinding, Progress
from bot.domain.findings import Verdict
from bot.domain.permissions import AwsPermission
from bot.domain.places import HOME, Place, PlaceKind
from bot.domain.views import View
from bot.errors import ClusterMismatch, ConfigurationError, SourceTimeout
from bot.workflow.catalogue import Catalogue
from bot.workflow.diagnose import Diagnoser
from bot.workflow.load_playbook import load_playbooks

QUESTION = Question(cluster="cluster-prod")
SHARED = Place(name="shared", region="eu-central-1", vpc_id="vpc-0aaa")


@pytest.fixture
def diagnoser(
    tmp_path: Path, garden_yaml: str, catalogue: Catalogue, target: ClusterTarget, sources: Callable[..., Any]
) -> Callable[..., Diagnoser]:
    """A diagnoser over the garden whose reader answers as given."""
    (tmp_path / "garden.yaml").write_text(garden_yaml)

    def make(answer: Callable[[], Any], units: Catalogue = catalogue, **settings: Any) -> Diagnoser:
        return Diagnoser(
            catalogue=units, playbooks=load_playbooks([tmp_path / "garden.yaml"], units, ("diagnose", "log")),
            targets={"cluster-prod": target}, open_sources=lambda _: sources(answer), **settings,
        )  # fmt: skip

    return make


def test_cause_is_named_and_explains_the_symptom_as_far_as_it_reaches(diagnoser: Callable[..., Diagnoser]) -> None:
    """The cause covers n1's failing lookup; n2's stays unexplained and is shown."""
    diagnosis = diagnoser(lambda: {"text": "dry"}).run(QUESTION)

    assert diagnosis.verdict is Verdict.PROBLEM
    assert [finding.rule for finding in diagnosis.root_causes] == ["soil_dry"]
    assert diagnosis.findings[0].explains == ("leaves_hang",)
    assert diagnosis.findings[1].explained_by == ("soil_dry",)
    assert [lookup.client.node for lookup in diagnosis.unexplained] == ["n2"]


def test_healthy_needs_every_check(diagnoser: Callable[..., Diagnoser]) -> None:
    """All rules well and the cluster confirmed: healthy, with full coverage."""
    diagnosis = diagnoser(lambda: {"text": "wet"}).run(QUESTION)

    assert diagnosis.verdict is Verdict.HEALTHY
    assert (diagnosis.checks_ran, diagnosis.checks_total) == (3, 3)


def test_failed_collector_makes_its_dependants_unknown_with_the_first_reason(
    diagnoser: Callable[..., Diagnoser], denied: Callable[[], Any]
) -> None:
    """A 403 on soil leaves both rules UNKNOWN, each naming the grant that is missing."""
    diagnosis = diagnoser(denied).run(QUESTION)

    assert diagnosis.verdict is Verdict.UNKNOWN
    assert {check.rule for check in diagnosis.unknown_checks} == {"soil_dry", "leaves_hang"}
    for check in diagnosis.unknown_checks:
        assert "403" in check.reason
        assert check.grant == "configmaps: get in namespace kube-system"


def test_each_collector_runs_once(diagnoser: Callable[..., Diagnoser], sources: Callable[..., Any]) -> None:
    """Soil is needed by a rule and by a collector, and read once."""
    shared = sources(lambda: {"text": "wet"})
    once = replace(diagnoser(dict), open_sources=lambda _: shared)

    once.run(QUESTION)

    assert shared.reader.calls == ["configmaps/soil"]


def test_hung_source_ends_by_the_deadline_and_delays_nothing_else(
    diagnoser: Callable[..., Diagnoser], catalogue: Catalogue
) -> None:
    """A collector that never returns becomes a gap; the rest of the diagnosis is there."""
    release = threading.Event()

    def hang(look: View) -> Any:
        del look
        release.wait(30)

    soil = replace(catalogue.collectors["soil"], collect=hang)
    units = replace(catalogue, collectors={**catalogue.collectors, "soil": soil})
    started = time.monotonic()

    diagnosis = diagnoser(dict, units, deadline_seconds=2).run(QUESTION)

    took_seconds = time.monotonic() - started
    release.set()
    assert took_seconds < 20
    assert diagnosis.binding is not None
    assert "no answer within" in diagnosis.unknown_checks[0].reason


def test_undeclared_call_is_an_error_of_the_unit(diagnoser: Callable[..., Diagnoser], catalogue: Catalogue) -> None:
    """A collector that calls what it did not declare is not believed: its rules are UNKNOWN and name the call."""

    def sneak(look: View) -> Any:
        return look.aws.read("ec2", "DescribeVpcs")

    soil = replace(catalogue.collectors["soil"], collect=sneak)
    units = replace(catalogue, collectors={**catalogue.collectors, "soil": soil})

    diagnosis = diagnoser(dict, units).run(QUESTION)

    assert "soil calls ec2:DescribeVpcs without declaring it" in diagnosis.unknown_checks[0].reason


@pytest.mark.parametrize(
    ("declared", "asked", "said"),
    [
        (PlaceKind.PEER, HOME, "soil calls ec2:DescribeVpcs without declaring it"),
        (PlaceKind.HOME, SHARED, "soil calls ec2:DescribeVpcs at peers without declaring it"),
    ],
    ids=["at home what is for peers", "at a peer what is for home"],
)
def test_a_call_is_declared_for_the_kind_of_place_where_it_is_made(
    diagnoser: Callable[..., Diagnoser], catalogue: Catalogue, declared: PlaceKind, asked: Place, said: str
) -> None:
    """The policy of one account is made from what is declared for it."""
    permission = AwsPermission(action="ec2:DescribeVpcs", place=declared)
    soil = replace(
        catalogue.collectors["soil"],
        collect=lambda look: look.at(asked).read("ec2", "DescribeVpcs"),
        permissions=(permission,),
    )
    units = replace(catalogue, collectors={**catalogue.collectors, "soil": soil})

    diagnosis = diagnoser(dict, units).run(QUESTION)

    assert said in diagnosis.unknown_checks[0].reason


def test_other_cluster_behind_the_credentials_stops_the_diagnosis(
    diagnoser: Callable[..., Diagnoser], catalogue: Catalogue
) -> None:
    """When nodes belong to another VPC nothing is diagnosed."""
    binding = catalogue.collectors["cluster_binding"]
    bound = Binding(
        account="123456789012", cluster_arn="arn:aws:eks:eu-west-1:123456789012:cluster/b", kube_system_uid="u"
    )
    wrong = ClusterBinding(binding=bound, matches=False, why="2 of 2 nodes are not in vpc-1")
    units = replace(
        catalogue,
        collectors={**catalogue.collectors, "cluster_binding": replace(binding, collect=lambda _: wrong)},
    )

    with pytest.raises(ClusterMismatch, match="2 of 2 nodes are not in vpc-1"):
        diagnoser(lambda: {"text": "wet"}, units).run(QUESTION)


@pytest.mark.parametrize(
    ("question", "hint"),
    [
        (Question(cluster="cluster-pord"), "Did you mean cluster-prod?"),
        (Question(cluster="cluster-prod", playbooks=("gardn",)), "Did you mean garden?"),
        (Question(cluster="cluster-prod", command="log"), "Name one: garden."),
    ],
    ids=["cluster", "playbook", "command without playbooks"],
)
def test_unknown_name_gets_the_nearest(diagnoser: Callable[..., Diagnoser], question: Question, hint: str) -> None:
    """A typo is answered with what was probably meant."""
    with pytest.raises(ConfigurationError) as caught:
        diagnoser(dict).run(question)

    assert hint in str(caught.value)


def test_command_runs_the_playbooks_that_name_it(
    diagnoser: Callable[..., Diagnoser], tmp_path: Path, garden_yaml: str, catalogue: Catalogue
) -> None:
    """A question without playbooks runs those of its command alone."""
    other = garden_yaml.replace("name: garden", "name: other").replace("[diagnose]", "[log]")
    rules = other.replace("soil_dry", "soil_dug").replace("leaves_hang", "leaves_fall")
    (tmp_path / "other.yaml").write_text(rules)
    units = replace(
        catalogue,
        rules={
            **catalogue.rules,
            "soil_dug": replace(catalogue.rules["soil_dry"], name="soil_dug"),
            "leaves_fall": replace(catalogue.rules["leaves_hang"], name="leaves_fall"),
        },
    )
    both = load_playbooks([tmp_path / "garden.yaml", tmp_path / "other.yaml"], units, ("diagnose", "log"))
    wet = replace(diagnoser(lambda: {"text": "wet"}, units), playbooks=both)

    diagnosis = wet.run(Question(cluster="cluster-prod", command="log"))

    assert {finding.playbook for finding in diagnosis.findings} == {"other"}


def test_progress_tells_what_runs_and_what_is_done(diagnoser: Callable[..., Diagnoser]) -> None:
    """The last progress names every collector as done."""
    seen: list[Progress] = []

    diagnoser(lambda: {"text": "wet"}).run(QUESTION, progress=seen.append)

    assert set(seen[-1].done) == {"which cluster", "soil", "plant"}
    assert any("soil" in progress.running for progress in seen)


def test_secrets_are_gone_before_rules_judge(diagnoser: Callable[..., Diagnoser]) -> None:
    """Rules see evidence as stored: redacted."""
    diagnosis = diagnoser(lambda: {"text": "password=hunter2hunter2"}).run(QUESTION)

    assert "hunter2" not in repr(diagnosis)


def test_hundred_hung_diagnoses_leave_no_threads(diagnoser: Callable[..., Diagnoser]) -> None:
    """Readers that end at their deadline leave nothing behind."""
    before = set(threading.enumerate())

    def slow() -> Any:
        time.sleep(0.05)
        raise SourceTimeout("configmaps: no answer")

    runs = [threading.Thread(target=diagnoser(slow, deadline_seconds=0.02).run, args=(QUESTION,)) for _ in range(100)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(10)
    limit = time.monotonic() + 30
    while set(threading.enumerate()) - before and time.monotonic() < limit:
        time.sleep(0.02)

    assert set(threading.enumerate()) - before == set()
