from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from bot.collectors.workload_pods import COLLECTOR, collect
from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.evidence import NoParameters
from bot.domain.json_values import RawObject
from bot.domain.ports import Resource
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound, SourceGarbled

T = TypeVar("T")


def raw_pod(name: str, owner: tuple[str, str] = ("", ""), **labels: str) -> RawObject:
    """Return a pod as the API gives it."""
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner[0] else []
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-{name}",
            "labels": labels,
            "ownerReferences": owners,
            "creationTimestamp": "2026-11-21T08:00:00Z",
        },
        "spec": {
            "nodeName": "ip-10-0-1-10",
            "dnsPolicy": "ClusterFirst",
            "containers": [{"name": "app"}, {"name": "sidecar"}],
            "dnsConfig": {"nameservers": ["10.9.9.9"]},
        },
        "status": {"phase": "Running", "podIP": "10.0.1.20", "conditions": [{"type": "Ready", "status": "True"}]},
    }


@dataclass
class FakeCluster:
    """Lists by resource, and gets pods; records what was asked."""

    lists: Mapping[str, Sequence[RawObject]] = field(default_factory=dict)
    pod: RawObject | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """See `ClusterReader.list`."""
        assert (namespace, fields) == ("", "")
        self.asked.append((resource.plural, labels))
        return [read(one) for one in self.lists.get(resource.plural, ())]

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """See `ClusterReader.get`."""
        assert resource.plural == "pods"
        if self.pod is None:
            raise NotFound(f"{namespace}/{name} not found")
        return self.pod


def look(cluster: FakeCluster, *, selector: str = "app=web", pod: PodName | None = None) -> View:
    """Return a look at a cluster with this selector."""
    reader: Any = cluster
    unused: Any = None
    return View(
        cluster=reader,
        at=unused,
        target=ClusterTarget(name="c", eks_name="c", region="eu-west-1", workload_selector=selector),
        question=Question(cluster="c", pod=pod),
        parameters=NoParameters(),
        started_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def test_a_pod_is_read_with_all_that_look_ups_need() -> None:
    """Node, first container, policy, own servers, controller."""
    hashed = raw_pod("web-5d-x", ("ReplicaSet", "web-5d"), **{"pod-template-hash": "5d"})
    cluster = FakeCluster({"pods": [hashed]})

    (found,) = collect(look(cluster)).pods

    assert (found.namespace, found.name, found.node, found.container.name) == (
        "shop",
        "web-5d-x",
        "ip-10-0-1-10",
        "app",
    )
    assert (found.phase, found.ready, found.dns_policy, found.nameservers) == (
        "Running",
        True,
        "ClusterFirst",
        ("10.9.9.9",),
    )
    assert (found.owner.kind, found.owner.name) == ("Deployment", "web")
    assert found.created_at == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert cluster.asked == [("pods", "app=web")]


OWNERS = [
    ("StatefulSet", raw_pod("db-0", ("StatefulSet", "db")), ("StatefulSet", "db")),
    ("bare", raw_pod("one"), ("", "")),
    ("ReplicaSet of a Deployment", raw_pod("web-x", ("ReplicaSet", "web-rs")), ("Deployment", "web")),
    ("ReplicaSet of nobody", raw_pod("web-x", ("ReplicaSet", "alone")), ("ReplicaSet", "alone")),
    ("ReplicaSet of a Rollout", raw_pod("web-x", ("ReplicaSet", "ro-1")), ("Rollout", "ro")),
]


@pytest.mark.parametrize(("item", "expected"), [row[1:] for row in OWNERS], ids=[row[0] for row in OWNERS])
def test_controllers_are_resolved_through_replica_sets(item: RawObject, expected: tuple[str, str]) -> None:
    """Read from the ReplicaSet itself where no hash label tells; never guessed."""
    replica_sets = [
        raw_pod("web-rs", ("Deployment", "web")),
        raw_pod("alone"),
        raw_pod("ro-1", ("Rollout", "ro")),
    ]

    (found,) = collect(look(FakeCluster({"pods": [item], "replicasets": replica_sets}))).pods

    assert (found.owner.kind, found.owner.name) == expected


def test_no_selector_says_so() -> None:
    """And what to set."""
    with pytest.raises(EvidenceUnavailable, match="no workload_selector is configured for this cluster"):
        collect(look(FakeCluster(), selector=""))


def test_without_a_selector_the_asked_pod_is_looked_from() -> None:
    """No other pod is taken for an application's."""
    cluster = FakeCluster(pod=raw_pod("mine"))

    found = collect(look(cluster, selector="", pod=PodName(namespace="shop", name="mine")))

    assert (found.pods, cluster.asked) == ((), [])
    assert found.asked_pod is not None
    assert found.asked_pod.name == "mine"


def test_an_asked_pod_that_is_not_there_is_a_gap() -> None:
    """The selector's pods stand."""
    cluster = FakeCluster({"pods": [raw_pod("one")]})

    found = collect(look(cluster, pod=PodName(namespace="shop", name="nope")))

    assert len(found.pods) == 1
    assert found.asked_pod_gap is not None
    assert "there is no pod shop/nope" in found.asked_pod_gap.reason


def test_a_pod_without_a_spec_is_garbled() -> None:
    """Half a pod is no pod."""
    with pytest.raises(SourceGarbled):
        collect(look(FakeCluster({"pods": [{"metadata": {"name": "x", "namespace": "y"}}]})))


def test_the_summary_counts() -> None:
    """Ready of all, and nodes."""
    found = collect(look(FakeCluster({"pods": [raw_pod("one"), raw_pod("two")]})))

    assert COLLECTOR.summarise(found) == "2 of 2 application pods ready, on 1 nodes"
