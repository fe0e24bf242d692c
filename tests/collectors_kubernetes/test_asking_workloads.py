"""The workloads behind wasteful clients: which are read, and what of their pod templates."""

from __future__ import annotations

from typing import Any

from bot.collectors import asking_workloads
from bot.collectors.query_log import QueryClient, QueryLog
from bot.dns.search_domains import SearchCost
from bot.errors import AccessDenied
from bot.kubernetes.owners import Owner


def client(address: str, wasted: int, kind: str, name: str) -> QueryClient:
    """Return a client of a workload in namespace shop."""
    cost = SearchCost(queries=wasted + 1, wasted=wasted, names=(), short=0, no_name=0)
    return QueryClient(address=address, cost=cost, namespace="shop", pod=name, owner=Owner(kind=kind, name=name))


def controller(name: str, config: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """Return a controller as the API answers it, its rollout complete."""
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    spec = {"dnsConfig": config} if config else {}
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}", "generation": 1, **metadata},
        "spec": {"replicas": 2, "template": {"spec": spec}},
        "status": status,
    }


def test_the_most_wasteful_controllers_are_read_and_no_more(collect: Any, cluster: Any) -> None:
    """By what their pods wasted together; Jobs, clients that waste nothing and those that are gone are left out."""
    clients = (
        client("10.0.1.1", 50, "Deployment", "ui"),
        client("10.0.1.2", 40, "Deployment", "orders"),
        client("10.0.1.3", 40, "Deployment", "orders"),
        client("10.0.1.4", 90, "Job", "export"),
        client("10.0.1.5", 0, "Deployment", "carts"),
        client("10.0.1.6", 30, "StatefulSet", "gone"),
        client("10.0.1.7", 20, "DaemonSet", "agent"),
        client("10.0.1.8", 10, "Deployment", "beyond"),
    )
    annotations = {"meta.helm.sh/release-name": "shop"}
    world = cluster(
        objects={
            "deployments/orders": controller("orders", {"options": [{"name": "ndots", "value": "2"}]}),
            "deployments/ui": controller("ui", annotations=annotations),
            "daemonsets/agent": AccessDenied("403 Forbidden", grant="daemonsets.apps: get"),
        }
    )
    log = QueryLog(pods=(), clients=clients, clients_total=len(clients))

    found = collect(asking_workloads.COLLECTOR, world, needed={QueryLog: log}, max_workloads=4)

    assert [(one.name, one.uid) for one in found.workloads] == [("orders", "uid-orders"), ("ui", "uid-ui")]
    assert found.workloads[0].dns_config == '{"options": [{"name": "ndots", "value": "2"}]}'
    assert (found.workloads[1].dns_config, found.workloads[1].manager) == ("", "Helm release shop")
    assert found.workloads[0].rollout == ""
    assert [(gap.what, gap.grant) for gap in found.gaps] == [("daemonset shop/agent", "daemonsets.apps: get")]
    assert len(world.asked) == 4
    assert found.find("shop", "Deployment", "orders") is found.workloads[0]
    assert found.find("shop", "Deployment", "beyond") is None
