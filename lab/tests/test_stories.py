from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from bot.app import load_units
from bot.domain.findings import Kind
from bot.sandbox.story.story import ADVISED, FIXED
from bot.sandbox.world.scenario import ByFix, ByHand, NotSimulated
from bot.sandbox.world.scenario_catalogue import all_scenarios
from bot.sandbox.world.world import CLUSTER_DNS
from lab.contract.far_end import eventually
from lab.kubernetes_api import Json
from lab.lookups import clients_of, has_branch_interface
from lab.observing import diagnose, problems
from lab.running import RunningLab
from lab.tests.playing import play
from lab.tests.shelf import Shelf
from lab.tests.tables import Tell
from lab.ways import Lookups, answered, look_up_everything

pytestmark = pytest.mark.timeout(420)
CATALOGUE = load_units()
HEALED = (
    "scenario, who healed it, ways answered before and after, pairs of nodes without an answer before and after, "
    "DNS answers between nodes before and after, packets to no address before and after"
)

Pair: TypeAlias = tuple[str, str, str]
"""The client's node and kind, a CoreDNS pod's address on another node, udp or tcp."""


@pytest.fixture
def lab(shelf: Shelf, scenario: str) -> Iterator[RunningLab]:
    """A lab with the scenario: the one that `test_sandbox_agrees` has just looked at, where both are run."""
    yield shelf.lab(scenario)
    shelf.clear()


