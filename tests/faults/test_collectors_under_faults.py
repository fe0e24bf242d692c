"""Every collector × every way in which a far end fails: "could not look" never reads "looked and fine"."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import collectors, fixes, rules
from bot.app import command_names
from bot.domain.cluster import Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collector
from bot.domain.findings import Finding, Verdict
from bot.domain.permissions import AwsPermission, KubernetesPermission, Permission
from bot.domain.places import HOME, Place, PlaceKind
from bot.domain.ports import Resource
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.bot_roles import READER, trusting
from bot.sandbox.world.world import ACCOUNT
from bot.settings.load import load_settings
from bot.workflow.catalogue import load_catalogue
from bot.workflow.diagnose import Diagnoser
from bot.workflow.load_playbook import load_playbooks
from tests.environment import environment

CATALOGUE = load_catalogue(collectors, rules, fixes)
ALL = os.environ.get("CHAOS") == "all"
OF_ITS_OWN = ("deny", "empty")
"""Ways that meet code of each collector: a right that it names, an answer without what it looks for."""
OF_THE_CLIENTS = ("throttle", "error500", "hang", "reset", "html", "truncate")
"""Ways that the clients turn into our errors, alike for all: every third collector is met by one, by turns, unless all
are asked for (`make chaos`)."""
EVERY = 3
DEADLINE_SECONDS = 2.5


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    """A healthy world with a peer that lets the bot in: what is not HEALTHY is not because of the cluster."""
    with RunningWorld(scenario="peer-role-refused", seed=7) as running:
        (peer,) = running.world.neighbours
        owner = running.operator.at(peer.account, peer.region)
        owner.aws("iam", "UpdateAssumeRolePolicy", RoleName=READER, PolicyDocument=trusting(ACCOUNT))
        with environment(running.environment):
            yield running


@pytest.fixture(scope="module")
def diagnoser(world: RunningWorld) -> Diagnoser:
    """A diagnoser over that world whose collectors give up early."""
    from bot.clients.sources import open_sources  # noqa: PLC0415

    settings = load_settings(Path(world.directory) / "dnsbot.yaml", {})
    target = settings.clusters["cluster-prod"].target
    units = replace(
        CATALOGUE,
        collectors={
            name: replace(unit, deadline_seconds=min(unit.deadline_seconds, DEADLINE_SECONDS))
            for name, unit in CATALOGUE.collectors.items()
        },
    )
    sources = open_sources(settings.clusters["cluster-prod"])
    patient = Deadline.after(60)  # clients are made once, and that takes longer than a collector has here
    for place in (HOME, *(peer.place for peer in target.peers)):
        sources.aws(patient, place).read("ec2", "DescribeVpcs")
    sources.aws(patient).read("eks", "DescribeCluster", name="cluster-prod")
    sources.cluster(patient).list(Resource(plural="nodes"), dict)
    return Diagnoser(
        catalogue=units,
        playbooks=load_playbooks((Path(__file__).parents[2] / "playbooks").glob("*.yaml"), units, command_names()),
        targets={"cluster-prod": target},
        open_sources=lambda _: sources,
        deadline_seconds=4 * DEADLINE_SECONDS,
    )


def cases() -> Iterator[tuple[str, str]]:
    """Yield the names of collectors, each with the ways in which its far ends fail."""
    for at, name in enumerate(sorted(CATALOGUE.collectors)):
        turn, rest = divmod(at, EVERY)
        of_the_clients = OF_THE_CLIENTS if ALL else () if rest else (OF_THE_CLIENTS[turn % len(OF_THE_CLIENTS)],)
        yield from ((name, kind) for kind in (*OF_ITS_OWN, *of_the_clients))


@contextmanager
def failing(world: RunningWorld, collector: Collector[Any, Any], kind: str) -> Iterator[None]:
    """Let every call of this collector fail meanwhile: at AWS, at Kubernetes, and in clusters of other networks."""
    fault = {"kind": kind, "times": None, "seconds": 30}
    aws = [one.action for one in collector.permissions if isinstance(one, AwsPermission)]
    rights = [one for one in collector.permissions if isinstance(one, KubernetesPermission)]
    home, there = (
        [f"{one.verb} {one.resource}" for one in rights if one.in_probe_cluster is elsewhere]
        for elsewhere in (False, True)
    )
    ends = ((world.aws_control, aws), (world.kubernetes_control, home), (world.probes_control, there))
    for control, actions in ends:
        control("POST", "faults", [{**fault, "action": action} for action in actions])
    try:
        yield
    finally:
        for control, _ in ends:
            control("DELETE", "faults")


def rests_on(finding: Finding, evidence: type) -> bool:
    """Return whether the rule is HEALTHY by this evidence; what it only wants shows nothing where it has no subject."""
    rule = CATALOGUE.rules[finding.rule]
    subject = evidence in rule.needs or not finding.judgement.nothing_to_check
    return evidence in rule.rests_on and subject


def asked_nothing(diagnosis: Diagnosis, name: str) -> bool:
    """Return whether the collector found nothing to ask about here, so that no fault could meet it."""
    made = [one for one in diagnosis.evidence if one.collector == name]
    return bool(made) and all(one.gap is None and not one.calls for one in made)


def playbooks_of(collector: Collector[Any, Any], diagnoser: Diagnoser) -> tuple[str, ...]:
    """Return the playbooks that gather it, so that a case costs no more than it must."""
    return tuple(
        playbook.name
        for playbook in diagnoser.playbooks.values()
        if any(entry.collector == collector.name for entry in playbook.gather)
    )


def run_with(world: RunningWorld, diagnoser: Diagnoser, collector: Collector[Any, Any], kind: str) -> Diagnosis:
    """Diagnose while every call of this collector fails."""
    with failing(world, collector, kind):
        return diagnoser.run(Question(cluster="cluster-prod", playbooks=playbooks_of(collector, diagnoser)))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), tuple(cases()))
def test_no_rule_is_healthy_on_what_was_not_read(
    world: RunningWorld, diagnoser: Diagnoser, name: str, kind: str
) -> None:
    """Every rule that rests on the evidence turns UNKNOWN, the diagnosis is no all-clear, and the grant is named."""
    collector = CATALOGUE.collectors[name]

    diagnosis = run_with(world, diagnoser, collector, kind)

    if not playbooks_of(collector, diagnoser) or asked_nothing(diagnosis, name):
        return  # what digests alone read is none of a diagnosis's
    needing = [finding for finding in diagnosis.findings if rests_on(finding, collector.evidence)]
    assert [finding.rule for finding in needing if finding.verdict is Verdict.HEALTHY] == []
    if needing:
        assert diagnosis.verdict is not Verdict.HEALTHY
    if kind == "deny" and collector.permissions:
        grants = {check.grant for check in diagnosis.unknown_checks} | {
            gap.grant for collected in diagnosis.evidence for gap in collected.gaps
        }
        places = [peer.place for peer in diagnosis.target.peers]
        assert grants & {grant for one in collector.permissions for grant in wanted(one, places)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["error500", "throttle"])
def test_an_api_server_that_fails_whatever_is_read_is_named(
    world: RunningWorld, diagnoser: Diagnoser, kind: str
) -> None:
    """Services alone are answered with 500, or shed with 429: the API server's own failure, seen by the bot itself."""
    diagnosis = run_with(world, diagnoser, CATALOGUE.collectors["kube_dns"], kind)

    found = next(one for one in diagnosis.findings if one.rule == "kubernetes_api_failing")
    assert found.verdict is Verdict.PROBLEM
    assert "the bot itself" in found.judgement.summary


def wanted(permission: Permission, peers: Sequence[Place]) -> tuple[str, ...]:
    """Return the grants by which a refusal of this permission may be told: at a peer it names the peer."""
    if isinstance(permission, AwsPermission) and permission.place is PlaceKind.PEER:
        return tuple(f"{permission.action} at {place}" for place in peers)
    return (permission.text,)
