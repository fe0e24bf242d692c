"""Tracked exchanges that lead to CoreDNS pods that are gone: which entries count, since when, and who sends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import DnsEndpoint
from bot.collectors.kube_proxy_pods import UncoveredNode
from bot.collectors.node_conntrack import ConntrackOfNode, NodeConntracks
from bot.collectors.node_packet_filter import NodePacketFilters, PacketFilterOfNode
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer
from bot.kubernetes.named_pods import of_details
from bot.linux.conntrack import TrackedConnection
from bot.linux.service_rules import ServiceRule
from bot.rules.stale_conntrack import RULE
from tests.rules_cluster.conftest import NOW, coredns_pod
from tests.rules_cluster.test_pod_security_groups_strict import branch_pod

P, H, U = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
CLUSTER_IP, GONE, COREDNS = "172.20.0.10", "10.0.2.33", "10.0.1.7"
CLIENT = branch_pod("web-a", namespace="shop", branch_interface=False, ip="10.0.1.20")
REFUSED = Gap(what="NodeConntracks", reason="403 Forbidden", grant="pods/exec: create")
STALE = TrackedConnection(
    protocol="udp", seconds_left=27, client=CLIENT.ip, server=CLUSTER_IP, answers_from=GONE, unreplied=True
)
UNCOVERED = UncoveredNode(node="node-b", node_ready=True, pod="", why="no pod")


def table(*entries: TrackedConnection, node: str = "node-a", read: bool = True) -> NodeConntracks:
    """Return one node's entries of DNS."""
    one = ConntrackOfNode(
        node=node, entries=400, maximum=1000, dns_connections=entries if read else None, allowances=()
    )
    return NodeConntracks(nodes=(one,), nodes_total=2)


def workload(**changes: Any) -> WorkloadPods:
    """Return the client among the application pods."""
    return WorkloadPods(selector="app", pods=(replace(CLIENT, **changes),))


def young(since: datetime = NOW, seconds: int = 60) -> CorednsPods:
    """Return CoreDNS pods of which one was made so many seconds ago."""
    pods = (coredns_pod("coredns-a", COREDNS), coredns_pod("coredns-b", "10.0.2.7"))
    newest = replace(pods[0], created_at=since - timedelta(seconds=seconds))
    return CorednsPods(deployment_exists=True, desired_replicas=2, pods=(newest, pods[1]), deployment_annotations=())


ENTRIES = [
    ("leads to nobody", STALE, P),
    ("answered", replace(STALE, unreplied=False), H),
    ("leads to an endpoint", replace(STALE, answers_from=COREDNS), H),
    ("is led nowhere at all", replace(STALE, answers_from=CLUSTER_IP), H),
    ("asks another server", replace(STALE, server="10.0.1.99", answers_from="10.0.1.99"), H),
    ("over TCP", replace(STALE, protocol="tcp"), H),
]


@pytest.mark.parametrize(("entry", "verdict"), [row[1:] for row in ENTRIES], ids=[row[0] for row in ENTRIES])
def test_an_entry_counts_that_leads_the_services_address_to_nobody(
    judge: Any, entry: TrackedConnection, verdict: Verdict
) -> None:
    """UDP that was never answered, to an address that is neither an endpoint nor a CoreDNS pod."""
    judgement: Judgement = judge(RULE, workload(), table(entry))

    assert judgement.verdict is verdict, judgement.summary
    if verdict is H:
        assert "no entry of DNS on 1 node waits" in judgement.summary