def _healed(*ways: type) -> list[str]:
    """Return the names of the scenarios of this cluster alone that are healed in one of these ways."""
    played = [one for one in all_scenarios() if not one.not_in_lab and not one.elsewhere]
    return [one.name for one in played if isinstance(one.healed_by, ways)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Packets that the VPC's filter saw while everything was looked up."""

    answers: Mapping[Pair, int]
    """Answers that passed, 0 for none. Clients are known by their nodes and kinds: a fix may recreate the pods, which
    then have other addresses."""
    astray: int
    """Packets to the ClusterIP, which nobody in a VPC holds: they went past the node that would have led them on."""
    within: frozenset[Pair]
    """A branch interface and a server on its own node: made in standard mode, its pod needs no VPC for that (B9)."""

    @property
    def silent(self) -> set[Pair]:
        """The pairs without an answer, of those that need the VPC in either mode."""
        return {pair for pair, count in self.answers.items() if not count} - self.within

    @property
    def shows_a_fault(self) -> bool:
        """Whether packets did not get where they should."""
        return bool(self.silent or self.astray)


def _look_up_and_count(lab: RunningLab) -> tuple[Lookups, Counted]:
    """Look everything up; return what came back, and what passed the filter meanwhile."""
    clients = {pod["status"]["podIP"]: _whence(pod) for pod in clients_of(lab) if pod["status"].get("podIP")}
    servers = _places(lab, namespace="kube-system", labels="k8s-app=kube-dns")
    found = {
        (client, server, protocol): 0
        for client in clients.values()
        for server, node in servers.items()
        for protocol in ("udp", "tcp")
        if client != node
    }
    counted, astray = lab.filter.answers(), _astray(lab)
    lookups = look_up_everything(lab)
    for (client, server, protocol), count in lab.filter.answers().items():
        pair = clients.get(client, ""), server, protocol
        if pair in found:
            found[pair] += count - counted.get((client, server, protocol), 0)
    within = frozenset(pair for pair in found if pair[0] == _of_branch(servers[pair[1]]))
    return lookups, Counted(answers=found, astray=_astray(lab) - astray, within=within)


def _astray(lab: RunningLab) -> int:
    return sum(count for (_, server, _), count in lab.filter.arrived().items() if server == CLUSTER_DNS)


def _whence(pod: Json) -> str:
    """Return the node, whose own servers a plain pod reaches without the VPC; another text for a branch interface."""
    node: str = pod["spec"]["nodeName"]
    return _of_branch(node) if has_branch_interface(pod) else node


def _of_branch(node: str) -> str:
    return f"{node}, branch interface"


def _places(lab: RunningLab, *, namespace: str, labels: str = "") -> dict[str, str]:
    """Return the nodes of these pods by the pods' addresses; a pod without an address is nowhere."""
    pods = lab.operator.get("pods", namespace=namespace, labels=labels)
    return {pod["status"]["podIP"]: pod["spec"]["nodeName"] for pod in pods if pod["status"].get("podIP")}


def _row(lookups: Sequence[Lookups], counted: Sequence[Counted]) -> tuple[object, ...]:
    """Return the cells of `HEALED` after the first two; each argument is what was seen before, and after."""
    silent, packets = [len(one.silent) for one in counted], [sum(one.answers.values()) for one in counted]
    return (*map(answered, lookups), *silent, *packets, *(one.astray for one in counted))


def _title(lab: RunningLab) -> str:
    return CATALOGUE.rules[lab.scenario.root_cause or lab.scenario.symptom].title


def _breaks_lookups(lab: RunningLab) -> bool:
    """Return whether lookups fail by the scenario's fault; a latent one breaks none."""
    return any(CATALOGUE.rules[rule].kind is Kind.SYMPTOM for rule in lab.scenario.explains)


def _ends_on_the_node(lab: RunningLab) -> bool:
    """Return whether nodes refuse the service's address themselves, for want of an endpoint: no VPC sees a packet.

    Pods of CoreDNS that are there and not ready answer at their own addresses, with SERVFAIL.
    """
    return "kube_dns_no_endpoints" in lab.scenario.explains


def _outcomes(found: Lookups) -> set[str]:
    return {one for outcomes in found.values() for one in outcomes}


def _all_answer(found: Lookups) -> bool:
    return _outcomes(found) == {"answer"}


@pytest.mark.parametrize("scenario", _healed(ByFix))
def test_the_whole_story_heals_real_packets(lab: RunningLab, tell: Tell, scenario: str) -> None:
    """Slash command → report → a second person's click → AWS changed → real lookups answer → verified."""
    before, counted = _look_up_and_count(lab)
    code, told = play(lab)
    after, counted_after = eventually(lambda: _look_up_and_count(lab), lambda found: _all_answer(found[0]))
    tell(HEALED, scenario, "the bot's fix", *_row((before, after), (counted, counted_after)))

    assert code == FIXED, told
    assert _all_answer(after)
    assert ("failure" in _outcomes(before)) is _breaks_lookups(lab)
    if not _ends_on_the_node(lab):
        assert counted.shows_a_fault is _breaks_lookups(lab), "the fault stopped no packets, or should stop none"
    standing = {server for _, server, _ in counted_after.answers}  # a fix may replace CoreDNS's pods, too
    silent = {pair for pair in counted.silent if pair[1] in standing}
    assert {pair for pair in silent if not counted_after.answers.get(pair)} == set()
    assert counted_after.silent == set()
    assert counted_after.astray == 0


@pytest.mark.parametrize("scenario", _healed(ByHand))
def test_advice_carried_out_by_hand_heals(lab: RunningLab, tell: Tell, scenario: str) -> None:
    """The report names the cause and advises; a person does it; real lookups answer and nothing is found any more."""
    before, counted = _look_up_and_count(lab)
    code, told = play(lab)
    assert isinstance(lab.scenario.healed_by, ByHand)
    lab.scenario.healed_by.acts(lab.world, lab.operator)
    lab.operator.settle()
    after, counted_after = eventually(lambda: _look_up_and_count(lab), lambda found: _all_answer(found[0]), seconds=90)
    _, report = eventually(lambda: diagnose(lab), lambda seen: not problems(seen[1]), seconds=90)
    tell(HEALED, scenario, "by hand", *_row((before, after), (counted, counted_after)))

    assert code == ADVISED, told
    assert _title(lab) in told
    assert counted_after.answers
    assert counted_after.silent == set()
    assert report["root_causes"] == []


@pytest.mark.parametrize("scenario", _healed(NotSimulated))
def test_story_ends_with_advice_where_healing_is_not_simulated(lab: RunningLab) -> None:
    """The cause is named and advice given; nothing that stands here can heal, and the scenario says why."""
    code, told = play(lab)

    assert code == ADVISED, told
    assert _title(lab) in told
