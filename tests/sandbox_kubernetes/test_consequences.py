from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import (
    ALLOW_ALL,
    COREFILE,
    EVERYTHING,
    cluster_role,
    config_map,
    deployment,
    node,
)
from bot.sandbox.network.vpc import Entry, Group, Permission

NAME = "kubernetes.default.svc.cluster.local."
OUTSIDE = "amazon.com."


def _on(served: ServedCluster, node_name: str, labels: str) -> dict[str, object]:
    return next(pod for pod in served.pods(labels) if pod["spec"]["nodeName"] == node_name)


def _address(pod: dict[str, object]) -> str:
    status = pod["status"]
    assert isinstance(status, dict)
    return str(status["podIP"])


def _log(served: ServedCluster, labels: str, parameters: str = "") -> str:
    pod = served.pods(labels)[0]["metadata"]
    path = f"/api/v1/namespaces/{pod['namespace']}/pods/{pod['name']}/log{parameters}"
    status, text = served.ask("GET", path)
    assert status == 200, text
    return str(text)


def _groups(served: ServedCluster, *inbound: Permission, outbound: tuple[Permission, ...] = (EVERYTHING,)) -> None:
    groups = {"sg-nodes": Group(inbound=inbound, outbound=outbound)}
    served.home = replace(served.home, groups=groups)


def _dns(protocol: str, *groups: str) -> Permission:
    return Permission(protocol=protocol, from_port=53, to_port=53, groups=groups)


def test_pods_bear_addresses_of_their_nodes_interfaces(served: ServedCluster) -> None:
    """Secondary addresses on one node, an address of the prefix on the other, the host's own for host pods."""
    assert _address(_on(served, "node-a", "app=shop")).startswith("10.0.1.2")
    assert _address(_on(served, "node-b", "app=shop")).startswith("10.0.2.3")
    assert _address(_on(served, "node-b", "k8s-app=kube-proxy")) == "10.0.2.10"


def test_endpoints_follow_readiness(served: ServedCluster) -> None:
    """Both CoreDNS pods stand ready in the slice and in the Endpoints."""
    pods = sorted(map(_address, served.pods("k8s-app=kube-dns")))
    slices = served.get("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices")["items"]
    assert sorted(item["addresses"][0] for item in slices[0]["endpoints"] if item["conditions"]["ready"]) == pods
    subsets = served.get("/api/v1/namespaces/kube-system/endpoints/kube-dns")["subsets"]
    assert sorted(item["ip"] for item in subsets[0]["addresses"]) == pods


def test_without_a_rule_only_the_same_node_answers(served: ServedCluster) -> None:
    """A query between nodes times out, one on the node never meets the group."""
    _groups(served)
    pod = _on(served, "node-a", "app=shop")
    here, there = _on(served, "node-a", "k8s-app=kube-dns"), _on(served, "node-b", "k8s-app=kube-dns")
    assert "NOERROR" in served.dig(pod, _address(here), NAME)
    assert "timed out" in served.dig(pod, _address(there), NAME)
    answers = ["NOERROR" in served.dig(pod, "172.20.0.10", NAME) for _ in range(40)]
    assert 8 < sum(answers) < 32


@pytest.mark.parametrize(
    "inbound",
    [
        (_dns("udp", "sg-nodes"), _dns("tcp", "sg-nodes")),
        (Permission(protocol="-1", from_port=-1, to_port=-1, groups=("sg-nodes",)),),
        (Permission(protocol="17", from_port=0, to_port=65535, cidrs=("10.0.0.0/16",)), _dns("tcp", "sg-nodes")),
    ],
    ids=["dns-only", "self", "cidr"],
)
def test_any_rule_that_admits_dns_heals(served: ServedCluster, inbound: tuple[Permission, ...]) -> None:
    """The route of the repair does not matter."""
    _groups(served, *inbound)
    pod, there = _on(served, "node-a", "app=shop"), _on(served, "node-b", "k8s-app=kube-dns")
    assert "NOERROR" in served.dig(pod, _address(there), NAME)
    assert "NOERROR" in served.dig(pod, _address(there), NAME, tcp=True)


