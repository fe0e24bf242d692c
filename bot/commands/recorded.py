"""`dnsbot show` and `history`: what is in the database."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import open_use_cases
from bot.asking import known_cluster, sought_from
from bot.commands.printing import CSV, JSON, MARKDOWN, print_json, print_report, words_of_plan
from bot.domain.phrases import timestamp
from bot.errors import Refused
from bot.logs import configure_logs
from bot.report.glass_words import glass_json, open_glass
from bot.report.history_words import Ids, page_words
from bot.report.json_history import history_json
from bot.report.json_plan import story_json
from bot.report.markdown import plan_markdown
from bot.report.screen import page_of, show
from bot.report.terminal import history_lines, plan_lines, timeline_text
from bot.report.timeline_words import timeline, timeline_csv
from bot.settings.load import load_settings

if TYPE_CHECKING:
    from bot.domain.history import History
    from bot.domain.sought import Sought


def seek(**options: str) -> Sought:
    """Return what of the history is asked for. Raises `Refused` for a person or a time that is none."""
    return sought_from(options, datetime.now(UTC), form="--{} ".format)


def show_stored(config: Path | None, known_id: str, *, output: str, files: Path | None = None) -> int:
    """Print a stored diagnosis, or a plan with all that became of it, and return the diagnosis's exit code, or 0.

    Packet captures of the diagnosis, or of the one after the plan, are written to the folder `files`.
    """
    configure_logs()
    with open_use_cases(load_settings(config)) as use:
        if (diagnosis := use.history.diagnosis(known_id)) is not None:
            _write_files(use.history, known_id, files)
            return print_report(diagnosis, output=output)
        try:
            story = use.history.story(known_id)
        except Refused as error:
            raise Refused(
                f"There is no diagnosis and no plan {known_id!r} in the history. `dnsbot history` prints their ids."
            ) from error
        _write_files(use.history, story.outcome.verification_diagnosis_id if story.outcome else "", files)
        checks = use.checks
    if output == JSON:
        print_json(story_json(story))
    elif output == MARKDOWN:
        sys.stdout.write(plan_markdown(words_of_plan(story, checks)))
    else:
        show(plan_lines(words_of_plan(story, checks), page_of(sys.stdout)), sys.stdout)
    return 0


def _write_files(history: History, diagnosis_id: str, folder: Path | None) -> None:
    """Write what is kept with a diagnosis, and say on standard error what was written."""
    if folder is None:
        return
    kept = history.files(diagnosis_id) if diagnosis_id else ()
    if not kept:
        raise Refused(
            "No packet captures are kept here: none were made, or they were deleted, being old (`retention:`)."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in kept:
            (folder / one.name).write_bytes(one.content)
            print(f"{folder / one.name}: {one.title}, {len(one.content)} bytes", file=sys.stderr)
    except OSError as error:
        raise Refused(f"The packet captures could not be written to {folder}: {error.strerror}.") from error


def show_history(config: Path | None, cluster: str, sought: Sought, *, limit: int, output: str) -> None:
    """Print what was diagnosed, proposed, decided and done."""
    configure_logs()
    settings = load_settings(config)
    if cluster:
        known_cluster(cluster, settings.clusters)
    with open_use_cases(settings) as use:
        entries = use.history.recent(cluster, sought=sought, limit=limit + 1)
        broken = use.history.broken_glass(cluster)
    if output == JSON:
        document = {**history_json(entries, size=limit), "break_glass": list(map(glass_json, broken))}
        print_json(document)
        return
    if output == CSV:
        events = (event for entry in entries[:limit] for event in timeline([entry], Ids(), at=timestamp))
        sys.stdout.write(timeline_csv(events))
        return
    notes = open_glass(broken, Ids())
    page = page_words(entries, Ids(), at=timestamp, size=limit, cluster=cluster, sought=sought, notes=notes)
    show(history_lines(page), sys.stdout)


def show_incident(config: Path | None, known_id: str, *, output: str) -> None:
    """Print the timeline of one incident."""
    configure_logs()
    with open_use_cases(load_settings(config)) as use:
        entries = use.history.incident(known_id)
    if output == JSON:
        print_json(history_json(entries, size=len(entries)))
        return
    events = timeline(entries, Ids(), at=timestamp)
    sys.stdout.write(timeline_csv(events) if output == CSV else timeline_text(events))
