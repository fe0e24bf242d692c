"""The report on one phone screen: the headline, then cause, effect and what to do, each in a line or two.

What does not fit is said in full in the report itself (Slack: in the thread). Sentences are left out whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.domain.phrases import count
from bot.report.diagnosis_words import DiagnosisWords

MOST_CHARACTERS = 560
"""Of headline and lines together: what a phone shows without scrolling, and Slack's 600 with the signs around it."""
LEAST_CHARACTERS = 60
"""Of one line."""
HEADLINE_CHARACTERS = 120
SIGNS = {"critical": "🔴", "warning": "🟠", "note": "🟡", "well": "🟢", "unknown": "⚪"}
"""A colour beside the words, which say the same."""
CUE_WORDS = {"critical": "critical", "warning": "warning", "note": "note", "well": "", "unknown": ""}
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9“])|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefLine:
    """One line: "Cause", and what it is."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefWords:
    """The report in brief."""

    sign: str
    headline: str
    lines: tuple[BriefLine, ...]
    footer: tuple[str, ...]
    """How much was checked, how long it took, who asked."""


def brief_words(words: DiagnosisWords, *, notes: Sequence[str] = ()) -> BriefWords:
    """Return the report in brief: at most `MOST_CHARACTERS` of headline and lines. `notes` come last."""
    headline = shortened(words.headline, HEADLINE_CHARACTERS)
    every = (*_lines(words), BriefLine(label="Note", text=" ".join(notes)))
    lines = [replace(line, text=" ".join(line.text.split())) for line in every if line.text.strip()]
    room = MOST_CHARACTERS - len(headline) - sum(len(line.label) + 1 for line in lines)
    return BriefWords(
        sign=SIGNS[words.cue],
        headline=headline,
        lines=tuple(_fitted(lines, room)),
        footer=(
            *((CUE_WORDS[words.cue],) if CUE_WORDS[words.cue] else ()),
            words.coverage.rstrip("."),
            words.took,
            *(text[0].lower() + text[1:] for text in words.asked if text),
        ),
    )


def _lines(words: DiagnosisWords) -> Iterator[BriefLine]:
    if words.answers:
        yield BriefLine(label="Asked", text=" ".join(words.answers))
    if words.causes:
        first, *others = words.causes
        also = f"Also: {'; '.join(other.title for other in others)}." if others else ""
        yield BriefLine(label="Cause", text=first.summary)
        yield BriefLine(label="And", text=also)
        yield BriefLine(label="Effect", text=words.effect)
        yield BriefLine(label="Not explained", text=words.unexplained)
    else:
        seen = " ".join(one.summary for one in words.symptoms)
        yield BriefLine(label="Seen", text=seen)
        yield BriefLine(
            label="Result", text=words.verdict if words.cue != "well" else f"{words.verdict} {words.lookups}"
        )
    yield BriefLine(label="What to do", text=_what_to_do(words))
    if words.unknown and not words.causes:
        several = f" (first of {len(words.unknown)} reasons)" if words.unknown[1:] else ""
        yield BriefLine(label=f"Could not be checked{several}", text=words.unknown[0])


def _what_to_do(words: DiagnosisWords) -> str:
    """Return the first thing to do: decide on what is proposed, else the first advice."""
    if words.fixes:
        more = f" And {count(len(words.fixes) - 1, 'more plan')}." if len(words.fixes) > 1 else ""
        return f"Decide on the plan below: {words.fixes[0]}.{more}"
    if words.open_cards:
        return f"Decide on the plan that is waiting: {words.open_cards[0].title}."
    advice = [line for fault in words.causes for line in fault.advice] or list(words.advice)
    if advice:
        return advice[0]
    if words.not_offered:
        return f"No fix can be planned: {words.not_offered[0].reason}"
    return words.grants


def _fitted(lines: list[BriefLine], room: int) -> Iterator[BriefLine]:
    """Yield the lines within so many characters: short ones whole, the rest share what is left."""
    left = sorted(range(len(lines)), key=lambda at: len(lines[at].text))
    given: dict[int, int] = {}
    for done, at in enumerate(left):
        given[at] = min(len(lines[at].text), max(LEAST_CHARACTERS, room // (len(left) - done)))
        room -= given[at]
    for at, line in enumerate(lines):
        yield replace(line, text=shortened(line.text, given[at]))


def shortened(text: str, most: int) -> str:
    """Return whole sentences of `text` in at most `most` characters; of a longer first one its beginning and `…`."""
    if len(text) <= most:
        return text
    kept = ""
    for sentence in _SENTENCE.split(text):
        longer = f"{kept} {sentence}".strip()
        if len(longer) > most:
            break
        kept = longer
    if len(kept) > most // 3:
        return kept
    words = text[: most - 2].rsplit(" ", 1)[0] if " " in text[: most - 2] else text[: most - 2]
    return words.rstrip(" ,;:(") + " …"