def test_half_a_repair_is_half_a_repair(served: ServedCluster) -> None:
    """Udp alone leaves tcp silent; a second group with tcp completes it."""
    _groups(served, _dns("udp", "sg-nodes"))
    pod, there = _on(served, "node-a", "app=shop"), _on(served, "node-b", "k8s-app=kube-dns")
    assert "NOERROR" in served.dig(pod, _address(there), NAME)
    assert "timed out" in served.dig(pod, _address(there), NAME, tcp=True)
    groups = {**served.home.groups, "sg-more": Group(inbound=(_dns("tcp", "sg-nodes"),), outbound=())}
    ports = tuple(replace(port, groups=port.groups | {"sg-more"}) for port in served.home.ports)
    served.home = replace(served.home, groups=groups, ports=ports)
    assert "NOERROR" in served.dig(pod, _address(there), NAME, tcp=True)


def test_the_clients_outbound_rules_count(served: ServedCluster) -> None:
    """A group without outbound rules lets no query out."""
    _groups(served, EVERYTHING, outbound=())
    pod, there = _on(served, "node-a", "app=shop"), _on(served, "node-b", "k8s-app=kube-dns")
    assert "timed out" in served.dig(pod, _address(there), NAME)


def _acl(served: ServedCluster, subnet: str, *, egress: bool, first: int, last: int, number: int = 50) -> None:
    entry = Entry(
        number=number, egress=egress, allow=False, protocol="17", cidr="0.0.0.0/0", from_port=first, to_port=last
    )
    entries = tuple(sorted((entry, *ALLOW_ALL), key=lambda item: item.number))
    served.home = replace(served.home, acls={**served.home.acls, subnet: entries})


@pytest.mark.parametrize(
    ("subnet", "egress", "ports"),
    [
        ("subnet-b", False, (53, 53)),
        ("subnet-a", True, (53, 53)),
        ("subnet-b", True, (32768, 60999)),
        ("subnet-a", False, (1024, 65535)),
    ],
    ids=["query-in", "query-out", "answer-out", "answer-in"],
)
def test_each_leg_of_a_network_acl_counts(
    served: ServedCluster,
    subnet: str,
    egress: bool,  # noqa: FBT001  # one column of a table
    ports: tuple[int, int],
) -> None:
    """ACLs are stateless: the query and its answer need an entry on both subnets."""
    _acl(served, subnet, egress=egress, first=ports[0], last=ports[1])
    pod, there = _on(served, "node-a", "app=shop"), _on(served, "node-b", "k8s-app=kube-dns")
    assert "timed out" in served.dig(pod, _address(there), NAME)
    assert "NOERROR" in served.dig(pod, _address(there), NAME, tcp=True)


def test_a_deny_behind_the_allow_changes_nothing(served: ServedCluster) -> None:
    """The first matching entry decides."""
    _acl(served, "subnet-b", egress=False, first=53, last=53, number=150)
    pod, there = _on(served, "node-a", "app=shop"), _on(served, "node-b", "k8s-app=kube-dns")
    assert "NOERROR" in served.dig(pod, _address(there), NAME)


def test_half_the_return_ports_fail_half_the_queries(served: ServedCluster) -> None:
    """The share of the ephemeral range that is closed is the share of queries that fail."""
    _acl(served, "subnet-a", egress=False, first=46884, last=60999)
    pod, there = _on(served, "node-a", "app=shop"), _on(served, "node-b", "k8s-app=kube-dns")
    answers = ["NOERROR" in served.dig(pod, _address(there), NAME) for _ in range(60)]
    assert 12 < sum(answers) < 48


def _break_corefile(served: ServedCluster) -> None:
    served.put(config_map("coredns", "Corefile", COREFILE.replace("cache 30", "upstream")))


def test_a_bad_corefile_first_fails_to_reload(served: ServedCluster) -> None:
    """Running pods keep the old configuration and say so."""
    _break_corefile(served)
    served.settle()
    log = _log(served, "k8s-app=kube-dns")
    assert (
        "[ERROR] plugin/reload: Corefile changed but reload failed: starting with listener file descriptors: "
        "/etc/coredns/Corefile:11 - Error during parsing: Unknown directive 'upstream'" in log
    )
    pod = _on(served, "node-a", "app=shop")
    assert "NOERROR" in served.dig(pod, "172.20.0.10", NAME)


def _delete_coredns(served: ServedCluster) -> None:
    for pod in served.pods("k8s-app=kube-dns"):
        metadata = pod["metadata"]
        served.ask("DELETE", f"/api/v1/namespaces/kube-system/pods/{metadata['name']}")
    served.settle()


