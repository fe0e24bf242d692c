"""Every collector × every way in which a far end fails: "could not look" never reads "looked and fine"."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import collectors, fixes, rules
from bot.domain.cluster import Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import AnyCollector
from bot.domain.findings import Verdict
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.ports import Resource
from bot.sandbox.running import RunningWorld
from bot.settings import load_settings
from bot.workflow.catalogue import load_catalogue
from bot.workflow.diagnose import Diagnoser
from bot.workflow.load_playbook import load_playbooks

CATALOGUE = load_catalogue(collectors, rules, fixes)
KINDS = ("deny", "hang", "reset", "empty", "html", "truncate")
DEADLINE_SECONDS = 2.5


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    """A healthy world: whatever is not HEALTHY in it is not because of the cluster."""
    before = dict(os.environ)
    with RunningWorld(scenario="healthy", seed=7) as running:
        os.environ.update(running.environment)
        yield running
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def diagnoser(world: RunningWorld) -> Diagnoser:
    """A diagnoser over that world whose collectors give up early."""
    from bot.app import connections  # noqa: PLC0415  # the composition root is what is reused
    from bot.clients.sources import open_sources  # noqa: PLC0415

    settings = load_settings(Path(world.directory) / "dnsbot.yaml", {})
    units = replace(
        CATALOGUE,
        collectors={
            name: replace(unit, deadline_seconds=min(unit.deadline_seconds, DEADLINE_SECONDS))
            for name, unit in CATALOGUE.collectors.items()
        },
    )
    sources = open_sources(connections(settings)["cluster-prod"])
    patient = Deadline.after(60)  # clients are made once, and that takes longer than a collector has here
    sources.aws(patient).read("ec2", "DescribeVpcs")
    sources.aws(patient).read("eks", "DescribeCluster", name="cluster-prod")
    sources.cluster(patient).list(Resource(plural="nodes"))
    return Diagnoser(
        catalogue=units,
        playbooks=load_playbooks((Path(__file__).parents[2] / "playbooks").glob("*.yaml"), units),
        targets={"cluster-prod": settings.clusters["cluster-prod"].target},
        open_sources=lambda _: sources,
        deadline_seconds=4 * DEADLINE_SECONDS,
    )


def faults_of(collector: AnyCollector, kind: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the faults that hit every call of this collector: at AWS, and at Kubernetes."""
    fault = {"kind": kind, "times": None, "seconds": 30}
    aws: list[dict[str, object]] = [
        {**fault, "action": one.action} for one in collector.permissions if isinstance(one, AwsPermission)
    ]
    kubernetes: list[dict[str, object]] = [
        {**fault, "action": f"{one.verb} {one.resource}"}
        for one in collector.permissions
        if isinstance(one, KubernetesPermission)
    ]
    return aws, kubernetes


def playbooks_of(collector: AnyCollector, diagnoser: Diagnoser) -> tuple[str, ...]:
    """Return the playbooks that gather it, so that a case costs no more than it must."""
    return tuple(
        playbook.name
        for playbook in diagnoser.playbooks.values()
        if any(entry.collector == collector.name for entry in playbook.gather)
    )


def run_with(world: RunningWorld, diagnoser: Diagnoser, collector: AnyCollector, kind: str) -> Diagnosis:
    """Diagnose while every call of this collector fails."""
    aws, kubernetes = faults_of(collector, kind)
    world.aws_control("POST", "faults", aws)
    world.kubernetes_control("POST", "faults", kubernetes)
    try:
        return diagnoser.run(Question(cluster="cluster-prod", playbooks=playbooks_of(collector, diagnoser)))
    finally:
        world.aws_control("DELETE", "faults")
        world.kubernetes_control("DELETE", "faults")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(CATALOGUE.collectors))
def test_no_rule_is_healthy_on_what_was_not_read(
    world: RunningWorld, diagnoser: Diagnoser, name: str, kind: str
) -> None:
    """Every rule that needs the evidence turns UNKNOWN, the diagnosis is no all-clear, and the grant is named."""
    collector = CATALOGUE.collectors[name]

    diagnosis = run_with(world, diagnoser, collector, kind)

    needing = [finding for finding in diagnosis.findings if collector.evidence in CATALOGUE.rules[finding.rule].needs]
    assert [finding.rule for finding in needing if finding.verdict is Verdict.HEALTHY] == []
    if needing:
        assert diagnosis.verdict is not Verdict.HEALTHY
    if kind == "deny":
        grants = {check.grant for check in diagnosis.unknown_checks} | {
            collected.gap.grant for collected in diagnosis.evidence if collected.gap
        }
        assert grants & {permission.text for permission in collector.permissions}
