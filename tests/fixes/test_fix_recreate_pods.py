from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.json_values import canonical
from bot.domain.plans import Advice, PlanCase, Planned, Reading, Step, Writing
from bot.domain.settling import COMPLETE, Progressing
from bot.errors import NotFound, UnitError, WriteFailed
from bot.fixes.recreate_pods import FIX, Parameters, Pods
from bot.kubernetes.named_pods import in_details
from bot.kubernetes.owners import Owner
from bot.kubernetes.pods import Container, Pod

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
    moved: int = 0
    budgets: list[dict[str, Any]] | None = None
    """What a list of PodDisruptionBudgets answers; None: the fix must not ask."""

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
            "spec": {
                "replicas": replicas,
                "template": {"metadata": {"annotations": annotations, "labels": {"app": name}}},
            },
            "status": ready,
        }

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return a copy, or raise NotFound."""
        try:
            return copy.deepcopy(self.objects[resource.plural, namespace, name])
        except KeyError:
            raise NotFound(f"{resource.plural} {name} does not exist") from None

    def list(self, resource: Any, read: Any, *, namespace: str = "", labels: str = "", fields: str = "") -> list[Any]:
        """Answer with the budgets; the fix needs no other list."""
        if self.budgets is None or (resource.plural, namespace, labels, fields) != (
            "poddisruptionbudgets",
            "shop",
            "",
            "",
        ):
            raise AssertionError(resource, namespace, labels, fields)
        return [read(one) for one in self.budgets]

    def logs(self, *arguments: object, **options: object) -> str:
        """Fail the test: the fix needs no logs."""
        raise AssertionError(arguments, options)

    def schemas(self, resource: object) -> Any:
        """Fail the test: the fix makes nothing."""
        raise AssertionError(resource)

    def pod_page(self, *arguments: object, **options: object) -> str:
        """Fail the test: the fix asks no pod."""
        raise AssertionError(arguments, options)

    def patch(
        self, resource: Any, name: str, body: Any, *, namespace: str = "", subresource: str = ""
    ) -> dict[str, Any]:
        """Merge template annotations, refuse another uid; the status is the old one until the cluster moves on."""
        assert subresource == ""
        found = self.objects[resource.plural, namespace, name]
        if body.get("metadata", {}).get("uid", found["metadata"]["uid"]) != found["metadata"]["uid"]:
            raise WriteFailed("Conflict: the object is another one")
        found["spec"]["template"]["metadata"]["annotations"] |= body["spec"]["template"]["metadata"]["annotations"]
        found["metadata"]["generation"] += 1
        self.moved = 0
        self.writes.append(f"patch {resource.plural}/{name}")
        return copy.deepcopy(found)

    def create(self, resource: Any, body: Any, *, namespace: str = "", dry_run: bool = False) -> Any:
        """Fail: nothing is created to make pods anew."""
        del body, namespace, dry_run
        raise AssertionError(f"create {resource.plural}")

    def delete(self, resource: Any, name: str, *, namespace: str = "", uid: str) -> None:
        """Delete the object with this uid."""
        if self.objects[resource.plural, namespace, name]["metadata"]["uid"] != uid:
            raise WriteFailed("Conflict: the object is another one")
        del self.objects[resource.plural, namespace, name]
        self.writes.append(f"delete {resource.plural}/{name}")

    def move_on(self) -> None:
        """Let every rollout come one pod further."""
        updated, ready = ROLLOUT[min(self.moved, len(ROLLOUT) - 1)]
        self.moved += 1
        for (plural, _, _), found in self.objects.items():
            if not self.stuck and plural != "pods":
                found["status"] |= {
                    "observedGeneration": found["metadata"]["generation"],
                    "updatedReplicas": updated,
                    "updatedNumberScheduled": updated,
                    "readyReplicas": ready,
                    "numberReady": ready,
                }


def pod(name: str, kind: str = "", controller: str = "", *, restarted_at: str = "") -> Pod:
    """Return an application pod in namespace shop; a Deployment's uid does not stand on its pods."""
    return Pod(
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        node="node-1",
        ip="10.0.0.9",
        container=Container(name="app"),
        phase="Running",
        ready=True,
        created_at=NOW,
        owner=Owner(kind=kind, name=controller, uid="" if kind in {"", "Deployment"} else f"uid-{controller}"),
        restarted_at=restarted_at,
    )


