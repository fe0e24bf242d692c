from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors.workload_pods import WorkloadPod, WorkloadPods
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.json_values import canonical
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, Writing
from bot.errors import NotFound, WriteFailed
from bot.fixes.recreate_pods import FIX, Parameters, recreate_pods_fix

TARGET = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", kubernetes_writer=True)
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


ROLLOUT = ((1, 2), (2, 1), (2, 2))
"""New pods and Ready pods (old ones count) while two pods are replaced."""


class NoAws:
    """An AWS port for a fix that must not touch AWS."""

    def __getattr__(self, name: str) -> Any:
        """Fail the test."""
        message = f"the fix called {name} of AWS"
        raise AssertionError(message)


@dataclass(slots=True)
class FakeCluster:
    """A cluster in memory whose rollouts of two pods advance by a line of `ROLLOUT` at each `sleep`."""

    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    stuck: bool = False
    slept: int = 0

    def add(self, plural: str, name: str, *, replicas: int = 2, annotation: str = "", uid: str = "") -> None:
        """Add a controller all of whose pods are Ready, or a pod."""
        annotations = {RESTARTED_AT: annotation} if annotation else {}
        ready = {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            "desiredNumberScheduled": replicas,
            "updatedNumberScheduled": replicas,
            "numberReady": replicas,
        }
        self.objects[plural, "shop", name] = {
            "metadata": {"name": name, "uid": uid or f"uid-{name}", "generation": 1},
            "spec": {"replicas": replicas, "template": {"metadata": {"annotations": annotations}}},
            "status": ready,
        }

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return a copy, or raise NotFound."""
        try:
            return copy.deepcopy(self.objects[resource.plural, namespace, name])
        except KeyError:
            raise NotFound(f"{resource.plural} {name} does not exist") from None

    def list(self, resource: Any, *, namespace: str = "", labels: str = "", fields: str = "") -> list[dict[str, Any]]:
        """Fail the test: the fix needs no list."""
        raise AssertionError(resource, namespace, labels, fields)

    def logs(self, *arguments: object, **options: object) -> str:
        """Fail the test: the fix needs no logs."""
        raise AssertionError(arguments, options)

    def patch(self, resource: Any, name: str, body: Any, *, namespace: str = "") -> dict[str, Any]:
        """Merge template annotations, refuse another uid; the status is the old one until somebody sleeps."""
        found = self.objects[resource.plural, namespace, name]
        if body.get("metadata", {}).get("uid", found["metadata"]["uid"]) != found["metadata"]["uid"]:
            raise WriteFailed("Conflict: the object is another one")
        found["spec"]["template"]["metadata"]["annotations"] |= body["spec"]["template"]["metadata"]["annotations"]
        found["metadata"]["generation"] += 1
        self.slept = 0
        self.writes.append(f"patch {resource.plural}/{name}")
        return copy.deepcopy(found)

    def delete(self, resource: Any, name: str, *, namespace: str = "", uid: str) -> None:
        """Delete the object with this uid."""
        if self.objects[resource.plural, namespace, name]["metadata"]["uid"] != uid:
            raise WriteFailed("Conflict: the object is another one")
        del self.objects[resource.plural, namespace, name]
        self.writes.append(f"delete {resource.plural}/{name}")

    def sleep(self, seconds: float) -> None:
        """Let every rollout come one pod further."""
        assert seconds > 0
        self.writes.append("wait")
        updated, ready = ROLLOUT[min(self.slept, len(ROLLOUT) - 1)]
        self.slept += 1
        for (plural, _, _), found in self.objects.items():
            if not self.stuck and plural != "pods":
                found["status"] |= {
                    "observedGeneration": found["metadata"]["generation"],
                    "updatedReplicas": updated,
                    "updatedNumberScheduled": updated,
                    "readyReplicas": ready,
                    "numberReady": ready,
                }


def pod(name: str, kind: str = "", controller: str = "", *, restarted_at: str = "") -> WorkloadPod:
    """Return an application pod in namespace shop; a Deployment's uid does not stand on its pods."""
    return WorkloadPod(
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        node="node-1",
        ip="10.0.0.9",
        container="app",
        phase="Running",
        ready=True,
        created_at=NOW,
        dns_policy="ClusterFirst",
        host_network=False,
        nameservers=(),
        controller_kind=kind,
        controller_name=controller,
        controller_uid="" if kind in {"", "Deployment"} else f"uid-{controller}",
        restarted_at=restarted_at,
    )


