"""Measure what a diagnosis takes, and what the whole process costs (see README.md beside this file)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.places import HOME, Place
from bot.domain.ports import AwsReader, ClusterReader, NetworkProber, NodeRun, PodProber, Sources
from bot.errors import EvidenceUnavailable
from bot.memory import take_little_memory
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from bot.workflow.catalogue import Catalogue
from bot.workflow.diagnose import Diagnoser
from bot.workflow.who_changed import CLOUD_TRAIL, MANAGERS

GOAL = 1.3
CPU_GOAL_SECONDS, GROWTH_GOAL, PEAK_GOAL_MB = 1.2, 2.5, 150
"""Of the whole process: at 10 nodes; of 3,000 nodes to 10; at 3,000."""
USUAL, LOGGING = "security-group", "ndots"
"""Scenarios: one in which much fails, and one in which CoreDNS's query log is on and read (C12)."""
SIZES = {LOGGING: (10, 100)}
"""Nodes of a scenario's world. In the second each brings a pod that asks ten queries a second: at 100 the log is longer
than what is read of it, and at 1,000 the far end would have no time for anything but to write it."""
USUAL_SIZES = (10, 1000, 3000)
DEADLINE_SECONDS = 600.0
MEASURED_TIMES = 3
AT_THE_END = "at the end"
"""Stands for the collector of what is done when all have ended."""

Port: TypeAlias = Callable[[Sources, Deadline], Any]
"""Opens one way of looking."""


@dataclass(frozen=True)
class Call:
    """One call as it was made: by which collector, when, and how to make it again."""

    collector: str
    started: float
    ended: float
    again: Callable[[Sources, Deadline], object]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started


@dataclass
class Watched:
    """`Sources` that note every call; the collector is known by its thread's name."""

    inner: Sources
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def cluster(self, deadline: Deadline) -> Any:
        return self._watch(lambda sources, until: sources.cluster(until), deadline, _verbs(ClusterReader))

    def aws(self, deadline: Deadline, place: Place = HOME) -> Any:
        return self._watch(lambda sources, until: sources.aws(until, place), deadline, _verbs(AwsReader))

    def pods(self, deadline: Deadline) -> Any:
        return self._watch(lambda sources, until: sources.pods(until), deadline, _verbs(PodProber))

    def nodes(self) -> Any:
        return WatchedNodes(self.inner.nodes(), self)

    def networks(self, deadline: Deadline) -> NetworkProber:
        """Return the prober itself: the worlds that are measured have no other network."""
        return self.inner.networks(deadline)

    def note(self, collector: str, act: Callable[[], Any], again: Callable[[Sources, Deadline], object]) -> Any:
        """Act, and note it as one call."""
        started = time.perf_counter()
        try:
            return act()
        finally:
            noted = Call(collector, started, time.perf_counter(), again)
            with self.lock:
                self.calls.append(noted)

    def _watch(self, port: Port, deadline: Deadline, verbs: Sequence[str]) -> Any:
        collector, reader = collector_here(), port(self.inner, deadline)
        return type("Reader", (), {verb: self._noting(port, reader, verb, collector) for verb in verbs})()

    def _noting(self, port: Port, reader: object, verb: str, collector: str) -> Any:
        act = getattr(reader, verb)

        def call(_self: object, *args: Any, **named: Any) -> Any:
            def again(sources: Sources, until: Deadline) -> object:
                return getattr(port(sources, until), verb)(*args, **named)

            return self.note(collector, lambda: act(*args, **named), again)

        return call


def _verbs(port: type) -> tuple[str, ...]:
    """Return the names of a port's calls."""
    return tuple(name for name in vars(port) if not name.startswith("_"))


def collector_here() -> str:
    """Return the collector in whose thread this is called; of a thread that a collector started, the thread's name."""
    return threading.current_thread().name.removeprefix("collect ").partition("#")[0]


