"""`dnsbot diagnose`, `plan` and `replay`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import make_planner, make_replayer, open_diagnosis
from bot.commands.asked import Asked
from bot.commands.printing import EXIT_CODES, JSON, MARKDOWN, print_json, print_report, words_of_plan
from bot.domain.history import Story
from bot.domain.phrases import timestamp
from bot.errors import ConfigurationError
from bot.logs import configure_logs
from bot.memory import leave_what_was_loaded
from bot.report.screen import progress_on
from bot.workflow.durations import parse_duration
from bot.workflow.record_files import check_writable, keep_record, read_packed

if TYPE_CHECKING:
    from bot.domain.diagnosis import Diagnosis


def diagnose(asked: Asked, *, output: str, brief: bool = False, record: Path | None = None, watch: str = "") -> int:
    """Print one diagnosis and return the exit code.

    `record`: where to keep what was read for it. `watch`: how long to wait before the next one, until Ctrl-C; the exit
    code is the last one's.
    """
    configure_logs()
    settings, question = asked.opened()
    if record is not None:
        check_writable(record)
    pause = _seconds(watch, option="--watch") if watch else 0.0
    code: int | None = None
    try:
        with open_diagnosis(settings, deadline_seconds=_seconds(asked.deadline)) as run_diagnosis:
            leave_what_was_loaded()
            while True:
                with progress_on(sys.stderr) as progress:
                    diagnosis = run_diagnosis(question, None, progress)
                if record is not None:
                    _keep(diagnosis, record)
                code = print_report(diagnosis, output=output, brief=brief)
                if not pause:
                    return code
                time.sleep(pause)
    except KeyboardInterrupt:
        if code is None:
            raise
        return code


def _keep(diagnosis: Diagnosis, record: Path) -> None:
    size = keep_record(diagnosis, record)
    sys.stderr.write(f"dnsbot: what was read is kept in {record} ({size} bytes); dnsbot replay {record}\n")


def plan(asked: Asked, *, output: str) -> int:
    """Print what a diagnosis would lead to, with every difference and command; nothing is stored, posted or applied."""
    from bot.report.diagnosis_words import diagnosis_words
    from bot.report.json_plan import plans_json
    from bot.report.json_report import json_report
    from bot.report.markdown import diagnosis_markdown
    from bot.report.screen import page_of, show
    from bot.report.terminal import plans_lines

    configure_logs()
    settings, question = asked.opened()
    with (
        open_diagnosis(settings, deadline_seconds=_seconds(asked.deadline)) as run_diagnosis,
        progress_on(sys.stderr) as progress,
    ):
        leave_what_was_loaded()
        diagnosis = run_diagnosis(question, None, progress)
    proposed = make_planner(settings).propose(diagnosis)
    if output == JSON:
        print_json({**json_report(diagnosis), **plans_json(proposed)})
        return EXIT_CODES[diagnosis.verdict]
    words = diagnosis_words(diagnosis, proposed, at=timestamp)
    stories = (Story(proposal=proposal, journal=(), outcome=None, version=0) for proposal in proposed.proposals)
    checks = {finding.rule: finding.check for finding in diagnosis.findings}
    plans = [words_of_plan(story, checks) for story in stories]
    if output == MARKDOWN:
        sys.stdout.write(diagnosis_markdown(words, plans))
    else:
        show(plans_lines(words, plans, page_of(sys.stdout)), sys.stdout)
    return EXIT_CODES[diagnosis.verdict]


def replay(file: Path, *, output: str) -> int:
    """Print the diagnosis that a record leads to, without any cluster, and return the exit code."""
    from bot.report.replay_words import replay_json, replay_note
    from bot.workflow.record import read_record
    from bot.workflow.replay import replay as replay_record

    configure_logs()
    replayed = replay_record(read_record(read_packed(file), name=str(file)), make_replayer())
    note, more = replay_note(replayed, at=timestamp), replay_json(replayed)
    return print_report(replayed.diagnosis, output=output, note=note, more=more)


def _seconds(text: str, *, option: str = "--deadline") -> float:
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise ConfigurationError(f"{option} {text!r}: {error}.") from error
    if not seconds:
        raise ConfigurationError(f"{option} {text!r}: a second at least is needed, to look at anything.")
    return seconds
