from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.host_network_pods import HostNetworkPods, HostNetworkWorkload
from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.rules.host_network_dns_policy import RULE

P, H, U = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
AGENT = HostNetworkWorkload(
    namespace="shop",
    kind="DaemonSet",
    name="agent",
    dns_policy="ClusterFirst",
    pods=("shop/agent-a", "shop/agent-b"),
    nameservers=("10.0.0.2",),
)
WITH_HOST_NETWORK = replace(AGENT, dns_policy="ClusterFirstWithHostNet", nameservers=())
ON_PURPOSE = replace(AGENT, dns_policy="Default", nameservers=())
UNREAD = replace(AGENT, nameservers=())
NAMES_IT = replace(AGENT, nameservers=("172.20.0.10", "10.0.0.2"))
NAMES_A_CACHE = replace(AGENT, nameservers=("169.254.20.10",))
NONE = NodeLocalDns(caches=(), cluster_ips=("172.20.0.10",))
CACHE = NodeLocalCache(
    namespace="kube-system", name="node-local-dns", container="node-cache", image="", node_cache=True,
    local_addresses=("169.254.20.10",), interface="nodelocaldns", lays_interface=True, lays_rules=True,
    listens=(), dns_policy="Default", pods=(), desired=1, scheduled=1,
)  # fmt: skip
CACHED = replace(NONE, caches=(CACHE,))
GAP = Gap(what="/etc/resolv.conf of pod shop/agent-a", reason="cat: not found", grant="")


@pytest.mark.parametrize(
    ("workloads", "gaps", "caches", "verdict", "said"),
    [
        ((), (), NONE, H, "no application pod is on its node's network"),
        ((AGENT,), (), NONE, P, "2 application pods on their node's network (daemonset/agent in shop)"),
        ((WITH_HOST_NETWORK, ON_PURPOSE), (), NONE, H, "4 application pods on their node's network"),
        ((NAMES_IT,), (), NONE, H, "ask the cluster's DNS"),
        ((NAMES_A_CACHE,), (), CACHED, H, "ask the cluster's DNS"),
        ((NAMES_A_CACHE,), (), NONE, P, "the node's servers: 169.254.20.10"),
        ((UNREAD,), (GAP,), NONE, U, "cat: not found"),
        ((), (GAP,), NONE, U, "cat: not found"),
        ((AGENT, replace(UNREAD, name="other")), (GAP,), NONE, P, "2 application pods"),
    ],
)
def test_the_file_decides_and_not_the_policy_alone(
    judge: Callable[..., Judgement],
    workloads: tuple[HostNetworkWorkload, ...],
    gaps: tuple[Gap, ...],
    caches: NodeLocalDns,
    verdict: Verdict,
    said: str,
) -> None:
    """What names the cluster's DNS or a cache is well; who says Default is left alone; what was not read is open."""
    found = judge(RULE, HostNetworkPods(workloads=workloads, gaps=gaps), caches)

    assert (found.verdict, said in found.summary) == (verdict, True), found.summary
    assert found.missing == gaps


def test_a_problem_says_who_asks_whom_and_what_is_expected(judge: Callable[..., Judgement]) -> None:
    """With what the fix needs, and the lookups of these pods to these servers as its reach."""
    managed = replace(AGENT, manager="Helm release shop")

    found = judge(RULE, HostNetworkPods(workloads=(managed, replace(AGENT, kind="Pod", name="lone"))), NONE)

    assert "10.0.0.2; expected 172.20.0.10, by ClusterFirstWithHostNet" in found.summary
    assert found.proof[0] == (
        "daemonset/agent in shop: 2 pods, dnsPolicy ClusterFirst, nameserver 10.0.0.2 in shop/agent-a; "
        "managed by Helm release shop"
    )
    rows: Any = found.details["workloads"]
    assert [(row["namespace"], row["kind"], row["name"]) for row in rows] == [
        ("shop", "DaemonSet", "agent"),
        ("shop", "Pod", "lone"),
    ]
    assert found.reach[0].pods == {"shop/agent-a", "shop/agent-b"}
    assert any("what makes pod/lone in shop" in line for line in found.advice)
    assert any("dnsPolicy: Default" in line for line in found.advice)


@pytest.mark.parametrize(("service", "verdict"), [({}, P), ({"cluster_ip": "", "cluster_ips": ()}, U)])
def test_without_a_service_there_is_nothing_to_compare_with(
    make: Any, judge: Callable[..., Judgement], service: dict[str, Any], verdict: Verdict
) -> None:
    """On Auto Mode, say, the node's own server may well be the cluster's DNS."""
    found = judge(RULE, HostNetworkPods(workloads=(AGENT,)), NONE, make.kube_dns(**service))

    assert found.verdict is verdict


def test_caches_that_could_not_be_read_leave_link_local_servers_open(judge: Callable[..., Judgement]) -> None:
    """One of them might be a cache; the VPC resolver's address in the VPC is none."""
    gap = Gap(what="DaemonSets", reason="403 Forbidden", grant="daemonsets.apps: list")
    evidence = HostNetworkPods(workloads=(NAMES_A_CACHE,))

    unread = judge(RULE, evidence, gaps={NodeLocalDns: gap})
    other = judge(RULE, replace(evidence, workloads=(AGENT,)), gaps={NodeLocalDns: gap})

    assert (unread.verdict, unread.missing) == (U, (gap,))
    assert (other.verdict, other.missing) == (P, ())