def case(parameters: Parameters, *pods: Pod, named: tuple[Pod, ...] | None = None) -> PlanCase:
    """Return what the fix plans from; `named` are pods that the finding names."""
    finding = Finding(
        rule="dns_blocked_by_security_group",
        title="DNS is blocked",
        kind=Kind.CAUSE,
        playbook="security-groups",
        severity=Severity.CRITICAL,
        judgement=Judgement(
            verdict=Verdict.PROBLEM,
            summary="DNS is blocked.",
            details={} if named is None else {"pods": in_details(named)},
        ),
    )
    evidence = WorkloadPods(selector="app.kubernetes.io/created-by=eks-workshop", pods=pods)
    return PlanCase(
        plan_id="plan1", target=TARGET, finding=finding, parameters=parameters, evidence={WorkloadPods: evidence}
    )


def steps_for(parameters: Parameters, *pods: Pod) -> tuple[Step, ...]:
    """Return the steps of the plan."""
    plan = FIX.plan(case(parameters, *pods))
    assert isinstance(plan, Planned)
    return plan.steps


@pytest.fixture
def cluster() -> FakeCluster:
    """Return an empty cluster."""
    return FakeCluster()


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
            begun_at=NOW,
        )

    return make


def test_each_controller_is_a_step_whatever_the_number_of_its_pods() -> None:
    """Three pods of two controllers are two steps, in a fixed order."""
    pods = [pod("ui-2", "Deployment", "ui"), pod("ui-1", "Deployment", "ui"), pod("db-0", "StatefulSet", "db")]

    plans = [FIX.plan(case(Parameters(), *order)) for order in (pods, pods[::-1])]

    assert plans[0] == plans[1]
    assert isinstance(plans[0], Planned)
    targets = [step.target for step in plans[0].steps]
    assert targets == ["deployment/ui in namespace shop (2 pods)", "statefulset/db in namespace shop (1 pod)"]
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
    assert without.blast_radius.endswith(
        "2 pods of Jobs or without a controller are left alone: shop/debug, shop/migrate-1 (Job migrate). "
        "A restart cannot be undone."
    )
    assert [step.action for step in told.steps] == ["restart", "delete_pod"]
    assert "1 pod without a controller will be deleted, and nothing recreates them" in told.blast_radius


def test_nothing_to_restart_is_advice() -> None:
    """Without a controller there is no plan, and which pods are left to a person is said."""
    advice = FIX.plan(case(Parameters(), pod("debug")))

    assert isinstance(advice, Advice)
    assert advice.text == ("Recreate these by hand: shop/debug.",)


def test_pods_that_the_finding_names_are_recreated_and_no_others() -> None:
    """A rule that knows which pods are struck says so; the workload selector plays no part then."""
    struck = (pod("pay-1", "StatefulSet", "pay", restarted_at="2026-11-01T00:00:00Z"), pod("debug"))

    planned = FIX.plan(case(Parameters(pods=Pods.FINDING), pod("ui-1", "Deployment", "ui"), named=struck))

    assert isinstance(planned, Planned)
    (step,) = planned.steps
    assert step.target == "statefulset/pay in namespace shop (1 pod)"
    assert step.before == {"uid": "uid-pay", "restarted_at": "2026-11-01T00:00:00Z"}
    assert "1 pod of Jobs or without a controller is left alone: shop/debug." in planned.blast_radius


def test_a_finding_that_names_no_pods_is_advice() -> None:
    """The workload selector's pods are not taken in their place."""
    advice = FIX.plan(case(Parameters(pods=Pods.FINDING), pod("ui-1", "Deployment", "ui")))

    assert isinstance(advice, Advice)
    assert "No pod of the finding dns_blocked_by_security_group" in advice.reason


