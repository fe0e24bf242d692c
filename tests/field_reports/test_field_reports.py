from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.unit_files import walk_units
from tests.field_reports import reports
from tests.field_reports.report import Report

REPORTS = walk_units(reports, "REPORT", Report)


@pytest.mark.slow
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_field_report_is_answered_right(report: Report, diagnosed: Callable[[Report], dict[str, Any]]) -> None:
    """Exactly the right root causes, the right verdict, and no rule healthy that must not be."""
    told = diagnosed(report)

    found = {finding["rule"]: finding for finding in told["findings"]}
    now = f"{', '.join(told['root_causes']) or 'none'} ({told['verdict']})"
    print(f"| {report.name} | {report.source} | {report.right} | {report.before} | {now} |")  # noqa: T201  # the table
    said = {rule: f"{one['verdict']}: {one['summary']}" for rule, one in found.items()}
    assert sorted(told["root_causes"]) == sorted(report.causes), said
    assert told["verdict"] == report.verdict, said
    assert {rule: found[rule]["verdict"] for rule in report.judged} == dict(report.judged), said
    assert [rule for rule in report.not_healthy if found[rule]["verdict"] == "healthy"] == [], said
    assert [rule for rule, by in report.explained.items() if by not in found[rule]["explained_by"]] == [], said
    assert [rule for rule, words in report.says.items() if not re.search(words, found[rule]["summary"])] == [], said
