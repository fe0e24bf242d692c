from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from bot.app import load_units
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.editing import edit, edit_config, write_corefile
from bot.sandbox.scenario import Operator
from bot.sandbox.scenario_catalogue import all_scenarios
from bot.sandbox.screen import Screen
from bot.sandbox.stage import stage_on
from bot.sandbox.story import ADVISED, FIXED, Story
from bot.sandbox.world import CLUSTER, CLUSTER_DNS, REGION, WORKLOAD_SELECTOR, World
from lab.contract.far_end import eventually
from lab.observing import diagnose, problems
from lab.running import RunningLab
from lab.tests.tables import Tell
from lab.ways import Lookups, answered, look_up_everything

pytestmark = pytest.mark.timeout(420)
FIXABLE = ("security-group", "node-group-split", "network-acl")
HEALED = (
    "scenario, who healed it, ways answered before and after, pairs of nodes without an answer before and after, "
    "DNS answers between nodes before and after"
)
NOT_SIMULATED = "coredns-pods-pending-fargate"
"""Healing on Fargate is not simulated: no Fargate scheduler stands behind this API server."""

_CLIENTS = "catalog"
"""The application whose pods look up, one on each node."""

Pair: TypeAlias = tuple[str, str, str]
"""The client's node, a CoreDNS pod's address on another node, udp or tcp."""

_SERVER = re.compile(r"server: \S+")


def play(lab: RunningLab) -> tuple[int, str]:
    """Play the whole story over the lab: signed slash command, report, second person's click; return how it ended."""
    screen, folder = io.StringIO(), tempfile.TemporaryDirectory(prefix="dnsbot-story-")
    with folder, stage_on(lab) as stage:
        log = Path(folder.name) / "bot.log"
        with BotProcess(configuration=stage.configuration, environment=stage.http_environment, log=log) as bot:
            stage.slack.deliver_to(bot.url)
            healthy = not lab.scenario.root_cause
            code = Story(slack=stage.slack, screen=Screen(screen), cluster=CLUSTER, healthy=healthy).tell()
    return code, screen.getvalue()


def _look_up_and_count(lab: RunningLab) -> tuple[Lookups, dict[Pair, int]]:
    """Look everything up; return what came back, and how many answers passed the filter meanwhile, 0 for none.

    Clients are known by their nodes: a fix may recreate the pods, which then have other addresses.
    """
    clients = _places(lab, namespace=_CLIENTS)
    servers = _places(lab, namespace="kube-system", labels="k8s-app=kube-dns")
    found = {
        (client, server, protocol): 0
        for client in clients.values()
        for server, node in servers.items()
        for protocol in ("udp", "tcp")
        if client != node
    }
    counted = lab.filter.answers()
    lookups = look_up_everything(lab)
    for (client, server, protocol), count in lab.filter.answers().items():
        pair = clients.get(client, ""), server, protocol
        if pair in found:
            found[pair] += count - counted.get((client, server, protocol), 0)
    return lookups, found


def _places(lab: RunningLab, *, namespace: str, labels: str = "") -> dict[str, str]:
    """Return the nodes of these pods by the pods' addresses; a pod without an address is nowhere."""
    pods = lab.operator.get("pods", namespace=namespace, labels=labels)
    return {pod["status"]["podIP"]: pod["spec"]["nodeName"] for pod in pods if pod["status"].get("podIP")}


def _silent(counted: Mapping[Pair, int]) -> set[Pair]:
    return {pair for pair, count in counted.items() if not count}


def _row(lookups: Sequence[Lookups], counted: Sequence[Mapping[Pair, int]]) -> tuple[object, ...]:
    """Return the cells of `HEALED` after the first two; each argument is what was seen before, and after."""
    silent, packets = ([len(_silent(one)) for one in counted], [sum(one.values()) for one in counted])
    return (*map(answered, lookups), *silent, *packets)


def _outcomes(found: Lookups) -> set[str]:
    return {one for outcomes in found.values() for one in outcomes}


def _all_answer(found: Lookups) -> bool:
    return _outcomes(found) == {"answer"}


