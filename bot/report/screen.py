"""Shows lines on a terminal, by rich: its width, and colours unless NO_COLOR is set. Elsewhere they are plain text.

rich is imported where there is a terminal: what a script reads needs none of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from bot.domain.diagnosis import Progress
from bot.report.wrapping import WIDTH, Page, Styled

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST = 40


def page_of(out: TextIO) -> Page:
    """Return a page as wide as the terminal behind `out`, or 110 columns where there is none."""
    return Page(max(NARROWEST, _console(out).width)) if is_terminal(out) else Page(WIDTH)


def is_terminal(out: TextIO) -> bool:
    """Return whether a person looks at this. FORCE_COLOR says that one does."""
    return bool(os.environ.get("FORCE_COLOR")) or out.isatty()


def show(lines: Iterable[str], out: TextIO) -> None:
    """Write lines, each in its style."""
    if not is_terminal(out):
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()
        return
    print_on(_console(out), lines)


def print_on(console: Console, lines: Iterable[str]) -> None:
    """Print lines on rich's console, each in its style; a line that is longer than the terminal stays whole."""
    for line in lines:
        style = line.style if isinstance(line, Styled) else None
        console.print(line, style=style, soft_wrap=True, highlight=False, markup=False, emoji=False)


@contextmanager
def progress_on(out: TextIO) -> Iterator[Callable[[Progress], None] | None]:
    """Yield what shows how far a diagnosis has come, in one line that goes away; None where nobody looks."""
    if not is_terminal(out):
        yield None
        return
    with _console(out).status("Connecting …") as status:

        def show_progress(progress: Progress) -> None:
            total = len(progress.done) + len(progress.running) + len(progress.waiting)
            reading = f"; reading {progress.running[0]}" if progress.running else ""
            status.update(
                f"Diagnosing {progress.cluster}: {len(progress.done)} of {total} sources read after "
                f"{progress.elapsed_ms / 1000:.0f} s{reading}"
            )

        yield show_progress


def _console(out: TextIO) -> Console:
    from rich.console import Console  # noqa: PLC0415  # import late

    return Console(file=out, highlight=False)
