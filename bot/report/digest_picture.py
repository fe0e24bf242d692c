"""The picture of a digest: latency and error share over the last days, readable at 400 pixels without colour.

Lines differ in dash and marker as well as in colour (Okabe and Ito's, which colour-blind people tell apart), and a
legend names them. Times are UTC.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.domain.digests import Digest
from bot.domain.health import Sample
from bot.domain.phrases import count
from bot.report.measure_words import milliseconds, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 4
"""Clusters that are drawn: those with trouble first. More lines nobody tells apart."""
LEAST_POINTS = 2
STYLES = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("#009E73", "-.", "^"), ("#CC79A7", ":", "D"))
"""Colour, dash and marker of each line."""
INCHES, DOTS_PER_INCH = (4.0, 4.2), 200
"""800 by 840 pixels; text of 9 points is 25 pixels high, and 12 where it is shown at 400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One cluster in the picture."""

    cluster: str
    times: tuple[datetime, ...]
    p95_milliseconds: tuple[float | None, ...]
    error_percent: tuple[float | None, ...]

    @property
    def points(self) -> int:
        """How many times have a number: where nobody asked anything, there is neither latency nor a share."""
        pairs = zip(self.p95_milliseconds, self.error_percent, strict=True)
        return sum(p95 is not None or errors is not None for p95, errors in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A PNG with the words that stand for it."""

    png: bytes
    alt_text: str
    title: str


def lines(digest: Digest) -> tuple[Line, ...]:
    """Return what is drawn: clusters with trouble first, and of each the samples in which something was measured."""
    trouble = {one.cluster: (-one.open_problems, -len(one.worsened)) for one in digest.clusters}
    ranked = sorted(digest.series, key=lambda one: (trouble.get(one[0], (0, 0)), one[0]))
    drawn = (_line(cluster, samples) for cluster, samples in ranked)
    return tuple(line for line in drawn if line.points >= LEAST_POINTS)[:MOST_LINES]


def _line(cluster: str, samples: Sequence[Sample]) -> Line:
    measured = [(one.at, one.served) for one in samples if one.served is not None and not one.since_start]
    return Line(
        cluster=cluster,
        times=tuple(at for at, _ in measured),
        p95_milliseconds=tuple(_times(served.percentile(0.95), 1000) for _, served in measured),
        error_percent=tuple(_times(served.error_share, 100) for _, served in measured),
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def picture(digest: Digest) -> Picture | None:
    """Return the picture; None where too little was measured to draw a line."""
    drawn = lines(digest)
    if not drawn:
        return None
    left = len(digest.clusters) - len(drawn)
    title = f"DNS latency and errors of {count(len(drawn), 'cluster')}"
    if left:
        title += f", {left} not drawn"
    made = io.BytesIO()
    figure(drawn).savefig(made, format="png", dpi=DOTS_PER_INCH)
    return Picture(png=made.getvalue(), alt_text=alt_text(drawn), title=title)


def alt_text(drawn: Sequence[Line]) -> str:
    """Say what the picture shows, with numbers: the newest and the highest of each line."""
    parts = [f"{line.cluster}: p95 {_range(line.p95_milliseconds, 0.001, milliseconds)}, errors "
             f"{_range(line.error_percent, 0.01, percent)}" for line in drawn]  # fmt: skip
    first, last = min(line.times[0] for line in drawn), max(line.times[-1] for line in drawn)
    return (
        f"Latency and error share from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC. " + "; ".join(parts) + "."
    )


def _range(values: Sequence[float | None], factor: float, form: object) -> str:
    known = [value * factor for value in values if value is not None]
    if not known or not callable(form):
        return "not measured"
    return f"{form(known[-1])} now, {form(max(known))} at most"


def figure(drawn: Sequence[Line]) -> Figure:
    """Return the two panels: latency above, errors below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415  # the same

    made = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(made)
    above, below = made.subplots(2, 1, sharex=True)
    _panel(above, "latency p95, ms", [(line.cluster, line.times, line.p95_milliseconds) for line in drawn])
    _panel(below, "errors, %", [(line.cluster, line.times, line.error_percent) for line in drawn])
    if len(drawn) > 1:
        made.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    else:
        above.set_title(drawn[0].cluster, fontsize=9, loc="left")
    return made


def _panel(axes: Axes, label: str, found: Sequence[tuple[str, Sequence[datetime], Sequence[float | None]]]) -> None:
    from matplotlib import dates  # noqa: PLC0415  # slow to import

    for (cluster, times, values), (colour, dash, marker) in zip(found, STYLES, strict=False):
        every = max(1, len(times) // 8)
        shown = [float("nan") if value is None else value for value in values]
        days = dates.date2num(times)  # type: ignore[no-untyped-call]
        form = {"color": colour, "linestyle": dash, "marker": marker, "markersize": 5}
        axes.plot(days, shown, label=cluster[:24], markevery=every, **form)  # type: ignore[arg-type]
    axes.xaxis_date()
    axes.set_ylabel(label, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=9)
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    locator = dates.AutoDateLocator(minticks=3, maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
