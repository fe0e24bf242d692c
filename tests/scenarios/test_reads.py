"""What a whole diagnosis reads, in worlds where much is read: each thing once, and nobody changes what all may hold."""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import PodName, Question
from bot.domain.deadline import Deadline
from bot.domain.places import HOME, Place
from bot.domain.ports import NetworkProber, NodeRun, PodProber, Sources
from bot.domain.who_changed import ObjectManagers
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from bot.workflow.diagnose import Diagnoser
from tests.environment import environment


@dataclass
class Kept:
    """Each answer beside a copy of it, and what was asked for it."""

    answers: list[tuple[str, object, object]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, asked: str, answer: Any) -> Any:
        """Note an answer, and return it."""
        with self.lock:
            self.answers.append((asked, answer, copy.deepcopy(_plain(answer))))
        return answer

    def asked(self) -> list[str]:
        """Return what was asked."""
        return [asked for asked, _, _ in self.answers]

    def changed(self) -> list[str]:
        """Return what was asked for the answers that are no longer what they were."""
        return [asked for asked, answer, before in self.answers if _plain(answer) != before]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class KeepingSources:
    """`Sources` that keep every answer of their readers."""

    inner: Sources
    kept: Kept

    def cluster(self, deadline: Deadline) -> Any:
        """See `Sources.cluster`."""
        return _Keeping(self.inner.cluster(deadline), "", self.kept)

    def aws(self, deadline: Deadline, place: Place = HOME) -> Any:
        """See `Sources.aws`."""
        return _Keeping(self.inner.aws(deadline, place), str(place), self.kept)

    def pods(self, deadline: Deadline) -> PodProber:
        """See `Sources.pods`."""
        return self.inner.pods(deadline)

    def nodes(self) -> NodeRun:
        """See `Sources.nodes`."""
        return self.inner.nodes()

    def networks(self, deadline: Deadline) -> NetworkProber:
        """See `Sources.networks`."""
        return self.inner.networks(deadline)


@dataclass(frozen=True)
class _Keeping:
    inner: Any
    where: str
    kept: Kept

    def get(self, *named: Any, **options: Any) -> Any:
        return self._ask("get", self.inner.get, named, options)

    def list(self, *named: Any, **options: Any) -> Any:
        """Keep what was asked for without what makes values of it: two forms of one list are two reads."""
        *asked, _ = named
        found = self.inner.list(*named, **options)
        return self.kept.keep(f"{self.where} list {asked} {sorted(options.items())}", found)

    def logs(self, pod: PodName, **options: Any) -> Any:
        return self._ask("logs", self.inner.logs, (pod,), options)

    def schemas(self, resource: Any) -> Any:
        return self._ask("schemas", self.inner.schemas, (resource,), {})

    def pod_page(self, pod: PodName, **options: Any) -> Any:
        return self.inner.pod_page(pod, **options)  # a page that counts is asked for as often as it is wanted

    def read(self, *named: Any, **options: Any) -> Any:
        return self._ask("read", self.inner.read, named, options)

    def _ask(self, verb: str, ask: Callable[..., Any], named: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return self.kept.keep(f"{self.where} {verb} {named} {sorted(options.items())}", ask(*named, **options))


@pytest.fixture
def keeping(world: RunningWorld) -> Iterator[Callable[[], tuple[Diagnoser, Kept]]]:
    """Return a function that makes a diagnoser of the world, and what keeps the answers that it is given."""
    opened: list[SourceBook] = []

    def make() -> tuple[Diagnoser, Kept]:
        settings = load_settings(world.directory / "dnsbot.yaml", {})
        opened.append(SourceBook(settings))
        diagnoser, kept = make_diagnoser(settings, opened[-1]), Kept()
        return replace(
            diagnoser, open_sources=lambda target: KeepingSources(diagnoser.open_sources(target), kept)
        ), kept

    with environment(world.environment):
        yield make
        for sources in opened:
            sources.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario", ["healthy", "no-endpoints", "coredns-pods-pending", "kube-proxy-forbidden", "ndots"]
)
def test_each_thing_is_read_once_and_left_as_it_was_answered(
    world: RunningWorld, keeping: Callable[[], tuple[Diagnoser, Kept]], scenario: str
) -> None:
    """All collectors together make no read twice but of what is at fault, and none changes what another may hold."""
    world.restart(scenario=scenario, seed=1)
    diagnoser, kept = keeping()

    diagnosis = diagnoser.run(Question(cluster="cluster-prod"))

    followed = [
        one for found in diagnosis.evidence if isinstance(found.value, ObjectManagers) for one in found.value.objects
    ]
    at_fault = Counter(f"'{one.object.name}'" for one in followed)  # read anew for managedFields, once rules named it
    most = {asked: 1 + sum(at_fault[name] for name in at_fault if name in asked) for asked in kept.asked()}
    read_twice = [asked for asked, times in Counter(kept.asked()).items() if times > most[asked]]
    assert (read_twice, kept.changed()) == ([], [])
    assert any(call.shared for collected in diagnosis.evidence for call in collected.calls)
