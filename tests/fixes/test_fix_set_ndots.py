"""`ndots:1` in the pod templates of wasteful workloads: what is planned, sent, waited for and taken back."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors.asking_workloads import AskingWorkload, AskingWorkloads
from bot.collectors.query_log import QueryLog
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.json_values import JsonValue
from bot.domain.plans import Advice, PlanCase, Planned, Step
from bot.domain.settling import Progressing
from bot.errors import NotFound, WriteFailed
from bot.fixes.set_ndots import FIX, Parameters
from bot.sandbox.kubernetes.patching import strategic_merge
from tests.fixes.far_ends import TARGET, BothEnds

ORDERS = AskingWorkload(
    namespace="shop",
    kind="Deployment",
    name="orders",
    uid="uid-orders",
    dns_policy="",
    dns_config="",
    manager="",
    rollout="",
)
DATA = replace(ORDERS, kind="StatefulSet", name="data", uid="uid-data")
AGENT = replace(ORDERS, kind="DaemonSet", name="agent", uid="uid-agent")
OWN = {"searches": ["corp.example"], "options": [{"name": "edns0"}, {"name": "ndots", "value": "5"}]}


LOG = QueryLog(pods=(), clients=(), clients_total=0)


def case(*workloads: AskingWorkload, rows: tuple[AskingWorkload, ...] = (), **parameters: Any) -> PlanCase:
    """Return what is planned from: a finding that names these workloads, each read."""
    named: list[JsonValue] = [
        {"namespace": one.namespace, "kind": one.kind, "name": one.name, "pods": 2, "saved_per_second_by_ndots_1": 20.5}
        for one in rows or workloads
    ]
    judgement = Judgement(verdict=Verdict.PROBLEM, summary="", details={"workloads": named})
    finding = Finding(
        rule="ndots_amplification",
        title="",
        kind=Kind.CAUSE,
        playbook="query-log",
        severity=Severity.WARNING,
        judgement=judgement,
    )
    return PlanCase(
        plan_id="plan1",
        target=TARGET,
        finding=finding,
        parameters=Parameters(**parameters),
        evidence={AskingWorkloads: AskingWorkloads(workloads=workloads), QueryLog: LOG},
    )


def planned(*workloads: AskingWorkload, **parameters: Any) -> Planned:
    """Return the plan."""
    found = FIX.plan(case(*workloads, **parameters))
    assert isinstance(found, Planned)
    return found


@dataclass
class Cluster(BothEnds):
    """Controllers in memory, patched as the API server does it."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def add(self, plural: str, name: str, config: dict[str, Any] | None = None) -> None:
        """Add one all of whose pods are Ready."""
        status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
        status |= {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2}
        spec = {"containers": [{"name": "app"}], **({"dnsConfig": config} if config else {})}
        self.objects[plural, name] = {
            "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}", "generation": 1},
            "spec": {"replicas": 2, "template": {"spec": spec}},
            "status": status,
        }

    def config(self, plural: str, name: str) -> Any:
        """Return a pod template's dnsConfig; None: it has none."""
        return self.objects[plural, name]["spec"]["template"]["spec"].get("dnsConfig")

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return one."""
        assert namespace == "shop"
        if (resource.plural, name) not in self.objects:
            raise NotFound(f"there is no {name}")
        return copy.deepcopy(self.objects[resource.plural, name])

    def patch(self, resource: Any, name: str, body: Any, *, namespace: str = "") -> dict[str, Any]:
        """Merge a patch that is held to the uid; the status is the old one."""
        found = self.get(resource, name, namespace=namespace)
        if body["metadata"]["uid"] != found["metadata"]["uid"]:
            raise WriteFailed("Conflict: the object is another one")
        merged = strategic_merge(found, body)
        merged["metadata"]["generation"] += 1
        self.objects[resource.plural, name] = merged
        return merged

    def complete(self) -> None:
        """Let every rollout come to its end."""
        for one in self.objects.values():
            one["status"]["observedGeneration"] = one["metadata"]["generation"]


@pytest.mark.parametrize(
    ("workload", "plural"), [(ORDERS, "deployments"), (DATA, "statefulsets"), (AGENT, "daemonsets")]
)
@pytest.mark.parametrize("own", [None, OWN], ids=["no dnsConfig", "one of its own"])
def test_the_option_is_set_waited_for_and_taken_back(
    workload: AskingWorkload, plural: str, own: dict[str, Any] | None
) -> None:
    """Other members and options stay; the undo leaves exactly what was there before."""
    cluster = Cluster()
    cluster.add(plural, workload.name, own)
    (step,) = planned(replace(workload, dns_config=json.dumps(own, sort_keys=True) if own else "")).steps
    assert FIX.read(step, cluster.reading()) == step.before

    FIX.apply(step, cluster.writing())

    options = [*([{"name": "edns0"}] if own else []), {"name": "ndots", "value": "1"}]
    assert cluster.config(plural, workload.name) == {**(own or {}), "options": options}
    assert FIX.settled(step, {}, cluster.reading()).progress is Progressing.WAITING
    cluster.complete()
    assert FIX.settled(step, {}, cluster.reading()).progress is Progressing.DONE
    back = FIX.inverse(step, {})
    assert back is not None
    assert FIX.read(back, cluster.reading()) == back.before
    FIX.apply(back, cluster.writing())
    assert cluster.config(plural, workload.name) == own
    assert f"kubectl -n shop patch {workload.kind.lower()}/{workload.name} --patch" in step.command


def test_what_somebody_else_changed_meanwhile_is_seen() -> None:
    """Drift: another dnsConfig, another object of the name, and none at all each read otherwise than planned."""
    cluster = Cluster()
    (step,) = planned(ORDERS).steps

    for config, uid in ((OWN, "uid-orders"), (None, "uid-2")):
        cluster.add("deployments", "orders", config)
        cluster.objects["deployments", "orders"]["metadata"]["uid"] = uid
        assert FIX.read(step, cluster.reading()) != step.before
    with pytest.raises(WriteFailed, match="another one"):
        FIX.apply(step, cluster.writing())
    assert FIX.read(step, Cluster().reading()) != step.before


def test_the_most_wasteful_come_first_and_managers_are_named() -> None:
    """A few at once; whoever manages one would set it back, so the card says who and where to say it as well."""
    managed = replace(DATA, manager="Argo CD application shop")

    plan = planned(ORDERS, managed, AGENT, max_workloads=2)

    assert [step.target.split()[0] for step in plan.steps] == ["deployment/orders", "statefulset/data"]
    assert [step.owner for step in plan.steps] == ["", "Argo CD application shop"]
    assert "4 pods asked so" in plan.blast_radius
    assert "41 queries a second fewer" in plan.blast_radius
    assert "1 more workloads waste queries" in plan.blast_radius
    assert "statefulset/data (Argo CD application shop)" in plan.blast_radius


DONE = replace(ORDERS, dns_config='{"options": [{"name": "ndots", "value": "1"}]}')


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (case(DONE), "say so already"),
        (case(replace(ORDERS, rollout="1 of 2 pods are new")), "rollout is under way"),
        (case(rows=(replace(ORDERS, kind="Job", name="export"),)), "controls these clients: job/export"),
    ],
    ids=["set already", "rolling out", "of a kind that replaces no pods"],
)
def test_a_plan_that_changes_nothing_is_not_offered(found: PlanCase, reason: str) -> None:
    """Advice says why, and what a person can do."""
    advice = FIX.plan(found)

    assert isinstance(advice, Advice)
    assert reason in advice.reason
    assert advice.text


@pytest.mark.parametrize(
    ("config", "ndots", "offered"),
    [
        ('{"options": [{"name": "ndots", "value": "2"}]}', 1, True),
        ('{"options": [{"name": "ndots", "value": "2"}]}', 2, False),
        ('{"options": [{"name": "ndots"}]}', 1, True),
        ('{"options": [{"name": "ndots", "value": "many"}]}', 1, True),
        ('{"nameservers": ["10.0.0.2"]}', 1, True),
    ],
)
def test_the_present_value_decides(config: str, ndots: int, offered: bool) -> None:  # noqa: FBT001
    """A value that is no number, or none, counts as the usual 5."""
    found = FIX.plan(case(replace(ORDERS, dns_config=config), ndots=ndots))

    assert isinstance(found, Planned) is offered


def test_the_step_is_a_step_of_a_stored_plan() -> None:
    """Its state and parameters are JSON that reads back the same."""
    step: Step = planned(ORDERS).steps[0]

    assert json.loads(json.dumps({"before": step.before, "parameters": dict(step.parameters)})) == {
        "before": step.before,
        "parameters": dict(step.parameters),
    }


def about_the_limit(found: PlanCase, log: QueryLog = LOG) -> PlanCase:
    """Return the same for a finding that names no workloads: the resolver's limit is reached."""
    judgement = replace(found.finding.judgement, details={})
    evidence = {**found.evidence, QueryLog: log}
    return replace(found, finding=replace(found.finding, judgement=judgement), evidence=evidence)


def test_a_finding_without_workloads_is_about_those_that_waste_most() -> None:
    """Whatever the query log shows; no figure is made up."""
    found = FIX.plan(about_the_limit(case(ORDERS)))

    assert isinstance(found, Planned)
    assert "those that waste most queries by the query log" in found.blast_radius


@pytest.mark.parametrize(
    ("gaps", "reason"),
    [
        ((Gap(what="", reason="queries are not logged"),), "waste queries: queries are not logged"),
        ((), "would save none"),
    ],
)
def test_without_a_query_log_nobody_is_blamed(gaps: tuple[Gap, ...], reason: str) -> None:
    """It is said that it has to be switched on first, or that nobody wastes queries."""
    advice = FIX.plan(about_the_limit(case(), log=replace(LOG, gaps=gaps)))

    assert isinstance(advice, Advice)
    assert reason in advice.reason
