from __future__ import annotations

import os
import random
import time
import urllib.request
from typing import Any

import pytest

from bot.sandbox.operator.operating import call_json
from bot.sandbox.operator.pod_shell import dig, pod_exec
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.scenarios.network_acl import drawn_entries
from bot.sandbox.world.control_plane_interfaces import control_plane_subnets

SEEDS = [1, 2, 3] if os.environ.get("CHAOS") == "all" else [3]
SERVICE = "172.20.0.10"
INSIDE, OUTSIDE = "kubernetes.default.svc.cluster.local.", "amazon.com."


def _coredns(running: RunningWorld) -> list[dict[str, Any]]:
    return running.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")


def _catalog(running: RunningWorld) -> list[dict[str, Any]]:
    return running.operator.get("pods", namespace="catalog")


def _answers(running: RunningWorld, pod: dict[str, Any], server: str, *, tcp: bool = False) -> bool:
    texts = [dig(running.kubernetes_url, pod, server, name, tcp=tcp) for name in (INSIDE, OUTSIDE)]
    good = ["status: NOERROR" in text for text in texts]
    assert len(set(good)) == 1, texts
    return good[0]


def _pairs(running: RunningWorld, *, tcp: bool = False) -> dict[tuple[str, str], bool]:
    """Return, for each client node and CoreDNS node, whether a query by the pod's address is answered."""
    return {
        (pod["spec"]["nodeName"], dns["spec"]["nodeName"]): _answers(running, pod, dns["status"]["podIP"], tcp=tcp)
        for pod in _catalog(running)
        for dns in _coredns(running)
    }


def _log(running: RunningWorld, labels: str) -> str:
    pod = running.operator.get("pods", namespace="kube-system", labels=labels)[0]["metadata"]["name"]
    url = f"{running.kubernetes_url}/api/v1/namespaces/kube-system/pods/{pod}/log"
    request = urllib.request.Request(url, headers={"Authorization": "Bearer reader-token"})  # noqa: S310  # loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # the same
        return str(answer.read().decode())


@pytest.mark.parametrize("seed", SEEDS)
def test_healthy_answers_everywhere(running: RunningWorld, seed: int) -> None:
    """Every node has a pod with tools, CoreDNS runs on two nodes, all lookups answer, all nodes are in AWS."""
    running.restart(scenario="healthy", seed=seed)
    assert {pod["spec"]["nodeName"] for pod in _catalog(running)} == {node.name for node in running.world.nodes}
    assert len({pod["spec"]["nodeName"] for pod in _coredns(running)}) == 2
    assert all(_pairs(running).values())
    assert all(_pairs(running, tcp=True).values())
    assert all(_answers(running, pod, SERVICE) for pod in _catalog(running))


@pytest.mark.parametrize("seed", SEEDS)
def test_security_group_leaves_only_the_same_node(running: RunningWorld, seed: int) -> None:
    """Between nodes nothing answers, over either protocol; the tagged rules are A5's."""
    running.restart(scenario="security-group", seed=seed)
    for tcp in (False, True):
        assert all(answered == (client == server) for (client, server), answered in _pairs(running, tcp=tcp).items())
    group = running.world.cluster_security_group_id
    rules = running.operator.aws("ec2", "DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"][0]
    assert sorted(rule.get("FromPort", -1) for rule in rules["IpPermissions"]) == [-1, 443, 10250]