@dataclass(frozen=True)
class WatchedNodes:
    """A `NodeRun` that notes each run of a program on a node, and the removal of the pods that were made for it.

    A run is one call here: to find a container there, to make a pod where none is and to run the program in it are
    steps of which each waits for the one before.
    """

    inner: Any
    watched: Watched

    def prober(self, deadline: Deadline, record: Any) -> Any:
        prober, collector = self.inner.prober(deadline, record), collector_here()

        def run(_self: object, node: str, arguments: Sequence[str]) -> Any:
            def again(sources: Sources, until: Deadline) -> object:
                return sources.nodes().prober(until, _unrecorded).run(node, arguments)

            return self.watched.note(collector, lambda: prober.run(node, arguments), again)

        return type("Prober", (), {"run": run})()

    def close(self) -> None:
        self.watched.note(AT_THE_END, self.inner.close, lambda sources, _: sources.nodes().close())


def _unrecorded(_right: object) -> AbstractContextManager[None]:
    return nullcontext()


class OneNodeRun:
    """`Sources` that see nodes through one run, as a diagnosis does."""

    def __init__(self, inner: Sources) -> None:
        self._nodes = inner.nodes()
        self.cluster, self.aws, self.pods = inner.cluster, inner.aws, inner.pods
        self.networks = inner.networks

    def nodes(self) -> NodeRun:
        return self._nodes


def longest_chain_seconds(calls: Sequence[Call], catalogue: Catalogue) -> float:
    """Return the seconds of the longest chain of calls of which each waited for the one before."""
    waits = {name: _upstream(name, catalogue) for name in catalogue.collectors}
    waits |= {name: {AT_THE_END, *catalogue.collectors} for name in (AT_THE_END, CLOUD_TRAIL, MANAGERS)}
    best: list[tuple[Call, float]] = []
    for call in sorted(calls, key=lambda one: one.ended):
        before = [
            seconds
            for other, seconds in best
            if other.ended <= call.started and other.collector in waits.get(call.collector, {call.collector})
        ]
        best.append((call, max(before, default=0.0) + call.seconds))
    return max((seconds for _, seconds in best), default=0.0)


def _upstream(name: str, catalogue: Catalogue) -> set[str]:
    found = {name}
    for needed in catalogue.collectors[name].inputs:
        found |= _upstream(catalogue.collector_of(needed).name, catalogue)
    return found


def one_after_another(calls: Sequence[Call], sources: Sources) -> float:
    """Make the same calls again, in the order in which they began, and return the seconds."""
    deadline = Deadline.after(DEADLINE_SECONDS)
    seen = OneNodeRun(sources)
    started = time.perf_counter()
    for call in sorted(calls, key=lambda one: one.started):
        with suppress(EvidenceUnavailable):  # what is not there was not there the first time
            call.again(seen, deadline)
    return time.perf_counter() - started


@dataclass(frozen=True)
class Process:
    """What `dnsbot diagnose` cost as a process of its own, start-up included."""

    wall_seconds: float
    cpu_seconds: float
    """User and system."""
    peak_mb: float


