from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.node_local_metrics import COLLECTOR, MetricsParameters, NodeLocalMetrics
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.views import View
from bot.kubernetes.pods import Pod
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster
from bot.sandbox.world.node_local_dns import NodeLocalDns as Installed
from tests.collectors_kubernetes.test_against_a_served_cluster import HttpReader
from tests.rules_cluster.test_nodelocal_rules import cache

LOCAL = "169.254.20.10"


@pytest.fixture(scope="module")
def served() -> Iterator[ServedCluster]:
    """Serve a small cluster with NodeLocal DNSCache, at rest."""
    cluster = ServedCluster()
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}, *small_cluster())
    cluster.put(*Installed().objects())
    cluster.settle()
    yield cluster
    cluster.stop()


def collect(served: ServedCluster, *, port: int = 9253, max_pods: int = 20) -> tuple[NodeLocalMetrics, list[Pod]]:
    """Read over HTTP what the pods show."""
    listed = served.pods("k8s-app=node-local-dns", "kube-system")
    pods = [Pod.of(one, container="node-cache") for one in listed]
    found = NodeLocalDns(caches=(cache(metrics_port=port, pods=tuple(pods)),), cluster_ips=())
    target = ClusterTarget(name="shop", eks_name="shop", region="eu-west-1")
    look = View(
        cluster=HttpReader(served),
        at=None,  # type: ignore[arg-type]  # it asks AWS nothing
        target=target,
        question=Question(cluster="shop"),
        parameters=MetricsParameters(max_pods=max_pods),
        started_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        needed={NodeLocalDns: found},
    )
    return COLLECTOR.collect(look), pods


def test_a_look_up_is_counted_by_the_cache_of_its_node(served: ServedCluster) -> None:
    """At the port that the Corefile names, through the API server."""
    before, pods = collect(served)
    client = next(one for one in served.pods(namespace="shop") if not one["spec"].get("hostNetwork"))
    served.dig(client, LOCAL, "kubernetes.default.svc.cluster.local.")

    after, _ = collect(served)

    asked = {one.node: one.counters.queries for one in after.pods}
    more = {one.node: asked[one.node] - one.counters.queries for one in before.pods}
    node = client["spec"]["nodeName"]
    assert more == {one.node: int(one.node == node) for one in pods}
    assert after.gaps == ()
    assert COLLECTOR.summarise(after).startswith(f"metrics of {len(pods)} of {len(pods)} node-local-dns pods: ")


def test_pods_that_show_nothing_are_gaps(served: ServedCluster) -> None:
    """Nothing listens at the port; a Corefile that counts nothing; more pods than are asked."""
    deaf, pods = collect(served, port=9999)
    blind, _ = collect(served, port=0)
    some, _ = collect(served, max_pods=1)

    assert (len(deaf.gaps), deaf.pods) == (len(pods), ())
    assert "connection refused" in deaf.gaps[0].reason
    assert f"{len(pods)} pods were not asked: their Corefile has no `prometheus`" in blind.gaps[0].reason
    assert (len(some.pods), some.pods_total, len(some.gaps)) == (1, len(pods), 1)


def test_without_a_ready_pod_there_is_nothing_to_ask(served: ServedCluster) -> None:
    """That is no gap."""
    look_at = NodeLocalDns(caches=(cache(pods=()),), cluster_ips=())
    target = ClusterTarget(name="shop", eks_name="shop", region="eu-west-1")
    look = View(
        cluster=HttpReader(served),
        at=None,  # type: ignore[arg-type]  # it asks AWS nothing
        target=target,
        question=Question(cluster="shop"),
        parameters=MetricsParameters(),
        started_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        needed={NodeLocalDns: replace(look_at)},
    )

    assert COLLECTOR.collect(look) == NodeLocalMetrics(pods=(), pods_total=0)
