from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sandbox.kubernetes.packets import Group, Permission, Port
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import EVERYTHING, cluster_role

CONTROL_PLANE = Port(
    id="eni-api",
    instance_id="",
    subnet_id="subnet-a",
    primary="10.0.1.99",
    secondary=(),
    prefixes=(),
    groups=frozenset({"sg-api"}),
)
DAEMON_SET = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"


def _api_admits(served: ServedCluster, *inbound: Permission) -> None:
    """Put the API endpoint on an interface with a group of its own, which admits this."""
    vpc = served.vpc.vpc
    ports = (*(port for port in vpc.ports if port.id != "eni-api"), CONTROL_PLANE)
    groups = {**vpc.groups, "sg-api": Group(inbound=inbound, outbound=(EVERYTHING,))}
    served.vpc.vpc = replace(vpc, ports=ports, groups=groups, control_plane=("10.0.1.99",))


def _restart(served: ServedCluster) -> None:
    served.patch(DAEMON_SET, {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}})
    served.settle()


def _time_passes(served: ServedCluster) -> None:
    served.ask("POST", "/sandbox/passed", {"seconds": 45})
    served.settle()


def _logs(served: ServedCluster) -> list[str]:
    names = [pod["metadata"]["name"] for pod in served.pods("k8s-app=kube-proxy")]
    return [str(served.ask("GET", f"/api/v1/namespaces/kube-system/pods/{name}/log")[1]) for name in names]


def test_a_group_that_does_not_admit_443_keeps_a_new_kube_proxy_from_the_api(served: ServedCluster) -> None:
    """It dials the endpoint's address in vain; once the group admits it, its caches sync in the same log."""
    _api_admits(served, Permission(protocol="tcp", from_port=444, to_port=65535, cidrs=("0.0.0.0/0",)))
    _restart(served)
    _time_passes(served)
    shut = _logs(served)
    _api_admits(served, EVERYTHING)
    _time_passes(served)
    _time_passes(served)
    opened = _logs(served)

    assert all("dial tcp 10.0.1.99:443: i/o timeout" in log for log in (*shut, *opened))
    synced = '"Caches are synced" controller="endpoint slice config"'
    assert ([synced in log for log in shut], [synced in log for log in opened]) == ([False] * 2, [True] * 2)


def test_a_kube_proxy_that_is_connected_stays_so(served: ServedCluster) -> None:
    """Security groups track connections: what is established outlives the rule that let it in."""
    _api_admits(served)
    _time_passes(served)
    _time_passes(served)

    assert not any("i/o timeout" in log for log in _logs(served))


@pytest.mark.parametrize(("resource", "refused"), [("leases", 2), ("events", 0)], ids=["without the right", "with it"])
def test_kube_proxy_says_that_its_event_is_refused(served: ServedCluster, resource: str, refused: int) -> None:
    """It writes one at its start; without the right it logs a 403 and works on."""
    role = cluster_role("services", "endpointslices", "namespaces")
    writes = {"verbs": ["create"], "apiGroups": ["events.k8s.io"], "resources": [resource]}
    served.put({**role, "rules": [*role["rules"], writes]})
    _restart(served)
    _time_passes(served)

    words = 'User \\"system:serviceaccount:kube-system:kube-proxy\\" cannot create resource \\"events\\"'
    assert sum(words in log for log in _logs(served)) == refused
    assert all('"SyncProxyRules complete"' in log for log in _logs(served))