def test_new_pods_crash_on_a_bad_corefile(served: ServedCluster) -> None:
    """CrashLoopBackOff, not-ready endpoints, queries refused, and the line in this and the previous log."""
    _break_corefile(served)
    _delete_coredns(served)
    pod = served.pods("k8s-app=kube-dns")[0]
    container = pod["status"]["containerStatuses"][0]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert (container["ready"], container["restartCount"]) == (False, 1)
    assert container["lastState"]["terminated"]["exitCode"] == 1
    text = (
        "maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined\n"
        "/etc/coredns/Corefile:11 - Error during parsing: Unknown directive 'upstream'\n"
    )
    assert _log(served, "k8s-app=kube-dns") == text
    assert _log(served, "k8s-app=kube-dns", "?previous=true") == text
    slices = served.get("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices")["items"]
    assert [item["conditions"]["ready"] for item in slices[0]["endpoints"]] == [False, False]
    events = served.get("/api/v1/namespaces/kube-system/events?fieldSelector=reason=BackOff")["items"]
    assert "Back-off restarting failed container coredns" in events[0]["message"]
    assert "connection refused" in served.dig(_on(served, "node-a", "app=shop"), "172.20.0.10", NAME)


def test_a_repaired_corefile_and_new_pods_heal(served: ServedCluster) -> None:
    """The crash is a consequence of the Corefile and of nothing else."""
    _break_corefile(served)
    _delete_coredns(served)
    served.put(config_map("coredns", "Corefile", COREFILE))
    _delete_coredns(served)
    assert "NOERROR" in served.dig(_on(served, "node-a", "app=shop"), "172.20.0.10", NAME)


def test_kube_proxy_without_endpointslices_logs_403_and_keeps_its_rules(served: ServedCluster) -> None:
    """The rules on the node are stale, not gone."""
    served.put(cluster_role("services", "namespaces"))
    served.settle()
    line = _wait_for_line(served, "failed to list *v1.EndpointSlice")
    assert (
        'endpointslices.discovery.k8s.io is forbidden: User \\"system:serviceaccount:kube-system:kube-proxy\\" '
        'cannot list resource \\"endpointslices\\" in API group \\"discovery.k8s.io\\" at the cluster scope' in line
    )
    assert "services is forbidden" not in _log(served, "k8s-app=kube-proxy")
    backends = served.cluster._kubelets.node("node-a").backends["172.20.0.10"]  # noqa: SLF001  # the node's rules
    assert len(backends) == 2


def test_kube_proxy_that_started_before_follows_new_endpoints_only_when_it_may(served: ServedCluster) -> None:
    """With the rights back, the rules follow the pods again."""
    served.put(cluster_role("services", "namespaces"))
    served.settle()
    _delete_coredns(served)
    rules = served.cluster._kubelets.node("node-a")  # noqa: SLF001  # the node's rules
    addresses = {_address(pod) for pod in served.pods("k8s-app=kube-dns")}
    stale = set(rules.backends["172.20.0.10"])
    served.put(cluster_role("services", "endpointslices", "namespaces"))
    served.settle()
    assert set(rules.backends["172.20.0.10"]) == addresses
    assert stale != addresses


def _restart_kube_proxy(served: ServedCluster) -> None:
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
    served.patch(path, {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}})
    served.settle()


def _passed(served: ServedCluster, seconds: int) -> None:
    served.ask("POST", "/sandbox/passed", {"seconds": seconds})


def _messages(log: str) -> list[str]:
    """Return klog's messages without their heads, and lines without a head as they are."""
    return [re.sub(r"^[IWE]\d{4} \S+ +\d+ ", "", line) for line in log.splitlines()]


def test_kube_proxy_with_a_wrong_address_logs_time_outs_of_its_node_alone(served: ServedCluster) -> None:
    """The address counts from the restart on; nothing shows for 30 s, and Services are never asked for."""
    served.put(config_map("kube-proxy", "kubeconfig", "clusters:\n- cluster:\n    server: https://10.0.9.9\n"))
    served.settle()
    _restart_kube_proxy(served)
    waiting = 'shared_informer.go:402] "Waiting for caches to sync"'
    assert _messages(_log(served, "k8s-app=kube-proxy")) == [waiting]
    _passed(served, 20)
    assert _messages(_log(served, "k8s-app=kube-proxy")) == [waiting]
    _passed(served, 12)

    log = _messages(_log(served, "k8s-app=kube-proxy"))

    node = served.pods("k8s-app=kube-proxy")[0]["spec"]["nodeName"]
    url = f"https://10.0.9.9/api/v1/nodes?fieldSelector=metadata.name%3D{node}&limit=500&resourceVersion=0"
    assert log[0] == waiting
    assert "trace.go:236] Trace[" in log[1]
    assert f'---"Objects listed" error:Get "{url}": dial tcp 10.0.9.9:443: i/o timeout 30000ms (' in log[2]
    assert log[3].endswith("[30.000000000s] END")
    error = f'failed to list *v1.Node: Get \\"{url}\\": dial tcp 10.0.9.9:443: i/o timeout'
    reflector = 'reflector="k8s.io/client-go@v0.36.3/tools/cache/reflector.go:343" type="*v1.Node"'
    assert log[4:] == [f'reflector.go:227] "Failed to watch" err="{error}" logger="UnhandledError" {reflector}']


