"""Error lines that leave a question open: nobody knows their words, or the words do not tell whether it matters now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from bot.dns.log_wordings import Complaint, Subject
from bot.dns.timestamped import SeenLines
from bot.domain.evidence import Gap
from bot.domain.phrases import count, timestamp


class Complaining(Protocol):
    """A classified line that may be such an error."""

    @property
    def complaint(self) -> Complaint | None:
        """What it is about, where it is one."""

    def __hash__(self) -> int:
        """Lines of one class are counted together."""


C = TypeVar("C", bound=Complaining)


def open_errors(pod: str, seen: Iterable[SeenLines[C]], subject: Subject, since: datetime) -> tuple[Gap, ...]:
    """Return a gap for each class of a pod's error lines since `since` that may be about `subject`, newest first."""
    found = [
        (one, one.line.complaint)
        for one in seen
        if one.line.complaint is not None and one.last_at >= since and one.line.complaint.may_concern(subject)
    ]
    return tuple(Gap(what=f"{subject} in the log of {pod}", reason=_reason(pod, one, why)) for one, why in found)


def not_kept(pod: str, left_out: int, subject: Subject) -> tuple[Gap, ...]:
    """Return a gap where `left_out` lines of a pod were not kept: any of them may be about `subject`."""
    if not left_out:
        return ()
    reason = f"{pod} logged more kinds of errors than are kept: {count(left_out, 'line')} were not judged"
    return (Gap(what=f"{subject} in the log of {pod}", reason=reason),)


def _reason(pod: str, seen: SeenLines[C], complaint: Complaint) -> str:
    often = "an error" if seen.count == 1 else count(seen.count, "error")
    known = complaint.meaning or "that no rule knows"
    return f"{pod} logged {often} ({known}), last at {timestamp(seen.last_at)}: {seen.samples[0]}"