def test_details_that_no_rule_may_write_are_an_error_of_ours() -> None:
    """Pods as mere names cannot be planned from, and are not left out silently."""
    wrong = case(Parameters(pods=Pods.FINDING), named=())
    judgement = replace(wrong.finding.judgement, details={"pods": ["shop/ui-1"]})

    with pytest.raises(UnitError, match="dns_blocked_by_security_group names pods in a form"):
        FIX.plan(replace(wrong, finding=replace(wrong.finding, judgement=judgement)))


def budget(allowed: int, app: str = "db", name: str = "one") -> dict[str, Any]:
    """Return a PodDisruptionBudget of the pods with this label."""
    return {
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed},
    }


@pytest.mark.parametrize(
    ("budgets", "why"),
    [
        pytest.param([], "", id="none"),
        pytest.param([budget(1)], "", id="wide-enough"),
        pytest.param([budget(0, app="other")], "", id="of-other-pods"),
        pytest.param(
            [budget(1), budget(0, name="two")], r"take down 1 pod at once.*: shop/two \(allows 0\)", id="tight"
        ),
        pytest.param([{"metadata": {}}], "PodDisruptionBudgets could not be read", id="garbled"),
    ],
)
def test_a_controller_is_restarted_only_within_its_budgets(
    cluster: FakeCluster, writing: Callable[[str], Writing], budgets: list[dict[str, Any]], why: str
) -> None:
    """Too tight, or not to be read: nothing is sent, and the step has failed for a reason."""
    cluster.add("statefulsets", "db")
    cluster.budgets = budgets
    (step,) = steps_for(Parameters(within_budgets=True), pod("db-0", "StatefulSet", "db"))

    if why:
        with pytest.raises(WriteFailed, match=why) as raised:
            FIX.apply(step, writing("plan1"))
        assert not raised.value.ambiguous
    else:
        FIX.apply(step, writing("plan1"))

    assert cluster.writes == ([] if why else ["patch statefulsets/db"])


def test_a_restart_within_budgets_says_so_where_it_is_approved() -> None:
    """The diff and the command tell it, and so does what else is touched."""
    planned = FIX.plan(case(Parameters(within_budgets=True), pod("db-0", "StatefulSet", "db")))

    assert isinstance(planned, Planned)
    assert "PodDisruptionBudgets allow" in planned.steps[0].diff[0]
    assert planned.steps[0].command.startswith("kubectl -n shop get poddisruptionbudgets && kubectl -n shop rollout")
    assert "each only within its PodDisruptionBudgets" in planned.blast_radius