def case(parameters: Parameters, *pods: WorkloadPod) -> PlanCase:
    """Return what the fix plans from."""
    finding = Finding(
        rule="dns_blocked_by_security_group",
        title="DNS is blocked",
        kind=Kind.CAUSE,
        playbook="security-groups",
        severity=Severity.CRITICAL,
        judgement=Judgement(verdict=Verdict.PROBLEM, summary="DNS is blocked."),
    )
    evidence = WorkloadPods(selector="app.kubernetes.io/created-by=eks-workshop", pods=pods)
    return PlanCase(
        plan_id="plan1", target=TARGET, finding=finding, parameters=parameters, evidence={WorkloadPods: evidence}
    )


def steps_for(parameters: Parameters, *pods: WorkloadPod) -> tuple[Step, ...]:
    """Return the steps of the plan."""
    plan = FIX.plan(case(parameters, *pods))
    assert isinstance(plan, Planned)
    return plan.steps


@pytest.fixture
def cluster() -> FakeCluster:
    """Return an empty cluster."""
    return FakeCluster()


@pytest.fixture
def fix(cluster: FakeCluster) -> Fix:
    """Return the fix, with a clock that moves the cluster on."""
    return recreate_pods_fix(sleep=cluster.sleep, now=lambda: NOW)


@pytest.fixture
def reading(cluster: FakeCluster) -> Reading:
    """Return what `read` looks through."""
    return Reading(cluster=cluster, aws=NoAws(), target=TARGET)


@pytest.fixture
def writing(cluster: FakeCluster) -> Callable[[str], Writing]:
    """Return what `apply` writes through, for a plan id."""

    def make(plan_id: str) -> Writing:
        return Writing(
            cluster=cluster,
            aws=NoAws(),
            target=TARGET,
            cluster_writer=cluster,
            aws_writer=NoAws(),
            deadline=Deadline.after(600),
            plan_id=plan_id,
        )

    return make


def test_each_controller_is_a_step_whatever_the_number_of_its_pods() -> None:
    """Three pods of two controllers are two steps, in a fixed order, each to run only once look-ups answer."""
    pods = [pod("ui-2", "Deployment", "ui"), pod("ui-1", "Deployment", "ui"), pod("db-0", "StatefulSet", "db")]

    plans = [FIX.plan(case(Parameters(), *order)) for order in (pods, pods[::-1])]

    assert plans[0] == plans[1]
    assert isinstance(plans[0], Planned)
    targets = [step.target for step in plans[0].steps]
    assert targets == ["deployment/ui in namespace shop (2 pods)", "statefulset/db in namespace shop (1 pod)"]
    assert all(step.after_lookups_answer for step in plans[0].steps)
    assert plans[0].steps[0].command == (
        "kubectl -n shop rollout restart deployment/ui && kubectl -n shop rollout status deployment/ui --timeout 300s"
    )
    assert plans[0].blast_radius == (
        "3 pods of 2 controllers restart, one controller at a time. A restart cannot be undone."
    )


def test_bare_pods_are_left_alone_unless_told_otherwise() -> None:
    """Pods of Jobs are never touched, bare ones only with bare_pods."""
    pods = (pod("ui-1", "Deployment", "ui"), pod("debug"), pod("migrate-1", "Job", "migrate"))

    without = FIX.plan(case(Parameters(), *pods))
    told = FIX.plan(case(Parameters(bare_pods=True), *pods))

    assert isinstance(without, Planned)
    assert isinstance(told, Planned)
    assert [step.action for step in without.steps] == ["restart"]
    assert "2 pods of Jobs or without a controller are left alone" in without.blast_radius
    assert [step.action for step in told.steps] == ["restart", "delete_pod"]
    assert "1 pod without a controller will be deleted, and nothing recreates them" in told.blast_radius


