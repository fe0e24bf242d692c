"""A small catalogue of units that need no cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Binding, ClusterBinding
from bot.domain.evidence import Collector
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Reach, Transport
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.places import HOME, Place
from bot.domain.plans import Advice, Fix
from bot.domain.ports import Resource
from bot.domain.views import View
from bot.errors import AccessDenied
from bot.workflow.catalogue import Catalogue

BOUND = Binding(
    account="123456789012",
    cluster_arn="arn:aws:eks:eu-west-1:123456789012:cluster/prod",
    kube_system_uid="uid-1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Soil:
    text: str
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoilParameters:
    window: timedelta = timedelta(minutes=15)
    depth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    at_least: int = 1


@dataclass
class FakeReader:
    """A cluster reader whose answer is a function of the call; counts what is asked."""

    answer: Callable[[], Any]
    calls: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> Any:
        with self.lock:
            self.calls.append(f"{resource.plural}/{name}")
        del namespace
        return self.answer()

    def list(self, resource: Resource, read: Any, *, namespace: str = "", labels: str = "", fields: str = "") -> Any:
        del namespace, labels, fields
        return [read(self.get(resource, "*"))]

    def logs(self, *_: Any, **__: Any) -> str:
        return ""

    def schemas(self, resource: Resource) -> Any:
        return self.get(resource, "schemas")

    def pod_page(self, *_: Any, **__: Any) -> str:
        return ""

    def read(self, service: str, operation: str, **_: object) -> Any:
        with self.lock:
            self.calls.append(f"{service}:{operation}")
        return self.answer()

    def run(self, *_: Any) -> Any:
        raise NotImplementedError


@dataclass
class FakeSources:
    reader: FakeReader
    deadlines: list[Deadline] = field(default_factory=list)

    def cluster(self, deadline: Deadline, place: Place = HOME) -> FakeReader:
        del place
        self.deadlines.append(deadline)
        return self.reader

    aws = cluster
    pods = cluster


def collect_binding(look: View) -> ClusterBinding:
    del look
    return ClusterBinding(binding=BOUND, matches=True, why="")


def collect_soil(look: View) -> Soil:
    found = look.cluster.get(Resource(plural="configmaps"), "soil", namespace="kube-system")
    return Soil(text=str(found["text"]), count=look.parameters.depth)


def collect_plant(look: View) -> Plant:
    return Plant(text=f"grows in {look.need(Soil).text}")


def judge_soil(case: Case) -> Judgement:
    soil = case.need(Soil)
    if soil.text == "dry":
        return Judgement(verdict=Verdict.PROBLEM, summary="The soil is dry.", reach=(Reach(nodes=frozenset({"n1"})),))
    return healthy("The soil is wet.")


def judge_plant(case: Case) -> Judgement:
    plant = case.need(Plant)
    if "dry" in plant.text:
        failing = tuple(
            Lookup(
                client=Client(node=node, kind=ClientKind.POD, pod="a/b"),
                server="10.0.0.10",
                through_service=True,
                transport=Transport.UDP,
                external=False,
                name="kubernetes.default.svc.cluster.local.",
                answer=Answer.TIMED_OUT,
            )
            for node in ("n1", "n2")
        )
        return Judgement(verdict=Verdict.PROBLEM, summary="Leaves hang.", failing=failing)
    return healthy("Leaves stand.")


def garden_work(name: str, *, yields: tuple[type, ...] = ()) -> Fix:
    return Fix(
        name=name, title=name, does=f"You {name}.", permissions=(), yields=yields,
        plan=lambda _: Advice(reason="It rains."), read=lambda *_: None, apply=lambda *_: {},
        inverse=lambda *_: None,
    )  # fmt: skip


@pytest.fixture
def catalogue() -> Catalogue:
    """Two collectors in a row, a cause and a symptom, a fix, and a measure that gets the soil's evidence."""
    read = (KubernetesPermission(verb="get", resource="configmaps", namespace="kube-system"),)
    return Catalogue(
        collectors={
            "cluster_binding": Collector(
                name="cluster_binding", title="which cluster", evidence=ClusterBinding, view=View,
                collect=collect_binding, summarise=lambda _: "bound",
                permissions=(AwsPermission(action="eks:DescribeCluster"),),
            ),
            "soil": Collector(
                name="soil", title="soil", evidence=Soil, view=View, collect=collect_soil,
                summarise=lambda soil: soil.text,
                permissions=read, parameters=SoilParameters, deadline_seconds=1.0,
            ),
            "plant": Collector(
                name="plant", title="plant", evidence=Plant, view=View, collect=collect_plant,
                summarise=lambda plant: plant.text,
                permissions=(), needs=(Soil,),
            ),
        },
        rules={
            "soil_dry": Rule(
                name="soil_dry", title="Soil is dry", check="Soil", kind=Kind.CAUSE, judge=judge_soil, needs=(Soil,),
                thresholds=Thresholds,
            ),
            "leaves_hang": Rule(
                name="leaves_hang", title="Leaves hang", check="Leaves", kind=Kind.SYMPTOM, judge=judge_plant,
                needs=(Plant,),
            ),
        },
        fixes={"water": garden_work("water"), "dig": garden_work("dig", yields=(Soil,))},
    )  # fmt: skip


@pytest.fixture
def target() -> ClusterTarget:
    """The one cluster."""
    return ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", environment="production")


@pytest.fixture
def garden_yaml() -> str:
    """A playbook that uses all of the catalogue."""
    return """\
name: garden
title: The garden
purpose: Is it watered?
commands: [diagnose]
gather:
  - collector: soil
    with: {window: 30m}
  - collector: plant
findings:
  - rule: soil_dry
    severity: critical
    with: {at_least: 2}
  - rule: leaves_hang
    severity: critical
"""


@pytest.fixture
def denied() -> Callable[[], Any]:
    """An answer that is a refusal."""

    def answer() -> Any:
        raise AccessDenied("Cannot get configmaps: 403 Forbidden.", grant="configmaps: get in namespace kube-system")

    return answer


@pytest.fixture
def sources() -> Callable[[Callable[[], Any]], FakeSources]:
    """Sources whose every answer is what the given function returns or raises."""
    return lambda answer: FakeSources(FakeReader(answer))
