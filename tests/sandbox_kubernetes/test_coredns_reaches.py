from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import ALLOW_ALL, EVERYTHING
from bot.sandbox.network.vpc import Entry, Group, Permission, Port

DNS = "k8s-app=kube-dns"
TIMED_OUT = 'Get "https://172.20.0.1:443/api/v1/services?limit=500&resourceVersion=0": dial tcp 172.20.0.1:443: i/o'
NOT_443 = Permission(protocol="tcp", from_port=444, to_port=65535, cidrs=("0.0.0.0/0",))
CLOSED = Entry(number=50, egress=False, allow=False, protocol="6", cidr="0.0.0.0/0", from_port=443, to_port=443)


def _plane(last: int, subnet: str) -> Port:
    return Port(
        id=f"eni-api-{last}",
        instance_id="",
        subnet_id=subnet,
        primary=f"10.0.9.{last}",
        secondary=(),
        prefixes=(),
        groups=frozenset({"sg-api"}),
    )


@pytest.fixture
def served(served: ServedCluster) -> ServedCluster:
    """Return the small cluster with the API on one interface in a subnet of its own, open, and CoreDNS connected."""
    served.put(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.9.9"], "conditions": {"ready": True}}],
            "ports": [{"port": 443}],
        }
    )
    _network(served, admitted=EVERYTHING)
    served.settle()
    _restart(served)
    return served


def _network(served: ServedCluster, *, admitted: Permission, denied: tuple[Entry, ...] = ()) -> None:
    """Let the API's group admit this, and its subnet's ACL deny that."""
    vpc = served.home
    served.home = replace(
        vpc,
        ports=(*(port for port in vpc.ports if not port.id.startswith("eni-api")), _plane(9, "subnet-api")),
        groups={**vpc.groups, "sg-api": Group(inbound=(admitted,), outbound=(EVERYTHING,))},
        acls={**vpc.acls, "subnet-api": (*denied, *ALLOW_ALL)},
    )


def _restart(served: ServedCluster) -> None:
    for pod in served.pods(DNS):
        served.ask("DELETE", f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    served.settle()


def _time_passes(served: ServedCluster, seconds: int = 120) -> None:
    served.ask("POST", "/sandbox/passed", {"seconds": seconds})
    served.settle()


def _logs(served: ServedCluster) -> list[str]:
    names = [pod["metadata"]["name"] for pod in served.pods(DNS)]
    return [str(served.ask("GET", f"/api/v1/namespaces/kube-system/pods/{name}/log")[1]) for name in names]


def _ready(served: ServedCluster) -> list[Any]:
    return [pod["status"]["containerStatuses"][0]["ready"] for pod in served.pods(DNS)]


def test_a_group_that_does_not_admit_443_keeps_a_new_coredns_from_the_api(served: ServedCluster) -> None:
    """It waits, is never ready, and says at which address nobody answers; once the group admits it, it is ready."""
    _network(served, admitted=NOT_443)
    _restart(served)
    _time_passes(served)
    shut = (_ready(served), [TIMED_OUT in log for log in _logs(served)])
    _network(served, admitted=EVERYTHING)
    _time_passes(served)

    assert shut == ([False, False], [True, True])
    assert _ready(served) == [True, True]


def test_a_coredns_that_is_connected_outlives_the_rule(served: ServedCluster) -> None:
    """Security groups track connections."""
    _network(served, admitted=NOT_443)
    _time_passes(served)
    _time_passes(served)

    assert _ready(served) == [True, True]
    assert not any(TIMED_OUT in log for log in _logs(served))


def test_an_acl_cuts_off_what_is_connected(served: ServedCluster) -> None:
    """ACLs judge each packet: the log says so a while later, and the pod serves on with what it has read."""
    _network(served, admitted=EVERYTHING, denied=(CLOSED,))
    _time_passes(served, 1)
    at_once = [TIMED_OUT in log for log in _logs(served)]
    _time_passes(served)
    _time_passes(served)

    assert at_once == [False, False]
    assert all(TIMED_OUT in log for log in _logs(served))
    assert _ready(served) == [True, True]