@pytest.mark.parametrize(("backends", "verdict"), [((f"{GONE}:53",), H), ((f"{COREDNS}:53",), P), ((), P)], ids=str)
def test_an_entry_that_follows_the_nodes_own_rules_outlives_nothing(
    judge: Any, backends: tuple[str, ...], verdict: Verdict
) -> None:
    """Rules that lead to a pod that is gone are kube-proxy's fault: a new port asks the same address."""
    rule = ServiceRule(address=CLUSTER_IP, protocol="udp", port=53, backends=backends)
    node = PacketFilterOfNode(
        node="node-a", variants=(), raw=(), filter=(), mode="iptables", services_total=1, dns_services=(rule,),
        services_read=True,
    )  # fmt: skip

    judgement: Judgement = judge(RULE, workload(), table(STALE), NodePacketFilters(nodes=(node,), nodes_total=2))

    assert judgement.verdict is verdict, judgement.summary
    assert (f"the rules themselves still lead to {GONE}" in judgement.summary) is (verdict is H)


def test_the_sender_is_named_so_that_it_can_be_recreated(judge: Any) -> None:
    """By namespace and name, with what shows it; new lookups from it take another port and are none of it."""
    judgement: Judgement = judge(RULE, workload(), table(STALE, replace(STALE, seconds_left=3)))

    assert [(one.namespace, one.name) for one in of_details(judgement.details, RULE.name)] == [("shop", "web-a")]
    (line,) = judgement.proof
    assert line.startswith(f"node-a: shop/web-a (10.0.1.20) asks {CLUSTER_IP}:53 over UDP and is led to {GONE}, which")
    assert "Queries of 1 client on 1 node (node-a) still go to 10.0.2.33" in judgement.summary
    assert judgement.reach == ()


@pytest.mark.parametrize("changes", [{"host_network": True}, {"phase": "Failed"}, {"ip": "10.0.1.21"}], ids=str)
def test_an_address_that_is_no_pods_own_is_told_as_it_is(judge: Any, changes: dict[str, Any]) -> None:
    """The node's address is many pods', and one that is over has given its address back."""
    judgement: Judgement = judge(RULE, workload(**changes), table(STALE))

    assert (judgement.verdict, of_details(judgement.details, RULE.name)) == (P, ())
    assert "10.0.1.20 (10.0.1.20) asks" in judgement.proof[0]


SINCE = [
    ("a rollout just now", young(seconds=60), table(STALE), U, "too early to tell: node-a: shop/web-a"),
    ("a rollout a while ago", young(seconds=130), table(STALE), P, "since 2026-11-21T08:57:50Z"),
    ("a rollout just now, nothing stale", young(seconds=60), table(), H, "waits for an address"),
    ("the Deployment changed just now", replace(young(seconds=900), last_change=NOW), table(STALE), U, "too early"),
    ("no node seen", young(seconds=60), REFUSED, H, "is ready on 2 nodes"),
    ("entries not read", young(seconds=60), table(read=False), H, "is ready on 2 nodes"),
]


@pytest.mark.parametrize(
    ("coredns", "found", "verdict", "said"), [row[1:] for row in SINCE], ids=[row[0] for row in SINCE]
)
def test_an_entry_of_one_query_ends_by_itself(
    judge: Any, coredns: CorednsPods, found: NodeConntracks | Gap, verdict: Verdict, said: str
) -> None:
    """Too early after a change is neither a fault nor health; where none was seen, kube-proxy removes what there is."""
    judgement: Judgement = judge(RULE, workload(), coredns, gaps={NodeConntracks: found})

    assert (judgement.verdict, said in judgement.summary) == (verdict, True), judgement.summary


DIRECT, SERVICE = ("10.0.1.7", "inside", Answer.TIMED_OUT), (CLUSTER_IP, "inside", Answer.TIMED_OUT)
UNSEEN = [
    ("a time-out within IPVS's time", young(seconds=300), REFUSED, SERVICE, U),
    ("after IPVS's time", young(seconds=900), REFUSED, SERVICE, H),
    ("an answer", young(seconds=300), REFUSED, (CLUSTER_IP, "inside", Answer.ANSWERED), H),
    ("a time-out of a pod, past the service", young(seconds=300), REFUSED, DIRECT, H),
    ("its node was seen", young(seconds=300), table(), SERVICE, H),
    ("another node was seen", young(seconds=300), table(node="node-b"), SERVICE, U),
    ("its entries were not read", young(seconds=300), table(read=False), SERVICE, U),
    ("no lookup was made", young(seconds=300), REFUSED, None, U),
    ("no lookup was made, and a node seen", young(seconds=300), table(), None, H),
]


