from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.findings import Severity
from bot.errors import PlaybookError
from bot.workflow.catalogue import Catalogue
from bot.workflow.load_playbook import load_playbooks


@pytest.fixture
def garden(tmp_path: Path, garden_yaml: str) -> Path:
    """The playbook as a file."""
    file = tmp_path / "garden.yaml"
    file.write_text(garden_yaml)
    return file


def test_playbook_becomes_values(garden: Path, catalogue: Catalogue) -> None:
    """Parameters become the units' own dataclasses, with durations read and defaults filled in."""
    playbook = load_playbooks([garden], catalogue)["garden"]

    assert playbook.gather[0].parameters.window == timedelta(minutes=30)
    assert playbook.gather[0].parameters.depth == 1
    assert playbook.findings[0].thresholds.at_least == 2
    assert playbook.findings[0].severity is Severity.CRITICAL
    assert playbook.findings[0].explains == ("leaves_hang",)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("collector: soil", "collector: soill", 6, ["'soill' is no known collector", "Did you mean soil?"]),
        ("window: 30m", "windw: 30m", 7, ["windw", "no known parameter", "Did you mean window?"]),
        ("window: 30m", "window: half an hour", 7, ["a duration such as 90s, 30m or 2h", "half an hour"]),
        ("rule: soil_dry", "rule: soil_drry", 10, ["no known rule", "Did you mean soil_dry?"]),
        ("severity: critical\n    with", "severity: bad\n    with", 11, ["'critical', 'warning' or 'note'"]),
        ("purpose:", "porpose:", 3, ["no known key", "Did you mean purpose?"]),
        ("at_least: 2", "at_least: many", 12, ["at_least", "integer"]),
        ("  - collector: plant\n", "", 13, ["needs the evidence of plant", "Add `- collector: plant`"]),
        ("name: garden", "name: gardens", 1, ["must be the file's name"]),
        ("explains: [leaves_hang]", "explains: [soil_dry]", 9, ["explains itself"]),
    ],
    ids=[
        "collector", "parameter", "duration", "rule", "severity", "key", "threshold", "not gathered", "name", "circle",
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
        load_playbooks([garden], catalogue)

    assert str(caught.value).startswith(f"{garden}:{line}: ")
    for word in words:
        assert word in str(caught.value)


def test_a_rule_stands_in_one_playbook(garden: Path, catalogue: Catalogue) -> None:
    """Two playbooks that judge the same rule would count one check twice."""
    other = garden.with_name("other.yaml")
    other.write_text(garden.read_text().replace("name: garden", "name: other"))

    with pytest.raises(PlaybookError, match="soil_dry already stands in playbook garden"):
        load_playbooks([garden, other], catalogue)