@pytest.mark.parametrize("seed", SEEDS)
def test_node_group_split_divides_by_node_group(running: RunningWorld, seed: int) -> None:
    """A query is answered exactly when client and CoreDNS are of one node group."""
    running.restart(scenario="node-group-split", seed=seed)
    group = {node.name: node.node_group for node in running.world.nodes}
    pairs = _pairs(running)
    assert all(answered == (group[client] == group[server]) for (client, server), answered in pairs.items())
    assert not all(pairs.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_network_acl_divides_by_subnet(running: RunningWorld, seed: int) -> None:
    """One CoreDNS subnet no longer answers clients of other subnets; inside it nothing changes.

    It is a subnet of the control plane's wherever CoreDNS was placed, so that the same rules see the ACL each time.
    """
    running.restart(scenario="network-acl", seed=seed)
    subnet = {node.name: node.subnet_id for node in running.world.nodes}
    pairs = _pairs(running)
    broken = {subnet[server] for (_, server), answered in pairs.items() if not answered}
    assert len(broken) == 1
    assert broken <= {one.id for one in control_plane_subnets(running.operator, running.world)}
    for (client, server), answered in pairs.items():
        assert answered == (subnet[client] == subnet[server] or subnet[server] not in broken)


def test_network_acl_comes_in_both_kinds() -> None:
    """By the seed the ACL denies 53 on the way in, or the answers' ports on the way out."""
    kinds = set()
    for seed in range(1, 12):
        entries = drawn_entries(random.Random(seed), "10.0.0.0/16")  # noqa: S311  # a drawing, no secret
        denied = [entry["PortRange"]["From"] for _, _, entry in entries if entry["RuleAction"] == "deny"]
        kinds.add(denied[0])
    assert kinds == {53, 32768}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_endpoints_refuses_everything(running: RunningWorld, seed: int) -> None:
    """CoreDNS crashes with the parser's line, and no address is ready."""
    running.restart(scenario="no-endpoints", seed=seed)
    slices = running.operator.get("endpointslices.discovery.k8s.io", namespace="kube-system")
    assert [item["conditions"]["ready"] for item in slices[0]["endpoints"]] == [False, False]
    assert "/etc/coredns/Corefile:" in _log(running, "k8s-app=kube-dns")
    assert "Error during parsing" in _log(running, "k8s-app=kube-dns")
    assert not any(_answers(running, pod, SERVICE) for pod in _catalog(running))


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("kube-proxy-forbidden", 'cannot list resource \\"endpointslices\\"'),
        ("kube-proxy-timeout", ":443: i/o timeout"),
    ],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_kube_proxy_complains_and_look_ups_go_on(running: RunningWorld, scenario: str, words: str, seed: int) -> None:
    """The rules that were laid before stay on the nodes."""
    running.restart(scenario=scenario, seed=seed)
    time.sleep(0.2)
    assert words in _log(running, "k8s-app=kube-proxy")
    assert all(_answers(running, pod, SERVICE) for pod in _catalog(running))


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_nameserver_shows_on_one_node(running: RunningWorld, seed: int) -> None:
    """Exactly one node's application pods name another server, and a query to it times out."""
    running.restart(scenario="wrong-nameserver", seed=seed)
    wrong = {
        pod["spec"]["nodeName"]: pod
        for pod in _catalog(running)
        if "nameserver 10.100.0.10\n" in pod_exec(running.kubernetes_url, pod, "cat", "/etc/resolv.conf")[0]
    }
    assert len(wrong) == 1
    (pod,) = wrong.values()
    assert not _answers(running, pod, "10.100.0.10")
    assert _answers(running, pod, SERVICE)


def _authorize(running: RunningWorld, group: str, permission: dict[str, Any]) -> None:
    running.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])


def test_a_cidr_rule_heals_the_security_group(running: RunningWorld) -> None:
    """Another route than the proposed one works as well."""
    running.restart(scenario="security-group", seed=2)
    ranges = [{"CidrIp": running.world.home.cidr}]
    for protocol in ("udp", "tcp"):
        permission = {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "IpRanges": ranges}
        _authorize(running, running.world.cluster_security_group_id, permission)
    time.sleep(0.1)
    assert all(_pairs(running).values())
    assert all(_pairs(running, tcp=True).values())


def test_a_second_group_on_the_nodes_heals_the_security_group(running: RunningWorld) -> None:
    """All groups of an interface count together."""
    running.restart(scenario="security-group", seed=3)
    second = running.world.unused_security_group_id
    _authorize(running, second, {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": second}]})
    for node in running.world.nodes:
        for interface in node.interface_ids:
            groups = [running.world.cluster_security_group_id, second]
            running.operator.aws("ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface, Groups=groups)
    time.sleep(0.1)
    assert all(_pairs(running).values())


def test_udp_alone_does_not_heal(running: RunningWorld) -> None:
    """Half a repair leaves tcp silent."""
    running.restart(scenario="security-group", seed=1)
    group = running.world.cluster_security_group_id
    pairs = [{"GroupId": group}]
    _authorize(running, group, {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": pairs})
    time.sleep(0.1)
    assert all(_pairs(running).values())
    assert not all(_pairs(running, tcp=True).values())


def test_one_direction_does_not_heal_a_split(running: RunningWorld) -> None:
    """With 53 admitted on one side only, the other side's CoreDNS stays silent for the first."""
    running.restart(scenario="node-group-split", seed=3)
    found = running.operator.aws("ec2", "DescribeSecurityGroups")["SecurityGroups"]
    first, second = (
        next(group["GroupId"] for group in found if group["GroupName"] == f"nodes-{name}")
        for name in running.world.node_groups
    )
    everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": second}]}
    _authorize(running, first, everything)
    time.sleep(0.1)
    assert not all(_pairs(running).values())
    _authorize(running, second, {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": first}]})
    time.sleep(0.1)
    assert all(_pairs(running).values())


def test_faults_set_for_the_bot_do_not_change_the_network(running: RunningWorld) -> None:
    """While AWS refuses every call, packets go as before, and the far end counts no call of the data plane."""
    running.restart(scenario="healthy", seed=2)
    running.aws_control("POST", "faults", [{"action": "*", "kind": "deny"}])
    assert all(_pairs(running).values())
    running.aws_control("DELETE", "faults")
    assert call_json("GET", f"{running.aws_url}/sandbox/calls") == []
