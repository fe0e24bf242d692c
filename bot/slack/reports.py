"""A report as messages: the first on one phone screen, the rest of it in the thread."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.diagnosis import Diagnosis
from bot.domain.phrases import timestamp
from bot.report.brief_words import brief_words
from bot.report.diagnosis_words import DiagnosisWords
from bot.report.evidence_words import evidence_words
from bot.report.plan_words import Caller
from bot.slack.again import again_value
from bot.slack.render import Message, Views


def first_message(views: Views, diagnosis: Diagnosis, facts: DiagnosisWords, *notes: str) -> Message:
    """Return the report in brief; `notes` say what is not as usual."""
    unrecorded = (f"Not recorded: {diagnosis.unrecorded}",) if diagnosis.unrecorded else ()
    return views.message(
        "report",
        brief=brief_words(facts, notes=(*notes, *unrecorded)),
        cluster=diagnosis.target.name,
        again=again_value(diagnosis),
        diagnosis_id="" if diagnosis.unrecorded else diagnosis.id,
    )


def thread_messages(views: Views, diagnosis: Diagnosis, facts: DiagnosisWords, asker: Caller) -> Iterator[Message]:
    """Yield the cause in full, which calls the asker; then lookups, checks that could not run, the others, sources."""
    yield views.message("cause", report=facts, asker=asker)
    if facts.lookup_rows:
        yield views.message("lookups", report=facts, rows=facts.lookup_rows)
    if facts.unknown or facts.closed or facts.unread:
        yield views.message("unchecked", report=facts)
    if facts.ruled_out:
        yield views.message("ruled_out", report=facts)
    groups = evidence_words(diagnosis, at=timestamp)
    for group in groups:
        recorded = group is groups[-1] and not diagnosis.unrecorded
        yield views.message("evidence", group=group, diagnosis_id=diagnosis.id if recorded else "")
