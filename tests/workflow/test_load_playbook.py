from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.findings import Severity
from bot.errors import PlaybookError
from bot.workflow.catalogue import Catalogue
from bot.workflow.gather import plan_tasks
from bot.workflow.load_playbook import load_playbooks

HANG = "  - rule: leaves_hang\n    severity: critical\n"
COMMANDS = ("diagnose", "log")


@pytest.fixture
def garden(tmp_path: Path, garden_yaml: str) -> Path:
    """The playbook as a file."""
    file = tmp_path / "garden.yaml"
    file.write_text(garden_yaml)
    return file


def test_playbook_becomes_values(garden: Path, catalogue: Catalogue) -> None:
    """Parameters become the units' own dataclasses, with durations read and defaults filled in."""
    playbook = load_playbooks([garden], catalogue, COMMANDS)["garden"]

    assert playbook.gather[0].parameters.window == timedelta(minutes=30)
    assert playbook.gather[0].parameters.depth == 1
    assert playbook.findings[0].thresholds.at_least == 2
    assert playbook.findings[0].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("collector: soil", "collector: soill", 6, ["'soill' is no known collector", "Did you mean soil?"]),
        ("window: 30m", "windw: 30m", 7, ["windw", "no known parameter", "Did you mean window?"]),
        ("window: 30m", "window: half an hour", 7, ["a duration such as 90s, 30m or 2h", "half an hour"]),
        ("rule: soil_dry", "rule: soil_drry", 10, ["no known rule", "Did you mean soil_dry?"]),
        (
            "severity: critical\n    with", "severity: bad\n    with", 11,
            ["findings.soil_dry.severity", "'critical', 'warning' or 'note'"],
        ),
        ("purpose:", "porpose:", 3, ["no known key", "Did you mean purpose?"]),
        ("at_least: 2", "at_least: many", 12, ["at_least", "integer"]),
        ("- collector: plant\n", "- collector: cluster_binding\n", 8, ["nothing in this playbook needs", "`shown: …`"]),
        ("- collector: plant\n", "- {collector: plant, shown: green}\n", 8, ["plant is needed by leaves_hang"]),
        ("- collector: plant\n", "- collector: soil\n", 8, ["soil is listed twice"]),
        ("[diagnose]", "[log, diagnoze]", 4, ["'diagnoze' is no known command", "Did you mean diagnose?"]),
        (HANG, f"{HANG}    fixes: [{{fix: watr, risk: low}}]\n", 15, ["no known fix", "Did you mean water?"]),
        (HANG, f"{HANG}    fixes: [{{fix: dig, risk: low}}]\n", 15, ["dig is a measure", "under `measures`"]),
        (HANG, f"{HANG}    fixes: [{{fix: water, risk: low, then: [{{fix: dig}}]}}]\n", 15, ["dig is a measure"]),
        (
            HANG, f"{HANG}    fixes: [{{fix: water, risk: low, alternatives: [{{fix: water, risk: low}}]}}]\n", 15,
            ["water is one of several to choose from", "what speaks for it"],
        ),
        (HANG, f"{HANG}    measures: [{{measure: dg, risk: low}}]\n", 15, ["no known measure", "Did you mean dig?"]),
        (HANG, f"{HANG}    measures: [{{measure: water, risk: low}}]\n", 15, ["water is a fix", "under `fixes`"]),
        (HANG, f"{HANG}    measures: [{{measure: dig, risk: low}}]\n", 15, ["leaves_hang needs none"]),
        ("name: garden", "name: gardens", 1, ["must be the file's name"]),
        ("at_least: 2}\n", "at_least: 2}\n    explains: [soil_dry]\n", 9, ["explains itself"]),
        (
            "at_least: 2}\n", "at_least: 2}\n    explains: [leaves_hang]\n", 13,
            ["leaves_hang is a symptom", "Leave it out", "within its reach"],
        ),
    ],
    ids=[
        "collector", "parameter", "duration", "rule", "severity", "key", "threshold", "needless", "shown and needed",
        "twice", "command", "fix", "measure as fix", "measure as later fix", "nameless choice", "measure",
        "fix as measure", "needless measure", "name", "circle", "symptom",
    ],
)  # fmt: skip
def test_error_names_file_line_key_and_the_nearest_name(  # one column each
    garden: Path, catalogue: Catalogue, old: str, new: str, line: int, words: list[str]
) -> None:
    """Whoever writes a playbook is told where, what, and what was probably meant."""
    text = garden.read_text()
    assert old in text
    garden.write_text(text.replace(old, new, 1))

    with pytest.raises(PlaybookError) as caught:
        load_playbooks([garden], catalogue, COMMANDS)

    assert str(caught.value).startswith(f"{garden}:{line}: ")
    for word in words:
        assert word in str(caught.value)


