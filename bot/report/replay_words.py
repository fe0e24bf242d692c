"""What is said of a report that was made from a record."""

from __future__ import annotations

from bot.domain.json_values import JsonObject
from bot.domain.phrases import capital, timestamp
from bot.report.plan_words import TimeForm
from bot.workflow.replay import Lack, Replayed


def replay_note(replayed: Replayed, *, at: TimeForm) -> str:
    """Return one sentence on where the report comes from, and one for what the record lacks."""
    version = replayed.recorded_by or "of an unknown version"
    told = f"From a record of {at(replayed.diagnosis.started_at)}, made by dnsbot {version}; no cluster was asked."
    return " ".join([told, *map(_lack, replayed.lacks)])


def _lack(lack: Lack) -> str:
    rules = f" {', '.join(lack.rules)} would need it." if lack.rules else ""
    return f"{capital(lack.reason)}.{rules}"


def replay_json(replayed: Replayed) -> JsonObject:
    """Return the members that such a report has besides."""
    return {
        "replay": {
            "recorded_by": replayed.recorded_by,
            "recorded_at": timestamp(replayed.diagnosis.started_at),
            "lacks": [
                {"collector": lack.collector, "reason": lack.reason, "rules": list(lack.rules)}
                for lack in replayed.lacks
            ],
        }
    }
