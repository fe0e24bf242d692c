"""A debug container beside an application without tools, added by the bot's own clients in the sandbox's cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, ClusterWriters, open_sources, open_writers
from bot.collectors._asking import PodSession, Tool
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.plans import Advice, PlanCase, Planned, Reading, Step, Writing
from bot.domain.settling import COMPLETE, Progressing
from bot.errors import WriteFailed
from bot.fixes.add_debug_container import FIX, Parameters
from bot.kubernetes.pods import Container, Pod
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import deployment, small_cluster
from tests.clients.conftest import kubeconfig

TARGET = ClusterTarget(
    name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", kubernetes_writer=True,
    debug_image="registry.example.com/dnsprobe:1",
)  # fmt: skip
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """A cluster with an application without tools, and the bot's clients of it."""

    served: ServedCluster
    sources: ClusterSources
    writers: ClusterWriters

    def pod(self) -> Pod:
        """Return the application's pod as it is now."""
        (found,) = self.served.pods("app=bare", "shop")
        return Pod.of(found)

    def planned(self, target: ClusterTarget = TARGET, *pods: Pod) -> Planned | Advice:
        """Return the plan for these pods, or for the one that there is."""
        chosen = pods or (self.pod(),)
        return FIX.plan(case(target, chosen, chosen))

    def step(self) -> Step:
        """Return the one step of the plan."""
        plan = self.planned()
        assert isinstance(plan, Planned)
        (step,) = plan.steps
        return step

    @property
    def reading(self) -> Reading:
        """What `read` and `settled` look through."""
        nothing: Any = None
        return Reading(cluster=self.sources.cluster(Deadline.after(5)), aws=nothing, target=TARGET)

    @property
    def writing(self) -> Writing:
        """What `apply` writes through."""
        nothing: Any = None
        return Writing(
            cluster=self.sources.cluster(Deadline.after(5)), aws=nothing, target=TARGET,
            cluster_writer=self.writers.cluster(Deadline.after(5)), aws_writer=nothing,
            deadline=Deadline.after(5), plan_id="p-1", begun_at=NOW,
        )  # fmt: skip


@pytest.fixture(scope="module")
def served() -> Iterator[ServedCluster]:
    """Yield a cluster that moves when told to."""
    cluster = ServedCluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def world(served: ServedCluster, tmp_path: Path) -> Iterator[World]:
    """Yield the cluster as it is at first."""
    served.ask("POST", "/sandbox/reset")
    bare = deployment("bare", namespace="shop", image="shop-distroless:1", replicas=1)
    served.put(*small_cluster(), bare)
    served.settle()
    path = kubeconfig(tmp_path / "kubeconfig.json", served.url)
    connection = ClusterConnection(target=TARGET, kubeconfig=path, context="reader", writer_context="writer")
    sources, writers = open_sources(connection), open_writers(connection)
    yield World(served, sources, writers)
    sources.close()
    writers.close()


def case(target: ClusterTarget, without_tools: tuple[Pod, ...], pods: tuple[Pod, ...], most: int = 2) -> PlanCase:
    """Return what is planned from."""
    finding = Finding(
        rule="dns_lookups_fail", title="t", kind=Kind.SYMPTOM, playbook="lookups", severity=Severity.CRITICAL,
        judgement=Judgement(verdict=Verdict.UNKNOWN, summary="s"),
    )  # fmt: skip
    matrix = LookupMatrix(
        nodes_total=2,
        nodes_looked=0,
        lookups=(),
        resolvers=(),
        without_tools=tuple(one.client for one in without_tools),
    )
    return PlanCase(
        plan_id="p-1", target=target, finding=finding, parameters=Parameters(max_pods=most),
        evidence={LookupMatrix: matrix, WorkloadPods: WorkloadPods(selector="app=bare", pods=pods)},
    )  # fmt: skip


def pod(name: str) -> Pod:
    """Return an application's pod."""
    return Pod(
        namespace="shop", name=name, node="node-a", uid=name, phase="Running", ready=True, created_at=NOW,
        container=Container(name="app"),
    )  # fmt: skip


