"""Checks that could not run, by what kept them: one line a reason, and what would let them run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.domain.diagnosis import Diagnosis, UnknownCheck
from bot.domain.phrases import capital, count, sentence, with_grant

MOST_REASONS = 3
_HEAD = re.compile(r"^(?:needs [\w#]{1,60}: )?(?:Cannot [^\n]{1,200}?: )?(?=\S)")
"""What was tried, in front of what came back: it differs from check to check though one thing keeps them all."""
_NO_ANSWER = ("gave no whole answer in time", "no connection to http")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Checks that one thing keeps from running."""

    why: str
    """What came back; the permission is named apart."""
    grant: str
    checks: tuple[UnknownCheck, ...]

    @property
    def line(self) -> str:
        """One line of a report: what came back comes before the names, of which there may be many."""
        if len(self.checks) == 1:
            only = self.checks[0]
            return with_grant(f"{only.check}: {only.reason}", only.grant)
        names = ", ".join(check.check for check in self.checks)
        many = count(len(self.checks), "check")
        if self.grant:
            return f"Missing permission {self.grant}: {many} ({names})."
        silent = any(words in self.why for words in _NO_ANSWER) and "aws" not in self.why.lower()
        why = f"No answer from the API server: {self.why}" if silent else capital(self.why)
        return f"{sentence(why)} {many}: {names}."

    @property
    def cure(self) -> str:
        """What would let the checks run."""
        checks = count(len(self.checks), "more check")
        if self.grant:
            return f"To let {checks} run, grant the bot's read role: {self.grant}."
        return f"To let {checks} run: {sentence(self.why)}"


def kept(checks: Sequence[UnknownCheck]) -> tuple[Kept, ...]:
    """Group checks by the permission that they lack, else by what came back; the largest group first."""
    grouped: dict[tuple[str, str], list[UnknownCheck]] = {}
    for check in checks:
        why = "" if check.grant else _HEAD.sub("", check.reason, count=1)
        grouped.setdefault((check.grant, why), []).append(check)
    made = [Kept(why=why, grant=grant, checks=tuple(them)) for (grant, why), them in grouped.items()]
    return tuple(sorted(made, key=lambda one: -len(one.checks)))


def to_let_them_run(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what would let the checks run that could not, what helps most of them first."""
    groups = kept(diagnosis.unknown_checks)
    yield from (group.cure for group in groups[:MOST_REASONS])
    if len(groups) > MOST_REASONS:
        yield f"{len(groups) - MOST_REASONS} further reasons keep checks from running; they are listed with the checks."
