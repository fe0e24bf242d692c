"""Changes that were approved for a time that is over, and stand all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.doctor.checks import Check, CheckState
from bot.domain.history import LateEnding


def check_endings(late: Iterable[LateEnding]) -> Iterator[Check]:
    """Yield one line for each change that could not be taken back yet, and why."""
    for one in late:
        what = f"step {one.index + 1} of plan {one.proposal_id} on {one.cluster}"
        text = f"{what} was approved for a time that is over, and is not taken back yet: {one.note}"
        yield Check(subject="changes", state=CheckState.NOTE, text=text)
