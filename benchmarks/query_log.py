"""Measure how fast CoreDNS's query log is read, beside grep, awk and a pattern for each line (see README.md here)."""

from __future__ import annotations

import argparse
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.dns.query_log import count_names, count_rcodes

GOALS = {"count_rcodes": 600, "count_names": 200}
"""MB a second of processor time, on one core."""
MEGABYTES = 256
CLIENTS, NAMES, NAMES_OF_ONE = 120, 300, 20
SEARCHED = ("shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", "eu-west-1.compute.internal.", "")
_LINE = re.compile(
    r'\[INFO\] (\S+):\d+ - \d+ "(\S+) (\S+) (\S+) (\S+) (\d+) (\S+) (\d+)" (\S+) (\S+) (\d+) (\d+\.\d+)s$'
)
AWK = 'match($0, /" [A-Z]+ /) { n[substr($0, RSTART + 2, RLENGTH - 3)]++ } END { for (r in n) print r, n[r] }'


def lines(chance: random.Random, errors: float) -> Iterator[str]:
    """Return lines as the API gives them: lookups with search domains, A and AAAA, and now and then an error."""
    clients = [f"10.0.{chance.randrange(4)}.{10 + number}" for number in range(CLIENTS)]
    names = [f"api{number}.example{number % 50}.com." for number in range(NAMES)]
    own = {client: chance.sample(names, NAMES_OF_ONE) for client in clients}
    while True:
        client, port = chance.choice(clients), chance.randint(1024, 65535)
        name = chance.choice(own[client])
        for domain in SEARCHED:
            asked, rcode = f"{name}{domain}", "NXDOMAIN qr,aa,rd" if domain else "NOERROR qr,rd,ra"
            for kind in ("A", "AAAA"):
                yield (
                    f"{_stamp(chance)} [INFO] {client}:{port} - {chance.randint(0, 65535)} "
                    f'"{kind} IN {asked} udp {len(asked) + 17} false 512" {rcode} {chance.randint(90, 200)} '
                    f"0.000{chance.randint(100_000, 999_999)}s\n"
                )
        if chance.random() < errors:
            reason = "read udp 10.0.1.7:5353->10.0.0.2:53: i/o timeout"
            yield f"{_stamp(chance)} [ERROR] plugin/errors: 2 {name} A: {reason}\n"


def _stamp(chance: random.Random) -> str:
    return f"2026-11-21T09:00:{chance.randint(10, 59)}.{chance.randint(100_000_000, 999_999_999)}Z"


def write(path: Path, errors: float) -> None:
    """Write a log; the same one every time."""
    size = 0
    with path.open("w", encoding="ascii") as file:
        for line in lines(random.Random(11), errors):  # noqa: S311  # repeats, no secret
            size += file.write(line)
            if size >= MEGABYTES * 1_000_000:
                return


def rcodes(path: Path) -> int:
    """Count by rcode with the bot's reader."""
    with path.open("rb") as file:
        return count_rcodes(file).queries


def by_name(path: Path) -> int:
    """Count by client and name with the bot's reader."""
    with path.open("rb") as file:
        return count_names([file]).queries


def per_line(path: Path) -> int:
    """Count by rcode, client and name with a pattern for each line."""
    counted: Counter[tuple[str, ...]] = Counter()
    with path.open(encoding="ascii") as file:
        for line in file:
            found = _LINE.search(line)
            if found:
                counted[found[1], found[4], found[9]] += 1
    return counted.total()


def grep(path: Path) -> int:
    """Count one rcode with grep."""
    return int(_run("grep", "-c", '" NXDOMAIN ', str(path)))


def awk(path: Path) -> int:
    """Count by rcode with awk."""
    return sum(int(row.split()[1]) for row in _run("awk", AWK, str(path)).splitlines())


def _run(*command: str) -> str:
    program = shutil.which(command[0])
    if program is None:
        raise SystemExit(f"{command[0]} is not on this machine; install it, or leave this comparison out.")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=True)  # noqa: S603  # our own
    return done.stdout


MEASURED: dict[str, Callable[[Path], int]] = {
    "count_rcodes": rcodes,
    "count_names": by_name,
    "grep -c": grep,
    "awk": awk,
    "a pattern for each line": per_line,
}


def measured(count: Callable[[Path], int], path: Path, times: int) -> tuple[float, int]:
    """Return MB a second of processor time, its own or its children's: the best of some; and what was counted."""
    best, counted = float("inf"), 0
    for _ in range(times):
        before = _seconds()
        counted = count(path)
        best = min(best, _seconds() - before)
    return path.stat().st_size / 1e6 / best, counted


def _seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    """Measure, print a table, and end with 1 where a goal is missed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--times", type=int, default=3, help="the best of so many runs is shown")
    options = asked.parse_args()
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for title, errors in (("one error in 5,000 lines", 0.002), ("three errors in 100 lines", 0.3)):
            path = Path(folder) / "coredns.log"
            write(path, errors)
            print(f"{path.stat().st_size / 1e6:.0f} MB of query log, {title}; MB a second of processor time")
            for name, count in MEASURED.items():
                speed, counted = measured(count, path, options.times)
                goal = GOALS.get(name, 0) if errors < 0.01 else 0  # noqa: PLR2004  # the usual log
                print(f"  {name:24} {speed:7.0f}   counted {counted:>9,}" + (f"   goal {goal}" if goal else ""))
                missed += [name] if speed < goal else []
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
