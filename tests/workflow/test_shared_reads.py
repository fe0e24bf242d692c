from __future__ import annotations

import gc
import threading
import weakref
from collections import UserDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.deadline import Deadline
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.places import HOME, Place
from bot.domain.ports import ExecResult, Resource
from bot.errors import AccessDenied, EvidenceUnavailable, SourceTimeout, UnitError
from bot.report.json_report import json_report
from bot.workflow.call_log import Call, CallLog
from bot.workflow.catalogue import Catalogue
from bot.workflow.diagnose import Diagnoser
from bot.workflow.load_playbook import load_playbooks
from bot.workflow.recording import Asking, RecordingAwsReader, RecordingClusterReader, RecordingPodProber
from bot.workflow.shared_reads import SharedReads
from tests.looking import ListsWhatItReads

NODES = Call.kubernetes("list", "nodes", "", "")
VPCS = Call.aws("ec2:DescribeVpcs", HOME)
LIST_NODES = KubernetesPermission(verb="list", resource="nodes")
MANY_SECONDS = 30.0


def soon() -> Deadline:
    """Return a deadline that has nearly come."""
    return Deadline.after(0.05)


def later() -> Deadline:
    """Return a deadline that no test reaches."""
    return Deadline.after(MANY_SECONDS)


@dataclass
class HeldFarEnd:
    """Answers its first call when it is let go; counts all."""

    error: EvidenceUnavailable | None = None
    """Raised to the first one who asks."""
    asked: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    asked_again: threading.Event = field(default_factory=threading.Event)
    calls: int = 0

    def ask(self) -> str:
        """Answer."""
        self.calls += 1
        if self.calls > 1:
            self.asked_again.set()
            return "second answer"
        self.asked.set()
        self.let_go.wait(MANY_SECONDS)
        if self.error is not None:
            raise self.error
        return "first answer"


def test_two_who_ask_at_once_wait_for_one_call() -> None:
    """The second is given the first one's answer."""
    reads, far_end = SharedReads({}), HeldFarEnd()

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(reads.answer, NODES, far_end.ask, later())
        far_end.asked.wait(MANY_SECONDS)
        second = threads.submit(reads.answer, NODES, far_end.ask, later())
        far_end.asked_again.wait(0.2)  # gives the second the time to ask by itself, if it did
        far_end.let_go.set()

    assert (first.result(), second.result(), far_end.calls) == ("first answer", "first answer", 1)


@pytest.mark.parametrize("error", [SourceTimeout("too late"), AccessDenied("no")], ids=["deadline", "refusal"])
def test_a_failure_is_its_askers_alone(error: EvidenceUnavailable) -> None:
    """Whoever waited asks for itself: the first one's deadline or bad luck is no gap of the second's."""
    reads, far_end = SharedReads({}), HeldFarEnd(error=error)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(reads.answer, NODES, far_end.ask, later())
        far_end.asked.wait(MANY_SECONDS)
        second = threads.submit(reads.answer, NODES, far_end.ask, later())
        far_end.let_go.set()

    assert first.exception() is error
    assert second.result() == "second answer"
    assert reads.answer(NODES, far_end.ask, later()) == "second answer"
    assert far_end.calls == 2


def test_two_places_do_not_share_an_answer() -> None:
    """The same call in another account is another one."""
    reads, shared = SharedReads({}), Place(name="shared", region="eu-west-1", vpc_id="vpc-0aaa")

    answers = [
        reads.answer(Call.aws("ec2:DescribeVpcs", place), partial(str, place), later()) for place in (HOME, shared)
    ]

    assert answers == ["home", "peer shared (vpc-0aaa, eu-west-1)"]


def test_nobody_waits_longer_than_by_its_own_deadline() -> None:
    """The one who is in a hurry says what it waited for; the other has its answer all the same."""
    reads, far_end = SharedReads({}), HeldFarEnd()

    with ThreadPoolExecutor(1) as threads:
        patient = threads.submit(reads.answer, NODES, far_end.ask, later())
        far_end.asked.wait(MANY_SECONDS)
        with pytest.raises(SourceTimeout, match="Cannot list nodes: another check asked the same"):
            reads.answer(NODES, far_end.ask, soon())
        far_end.let_go.set()

    assert (patient.result(), far_end.calls) == ("first answer", 1)


def test_many_threads_make_each_call_once() -> None:
    """Two hundred askers of five calls, from sixteen threads."""
    reads, made = SharedReads({}), []
    calls = [Call.aws("ec2:DescribeVpcs", HOME, number=number) for number in range(5)]

    def ask(call: Call) -> str:
        made.append(call)
        return call.details

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda call: reads.answer(call, lambda: ask(call), later()), calls * 40))

    assert sorted(made, key=str) == sorted(calls, key=str)
    assert found == [call.details for call in calls * 40]


class Listed(UserDict[str, object]):
    """An answer that can be watched as it goes."""


