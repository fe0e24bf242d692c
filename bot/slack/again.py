"""What the button "Diagnose again" carries, so that the same is asked again; who asks comes from Slack's payload."""

from __future__ import annotations

import re

from bot.asking import known_cluster
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import History
from bot.errors import HistoryUnavailable, RecordUnreadable
from bot.workflow.use_cases import UseCases

FORM = re.compile(r"diagnosis (\S{1,64}) (\S{1,253})")


def again_value(diagnosis: Diagnosis) -> str:
    """Return the value of a report's button: the diagnosis and its cluster."""
    return f"diagnosis {diagnosis.id} {diagnosis.target.name}"


def question_again(value: str, use: UseCases) -> Question | None:
    """Return what the diagnosis of this button asked; None: the button is not of a report.

    Where the history does not have it, all of the cluster is asked. Raises `Refused` for a cluster that nobody
    configured.
    """
    found = FORM.fullmatch(value)
    if found is None:
        return None
    cluster = known_cluster(found[2], use.targets.keys())
    question = _stored(use.history, found[1])
    return question if question is not None and question.cluster == cluster else Question(cluster=cluster)


def _stored(history: History, diagnosis_id: str) -> Question | None:
    try:
        diagnosis = history.diagnosis(diagnosis_id)
    except (HistoryUnavailable, RecordUnreadable):
        return None
    return diagnosis.question if diagnosis is not None else None