def test_what_rules_and_collectors_need_is_gathered_unlisted(garden: Path, catalogue: Catalogue) -> None:
    """A playbook may leave out what its rules imply; each entry says who needs it."""
    text = garden.read_text()
    garden.write_text(text[: text.index("gather:")] + text[text.index("findings:") :])

    gather = load_playbooks([garden], catalogue, COMMANDS)["garden"].gather

    assert [(entry.collector, entry.listed, entry.needed_by) for entry in gather] == [
        ("soil", False, ("soil_dry", "plant")),
        ("plant", False, ("leaves_hang",)),
    ]
    assert gather[0].parameters.window == timedelta(minutes=15)


def test_what_fixes_and_measures_need_is_gathered_too(garden: Path, catalogue: Catalogue) -> None:
    """A fix plans from evidence that no rule of the playbook needs, as do a measure and the fix that follows."""
    kind = catalogue.collectors["cluster_binding"].evidence
    works = {name: replace(work, needs=(kind,)) for name, work in catalogue.fixes.items()}
    works |= {"fertilise": replace(works["water"], name="fertilise", needs=())}
    fixes = "    fixes: [{fix: fertilise, risk: low, then: [{fix: water}]}]\n"
    measures = "    measures: [{measure: dig, risk: low}]\n"
    last = "    with: {at_least: 2}\n"
    garden.write_text(garden.read_text().replace(last, last + fixes + measures))

    gather = load_playbooks([garden], replace(catalogue, fixes=works), COMMANDS)["garden"].gather

    assert {entry.collector: entry.needed_by for entry in gather}["cluster_binding"] == ("dig", "water")


def test_listed_parameters_hold_for_what_is_implied(garden: Path, catalogue: Catalogue) -> None:
    """An implied collector builds on the evidence that was gathered with the playbook's parameters."""
    garden.write_text(garden.read_text().replace("  - collector: plant\n", ""))
    playbook = load_playbooks([garden], catalogue, COMMANDS)["garden"]

    tasks = plan_tasks([playbook], catalogue)

    assert sorted(tasks.by_id) == ["plant", "soil"]
    assert tasks.by_id["soil"].parameters.window == timedelta(minutes=30)


def test_shown_only_is_gathered_with_its_reason(garden: Path, catalogue: Catalogue) -> None:
    """What nothing needs is gathered where the playbook says why it is shown."""
    text = garden.read_text()
    shown = "  - collector: plant\n  - {collector: cluster_binding, shown: whose garden it is}\n"
    garden.write_text(text.replace("  - collector: plant\n", shown))

    gather = load_playbooks([garden], catalogue, COMMANDS)["garden"].gather

    assert gather[-1].shown_because == "whose garden it is"
    assert gather[-1].needed_by == ()


def test_a_rule_stands_in_one_playbook(garden: Path, catalogue: Catalogue) -> None:
    """Two playbooks that judge the same rule would count one check twice."""
    other = garden.with_name("other.yaml")
    other.write_text(garden.read_text().replace("name: garden", "name: other"))

    with pytest.raises(PlaybookError, match="soil_dry is in playbook garden already"):
        load_playbooks([garden, other], catalogue, COMMANDS)