def test_a_lines_own_time_is_put_back_with_it(served: ServedCluster) -> None:
    """The head of klog and the kubelet's timestamp name the same second."""
    _passed(served, 3600)
    for line in _log(served, "k8s-app=kube-proxy", "?timestamps=true").splitlines():
        assert line[11:26] == line.split(" ")[2][:15]


def test_kube_proxy_says_what_it_could_read(served: ServedCluster) -> None:
    """With its Node it goes on; a type that it may not list has no synced cache, and the rules are not laid."""
    served.put(cluster_role("services", "namespaces"))
    _restart_kube_proxy(served)
    _passed(served, 1)

    log = "\n".join(_messages(_log(served, "k8s-app=kube-proxy")))

    said = (
        '"Waiting for caches to sync"',
        'populated" type="*v1.Node"',
        "Successfully retrieved NodeIPs",
        '"Waiting for caches to sync" controller="endpoint slice config"',
        'populated" type="*v1.Service"',
        'err="failed to list *v1.EndpointSlice: endpointslices.discovery.k8s.io is forbidden',
        'synced" controller="service config"',
        "Not syncing iptables until Services and Endpoints have been received",
    )
    places = [*(log.index(words) for words in said[1:-1]), log.rindex(said[-1])]
    assert places == sorted(places)
    assert log.startswith(f"shared_informer.go:402] {said[0]}\n")
    assert 'synced" controller="endpoint slice config"' not in log
    assert "Syncing iptables rules" not in log


def test_kube_proxy_says_when_it_may_read_again(served: ServedCluster) -> None:
    """The list that came after failures shows as a populated cache of that type."""
    served.put(cluster_role("services", "namespaces"))
    _restart_kube_proxy(served)
    _passed(served, 2)
    assert 'populated" type="*v1.EndpointSlice"' not in _log(served, "k8s-app=kube-proxy")
    served.put(cluster_role("services", "endpointslices", "namespaces"))
    served.settle()
    _passed(served, 1)
    log = _log(served, "k8s-app=kube-proxy")
    assert log.index("is forbidden") < log.index('populated" type="*v1.EndpointSlice"')
    assert log.index('synced" controller="endpoint slice config"') < log.index("Syncing iptables rules")


@pytest.mark.parametrize(
    ("corefile", "seconds"),
    [(COREFILE, [4, 7]), (COREFILE.replace("    cache 30\n", ""), list(range(4, 34, 3)))],
    ids=["cache", "no cache"],
)
def test_the_loop_plugins_own_queries_end_with_the_first_answer_from_the_cache(
    served: ServedCluster, corefile: str, seconds: list[int]
) -> None:
    """Asked every 3 s and given up after 4; a SERVFAIL in the cache is an answer."""
    served.put(config_map("coredns", "Corefile", corefile.replace("/etc/resolv.conf", "10.0.9.53")))
    _delete_coredns(served)
    _passed(served, 60)
    log = _log(served, "k8s-app=kube-dns", "?timestamps=true").splitlines()
    started = datetime.fromisoformat(log[0][:26])
    failed = [datetime.fromisoformat(line[:26]) for line in log if " HINFO: read udp " in line]
    assert [round((at - started).total_seconds()) for at in failed] == seconds


def _wait_for_line(served: ServedCluster, words: str) -> str:
    for _ in range(400):
        found = [line for line in _log(served, "k8s-app=kube-proxy").splitlines() if words in line]
        if found:
            return found[0]
    raise AssertionError(words)