@pytest.mark.parametrize("scenario", FIXABLE)
def test_the_whole_story_heals_real_packets(tell: Tell, scenario: str) -> None:
    """Slash command → report → a second person's click → AWS changed → real look-ups answer → verified."""
    with RunningLab(scenario=scenario, seed=1) as lab:
        before, counted = _look_up_and_count(lab)
        code, told = play(lab)
        after, counted_after = eventually(lambda: _look_up_and_count(lab), lambda found: _all_answer(found[0]))
    tell(HEALED, scenario, "the bot's fix", *_row((before, after), (counted, counted_after)))

    assert code == FIXED, told
    assert "failure" in _outcomes(before)
    assert _all_answer(after)
    assert _silent(counted), "the fault stopped no pair of nodes"
    assert {pair for pair in _silent(counted) if not counted_after.get(pair)} == set()


def _restore_corefile(world: World, operator: Operator) -> None:
    write_corefile(operator, world.corefile)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


def _grant(role: str) -> Callable[[World, Operator], None]:
    def act(_world: World, operator: Operator) -> None:
        rule = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}
        edit(
            operator,
            "clusterroles.rbac.authorization.k8s.io",
            role,
            lambda found: {**found, "rules": [*found["rules"], rule]},
        )
        if role == "system:coredns":
            operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
        else:
            operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")

    return act


def _right_endpoint(world: World, operator: Operator) -> None:
    edit_config(operator, "kube-proxy", "kubeconfig", lambda text: _SERVER.sub(f"server: {world.endpoint}", text))
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")


def _right_cluster_dns(world: World, operator: Operator) -> None:
    for node in world.nodes:
        operator.kubelet(node.name, cluster_dns=CLUSTER_DNS)
    operator.delete_pods(labels=WORKLOAD_SELECTOR)


def _real_resolvers(world: World, operator: Operator) -> None:
    for node in world.nodes:
        operator.resolv_conf(node.name, f"search {REGION}.compute.internal\nnameserver 169.254.169.253\n")
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


def _no_taints(_world: World, operator: Operator) -> None:
    for node in operator.get("nodes"):
        operator.apply({**node, "spec": {**node["spec"], "taints": []}})
    operator.time_passes(5)


BY_HAND: dict[str, Callable[[World, Operator], None]] = {
    "no-endpoints": _restore_corefile,
    "kube-proxy-forbidden": _grant("system:node-proxier"),
    "kube-proxy-timeout": _right_endpoint,
    "wrong-nameserver": _right_cluster_dns,
    "coredns-forwarding-loop": _real_resolvers,
    "coredns-api-forbidden": _grant("system:coredns"),
    "coredns-upstream-unreachable": _restore_corefile,
    "coredns-pods-pending": _no_taints,
}


@pytest.mark.parametrize("scenario", BY_HAND)
def test_advice_carried_out_by_hand_heals(tell: Tell, scenario: str) -> None:
    """The report names the cause and advises; a person does it; real look-ups answer and nothing is found any more."""
    with RunningLab(scenario=scenario, seed=1) as lab:
        before, counted = _look_up_and_count(lab)
        code, told = play(lab)
        BY_HAND[scenario](lab.world, lab.operator)
        lab.operator.settle()
        after, counted_after = eventually(
            lambda: _look_up_and_count(lab), lambda found: _all_answer(found[0]), seconds=90
        )
        _, report = eventually(lambda: diagnose(lab), lambda seen: not problems(seen[1]), seconds=90)
    tell(HEALED, scenario, "by hand", *_row((before, after), (counted, counted_after)))

    assert code == ADVISED, told
    assert f"Root cause: {load_units().rules[lab.scenario.root_cause].title}" in told
    assert counted_after
    assert _silent(counted_after) == set()
    assert report["root_causes"] == []


def test_story_on_fargate_ends_with_advice_and_healing_there_is_not_simulated() -> None:
    """The cause is named and advice given; nothing can heal here, for no Fargate scheduler brings nodes."""
    with RunningLab(scenario=NOT_SIMULATED, seed=1) as lab:
        code, told = play(lab)

    assert code == ADVISED, told
    assert "Root cause: CoreDNS pods find no place to run" in told
    assert "remove" in told


def test_every_scenario_has_its_story() -> None:
    """Fixed by the bot, healed by hand, or said not to be simulated."""
    broken = {one.name for one in all_scenarios() if one.root_cause}
    assert broken == {*FIXABLE, *BY_HAND, NOT_SIMULATED}