def run_process(environment: Mapping[str, str], config: Path) -> Process:
    """Diagnose in a process of its own: once to make the database, then thrice, of which the middle one counts."""
    command = [sys.executable, str(Path(__file__).with_name("process_cost.py"))]
    command += [sys.executable, "-m", "bot", "diagnose", "cluster-prod", "--config", str(config)]
    command += ["--deadline", f"{DEADLINE_SECONDS:.0f}s", "--output", "json"]
    costs = []
    for _ in range(1 + MEASURED_TIMES):
        done = subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)  # noqa: S603  # our own
        costs.append(Process(**json.loads(done.stdout)))
    return sorted(costs[1:], key=lambda one: one.cpu_seconds)[MEASURED_TIMES // 2]


@dataclass(frozen=True)
class Measured:
    """One row of the table."""

    nodes: int
    diagnosis: Diagnosis
    wall_seconds: float
    calls: int
    sent_and_received_bytes: int
    chain_seconds: float
    sequence_seconds: float
    process: Process


def measure(nodes: int, latency_ms: int, scenario: str) -> Measured:
    """Start a world, diagnose once to warm connections, then measure."""
    with RunningWorld(scenario=scenario, seed=1, nodes=nodes, latency_ms=latency_ms) as world:
        os.environ.update(world.environment)
        settings = load_settings(Path(world.directory) / "dnsbot.yaml", world.environment)
        plain = make_diagnoser(settings, SourceBook(settings))
        target = plain.targets["cluster-prod"]
        watched = Watched(plain.open_sources(target))
        diagnoser = Diagnoser(
            catalogue=plain.catalogue, playbooks=plain.playbooks, targets=plain.targets,
            open_sources=_always(watched), deadline_seconds=DEADLINE_SECONDS,
        )  # fmt: skip
        diagnoser.run(Question(cluster="cluster-prod"))
        watched.calls.clear()
        before = _totals(watched.inner)
        started = time.perf_counter()
        diagnosis = diagnoser.run(Question(cluster="cluster-prod"))
        wall_seconds = time.perf_counter() - started
        after = _totals(watched.inner)
        calls = list(watched.calls)
        directory = Path(world.directory)
        database = {"DATABASE_URL": f"sqlite:///{directory / 'bench.db'}"}
        return Measured(
            nodes=nodes, diagnosis=diagnosis, wall_seconds=wall_seconds, calls=after["calls"] - before["calls"],
            sent_and_received_bytes=after["bytes"] - before["bytes"],
            chain_seconds=longest_chain_seconds(calls, plain.catalogue),
            sequence_seconds=one_after_another(calls, plain.open_sources(target)),
            process=run_process({**world.environment, **database}, directory / "dnsbot.yaml"),
        )  # fmt: skip


def _always(watched: Watched) -> Callable[[ClusterTarget], Any]:
    return lambda _target: watched


def _totals(sources: object) -> Mapping[str, int]:
    totals: Mapping[str, int] = sources.totals()  # type: ignore[attr-defined]  # ClusterSources is a Traffic, too
    return totals


HEAD = (
    ("nodes", "wall", "calls", "MB", "longest chain of dependent calls", "wall ÷ chain", "the same calls one by one"),
    ("processor time", "peak memory", "root causes"),
)


def table_row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def cells(row: Measured) -> tuple[str, ...]:
    """Return what one size took, in the order of `HEAD`."""
    return (
        f"{row.nodes:,}",
        f"{row.wall_seconds:.1f} s",
        f"{row.calls}",
        f"{row.sent_and_received_bytes / 1e6:.1f}",
        f"{row.chain_seconds:.1f} s",
        f"{row.wall_seconds / row.chain_seconds:.2f}",
        f"{row.sequence_seconds:.1f} s",
        f"{row.process.cpu_seconds:.2f} s",
        f"{row.process.peak_mb:.0f} MB",
        ", ".join(f"`{finding.rule}`" for finding in row.diagnosis.root_causes) or "none",
    )


def main() -> None:
    """Measure each size and print the table, as docs/cost.md has it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="*", help="default: as docs/cost.md has it for each scenario")
    parser.add_argument("--latency", type=int, default=20, help="milliseconds added to each call")
    parser.add_argument(
        "--scenario", nargs="*", default=[USUAL, LOGGING], help=f"{LOGGING}: with CoreDNS's query log on"
    )
    arguments = parser.parse_args()
    take_little_memory()
    for scenario in arguments.scenario:
        print_table(scenario, arguments.nodes or SIZES.get(scenario, USUAL_SIZES), arguments.latency)
    print(
        f"{arguments.latency} ms were added to each call; the far ends ran on the same {os.cpu_count()} cores.\n"
        f"Goals: wall ÷ chain at most {GOAL}, with the query log on, too; without it processor time at most "
        f"{CPU_GOAL_SECONDS} s at 10 nodes and {GROWTH_GOAL} times that at 3,000; peak memory at most {PEAK_GOAL_MB} "
        "MB there."
    )


def print_table(scenario: str, sizes: Sequence[int], latency_ms: int) -> None:
    """Measure each size of one scenario's world; each row is printed as it comes."""
    head = [cell for part in HEAD for cell in part]
    print(f"Scenario `{scenario}`{', with the query log on' if scenario == LOGGING else ''}:\n")
    print(table_row(head))
    print(table_row(["---"] * len(head)))
    rows = []
    for nodes in sizes:
        rows.append(measure(nodes, latency_ms, scenario))
        print(table_row(cells(rows[-1])), flush=True)
    first, last = rows[0], rows[-1]
    growth = last.process.cpu_seconds / first.process.cpu_seconds
    print(f"\nFrom {first.nodes:,} to {last.nodes:,} nodes processor time grows {growth:.1f} times.\n")


if __name__ == "__main__":
    main()