def test_a_nodes_cluster_dns_counts_when_a_pod_is_made(served: ServedCluster) -> None:
    """Pods that run keep their resolv.conf; a recreated one gets the new server, which nobody answers for."""
    served.ask("POST", "/sandbox/nodes", {"node-a": {"cluster_dns": "10.100.0.10"}})
    pod = _on(served, "node-a", "app=shop")
    assert "nameserver 172.20.0.10\n" in served.run(pod, "cat", "/etc/resolv.conf")[0]
    served.ask("DELETE", f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}")  # type: ignore[index]
    served.settle()
    fresh = _on(served, "node-a", "app=shop")
    assert "nameserver 10.100.0.10\n" in served.run(fresh, "cat", "/etc/resolv.conf")[0]
    assert "no servers could be reached" in served.run(fresh, "nslookup", "kubernetes.default")[0]
    assert "timed out" in served.dig(fresh, "10.100.0.10", NAME)


def test_names_outside_go_to_the_vpc_resolver(served: ServedCluster) -> None:
    """External names answer with recursion; a forward to nowhere is SERVFAIL and a line in the log."""
    pod = _on(served, "node-a", "app=shop")
    assert "flags: qr rd ra;" in served.dig(pod, "172.20.0.10", OUTSIDE)
    assert "NOERROR" in served.dig(pod, "10.0.0.2", OUTSIDE)
    assert "status: NXDOMAIN" in served.dig(pod, "172.20.0.10", "none.invalid.")
    served.put(config_map("coredns", "Corefile", COREFILE.replace("/etc/resolv.conf", "192.0.2.53")))
    served.settle()
    answers = [served.dig(pod, _address(dns), OUTSIDE) for dns in served.pods("k8s-app=kube-dns")]
    assert all("status: SERVFAIL" in text for text in answers)
    assert "[ERROR] plugin/errors: 2 amazon.com. A: read udp " in _log(served, "k8s-app=kube-dns")
    assert "NOERROR" in served.dig(pod, "172.20.0.10", NAME)


def test_the_vpc_resolver_is_filtered_by_nothing(served: ServedCluster) -> None:
    """Neither groups nor ACLs stand between a pod and base+2."""
    _groups(served, outbound=())
    assert "NOERROR" in served.dig(_on(served, "node-a", "app=shop"), "10.0.0.2", OUTSIDE)


def test_a_zone_that_nobody_serves_is_refused(served: ServedCluster) -> None:
    """Without a forward, CoreDNS answers REFUSED for names outside its zone."""
    served.put(config_map("coredns", "Corefile", COREFILE.replace("    forward . /etc/resolv.conf\n", "")))
    served.settle()
    assert "status: REFUSED" in served.dig(_on(served, "node-a", "app=shop"), "172.20.0.10", OUTSIDE)