def test_answers_go_when_nobody_is_left_to_ask() -> None:
    """A list of thousands of nodes does not stay in memory until the diagnosis ends."""
    reads = SharedReads({"nodes": [LIST_NODES], "lookups": [LIST_NODES], "vpc": [AwsPermission(action="ec2:Any")]})
    answer = weakref.ref(reads.answer(NODES, Listed, later()))

    reads.leave("nodes")
    kept = reads.answer(NODES, Listed, later()) is answer()
    reads.leave("lookups")
    gc.collect()

    assert kept
    assert answer() is None


@dataclass
class FarEnd:
    """Every port; notes what reaches it."""

    reached: list[str] = field(default_factory=list)

    def get(self, resource: Resource, name: str, **options: str) -> dict[str, Any]:
        """See `ClusterReader.get`."""
        self.reached.append(f"get {resource} {name} {options}")
        return {"number": len(self.reached)}

    def list(self, resource: Resource, read: Any, **options: str) -> list[Any]:
        """See `ClusterReader.list`."""
        return [read(self.get(resource, "*", **options))]

    def logs(self, pod: PodName, **options: object) -> str:
        """See `ClusterReader.logs`."""
        self.reached.append(f"logs {pod} {options}")
        return str(len(self.reached))

    def schemas(self, resource: Resource) -> dict[str, Any]:
        """See `ClusterReader.schemas`."""
        self.reached.append(f"schemas {resource}")
        return {}

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """See `ClusterReader.pod_page`."""
        self.reached.append(f"page {pod} {port} {path}")
        return str(len(self.reached))

    def run(self, pod: PodName, container: str, arguments: Any) -> ExecResult:
        """See `PodProber.run`."""
        self.reached.append(f"run {pod} {container} {arguments}")
        return ExecResult(stdout=b"%d" % len(self.reached), stderr=b"", exit_code=0, cut=False)


