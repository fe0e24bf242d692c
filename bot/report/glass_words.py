"""What is said of broken glass, in chat and terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.changes import BreakGlass
from bot.domain.json_values import JsonObject
from bot.domain.phrases import timestamp
from bot.report.plan_words import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassWords:
    """One of them."""

    heading: str
    who: str
    reason: str
    means: str
    review: str


def glass_words(glass: BreakGlass, names: Names) -> GlassWords:
    """Return the sentences."""
    who = names.person(glass.person.user_id)
    reviewed = glass.reviewed_by
    return GlassWords(
        heading=f"Break-glass {glass.number}: {glass.cluster}",
        who=f"{who} broke the glass at {timestamp(glass.opened_at)}.",
        reason=glass.reason,
        means=f"Until {timestamp(glass.until)} {who} may approve plans for {glass.cluster} alone, and outside of "
        "change windows and in freezes. Each plan is shown, checked, journaled and verified as ever.",
        review=f"Reviewed by {names.person(reviewed.user_id)}."
        if reviewed is not None
        else "It stays open until somebody else who may approve has looked at what was done and presses Reviewed.",
    )


def open_glass(broken: Iterable[BreakGlass], names: Names) -> tuple[str, ...]:
    """Return a sentence for each that nobody has reviewed."""
    return tuple(
        f"Break-glass {one.number} of {one.cluster} is not reviewed: {names.person(one.person.user_id)} at "
        f"{timestamp(one.opened_at)}: {one.reason}"
        for one in broken
        if one.reviewed_by is None
    )


def card_glass(broken: Iterable[BreakGlass], names: Names) -> tuple[str, ...]:
    """Return a sentence for each on a card that waits for a decision: who may approve it alone, or is unreviewed."""
    return tuple(_on_card(one, names) for one in broken)


def _on_card(glass: BreakGlass, names: Names) -> str:
    who, reviewed = names.person(glass.person.user_id), glass.reviewed_by
    review = f"reviewed by {names.person(reviewed.user_id)}" if reviewed is not None else "not reviewed"
    may = f"{who} may approve this alone until" if glass.is_active else f"{who} might approve alone until"
    return f"Break-glass {glass.number}, {review}: {may} {timestamp(glass.until)}. {glass.reason}"


def glass_json(glass: BreakGlass) -> JsonObject:
    """Return one as JSON."""
    return {
        "number": glass.number,
        "cluster": glass.cluster,
        "person": str(glass.person),
        "reason": glass.reason,
        "opened_at": timestamp(glass.opened_at),
        "until": timestamp(glass.until),
        "reviewed_by": str(glass.reviewed_by) if glass.reviewed_by is not None else "",
    }