def test_names_are_looked_up_beside_the_application_afterwards(world: World) -> None:
    """What was NOT_ASKED is asked: the container shares the pod's network and its resolv.conf."""
    step = world.step()
    before = PodSession(pod=world.pod(), prober=world.sources.pods(Deadline.after(5)))
    before.prepare("172.20.0.10")

    effects = FIX.apply(step, world.writing)

    assert FIX.settled(step, effects, world.reading) == COMPLETE
    after = PodSession(pod=world.pod(), prober=world.sources.pods(Deadline.after(5)))
    after.prepare("172.20.0.10")
    assert (before.tool, after.tool) == (Tool.NONE, Tool.DIG)
    assert after.resolver is not None
    assert after.resolver.nameservers == ("172.20.0.10",)


def test_the_container_has_no_root_and_no_capability(world: World) -> None:
    """It is as `kubectl debug --profile=restricted` makes it, so that a restricted namespace admits it."""
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    world.served.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": level}})

    with pytest.raises(WriteFailed, match="violates PodSecurity"):
        FIX.apply(world.step(), world.writing)  # the application itself is not restricted

    world.served.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    FIX.apply(world.step(), world.writing)
    (found,) = world.served.pods("app=bare", "shop")
    (beside,) = found["spec"]["ephemeralContainers"]
    assert (beside["targetContainerName"], beside["securityContext"]["runAsNonRoot"]) == ("bare", True)
    assert beside["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_plan_says_that_it_stays(world: World) -> None:
    """Nobody takes an ephemeral container away."""
    plan = world.planned()

    assert isinstance(plan, Planned)
    assert "stays until the pod is replaced" in plan.blast_radius
    assert (plan.steps[0].undo, FIX.inverse(plan.steps[0], {})) == ("", None)
    assert "kubectl -n shop debug bare-" in plan.steps[0].command
    assert FIX.read(plan.steps[0], world.reading) == plan.steps[0].before


def test_a_pod_that_was_replaced_is_left_alone(world: World) -> None:
    """Its name may be another's now; the API server refuses another uid."""
    step = world.step()
    other = replace(step, parameters={**step.parameters, "uid": "another"})

    with pytest.raises(WriteFailed, match="Conflict"):
        FIX.apply(other, world.writing)
    gone = replace(step, parameters={**step.parameters, "name": "gone"})
    assert FIX.read(gone, world.reading) == {"uid": "", "image": ""}


def test_the_right_to_add_one_is_its_own(world: World) -> None:
    """Without it nothing is added, and it is named."""
    world.served.ask("POST", "/sandbox/deny", {"actions": ["patch pods/ephemeralcontainers"]})

    with pytest.raises(WriteFailed, match="pods/ephemeralcontainers: patch in namespace shop"):
        FIX.apply(world.step(), world.writing)


def test_without_an_image_none_is_proposed(world: World) -> None:
    """The setting is named."""
    plan = world.planned(replace(TARGET, debug_image=""))

    assert isinstance(plan, Advice)
    assert "debug_image" in plan.text[0]


def test_pods_that_get_one_are_bounded_and_have_none_yet() -> None:
    """Each stands for the pods of its kind on its node."""
    pods = (pod("a"), replace(pod("b"), debug_container="dnsbot-debug"), pod("c"), pod("d"))

    plan = FIX.plan(case(TARGET, pods, pods))

    assert isinstance(plan, Planned)
    assert [step.parameters["name"] for step in plan.steps] == ["a", "c"]
    assert plan.blast_radius.startswith("2 pods of 3 without tools")
    assert isinstance(FIX.plan(case(TARGET, (), pods)), Advice)


@pytest.mark.parametrize(
    ("state", "progress"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, Progressing.WAITING),
        ({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}, Progressing.FAILED),
        (None, Progressing.WAITING),
    ],
)
def test_it_is_complete_when_the_container_runs(state: dict[str, Any] | None, progress: Progressing) -> None:
    """An image that cannot be pulled never will be."""
    statuses = [{"name": "dnsbot-debug", "state": state}] if state else []

    class Cluster:
        def get(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"status": {"ephemeralContainerStatuses": statuses}}

    nothing: Any = None
    cluster: Any = Cluster()
    plan = FIX.plan(case(TARGET, (pod("a"),), (pod("a"),)))
    assert isinstance(plan, Planned)

    found = FIX.settled(plan.steps[0], {}, Reading(cluster=cluster, aws=nothing, target=TARGET))

    assert found.progress is progress
