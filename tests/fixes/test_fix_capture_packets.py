"""Packets captured by approval in the sandbox's cluster: pods made by the bot's own clients, read by its collector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, ClusterWriters, open_sources, open_writers
from bot.collectors import packet_captures
from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.packet_captures import PacketCaptures
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import ClusterTarget, NodeProbe, PodName, Question
from bot.domain.deadline import Deadline
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.kept_files import KeptFile
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Lookup, Transport
from bot.domain.plans import Advice, PlanCase, Planned, Reading, Step, Writing
from bot.domain.settling import COMPLETE, Progressing
from bot.errors import WriteFailed
from bot.fixes.capture_packets import FIX, Parameters
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import DEPLOYMENTS, PODS
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import deployment, small_cluster
from tests.clients.conftest import kubeconfig
from tests.looking import Ends, collect_through

NAMESPACE, IMAGE = "dns-probes", "registry.example.com/dnsprobe:1"
TARGET = ClusterTarget(
    name="cluster-prod", eks_name="cluster-prod", region="eu-west-1",
    node_probe=NodeProbe(image=IMAGE, namespace=NAMESPACE),
)  # fmt: skip
NAME = "kubernetes.default.svc.cluster.local."


@dataclass
class World:
    """A cluster with an application on one node and CoreDNS on both, and the bot's clients of it."""

    served: ServedCluster
    sources: ClusterSources
    writers: ClusterWriters

    @property
    def client(self) -> Pod:
        """The application's pod."""
        return Pod.of(self.served.pods("app=shop", "shop")[0])

    @property
    def coredns(self) -> tuple[Pod, ...]:
        """Both CoreDNS pods."""
        return tuple(map(Pod.of, self.served.pods("k8s-app=kube-dns")))

    def matrix(self, answer: Answer = Answer.TIMED_OUT) -> LookupMatrix:
        """Return one lookup by each CoreDNS pod."""
        made = tuple(
            Lookup(client=self.client.client, server=one.ip, through_service=False, transport=Transport.UDP,
                   external=False, name=NAME, answer=answer)
            for one in self.coredns
        )  # fmt: skip
        return LookupMatrix(nodes_total=2, nodes_looked=1, lookups=made, resolvers=(), coredns_known=2)

    def look(self, answer: Answer = Answer.TIMED_OUT, target: ClusterTarget = TARGET, **options: Any) -> PacketCaptures:
        """Return what the collector finds."""
        endpoints = tuple(DnsEndpoint(ip=one.ip, ready=True, node=one.node, pod=one.name) for one in self.coredns)
        dns = KubeDns(service_exists=True, cluster_ip="172.20.0.10", cluster_ips=("172.20.0.10",), selector="",
                      ports=(), endpoints=endpoints)  # fmt: skip
        needed = {
            LookupMatrix: self.matrix(answer),
            KubeDns: dns,
            WorkloadPods: WorkloadPods(selector="app=shop", pods=(self.client,)),
        }
        run = self.sources.nodes()
        try:
            ends = _Through(run=run, sources=self.sources)
            found = collect_through(packet_captures.COLLECTOR, ends, needed=needed, target=target, **options)[0]
        finally:
            run.close()
        assert isinstance(found, PacketCaptures)
        return found

    def planned(
        self, found: PacketCaptures, seconds: int = 0, target: ClusterTarget = TARGET, plan_id: str = "plan1"
    ) -> Planned | Advice:
        """Return the plan."""
        finding = Finding(
            rule="packets_lost", title="t", kind=Kind.SYMPTOM, playbook="packets", severity=Severity.CRITICAL,
            judgement=Judgement(verdict=Verdict.UNKNOWN, summary="s"),
        )  # fmt: skip
        evidence: dict[type, object] = {PacketCaptures: found}
        case = PlanCase(plan_id=plan_id, target=target, finding=finding, parameters=Parameters(), evidence=evidence)
        return FIX.plan(replace(case, lasting_seconds=seconds))

    def steps(self, found: PacketCaptures | None = None, plan_id: str = "plan1") -> tuple[Step, ...]:
        """Return the steps of the plan."""
        plan = self.planned(found or self.look(), plan_id=plan_id)
        assert isinstance(plan, Planned)
        return plan.steps

    @property
    def reading(self) -> Reading:
        """What is read through."""
        nothing: Any = None
        return Reading(cluster=self.sources.cluster(Deadline.after(5)), aws=nothing, target=TARGET)

    @property
    def writing(self) -> Writing:
        """What is written through."""
        nothing: Any = None
        return Writing(
            cluster=self.sources.cluster(Deadline.after(5)), aws=nothing, target=TARGET,
            cluster_writer=self.writers.probe_pods(Deadline.after(5)), aws_writer=nothing,
            deadline=Deadline.after(5), plan_id="plan1", begun_at=datetime.now(UTC),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Through(Ends):
    run: Any
    sources: Any

    def cluster(self, deadline: Deadline) -> Any:
        return self.sources.cluster(deadline)

    def nodes(self) -> Any:
        return self.run


@pytest.fixture(scope="module")
def served() -> Iterator[ServedCluster]:
    """Yield a cluster that turns by itself."""
    cluster = ServedCluster(turning=True)
    yield cluster
    cluster.stop()


@pytest.fixture
def world(served: ServedCluster, tmp_path: Path) -> Iterator[World]:
    """Yield the cluster as it is at first."""
    served.ask("POST", "/sandbox/reset")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    served.put(namespace, *small_cluster())
    if not served.pods("app=shop", "shop"):
        served.put(deployment("shop", namespace="shop", image="shop:1", replicas=1))
    served.settle()
    path = kubeconfig(tmp_path / "kubeconfig.json", served.url)
    connection = ClusterConnection(target=TARGET, kubeconfig=path, context="reader")
    sources, writers = open_sources(connection), open_writers(connection)
    yield World(served, sources, writers)
    sources.close()
    writers.close()


def test_it_is_captured_at_the_client_and_at_each_coredns_pod(world: World) -> None:
    """On the host's side of each pod's interface, as the node's own routes have it."""
    found = world.look()

    assert [(one.pod, one.node, one.address, one.of_dns) for one in found.points] == [
        (f"shop/{world.client.name}", world.client.node, world.client.ip, False),
        *((f"kube-system/{one.name}", one.node, one.ip, True) for one in sorted(world.coredns, key=lambda p: p.node)),
    ]
    assert all(one.interface.startswith("eni") for one in found.points)
    assert [gap.off for gap in found.gaps] == [True]


def test_nothing_is_to_be_captured_where_every_lookup_was_answered(world: World) -> None:
    """Unless somebody asks: then it is seen where it could be."""
    assert world.look(Answer.ANSWERED) == PacketCaptures(not_needed="no lookup timed out")
    asked = world.look(Answer.ANSWERED, question=Question(cluster="cluster-prod", command="capture"))
    assert len(asked.points) == 3


def test_what_was_looked_up_meanwhile_is_read_and_kept(world: World) -> None:
    """Each step makes a pod that captures; the file is kept as it is, and of its names those that were looked up."""
    steps = world.steps()
    for step in steps:
        assert FIX.read(step, world.reading) == step.before
        effects = FIX.apply(step, world.writing)
        world.served.settle()
        assert FIX.settled(step, effects, world.reading) == COMPLETE
        assert FIX.found(step, world.reading, "plan1") == effects
        assert FIX.found(step, world.reading, "another") is None
    dig = ("dig", "+time=2", "+tries=1", "+noall", "+comments", "+answer", f"@{world.coredns[0].ip}")
    pod, container = PodName(namespace="shop", name=world.client.name), world.client.container.name
    for name in (NAME, "private.example.com."):
        world.sources.pods(Deadline.after(10)).run(pod, container, (*dig, name, "A"))

    files: list[KeptFile] = []
    found = world.look(Answer.ANSWERED, keep=files.append)

    assert found.gaps == ()
    assert [len(one.exchanges) for one in found.captures if not one.point.of_dns] == [1]
    assert {one.answer for each in found.captures for one in each.exchanges} == {"NOERROR"}
    assert sorted({one.others for one in found.captures if one.exchanges}) == [2]
    assert sorted(file.name.partition("-")[0] for file in files) == ["client", "coredns", "coredns"]
    assert all(file.content[:4] in {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"} for file in files)


def test_a_capture_that_was_over_before_is_none(world: World) -> None:
    """None of the lookups made since are in it."""
    for step in world.steps():
        FIX.apply(step, world.writing)
    world.served.settle()

    assert world.look(Answer.ANSWERED, now=datetime.now(UTC) + timedelta(seconds=61)).captures == ()
    assert len(world.look(Answer.ANSWERED, now=datetime.now(UTC)).captures) == 3


def test_of_two_captures_at_once_the_newer_one_is_read(world: World) -> None:
    """Each pod captures its own plan's client alone, and two files of one pod would have one name."""
    points = world.look()
    for plan_id in ("plan2", "plan1"):
        for step in world.steps(points, plan_id):
            FIX.apply(step, world.writing)
        world.served.settle()
        world.served.ask("POST", "/sandbox/passed", {"seconds": 5})
    files: list[KeptFile] = []

    found = world.look(keep=files.append)

    assert len(found.captures) == len({file.name for file in files}) == 3
    assert [one.point for one in found.captures] == list(points.points)


def test_the_undo_removes_the_pod_that_was_made_and_no_other(world: World) -> None:
    """By its uid."""
    step = world.steps()[0]
    effects = FIX.apply(step, world.writing)
    world.served.settle()
    back = FIX.inverse(step, effects)

    assert back is not None
    assert FIX.read(back, world.reading) == back.before
    with pytest.raises(WriteFailed, match="Conflict"):
        FIX.apply(replace(back, parameters={**back.parameters, "uid": "another"}), world.writing)
    FIX.apply(back, world.writing)
    world.served.settle()
    assert FIX.settled(back, {}, world.reading) == COMPLETE
    assert FIX.read(step, world.reading) == step.before
    assert FIX.inverse(back, {}) is None


def test_a_pod_that_captures_nothing_is_a_failure_that_says_why(world: World) -> None:
    """An image without tcpdump does not listen, and a pod that is gone never will."""
    step = world.steps()[0]
    body: Any = step.parameters["pod"]
    container = {**body["spec"]["containers"][0], "command": ["sleep", "60"]}
    other = {**body, "spec": {**body["spec"], "containers": [container]}}
    effects = FIX.apply(replace(step, parameters={**step.parameters, "pod": other}), world.writing)
    world.served.settle()

    waits = FIX.settled(step, effects, world.reading)
    assert (waits.progress, waits.text) == (Progressing.WAITING, f"tcpdump listens in {step.target}")
    gone = FIX.settled(step, {"uid": "another"}, world.reading)
    assert (gone.progress, gone.text) == (Progressing.FAILED, f"{step.target} is another one by now.")


def test_the_plan_is_bounded_and_warns_of_names(world: World) -> None:
    """A minute at most, whatever was asked; the pods are removed two minutes later."""
    found = world.look()
    plans = {seconds: world.planned(found, seconds) for seconds in (0, 20, 600)}

    ends = {seconds: {step.ends_after_seconds for step in plan.steps} for seconds, plan in plans.items()
            if isinstance(plan, Planned)}  # fmt: skip
    assert ends == {0: {180}, 20: {140}, 600: {180}}
    plan = plans[20]
    assert isinstance(plan, Planned)
    assert "may be private" in plan.blast_radius
    told: Any = plan.steps[0].parameters["pod"]
    command = told["spec"]["containers"][0]["command"]
    assert command[4:6] == ["19531", "20"]
    assert command[command.index("-c", 5) + 1] == "100000"
    assert command[-1] == f"port 53 and (host {world.client.ip})"
    assert told["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] == ["NET_RAW", "SETGID", "SETUID"]


def test_without_a_place_or_a_probe_image_there_is_advice(world: World) -> None:
    """Which says what is missing."""
    blind = PacketCaptures(gaps=(Gap(what="w", reason="nodes are not seen", off=True),))
    assert world.planned(blind) == Advice(reason="No capture is planned: nodes are not seen.")
    assert isinstance(world.planned(world.look(), target=replace(TARGET, node_probe=None)), Advice)


def test_only_probe_pods_are_made_with_that_credential(world: World) -> None:
    """Nothing else, nowhere else, and nothing that is there is changed."""
    writer = world.writers.probe_pods(Deadline.after(5))
    calls = (
        lambda: writer.create(PODS, {"metadata": {"name": "x"}}, namespace="kube-system"),
        lambda: writer.create(DEPLOYMENTS, {"metadata": {"name": "x"}}, namespace=NAMESPACE),
        lambda: writer.delete(PODS, "x", namespace="shop", uid="1"),
        lambda: writer.patch(PODS, "x", {}, namespace=NAMESPACE),
    )
    for call in calls:
        with pytest.raises(WriteFailed, match=r"not changed"):
            call()
