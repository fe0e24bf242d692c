from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.collectors.manifest_schemas import COLLECTOR, ManifestSchemas
from bot.collectors.node_local_dns import NodeLocalDns
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Client, ClientKind
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.kubernetes.node_local_manifest import KINDS
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from tests.collectors_kubernetes.test_against_a_served_cluster import HttpReader
from tests.kubernetes.test_node_local_manifest import DOCUMENTS
from tests.rules_cluster.test_nodelocal_rules import cache

NONE = NodeLocalDns(caches=(), cluster_ips=("172.20.0.10",))


@pytest.fixture
def served() -> Iterator[ServedCluster]:
    """Serve an empty cluster."""
    cluster = ServedCluster()
    yield cluster
    cluster.stop()


def collect(served: ServedCluster, server: str, caches: NodeLocalDns = NONE) -> ManifestSchemas:
    """Read over HTTP, where a pod is told to ask this server."""
    client = Client(node="node-a", kind=ClientKind.POD, pod="shop/web")
    told = PodResolver(client=client, dns_policy="ClusterFirst", nameservers=(server,), search=(), ndots=5)
    matrix = LookupMatrix(nodes_total=1, nodes_looked=1, lookups=(), resolvers=(told,))
    target = ClusterTarget(name="shop", eks_name="shop", region="eu-west-1")
    return COLLECTOR.collect(
        View(
            cluster=HttpReader(served),
            at=None,  # type: ignore[arg-type]  # it asks AWS nothing
            target=target,
            question=Question(cluster="shop"),
            parameters=COLLECTOR.parameters(),
            started_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
            needed={NodeLocalDns: caches, LookupMatrix: matrix},
        )
    )


def paths(served: ServedCluster) -> list[str]:
    """Return what was asked for."""
    calls: list[dict[str, Any]] = served.get("/sandbox/calls")
    return sorted(call["path"] for call in calls)


def test_each_group_and_version_is_read_once_and_takes_the_manifest(served: ServedCluster) -> None:
    """Two documents for four kinds."""
    found = collect(served, "169.254.20.10")

    assert paths(served) == ["/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1"]
    assert [one.kind for one in found.schemas] == list(KINDS)
    assert [found.misfits(body) for body in DOCUMENTS.values()] == [(), (), (), ()]
    assert COLLECTOR.summarise(found) == "the API server describes 4 of 4 kinds of NodeLocal DNSCache"


@pytest.mark.parametrize(
    ("server", "caches"),
    [("172.20.0.10", NONE), ("169.254.20.10", replace(NONE, caches=(cache(),)))],
    ids=["pods ask the Service", "the cache is there"],
)
def test_where_nothing_is_to_be_installed_nothing_is_read(
    served: ServedCluster, server: str, caches: NodeLocalDns
) -> None:
    """Megabytes for nothing."""
    found = collect(served, server, caches)

    assert (found, paths(served)) == (ManifestSchemas(asked=False), [])


def test_an_api_server_that_refuses_it_is_a_gap(served: ServedCluster) -> None:
    """Whoever took system:discovery away is told what it costs."""
    served.ask("POST", "/sandbox/faults", [{"action": "get /openapi/v3/*", "kind": "deny"}])

    with pytest.raises(EvidenceUnavailable, match='cannot get path "/openapi/v3/api'):
        collect(served, "169.254.20.10")