def test_a_restart_that_this_plan_has_made_asks_no_budget_again(
    cluster: FakeCluster, writing: Callable[[str], Writing]
) -> None:
    """Its own rollout has used the budget up."""
    cluster.add("statefulsets", "db")
    (step,) = steps_for(Parameters(within_budgets=True), pod("db-0", "StatefulSet", "db"))
    for allowed in (1, 0):
        cluster.budgets = [budget(allowed)]
        FIX.apply(step, writing("plan1"))

    assert cluster.writes == ["patch statefulsets/db"]


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")],
)
def test_a_restart_is_complete_when_all_pods_are_ready(
    cluster: FakeCluster, reading: Reading, writing: Callable[[str], Writing], kind: str, plural: str
) -> None:
    """The template gets the time at which the step began; it is settled when both pods are new and Ready."""
    cluster.add(plural, "ui")
    (step,) = steps_for(Parameters(), pod("ui-1", kind, "ui"))

    effects = FIX.apply(step, writing("plan1"))
    seen = []
    while (settled := FIX.settled(step, effects, reading)).progress is Progressing.WAITING:
        seen.append(settled.text)
        cluster.move_on()

    found = cluster.objects[plural, "shop", "ui"]
    assert found["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT] == "2026-11-21T09:00:00Z"
    assert cluster.writes == [f"patch {plural}/ui"]
    assert seen[0] == "the change has not been noticed yet"
    assert len(seen) == 3
    assert settled is COMPLETE
    assert effects == {"generation": 2}


def test_restarting_twice_by_one_plan_is_restarting_once(
    cluster: FakeCluster, writing: Callable[[str], Writing]
) -> None:
    """The same plan does not restart again; another plan does."""
    cluster.add("deployments", "ui")
    (step,) = steps_for(Parameters(), pod("ui-1", "Deployment", "ui"))

    for plan_id in ("plan1", "plan1", "plan2"):
        FIX.apply(step, writing(plan_id))

    assert cluster.writes == ["patch deployments/ui"] * 2


def test_unchanged_controllers_read_as_before(cluster: FakeCluster, reading: Reading) -> None:
    """Uid and last restart are compared; status is not."""
    cluster.add("deployments", "ui", annotation="2026-11-01T00:00:00Z")
    (step,) = steps_for(Parameters(), pod("ui-1", "Deployment", "ui", restarted_at="2026-11-01T00:00:00Z"))
    cluster.objects["deployments", "shop", "ui"]["status"]["readyReplicas"] = 0

    assert canonical(FIX.read(step, reading)) == canonical(step.before)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("change", ["restarted", "deleted"])
def test_a_controller_that_somebody_changed_no_longer_reads_as_before(
    cluster: FakeCluster, reading: Reading, kind: str, change: str
) -> None:
    """A restart by hand, or a deletion: the plan is outdated."""
    plural = f"{kind.lower()}s"
    cluster.add(plural, "ui")
    (step,) = steps_for(Parameters(), pod("ui-1", kind, "ui"))
    if change == "deleted":
        del cluster.objects[plural, "shop", "ui"]
    else:
        cluster.add(plural, "ui", annotation="2026-11-21T08:59:00Z")

    assert canonical(FIX.read(step, reading)) != canonical(step.before)


def test_another_controller_of_the_same_name_no_longer_reads_as_before(cluster: FakeCluster, reading: Reading) -> None:
    """A StatefulSet that was deleted and made again has another uid."""
    cluster.add("statefulsets", "db", uid="uid-other")
    (step,) = steps_for(Parameters(), pod("db-0", "StatefulSet", "db"))

    assert canonical(FIX.read(step, reading)) != canonical(step.before)


def test_another_controller_of_the_same_name_is_not_restarted(
    cluster: FakeCluster, writing: Callable[[str], Writing]
) -> None:
    """The patch carries the uid as a precondition."""
    cluster.add("statefulsets", "ui", uid="uid-other")
    (step,) = steps_for(Parameters(), pod("ui-1", "StatefulSet", "ui"))

    with pytest.raises(WriteFailed, match=r"^Conflict"):
        FIX.apply(step, writing("plan1"))


def test_pods_that_do_not_become_ready_are_waited_for_as_long_as_the_playbook_says(
    cluster: FakeCluster, reading: Reading, writing: Callable[[str], Writing]
) -> None:
    """The plan carries the playbook's time limit; what is missing is said."""
    cluster.add("deployments", "ui")
    cluster.stuck = True
    (step,) = steps_for(Parameters(timeout=timedelta(seconds=90)), pod("ui-1", "Deployment", "ui"))

    effects = FIX.apply(step, writing("plan1"))
    for _ in range(10):
        cluster.move_on()

    assert step.settles_within_seconds == 90
    assert FIX.settled(step, effects, reading).progress is Progressing.WAITING


def test_a_bare_pod_is_deleted_by_uid_once(
    cluster: FakeCluster, reading: Reading, writing: Callable[[str], Writing]
) -> None:
    """The pod that was seen is deleted; one of the same name that came after it stays."""
    cluster.add("pods", "debug")
    (step,) = steps_for(Parameters(bare_pods=True), pod("debug"))
    assert canonical(FIX.read(step, reading)) == canonical(step.before)

    FIX.apply(step, writing("plan1"))
    cluster.add("pods", "debug", uid="uid-new")
    FIX.apply(step, writing("plan1"))

    assert cluster.writes == ["delete pods/debug"]
    assert canonical(FIX.read(step, reading)) != canonical(step.before)


def test_a_restart_has_no_undo_and_says_so() -> None:
    """The step's undo text is empty and there is no inverse."""
    (step,) = steps_for(Parameters(), pod("ui-1", "Deployment", "ui"))

    assert step.undo == ""
    assert FIX.inverse(step, {"generation": 2}) is None
