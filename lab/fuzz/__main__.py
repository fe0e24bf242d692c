"""`python -m lab.fuzz [--worlds N] [--seed S] [--names]`: without `--worlds` it goes on until Ctrl-C.

Compares with the kernel who reaches whom; with `--names`, with VPC resolvers how names are answered. Ends with status 1
when bot.network and they disagreed about anything, and prints, for each such world, the least that shows it, or each
name with the way that the bot told: keep it as a case in tests/network.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from lab.errors import LabError
from lab.fuzz.session import Score, fuzz
from lab.fuzz_names.session import NameScore, fuzz_names
from lab.namespaces import Run
from lab.programs import built_programs

_LINE_SECONDS = 5.0


def main() -> int:
    """Fuzz and print the score every few seconds."""
    parser = argparse.ArgumentParser(prog="python -m lab.fuzz", description=__doc__)
    parser.add_argument("--worlds", type=int, help="how many worlds; without end if not given")
    parser.add_argument("--seed", type=int, default=None, help="draws the same worlds again; new ones if not given")
    parser.add_argument("--names", action="store_true", help="compare how names are answered")
    given = parser.parse_args()
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, signal.default_int_handler)
    seed = given.seed if given.seed is not None else int(time.time())
    try:
        with Run() as run:
            return _fuzz(seed, _names(run, seed, given.worlds) if given.names else _packets(run, seed, given.worlds))
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _packets(run: Run, seed: int, worlds: int | None) -> Iterator[tuple[Score, list[str]]]:
    for score in fuzz(run, seed=seed, worlds=worlds, narrow=True):
        yield score, score.narrowed


def _names(run: Run, seed: int, worlds: int | None) -> Iterator[tuple[NameScore, list[str]]]:
    numbers = count() if worlds is None else range(worlds)
    for score in fuzz_names(run, Path(built_programs().path("coredns")), seed=seed, worlds=numbers):
        yield score, [*map(str, score.disagreements)]


def _fuzz(seed: int, scores: Iterator[tuple[Score | NameScore, list[str]]]) -> int:
    """Print the score of `scores` now and then, and at once what else is to be kept of it."""
    score: Score | NameScore = Score()
    told, next_line = 0, 0.0
    try:
        for score, cases in scores:
            for case in cases[told:]:
                sys.stdout.write(f"{case}\n")
            told = len(cases)
            if time.monotonic() > next_line:
                sys.stdout.write(f"seed {seed}: {score}\n")
                sys.stdout.flush()
                next_line = time.monotonic() + _LINE_SECONDS
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    sys.stdout.write(f"seed {seed}: {score}\n")
    return 1 if score.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