def _without_endpointslices(served: ServedCluster, *, started_anew: bool) -> dict[str, Any]:
    served.put(cluster_role("services", "namespaces"))
    if started_anew:
        for pod in served.pods("k8s-app=kube-dns"):
            served.ask("DELETE", f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    served.settle()
    return served.pods("k8s-app=kube-dns")[0]


def test_coredns_that_starts_without_rights_is_not_ready(served: ServedCluster) -> None:
    """It serves after five seconds: what it can tell without EndpointSlices, and SERVFAIL where it would not find."""
    pod = _without_endpointslices(served, started_anew=True)
    client = _on(served, pod["spec"]["nodeName"], "app=shop")
    assert pod["status"]["containerStatuses"][0]["ready"] is False
    assert "connection refused" in served.dig(client, _address(pod), NAME)
    served.ask("POST", "/sandbox/passed", {"seconds": 6})
    assert "status: NOERROR" in served.dig(client, _address(pod), NAME)
    assert "status: SERVFAIL" in served.dig(client, _address(pod), "none.default.svc.cluster.local.")
    assert "status: NOERROR" in served.dig(client, _address(pod), OUTSIDE)
    log = served.get(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}/log")
    assert "starting server with unsynced Kubernetes API" in log
    lines = log.splitlines()
    assert lines[0] == "maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined"
    assert lines[1] == (
        "[ERROR] plugin/kubernetes: Failed to watch: failed to list *v1.EndpointSlice: endpointslices.discovery.k8s.io "
        'is forbidden: User "system:serviceaccount:kube-system:coredns" cannot list resource "endpointslices" in API '
        'group "discovery.k8s.io" at the cluster scope logger="UnhandledError" '
        'reflector="k8s.io/client-go@v0.37.1/tools/cache/reflector.go:343" type="*v1.EndpointSlice"'
    )
    assert lines[2] == '[INFO] plugin/ready: Plugins not ready: "kubernetes"'
    assert lines[3] == "[INFO] plugin/kubernetes: waiting for Kubernetes API before starting server"


def test_coredns_that_loses_rights_goes_on_with_what_it_knows(served: ServedCluster) -> None:
    """It has read the API once: it stays ready, answers, and logs the 403."""
    pod = _without_endpointslices(served, started_anew=False)
    assert pod["status"]["containerStatuses"][0]["ready"] is True
    assert "status: NOERROR" in served.dig(_on(served, pod["spec"]["nodeName"], "app=shop"), _address(pod), NAME)
    served.ask("POST", "/sandbox/passed", {"seconds": 2})
    assert "is forbidden" in served.get(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}/log")


@pytest.mark.parametrize("has_loop", [True, False], ids=["loop plugin", "no loop plugin"])
def test_a_stub_resolver_on_the_node_is_a_forwarding_loop(
    served: ServedCluster,
    has_loop: bool,  # noqa: FBT001  # one column of a table
) -> None:
    """CoreDNS pods that start there end with the loop plugin's line; without the plugin they run on."""
    if not has_loop:
        served.put(config_map("coredns", "Corefile", COREFILE.replace("    loop\n", "")))
    served.ask("POST", "/sandbox/nodes", {"node-a": {"resolv_conf": "nameserver 127.0.0.53\n"}})
    served.ask("POST", "/sandbox/nodes", {"node-b": {"resolv_conf": "nameserver 127.0.0.53\n"}})
    for pod in served.pods("k8s-app=kube-dns"):
        served.ask("DELETE", f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    served.settle()
    pod = served.pods("k8s-app=kube-dns")[0]
    log = served.get(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}/log")
    assert ("[FATAL] plugin/loop: Loop (127.0.0.1:" in log) == has_loop
    assert ("waiting" in pod["status"]["containerStatuses"][0]["state"]) == has_loop


def test_time_that_passes_dates_everything_back(served: ServedCluster) -> None:
    """Pods are older, logs too, and the watch on a restarted container goes on from there."""
    before = served.pods("app=shop")[0]
    served.ask("POST", "/sandbox/passed", {"seconds": 3600})
    after = served.pods("app=shop")[0]
    born = [datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) for pod in (before, after)]
    assert born[0] - born[1] == timedelta(hours=1)
    path = f"/api/v1/namespaces/shop/pods/{after['metadata']['name']}/log"
    assert served.get(f"{path}?sinceSeconds=3000") == ""
    assert "listening" in served.get(f"{path}?sinceSeconds=4000")


def test_a_pod_that_fits_nowhere_stays_pending_and_says_why(bare: ServedCluster) -> None:
    """FailedScheduling says, in the words of 1.36, that a taint is in the way; it no longer names it."""
    tainted = node("node-a", "i-a", "10.0.1.10")
    tainted["spec"]["taints"] = [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]
    bare.put(tainted, deployment("shop", namespace="shop", image="shop:1", replicas=1))
    bare.settle()
    pod = bare.pods()[0]
    message = (
        "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: "
        "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    assert pod["status"]["phase"] == "Pending"
    assert pod["status"]["conditions"][0]["message"] == message
    events = bare.get("/api/v1/events?fieldSelector=reason=FailedScheduling")["items"]
    assert [event["message"] for event in events] == [message]


def test_a_node_without_a_free_address_starts_no_pod(served: ServedCluster) -> None:
    """The VPC CNI's message stands in an event, and the pod waits."""
    served.patch("/apis/apps/v1/namespaces/shop/deployments/shop", {"spec": {"replicas": 40}})
    served.turn(6)
    events = served.get("/api/v1/namespaces/shop/events?fieldSelector=reason=FailedCreatePodSandBox")["items"]
    assert "failed to assign an IP address to container" in events[0]["message"]


def test_servers_that_forward_in_a_circle_give_up(served: ServedCluster) -> None:
    """CoreDNS that forwards to its own Service answers SERVFAIL for a name outside, and logs the silence."""
    served.put(config_map("coredns", "Corefile", COREFILE.replace("/etc/resolv.conf", "172.20.0.10")))
    served.settle()
    text = served.dig(served.pods(namespace="shop")[0], "172.20.0.10", "example.com.")
    assert "status: SERVFAIL" in text
    assert "->172.20.0.10:53: i/o timeout" in _log(served, "k8s-app=kube-dns")
