from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import API_HOST, EVERYTHING, cluster_role, config_map
from bot.sandbox.network.vpc import ApiEndpoint, Group, Permission, Port
from bot.sandbox.world.kube_proxy_mode import conntrack_max

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
    vpc = served.home
    ports = (*(port for port in vpc.ports if port.id != "eni-api"), CONTROL_PLANE)
    endpoint = ApiEndpoint(host=API_HOST, addresses=("10.0.1.99",))
    groups = {**vpc.groups, "sg-api": Group(inbound=inbound, outbound=(EVERYTHING,))}
    served.home = replace(vpc, ports=ports, groups=groups, api_endpoints=(endpoint,))


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


@pytest.mark.parametrize("label", ["service-proxy-name", "headless"])
def test_kube_proxy_leaves_services_to_others_by_their_label(served: ServedCluster, label: str) -> None:
    """It leads the address nowhere while the label is there, whatever its value."""
    path = "/api/v1/namespaces/kube-system/services/kube-dns"
    held = served.get(path)
    pod = served.pods("app=shop")[0]

    def answers() -> bool:
        served.settle()
        return "NOERROR" in served.dig(pod, "172.20.0.10", "kubernetes.default.svc.cluster.local.")

    before = answers()
    labels = {**(held["metadata"].get("labels") or {}), f"service.kubernetes.io/{label}": ""}
    served.put({**held, "metadata": {**held["metadata"], "labels": labels}})
    labelled = answers()
    served.put(held)

    assert (before, labelled, answers()) == (True, False, True)


@pytest.mark.parametrize(
    ("words", "answered"),
    [("maxPerCore: 32\n  min: 131", False), ("maxPerCore: 32\n  min: 65536", True), ("maxPerCore: 16384", True)],
    ids=["in thousands", "the least counts", "by cores"],
)
def test_a_table_of_tracked_connections_that_is_full_drops_new_ones(
    served: ServedCluster, *, words: str, answered: bool
) -> None:
    """kube-proxy sets its maximum when it starts; what is full of what nodes hold anyway takes no query."""
    served.put(config_map("kube-proxy-config", "config", f"conntrack:\n  {words}\n"))
    _restart(served)
    pod = served.pods("app=shop")[0]
    coredns = served.pods("k8s-app=kube-dns")[0]["status"]["podIP"]

    name = "kubernetes.default.svc.cluster.local."
    answers = ["NOERROR" in served.dig(pod, server, name) for server in (coredns, "172.20.0.10")]

    assert answers == [answered] * 2


@pytest.mark.parametrize(
    ("words", "cores", "most"),
    [
        ("", 8, 262_144),
        ("", 2, 131_072),
        ("conntrack:\n  maxPerCore: 32\n  min: 131\n", 4, 131),
        ("conntrack:\n  maxPerCore: 16384\n  min: 1\n", 4, 65_536),
        ("conntrack:\n  maxPerCore: 16\n", 4, 131_072),
    ],
)
def test_kube_proxys_maximum_grows_with_the_cores(words: str, cores: int, most: int) -> None:
    """At least `min`; what is not named has kube-proxy's default."""
    assert conntrack_max(words, cores) == most
