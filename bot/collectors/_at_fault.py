"""Asking about each object that rules have named as being at fault, so many at most; no collector itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject
from bot.domain.views import View
from bot.errors import EvidenceUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtFaultParameters:
    """What is asked about."""

    objects: tuple[FaultyObject, ...] = ()
    """Of the collector's own kinds; the workflow names those of a diagnosis's findings."""
    max_objects: int = 6
    """More are not asked about, and named."""


def ask_about_each(
    look: View, ask: Callable[[FaultyObject], T], unknown: Callable[[FaultyObject, Gap], T], *, what: str
) -> tuple[T, ...]:
    """Return what `ask` gives of each object, all at once, and `unknown` where that is refused or it is one too many.

    `what` is asked about them: `changes`. The pace is kept by whoever sends.
    """
    parameters: AtFaultParameters = look.parameters
    asked, left = parameters.objects[: parameters.max_objects], parameters.objects[parameters.max_objects :]
    too_many = (
        f"it was not asked about: {parameters.max_objects} objects are, and {len(parameters.objects)} are at fault"
    )

    def told(one: FaultyObject) -> T:
        try:
            return ask(one)
        except EvidenceUnavailable as error:
            return unknown(one, Gap.of(f"{what} of {one.title}", error))

    with ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
        found = list(pool.map(told, asked))
    return (*found, *(unknown(one, Gap(what=f"{what} of {one.title}", reason=too_many)) for one in left))
