"""What differs between two JSON values, said in lines that people can read. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from bot.domain.json_values import JsonValue, canonical

LONGEST = 300
"""Characters of one value."""
MOST = 12
"""Lines; the rest is counted."""


def changes(before: JsonValue, now: JsonValue) -> tuple[str, ...]:
    """Return one line for each place that differs: what came, what went, what was something else."""
    lines = list(_changes(before, now, ""))
    if len(lines) > MOST:
        return (*lines[:MOST], f"{len(lines) - MOST} more differences")
    return tuple(lines)


def _changes(before: JsonValue, now: JsonValue, place: str) -> Iterator[str]:
    if canonical(before) == canonical(now):
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            where = f"{place}.{key}" if place else key
            if key not in before:
                yield f"{where} came: {_short(now[key])}"
            elif key not in now:
                yield f"{where} is gone; it was {_short(before[key])}"
            else:
                yield from _changes(before[key], now[key], where)
    elif isinstance(before, list | tuple) and isinstance(now, list | tuple):
        yield from _of_lists(before, now, f"{place}: " if place else "")
    else:
        yield f"{place or 'it'} was {_short(before)}, and is {_short(now)}"


def _of_lists(before: Sequence[JsonValue], now: Sequence[JsonValue], place: str) -> Iterator[str]:
    """Compare what two lists hold; where that is the same, its order differs."""
    had, has = Counter(map(_short, before)), Counter(map(_short, now))
    came, gone = has - had, had - has
    yield from (f"{place}came: {item}" for item in came.elements())
    yield from (f"{place}is gone: {item}" for item in gone.elements())
    if not came and not gone:
        yield f"{place}the same in another order"


def _short(value: JsonValue) -> str:
    """Return a value as people write it: `protocol tcp, from_port 53`."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {_short(item)}" for key, item in sorted(value.items()))
    elif isinstance(value, str):
        text = value or "empty"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(map(_short, value)) + "]"
    else:
        text = canonical(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