@pytest.mark.parametrize(
    ("coredns", "found", "lookup", "verdict"), [row[1:] for row in UNSEEN], ids=[row[0] for row in UNSEEN]
)
def test_a_node_not_seen_counts_only_where_lookups_by_the_service_time_out(
    judge: Any, make: Any, coredns: CorednsPods, found: NodeConntracks | Gap, lookup: Any, verdict: Verdict
) -> None:
    """Right after CoreDNS pods came or went: a young cluster in which names are answered is not in doubt."""
    looked = make.lookups(lookup) if lookup else Gap(what="LookupMatrix", reason="no pod to look from")
    judgement: Judgement = judge(RULE, workload(), coredns, gaps={NodeConntracks: found, LookupMatrix: looked})

    assert judgement.verdict is verdict, judgement.summary
    said = "time out on node-a, whose tracked queries were not seen" if lookup else "nor lookups were seen"
    assert (said in judgement.summary) is (verdict is U)
    assert (REFUSED in judgement.missing) is (found is REFUSED and verdict is U)


def test_a_node_without_kube_proxy_has_nobody_who_removes_entries(judge: Any, make: Any) -> None:
    """It is open unless the node's entries were seen."""
    pods = make.kube_proxy_pods(uncovered=(UNCOVERED,))

    unlooked, looked = judge(RULE, pods, table()), judge(RULE, pods, table(node="node-b"))

    assert (unlooked.verdict, looked.verdict) == (U, H)
    assert "no kube-proxy is ready on node-b" in unlooked.summary


def test_a_kube_proxy_that_ends_again_and_again_removes_nothing_for_certain(judge: Any, make: Any) -> None:
    """It is ready for a moment, and removes entries only while it runs."""
    first, second = make.kube_proxy_pods().pods
    container = replace(second.container, restarts=9, last_terminated_at=make.now - timedelta(seconds=40))
    pods = make.kube_proxy_pods(pods=(first, replace(second, container=container)))

    unlooked, looked = judge(RULE, pods, table()), judge(RULE, pods, table(node="node-b"))

    assert (unlooked.verdict, looked.verdict) == (U, H)
    assert "kube-proxy on node-b ends again and again" in unlooked.summary


def test_endpoints_that_could_not_be_read_leave_it_open(judge: Any, make: Any) -> None:
    """Whether an address is one of them is not known."""
    gap = Gap(what="EndpointSlices", reason="403")

    assert judge(RULE, make.kube_dns(endpoints_gap=gap, endpoints=()), table(STALE)).missing[0] == gap


def test_an_endpoint_that_is_not_ready_or_a_coredns_pod_without_one_is_not_gone(judge: Any, make: Any) -> None:
    """It is there; why it does not answer is another rule's."""
    unready = DnsEndpoint(ip=GONE, ready=False, node="node-b", pod="coredns-c")
    pods = make.coredns_pods(coredns_pod("coredns-c", GONE))

    assert judge(RULE, make.kube_dns(endpoints=(unready,)), table(STALE)).verdict is H
    assert judge(RULE, pods, table(STALE)).verdict is H


def test_there_is_nothing_to_check_where_nothing_leads_by_tracked_exchanges(judge: Any, make: Any) -> None:
    """No Service, or something else in kube-proxy's place."""
    none = make.kube_dns(service_exists=False, cluster_ip="", cluster_ips=(), endpoints=())
    cilium = make.kube_proxy_pods(pods=(), desired=0, replaced_by="Cilium")

    assert judge(RULE, none).summary.startswith("Nothing to check")
    assert judge(RULE, cilium).summary.startswith("Nothing to check: Cilium")