def test_nothing_to_restart_is_advice() -> None:
    """Without a controller there is no plan."""
    assert isinstance(FIX.plan(case(Parameters(), pod("debug"))), Advice)


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")],
)
def test_a_restart_waits_until_all_pods_are_ready(
    cluster: FakeCluster, fix: Fix, writing: Callable[[str], Writing], kind: str, plural: str
) -> None:
    """The template gets the time of the restart, and the step ends when both pods are new and Ready."""
    cluster.add(plural, "ui")
    (step,) = steps_for(Parameters(), pod("ui-1", kind, "ui"))

    effects = fix.apply(step, writing("plan1"))

    found = cluster.objects[plural, "shop", "ui"]
    assert found["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT] == "2026-11-21T09:00:00Z"
    assert cluster.writes == [f"patch {plural}/ui", "wait", "wait", "wait"]
    assert effects == {"generation": 2}


def test_restarting_twice_by_one_plan_is_restarting_once(
    cluster: FakeCluster, fix: Fix, writing: Callable[[str], Writing]
) -> None:
    """The same plan does not restart again; another plan does."""
    cluster.add("deployments", "ui")
    (step,) = steps_for(Parameters(), pod("ui-1", "Deployment", "ui"))

    for plan_id in ("plan1", "plan1", "plan2"):
        fix.apply(step, writing(plan_id))

    assert [write for write in cluster.writes if write != "wait"] == ["patch deployments/ui"] * 2


def test_unchanged_controllers_read_as_before(cluster: FakeCluster, fix: Fix, reading: Reading) -> None:
    """Uid and last restart are compared; status is not."""
    cluster.add("deployments", "ui", annotation="2026-11-01T00:00:00Z")
    (step,) = steps_for(Parameters(), pod("ui-1", "Deployment", "ui", restarted_at="2026-11-01T00:00:00Z"))
    cluster.objects["deployments", "shop", "ui"]["status"]["readyReplicas"] = 0

    assert canonical(fix.read(step, reading)) == canonical(step.before)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("change", ["restarted", "deleted"])
def test_a_controller_that_somebody_changed_no_longer_reads_as_before(
    cluster: FakeCluster, fix: Fix, reading: Reading, kind: str, change: str
) -> None:
    """A restart by hand, or a deletion: the plan is outdated."""
    plural = f"{kind.lower()}s"
    cluster.add(plural, "ui")
    (step,) = steps_for(Parameters(), pod("ui-1", kind, "ui"))
    if change == "deleted":
        del cluster.objects[plural, "shop", "ui"]
    else:
        cluster.add(plural, "ui", annotation="2026-11-21T08:59:00Z")

    assert canonical(fix.read(step, reading)) != canonical(step.before)


def test_another_controller_of_the_same_name_no_longer_reads_as_before(
    cluster: FakeCluster, fix: Fix, reading: Reading
) -> None:
    """A StatefulSet that was deleted and made again has another uid."""
    cluster.add("statefulsets", "db", uid="uid-other")
    (step,) = steps_for(Parameters(), pod("db-0", "StatefulSet", "db"))

    assert canonical(fix.read(step, reading)) != canonical(step.before)


def test_another_controller_of_the_same_name_is_not_restarted(
    cluster: FakeCluster, fix: Fix, writing: Callable[[str], Writing]
) -> None:
    """The patch carries the uid as a precondition."""
    cluster.add("statefulsets", "ui", uid="uid-other")
    (step,) = steps_for(Parameters(), pod("ui-1", "StatefulSet", "ui"))

    with pytest.raises(WriteFailed, match=r"^Conflict"):
        fix.apply(step, writing("plan1"))


def test_pods_that_do_not_become_ready_end_the_step_with_what_is_missing(
    cluster: FakeCluster, fix: Fix, writing: Callable[[str], Writing]
) -> None:
    """The time limit is the playbook's; the text says how far it came, and that it was restarted."""
    cluster.add("deployments", "ui")
    cluster.stuck = True
    (step,) = steps_for(Parameters(timeout=timedelta(seconds=1)), pod("ui-1", "Deployment", "ui"))

    with pytest.raises(WriteFailed, match=r"was restarted, but not all its pods became Ready within 1 s") as failed:
        fix.apply(step, writing("plan1"))

    assert failed.value.ambiguous


def test_a_bare_pod_is_deleted_by_uid_once(
    cluster: FakeCluster, fix: Fix, reading: Reading, writing: Callable[[str], Writing]
) -> None:
    """The pod that was seen is deleted; one of the same name that came after it stays."""
    cluster.add("pods", "debug")
    (step,) = steps_for(Parameters(bare_pods=True), pod("debug"))
    assert canonical(fix.read(step, reading)) == canonical(step.before)

    fix.apply(step, writing("plan1"))
    cluster.add("pods", "debug", uid="uid-new")
    fix.apply(step, writing("plan1"))

    assert cluster.writes == ["delete pods/debug"]
    assert canonical(fix.read(step, reading)) != canonical(step.before)


def test_a_restart_has_no_undo_and_says_so() -> None:
    """The step's undo text is empty and there is no inverse."""
    (step,) = steps_for(Parameters(), pod("ui-1", "Deployment", "ui"))

    assert step.undo == ""
    assert FIX.inverse(step, {"generation": 2}) is None