@dataclass
class AwsFarEnd(ListsWhatItReads):
    """AWS; notes what reaches it beside what reaches the cluster."""

    reached: list[str]

    def read(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        """See `AwsReader.read`."""
        self.reached.append(f"{service}:{operation} {parameters}")
        return {"number": len(self.reached), "Subnets": [{}]}


DECLARED = (
    KubernetesPermission(verb="get", resource="configmaps"),
    KubernetesPermission(verb="list", resource="configmaps"),
    KubernetesPermission(verb="list", resource="configmaps", group="example.com"),
    KubernetesPermission(verb="get", resource="pods/log"),
    KubernetesPermission(verb="create", resource="pods/exec"),
    AwsPermission(action="ec2:DescribeSubnets"),
    AwsPermission(action="ec2:DescribeVpcs"),
)
MAPS, POD = Resource(plural="configmaps"), PodName(namespace="shop", name="web-1")
READS: dict[str, Callable[[Any, Any], object]] = {
    "get": lambda cluster, _: cluster.get(MAPS, "a", namespace="shop"),
    "get, another name": lambda cluster, _: cluster.get(MAPS, "b", namespace="shop"),
    "get, another namespace": lambda cluster, _: cluster.get(MAPS, "a", namespace="kube-system"),
    "list": lambda cluster, _: cluster.list(MAPS, dict),
    "list, one namespace": lambda cluster, _: cluster.list(MAPS, dict, namespace="shop"),
    "list, labels": lambda cluster, _: cluster.list(MAPS, dict, labels="app=web"),
    "list, fields": lambda cluster, _: cluster.list(MAPS, dict, fields="app=web"),
    "list, another version": lambda cluster, _: cluster.list(Resource(plural="configmaps", version="v2"), dict),
    "list, another group": lambda cluster, _: cluster.list(Resource(plural="configmaps", group="example.com"), dict),
    "logs": lambda cluster, _: cluster.logs(POD),
    "logs, another pod": lambda cluster, _: cluster.logs(PodName(namespace="shop", name="web-2")),
    "logs, another container": lambda cluster, _: cluster.logs(POD, container="app"),
    "logs, the run before": lambda cluster, _: cluster.logs(POD, previous=True),
    "logs, another window": lambda cluster, _: cluster.logs(POD, since_seconds=60),
    "logs, another tail": lambda cluster, _: cluster.logs(POD, tail_lines=1),
    "logs, another limit": lambda cluster, _: cluster.logs(POD, limit_bytes=1),
    "list, another form": lambda cluster, _: cluster.list(MAPS, str),
    "AWS": lambda _, aws: aws.read("ec2", "DescribeSubnets"),
    "AWS, a list": lambda _, aws: aws.list("ec2", "DescribeSubnets", "Subnets", dict),
    "AWS, a list in another form": lambda _, aws: aws.list("ec2", "DescribeSubnets", "Subnets", str),
    "AWS, another operation": lambda _, aws: aws.read("ec2", "DescribeVpcs"),
    "AWS, parameters": lambda _, aws: aws.read("ec2", "DescribeSubnets", Filters=[{"Name": "a", "Values": ["1"]}]),
    "AWS, other values": lambda _, aws: aws.read("ec2", "DescribeSubnets", Filters=[{"Name": "a", "Values": ["2"]}]),
}


@dataclass
class Collecting:
    """Collectors of one diagnosis over one far end."""

    far_end: FarEnd = field(default_factory=FarEnd)
    aws: AwsFarEnd = field(init=False)
    reads: SharedReads = field(default_factory=lambda: SharedReads({}))

    def __post_init__(self) -> None:
        """Let both far ends note in one place."""
        self.aws = AwsFarEnd(self.far_end.reached)

    def asking(self, unit: str, *declared: Any) -> Asking:
        """Return how one more collector asks."""
        return Asking(CallLog(unit=unit, declared=declared or DECLARED), self.reads, later())


@pytest.mark.parametrize("name", READS)
def test_the_same_read_of_two_collectors_is_sent_once_and_stands_in_both_logs(name: str) -> None:
    """Each log says what its collector used; the second one's says that it was not sent again."""
    collecting = Collecting()
    one, other = collecting.asking("one"), collecting.asking("other")

    answers = [
        READS[name](RecordingClusterReader(collecting.far_end, asking), RecordingAwsReader(collecting.aws, asking))
        for asking in (one, other)
    ]

    assert len(collecting.far_end.reached) == 1
    assert answers[0] is answers[1]
    assert [call.name for call in one.log.calls()] == [call.name for call in other.log.calls()]
    assert [call.shared for asking in (one, other) for call in asking.log.calls()] == [False, True]


def test_different_reads_are_never_taken_for_one_another() -> None:
    """Each object, selector, window, container and parameter is a call of its own."""
    collecting = Collecting()
    asking = collecting.asking("one")
    cluster, aws = RecordingClusterReader(collecting.far_end, asking), RecordingAwsReader(collecting.aws, asking)

    for read in READS.values():
        read(cluster, aws)

    assert len(collecting.far_end.reached) == len(READS)
    assert not any(call.shared for call in asking.log.calls())


def test_commands_are_run_each_time() -> None:
    """A lookup that was made before a moment says nothing about this one."""
    collecting = Collecting()
    asking = collecting.asking("one")
    prober = RecordingPodProber(collecting.far_end, asking)

    results = [prober.run(POD, "app", ["dig"]) for _ in range(2)]

    assert [result.stdout for result in results] == [b"1", b"2"]
    assert not any(call.shared for call in asking.log.calls())


def test_an_answer_that_is_there_is_given_to_nobody_who_did_not_declare_the_call() -> None:
    """The table of permissions stays true, whoever asks first."""
    collecting = Collecting()
    RecordingAwsReader(collecting.aws, collecting.asking("one")).read("ec2", "DescribeVpcs")

    with pytest.raises(UnitError, match="other calls ec2:DescribeVpcs without declaring it"):
        RecordingAwsReader(collecting.aws, collecting.asking("other", LIST_NODES)).read("ec2", "DescribeVpcs")


@pytest.fixture
def two_readers(
    tmp_path: Path, garden_yaml: str, catalogue: Catalogue, target: ClusterTarget, sources: Callable[..., Any]
) -> tuple[Diagnoser, Any]:
    """A diagnoser whose two collectors of the garden read the same ConfigMap, and its far end."""
    (tmp_path / "garden.yaml").write_text(garden_yaml)
    soil, plant = catalogue.collectors["soil"], catalogue.collectors["plant"]

    def collect_plant(look: Any) -> Any:
        found = look.cluster.get(Resource(plural="configmaps"), "soil", namespace="kube-system")
        return plant.evidence(text=f"grows in {found['text']}")

    reading = replace(plant, collect=collect_plant, permissions=soil.permissions)
    units = replace(catalogue, collectors={**catalogue.collectors, "plant": reading})
    shared = sources(lambda: {"text": "wet"})
    diagnoser = Diagnoser(
        catalogue=units, playbooks=load_playbooks([tmp_path / "garden.yaml"], units, {"diagnose"}),
        targets={"cluster-prod": target}, open_sources=lambda _: shared,
    )  # fmt: skip
    return diagnoser, shared.reader


def test_a_diagnosis_reads_once_and_the_next_one_reads_anew(two_readers: tuple[Diagnoser, Any]) -> None:
    """Verifying a repair by what was read before it would prove nothing."""
    diagnoser, far_end = two_readers

    diagnoser.run(Question(cluster="cluster-prod"))
    once = list(far_end.calls)
    diagnoser.run(Question(cluster="cluster-prod"))

    assert once == ["configmaps/soil"]
    assert far_end.calls == ["configmaps/soil"] * 2


def test_reports_name_the_call_at_each_evidence_that_used_it(two_readers: tuple[Diagnoser, Any]) -> None:
    """Which call an evidence rests on does not depend on who came first."""
    report: Any = json_report(two_readers[0].run(Question(cluster="cluster-prod")))

    by_id = {entry["id"]: entry["calls"] for entry in report["evidence"]}
    assert by_id == {"cluster_binding": [], "soil": ["get configmaps in kube-system"], "plant": by_id["soil"]}
