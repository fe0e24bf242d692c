"""`python -m lab.fuzz [--worlds N] [--seed S]`: without `--worlds` it goes on until Ctrl-C.

Ends with status 1 when bot.network and the kernel disagreed about anything, and prints, for each such world, the least
that shows it: keep it as a case in tests/network.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

from lab.errors import LabError
from lab.fuzz.session import Score, fuzz
from lab.namespaces import Run

_LINE_SECONDS = 5.0


def main() -> int:
    """Fuzz and print the score every few seconds."""
    parser = argparse.ArgumentParser(prog="python -m lab.fuzz", description=__doc__)
    parser.add_argument("--worlds", type=int, help="how many worlds; without end if not given")
    parser.add_argument("--seed", type=int, default=None, help="draws the same worlds again; new ones if not given")
    given = parser.parse_args()
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, signal.default_int_handler)
    seed = given.seed if given.seed is not None else int(time.time())
    try:
        with Run() as run:
            return _fuzz(run, seed, given.worlds)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _fuzz(run: Run, seed: int, worlds: int | None) -> int:
    score, told, next_line = Score(), 0, 0.0
    try:
        for score in fuzz(run, seed=seed, worlds=worlds, narrow=True):
            for case in score.narrowed[told:]:
                sys.stdout.write(f"{case}\n")
            told = len(score.narrowed)
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
