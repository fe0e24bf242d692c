"""Runs a command and prints what it cost as JSON. A program of its own, and a small one.

Linux counts what the parent holds at the fork as a child's peak, and a benchmark holds more than what it measures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run the arguments as a command."""
    started = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)  # noqa: S603  # our own
    _, _, used = os.wait4(process.pid, 0)
    cost = {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
