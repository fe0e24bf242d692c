"""Far ends' answers as values: what is missing or of the wrong type is `SourceGarbled`, never "looked and fine"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import SourceGarbled


@contextmanager
def reading(call: str) -> Iterator[None]:
    """Turn a member that is missing or of the wrong type into `SourceGarbled`, naming the call and the member."""
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        what = f"lacks {error.args[0]}" if isinstance(error, KeyError) and error.args else f"is not readable: {error}"
        raise SourceGarbled(
            f"{call} answered, but the answer {what}. Nothing is concluded from it; try again, and if it stays so "
            "look at what stands between the bot and the far end."
        ) from error
