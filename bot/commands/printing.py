"""How answers are printed, and the exit codes of those that tell how a cluster fares."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.domain.findings import Verdict
from bot.domain.phrases import timestamp

if TYPE_CHECKING:
    from bot.domain.diagnosis import Diagnosis
    from bot.domain.history import Story
    from bot.domain.json_values import JsonObject
    from bot.report.plan_words import PlanWords

TEXT, JSON, MARKDOWN, CSV = "text", "json", "markdown", "csv"
"""How an answer is printed."""
EXIT_CODES: Mapping[Verdict, int] = {Verdict.HEALTHY: 0, Verdict.PROBLEM: 2, Verdict.UNKNOWN: 3}


def print_json(document: JsonObject) -> None:
    """Print a document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_report(
    diagnosis: Diagnosis, *, output: str, brief: bool = False, note: str = "", more: JsonObject | None = None
) -> int:
    """Print a report, with a `note` or `more` members of its JSON, and return the exit code."""
    if output == JSON:
        from bot.report.json_report import json_report

        print_json({**json_report(diagnosis), **(more or {})})
        return EXIT_CODES[diagnosis.verdict]
    from bot.report.diagnosis_words import diagnosis_words
    from bot.report.markdown import diagnosis_markdown
    from bot.report.screen import page_of, show
    from bot.report.terminal import brief_lines, diagnosis_lines

    words = diagnosis_words(diagnosis, at=timestamp, note=note)
    if output == MARKDOWN:
        sys.stdout.write(diagnosis_markdown(words))
    else:
        page = page_of(sys.stdout)
        show(brief_lines(words, page) if brief else diagnosis_lines(words, page), sys.stdout)
    sys.stdout.flush()
    return EXIT_CODES[diagnosis.verdict]


def words_of_plan(story: Story, checks: Mapping[str, str]) -> PlanWords:
    """Return what is said of a plan on a terminal. `checks` tells what each rule looks at."""
    from bot.report.history_words import Ids
    from bot.report.plan_words import plan_words

    return plan_words(story, Ids(), at=timestamp, checks=checks)
