"""Measure a diagnosis against the same calls made one after another (see README.md beside this file)."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.ports import Sources
from bot.sandbox.running import RunningWorld
from bot.settings import load_settings
from bot.workflow.catalogue import Catalogue
from bot.workflow.diagnose import Diagnoser

GOAL = 1.3
DEADLINE_SECONDS = 600.0


@dataclass(frozen=True)
class Call:
    """One call as it was made: by which collector, when, and how to make it again."""

    collector: str
    started: float
    ended: float
    again: Callable[[Any], object]
    port: str

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
        return self._watch("cluster", self.inner.cluster(deadline), ("get", "list", "logs"))

    def aws(self, deadline: Deadline) -> Any:
        return self._watch("aws", self.inner.aws(deadline), ("read",))

    def prober(self, deadline: Deadline) -> Any:
        return self._watch("prober", self.inner.prober(deadline), ("run",))

    def _watch(self, port: str, reader: object, verbs: Sequence[str]) -> Any:
        collector = threading.current_thread().name.removeprefix("collect ")
        return type("Reader", (), {verb: self._noting(port, reader, verb, collector) for verb in verbs})()

    def _noting(self, port: str, reader: object, verb: str, collector: str) -> Any:
        act = getattr(reader, verb)

        def call(_self: object, *args: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return act(*args, **named)
            finally:
                noted = Call(
                    collector, started, time.perf_counter(), lambda other: getattr(other, verb)(*args, **named), port
                )
                with self.lock:
                    self.calls.append(noted)

        return call


def longest_chain_seconds(calls: Sequence[Call], catalogue: Catalogue) -> float:
    """Return the seconds of the longest chain of calls of which each waited for the one before."""
    waits = {name: _upstream(name, catalogue) for name in catalogue.collectors}
    best: list[tuple[Call, float]] = []
    for call in sorted(calls, key=lambda one: one.ended):
        before = [
            seconds
            for other, seconds in best
            if other.ended <= call.started and other.collector in waits[call.collector]
        ]
        best.append((call, max(before, default=0.0) + call.seconds))
    return max((seconds for _, seconds in best), default=0.0)


def _upstream(name: str, catalogue: Catalogue) -> set[str]:
    found = {name}
    for needed in catalogue.collectors[name].needs:
        found |= _upstream(catalogue.collector_of(needed).name, catalogue)
    return found


def one_after_another(calls: Sequence[Call], sources: Sources) -> float:
    """Make the same calls again, in the order in which they began, and return the seconds."""
    deadline = Deadline.after(DEADLINE_SECONDS)
    ports = {"cluster": sources.cluster(deadline), "aws": sources.aws(deadline), "prober": sources.prober(deadline)}
    started = time.perf_counter()
    for call in sorted(calls, key=lambda one: one.started):
        call.again(ports[call.port])
    return time.perf_counter() - started


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


def measure(nodes: int, latency_ms: int) -> Measured:
    """Start a world, diagnose once to warm connections, then measure."""
    with RunningWorld(scenario="security-group", seed=1, nodes=nodes, latency_ms=latency_ms) as world:
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
        return Measured(
            nodes=nodes, diagnosis=diagnosis, wall_seconds=wall_seconds, calls=after["calls"] - before["calls"],
            sent_and_received_bytes=after["bytes"] - before["bytes"],
            chain_seconds=longest_chain_seconds(calls, plain.catalogue),
            sequence_seconds=one_after_another(calls, plain.open_sources(target)),
        )  # fmt: skip


def _always(watched: Watched) -> Callable[[ClusterTarget], Any]:
    return lambda _target: watched


def _totals(sources: object) -> Mapping[str, int]:
    totals: Mapping[str, int] = sources.totals()  # type: ignore[attr-defined]  # ClusterSources is a Traffic, too
    return totals


def main() -> None:
    """Measure each size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="*", default=[10, 100, 500, 1000])
    parser.add_argument("--latency", type=int, default=20, help="milliseconds added to each call")
    arguments = parser.parse_args()
    print(f"{arguments.latency} ms added to each call; {os.cpu_count()} cores; the far ends run on the same machine")
    print("nodes   wall s   calls   MB     chain s   wall/chain   one by one s   faster   root causes")
    for nodes in arguments.nodes:
        row = measure(nodes, arguments.latency)
        causes = ", ".join(finding.rule for finding in row.diagnosis.root_causes)
        print(
            f"{row.nodes:5d}   {row.wall_seconds:6.2f}   {row.calls:5d}   {row.sent_and_received_bytes / 1e6:5.1f}  "
            f"{row.chain_seconds:7.2f}   {row.wall_seconds / row.chain_seconds:10.2f}   {row.sequence_seconds:12.2f}   "
            f"{row.sequence_seconds / row.wall_seconds:5.1f}x   {causes}",
            flush=True,
        )
    print(f"goal: wall/chain at most {GOAL}")


if __name__ == "__main__":
    main()
