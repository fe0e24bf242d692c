"""The rules about NodeLocal DNSCache, each on a healthy cache that is broken in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.collectors.node_local_logs import NodeLocalLogs
from bot.collectors.node_local_metrics import CacheMetrics, NodeLocalMetrics
from bot.collectors.node_network import NetworkOfNode, NodeNetworks
from bot.collectors.node_packet_filter import NodePacketFilters, PacketFilterOfNode
from bot.dns.coredns_metrics import parse_metrics
from bot.dns.node_cache_log import NodeCachePodLog, node_cache_pod_log
from bot.dns.node_local_corefile import Forwarding
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import timed_lines
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Rule, Verdict
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.kubernetes.pods import Container, Pod
from bot.linux.interfaces import HeldAddress, NetworkInterface
from bot.linux.iptables_save import FilterRule, Variant
from bot.linux.routes import Route
from bot.rules.nodelocal_force_tcp import RULE as FORCE_TCP
from bot.rules.nodelocal_misconfigured import RULE as MISCONFIGURED
from bot.rules.nodelocal_not_intercepting import RULE as NOT_INTERCEPTING
from bot.rules.nodelocal_pods_not_ready import RULE as NOT_READY
from tests.rules_cluster.conftest import NOW, WINDOW, YESTERDAY

CLUSTER_IP, LOCAL = "172.20.0.10", "169.254.20.10"
PROBLEM, HEALTHY, UNKNOWN = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
TARGET = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1")
TO_COREDNS = Forwarding(zones=("cluster.local.",), targets=("172.20.9.9",), force_tcp=True, line=7)
OUT = Forwarding(zones=(".",), targets=("/etc/resolv.conf",), force_tcp=False, line=40)


def pod(node: str, **changes: Any) -> Pod:
    """Return a pod of the cache that is ready since yesterday."""
    made = Pod(
        namespace="kube-system",
        name=f"node-local-dns-{node}",
        node=node,
        phase="Running",
        ready=True,
        created_at=YESTERDAY,
        container=Container(name="node-cache", running_since=YESTERDAY),
    )
    return replace(made, **changes)


def cache(**changes: Any) -> NodeLocalCache:
    """Return a healthy cache on nodes a and b, at its own and the DNS service's address."""
    made = NodeLocalCache(
        namespace="kube-system",
        name="node-local-dns",
        container="node-cache",
        image="k8s-dns-node-cache:1.26.4",
        node_cache=True,
        local_addresses=(LOCAL, CLUSTER_IP),
        interface="nodelocaldns",
        lays_interface=True,
        lays_rules=True,
        listens=(LOCAL, CLUSTER_IP),
        zones=("cluster.local.", "."),
        forwards=(TO_COREDNS, OUT),
        upstream_service="kube-dns-upstream",
        upstream_address="172.20.9.9",
        config_map="ConfigMap kube-system/node-local-dns",
        dns_policy="Default",
        pods=(pod("a"), pod("b")),
        desired=2,
        scheduled=2,
    )
    return replace(made, **changes)


def found(*caches: NodeLocalCache, **changes: Any) -> NodeLocalDns:
    """Return what was found of these caches."""
    return replace(NodeLocalDns(caches=caches, cluster_ips=(CLUSTER_IP,)), **changes)


def logs(*texts: tuple[str, str]) -> NodeLocalLogs:
    """Return logs of (node, line), each line a minute old; a node without one has said nothing."""
    said = {"a": "", "b": ""} | dict(texts)
    read = [_log(node, line) for node, line in said.items()]
    return NodeLocalLogs(pods=tuple(read), pods_total=2, window_seconds=900)


def _log(node: str, line: str) -> NodeCachePodLog:
    text = f"2026-11-21T08:59:00Z {line}\n" if line else "2026-11-21T08:59:00Z CoreDNS-1.12.2\n"
    log = PodLog(pod=f"node-local-dns-{node}", lines=timed_lines(text), whole=True)
    return node_cache_pod_log(log, node, NOW - WINDOW)


def matrix(*rows: tuple[str, str, bool, Answer], asks: str = CLUSTER_IP, nodes: str = "ab") -> LookupMatrix:
    """Return lookups of (node, server, external, answer), and what the pods of each node are told to ask."""
    clients = {node: Client(node=node, kind=ClientKind.POD, pod=f"shop/web-{node}") for node in nodes}
    return LookupMatrix(
        nodes_total=2,
        nodes_looked=2,
        lookups=tuple(
            Lookup(
                client=clients[node],
                server=server,
                through_service=server == CLUSTER_IP,
                transport=Transport.UDP,
                external=external,
                name="amazon.com." if external else "kubernetes.default.svc.cluster.local.",
                answer=answer,
            )
            for node, server, external, answer in rows
        ),
        resolvers=tuple(
            PodResolver(client=client, dns_policy="ClusterFirst", nameservers=(asks,), search=(), ndots=5)
            for client in clients.values()
        ),
    )


PROXY = KubeProxyPods(
    daemon_set_exists=True, desired=2, scheduled=2, pods=(), nodes_total=2, exempt_nodes=0, uncovered=()
)
CILIUM = replace(PROXY, replaced_by="Cilium (kube-proxy-replacement: true)")


def judge(rule: Rule, *evidence: object) -> Judgement:
    """Judge it on this evidence; what it may want beside is a gap."""
    given: Mapping[type, object] = {type(one): one for one in evidence}
    held = {kind: given.get(kind, Gap(what=kind.__name__, reason="not gathered")) for kind in rule.inputs}
    return rule.judge(Case(target=TARGET, collected_at=NOW, thresholds=rule.thresholds(), evidence=held))


@pytest.mark.parametrize("rule", [FORCE_TCP, MISCONFIGURED, NOT_INTERCEPTING, NOT_READY], ids=lambda rule: rule.name)
def test_a_cluster_without_it_and_one_with_a_healthy_one_are_healthy(rule: Rule) -> None:
    """Nothing to check, and nothing found."""
    none, one = found(), found(cache())

    assert judge(rule, none, logs(), matrix(), PROXY).summary.startswith("Nothing to check")
    assert judge(rule, one, logs(), matrix(), PROXY).verdict is HEALTHY


MISFITS = [
    ("placeholder", cache(left=("__PILLAR__DNS__DOMAIN__ in line 1 of ConfigMap x",)), "DOMAIN__ was not replaced"),
    ("unheard", cache(listens=(LOCAL,)), f"hold {CLUSTER_IP}, on which it does not listen"),
    ("unlaid", cache(local_addresses=(LOCAL,)), f"binds {CLUSTER_IP}, which -localip does not put"),
    ("no upstream", cache(forwards=(replace(TO_COREDNS, targets=("<nil>",)),)), "kube-dns-upstream that it asks does"),
]


@pytest.mark.parametrize(("broken", "said"), [row[1:] for row in MISFITS], ids=[row[0] for row in MISFITS])
def test_a_manifest_that_does_not_fit_is_named_by_what_does_not(broken: NodeLocalCache, said: str) -> None:
    """By configuration alone, whatever its pods say, with the lookups that fail of it."""
    judgement = judge(MISCONFIGURED, found(broken), logs())

    assert judgement.verdict is PROBLEM
    assert said in judgement.summary
    by_service = matrix(("a", CLUSTER_IP, False, Answer.REFUSED)).lookups[0]
    assert any(reach.covers(by_service) for reach in judgement.reach)


def test_in_ipvs_mode_it_must_leave_the_services_address_alone() -> None:
    """Its own address alone is right there, and the other one in iptables mode."""
    both, own = cache(), cache(listens=(LOCAL,), local_addresses=(LOCAL,))

    assert judge(MISCONFIGURED, found(both, kube_proxy_mode="ipvs"), logs()).verdict is PROBLEM
    assert judge(MISCONFIGURED, found(own, kube_proxy_mode="ipvs"), logs()).verdict is HEALTHY
    assert judge(MISCONFIGURED, found(both, kube_proxy_mode="nftables"), logs()).verdict is HEALTHY


ENDED = [
    ("Listen: listen tcp 169.254.20.10:53: bind: address already in use", "another program listens", LOCAL),
    ('[FATAL] plugin/loop: Loop (x:1 -> x:53) detected for zone "."', "leads back to it", "resolv.conf"),
    ("[WARNING] Unable to lookup IP address of Upstream service x, env $X ``", "names no address", "upstream"),
]


@pytest.mark.parametrize(("line", "meaning", "advice"), ENDED, ids=[row[1] for row in ENDED])
def test_why_a_pod_ended_is_told_while_it_is_not_ready(line: str, meaning: str, advice: str) -> None:
    """One that is ready again has got over it."""
    down = cache(pods=(pod("a", ready=False), pod("b")))

    judgement = judge(MISCONFIGURED, found(down), logs(("a", line)))

    assert (judgement.verdict, meaning in judgement.summary) == (PROBLEM, True)
    assert advice in judgement.advice[0]
    assert line in judgement.proof[0]
    assert judge(MISCONFIGURED, found(cache()), logs(("a", line))).verdict is HEALTHY


def test_an_error_that_no_rule_knows_leaves_its_configuration_open() -> None:
    """It may be why the next one breaks."""
    assert judge(MISCONFIGURED, found(cache()), logs(("a", "[ERROR] nobody knows this"))).verdict is UNKNOWN


SINCE = NOW - timedelta(minutes=5)
CRASHES = Container(name="node-cache", restarts=4, waiting_reason="CrashLoopBackOff")
AGAIN = Container(
    name="node-cache",
    restarts=9,
    running_since=NOW - timedelta(seconds=5),
    last_terminated_at=NOW - timedelta(seconds=40),
)
ONCE = replace(AGAIN, restarts=1)
NODES_DOWN = [
    ("the service's address", cache(pods=(pod("a", ready=False, unready_since=SINCE), pod("b"))), CLUSTER_IP, PROBLEM),
    ("its own address", cache(pods=(pod("a", ready=False, unready_since=SINCE), pod("b"))), LOCAL, PROBLEM),
    ("another server", cache(pods=(pod("a", ready=False, unready_since=SINCE), pod("b"))), "10.0.0.2", HEALTHY),
    (
        "too early",
        cache(pods=(pod("a", ready=False, unready_since=NOW - timedelta(seconds=5)), pod("b"))),
        LOCAL,
        UNKNOWN,
    ),
    (
        "it ends at each start, ready for a moment",
        cache(pods=(pod("a", ready=False, unready_since=NOW - timedelta(seconds=5), container=CRASHES), pod("b"))),
        LOCAL,
        PROBLEM,
    ),
    ("ready now, ends again and again", cache(pods=(pod("a", container=AGAIN), pod("b"))), LOCAL, PROBLEM),
    (
        "ready now, has just ended",
        cache(pods=(pod("a", container=ONCE), pod("b"))),
        LOCAL,
        UNKNOWN,
    ),
    ("no pod there", cache(pods=(pod("b"),), desired=1, scheduled=1), LOCAL, PROBLEM),
    ("no pod, service asked", cache(pods=(pod("b"),), desired=1, scheduled=1), CLUSTER_IP, HEALTHY),
    ("one to come", cache(pods=(pod("b"),), desired=2, scheduled=1), CLUSTER_IP, UNKNOWN),
]


@pytest.mark.parametrize(
    ("broken", "asked", "verdict"), [row[1:] for row in NODES_DOWN], ids=[row[0] for row in NODES_DOWN]
)
def test_a_pod_that_is_not_ready_counts_where_pods_of_its_node_ask_it(
    broken: NodeLocalCache, asked: str, verdict: Verdict
) -> None:
    """Without a pod the service's address leads to CoreDNS again; the cache's own to nobody."""
    judgement = judge(NOT_READY, found(broken), matrix(asks=asked))

    assert judgement.verdict is verdict
    if verdict is PROBLEM:
        assert judgement.details["nodes"] == ["a"]
        there, elsewhere = (matrix((node, LOCAL, False, Answer.TIMED_OUT)).lookups[0] for node in "ab")
        assert (judgement.reach[0].covers(there), judgement.reach[0].covers(elsewhere)) == (True, False)


def test_without_look_ups_it_is_not_known_whether_pods_ask_it_where_it_has_none() -> None:
    """A node that its DaemonSet leaves out shows nowhere else."""
    assert judge(NOT_READY, found(cache())).verdict is UNKNOWN
    assert judge(NOT_READY, found(cache()), matrix()).verdict is HEALTHY


BYPASSED = [
    ("the kubelets were never told", cache(listens=(LOCAL,), local_addresses=(LOCAL,)), PROXY, CLUSTER_IP, PROBLEM),
    ("Cilium comes first", cache(), CILIUM, CLUSTER_IP, PROBLEM),
    ("Cilium, its own address asked", cache(), CILIUM, LOCAL, HEALTHY),
    (
        "another address, kubelets told",
        cache(listens=("169.254.25.9",), local_addresses=()),
        PROXY,
        "169.254.25.9",
        HEALTHY,
    ),
    ("no pod is ready", cache(pods=()), CILIUM, CLUSTER_IP, HEALTHY),
]


@pytest.mark.parametrize(
    ("one", "proxy", "asked", "verdict"), [row[1:] for row in BYPASSED], ids=[row[0] for row in BYPASSED]
)
def test_a_cache_that_nobodys_queries_come_to_is_told_by_configuration(
    one: NodeLocalCache, proxy: KubeProxyPods, asked: str, verdict: Verdict
) -> None:
    """Names resolve all the same: it accounts for no failing lookup."""
    judgement = judge(NOT_INTERCEPTING, found(one), matrix(asks=asked), proxy)

    assert (judgement.verdict, judgement.reach) == (verdict, ())


def test_ipvs_leads_the_services_address_past_it() -> None:
    """Its own manifest is to blame for that: see nodelocal_misconfigured."""
    assert judge(NOT_INTERCEPTING, found(cache(), kube_proxy_mode="ipvs"), matrix(), PROXY).verdict is PROBLEM


def counts(queries: int, *, since: datetime = YESTERDAY) -> NodeLocalMetrics:
    """Return what the cache's pod on node a has counted since it started."""
    text = f"coredns_dns_requests_total {queries}\nprocess_start_time_seconds {since.timestamp()}\n"
    one = CacheMetrics(pod="node-local-dns-a", node="a", cache=cache().title, counters=parse_metrics(text))
    return NodeLocalMetrics(pods=(one,), pods_total=2)


TWICE = matrix(("a", CLUSTER_IP, False, Answer.ANSWERED), ("a", CLUSTER_IP, True, Answer.ANSWERED))
SILENT = matrix(("a", CLUSTER_IP, False, Answer.TIMED_OUT), ("b", CLUSTER_IP, False, Answer.ANSWERED))
COUNTED = [
    ("all of them", counts(2), TWICE, HEALTHY, "node-local-dns-a counts 2 queries"),
    (
        "not all of them",
        counts(1),
        TWICE,
        UNKNOWN,
        "and 2 lookups at its addresses were answered there just now: some",
    ),
    ("those of its node", counts(0), SILENT, HEALTHY, "counts 0 queries"),
    ("since it has just started", counts(0, since=NOW), TWICE, HEALTHY, "counts 0 queries"),
]


@pytest.mark.parametrize(
    ("counted", "asked", "verdict", "said"), [row[1:] for row in COUNTED], ids=[row[0] for row in COUNTED]
)
def test_a_cache_has_counted_what_was_answered_at_its_addresses(
    counted: NodeLocalMetrics, asked: LookupMatrix, verdict: Verdict, said: str
) -> None:
    """Else something else answers there; without its metrics it is decided as before."""
    judgement = judge(NOT_INTERCEPTING, found(cache()), asked, PROXY, counted)

    assert judgement.verdict is verdict
    assert said in " ".join((judgement.summary, *judgement.proof))


def network(*held: str) -> NodeNetworks:
    """Return node a with these addresses on the cache's interface and in the local table."""
    interface = NetworkInterface(
        name="nodelocaldns", up=False, addresses=tuple(HeldAddress(address=one, prefix_length=32) for one in held)
    )
    routes = tuple(Route(table="local", kind="local", destination=one, interface="nodelocaldns") for one in held)
    node = NetworkOfNode(node="a", interfaces=(interface,), rules=(), routes=routes)
    return NodeNetworks(nodes=(node,), nodes_total=2)


def filters(*addresses: str, accept: bool = True, target: str = "NOTRACK") -> NodePacketFilters:
    """Return node a with node-cache's rules for these addresses."""
    raw, accepted = [], []
    for address in addresses:
        for protocol in ("udp", "tcp"):
            of: dict[str, Any] = {"table": "raw", "target": target, "protocol": protocol, "text": ""}
            to = {"destination": f"{address}/32", "destination_ports": "53"}
            raw += [FilterRule(**of, chain="PREROUTING", **to), FilterRule(**of, chain="OUTPUT", **to)]
            raw.append(FilterRule(**of, chain="OUTPUT", source=f"{address}/32", source_ports="53"))
            allows: dict[str, Any] = {**of, "table": "filter", "target": "ACCEPT"}
            accepted += [
                FilterRule(**allows, chain="INPUT", **to),
                FilterRule(**allows, chain="OUTPUT", source=f"{address}/32", source_ports="53"),
            ]
        probe: dict[str, Any] = {"table": "raw", "chain": "OUTPUT", "target": target, "protocol": "tcp", "text": ""}
        raw.append(FilterRule(**probe, destination=f"{address}/32", destination_ports="8080"))
        raw.append(FilterRule(**probe, source=f"{address}/32", source_ports="8080"))
    node = PacketFilterOfNode(
        node="a",
        variants=(Variant.NF_TABLES,),
        raw=tuple(raw),
        filter=tuple(accepted) if accept else (),
        mode="iptables",
        services_total=9,
        dns_services=(),
        services_read=True,
    )
    return NodePacketFilters(nodes=(node,), nodes_total=2)


def without(laid: NodePacketFilters, *of: str, **members: str) -> NodePacketFilters:
    """Return the same without the rules that have these members, in these chains."""
    (node,) = laid.nodes

    def left(rules: tuple[FilterRule, ...]) -> tuple[FilterRule, ...]:
        return tuple(
            rule
            for rule in rules
            if rule.chain not in of or any(getattr(rule, member) != value for member, value in members.items())
        )

    return replace(laid, nodes=(replace(node, raw=left(node.raw), filter=left(node.filter)),))


LAID = filters(LOCAL, CLUSTER_IP)
ON_NODE = [
    (
        "nodes' own queries are tracked",
        network(LOCAL, CLUSTER_IP),
        without(LAID, "OUTPUT", destination=f"{LOCAL}/32", destination_ports="53", protocol="udp"),
        f"no NOTRACK rule takes {LOCAL} out of kube-proxy's hands (OUTPUT udp)",
    ),
    (
        "answers are tracked",
        network(LOCAL, CLUSTER_IP),
        without(LAID, "OUTPUT", source=f"{LOCAL}/32", source_ports="53", protocol="tcp", table="raw"),
        f"no NOTRACK rule takes {LOCAL} out of kube-proxy's hands (OUTPUT tcp answers)",
    ),
    (
        "answers are not accepted",
        network(LOCAL, CLUSTER_IP),
        without(LAID, "OUTPUT", table="filter", source=f"{CLUSTER_IP}/32"),
        f"accepts port 53 of {CLUSTER_IP} (OUTPUT udp answers, OUTPUT tcp answers)",
    ),
    (
        "one protocol is not accepted",
        network(LOCAL, CLUSTER_IP),
        without(LAID, "INPUT", table="filter", destination=f"{LOCAL}/32", protocol="tcp"),
        f"accepts port 53 of {LOCAL} (INPUT tcp)",
    ),
    ("all is there", network(LOCAL, CLUSTER_IP), LAID, ""),
    ("an address is missing", network(LOCAL), filters(LOCAL, CLUSTER_IP), f"{CLUSTER_IP} is on no interface"),
    ("no NOTRACK rules", network(LOCAL, CLUSTER_IP), filters(LOCAL), f"no NOTRACK rule takes {CLUSTER_IP}"),
    ("rules of another kind", network(LOCAL, CLUSTER_IP), filters(LOCAL, CLUSTER_IP, target="LOG"), "no NOTRACK rule"),
    ("no ACCEPT rule", network(LOCAL, CLUSTER_IP), filters(LOCAL, CLUSTER_IP, accept=False), "accepts port 53"),
]


@pytest.mark.parametrize(("held", "laid", "said"), [row[1:] for row in ON_NODE], ids=[row[0] for row in ON_NODE])
def test_what_a_node_lacks_is_seen_on_the_node(held: NodeNetworks, laid: NodePacketFilters, said: str) -> None:
    """Interface, local table, NOTRACK and ACCEPT rules for the right addresses (B3), or said to be seen."""
    judgement = judge(NOT_INTERCEPTING, found(cache()), matrix(), PROXY, held, laid)

    assert judgement.verdict is (PROBLEM if said else HEALTHY)
    assert (said or "seen on 1 node") in judgement.summary


def test_without_the_node_view_it_says_what_it_rests_on() -> None:
    """Configuration, and what pods are told to ask; where nothing tells what leads ClusterIPs it is open."""
    said = judge(NOT_INTERCEPTING, found(cache()), matrix(), PROXY).summary

    assert "by its configuration and by what pods are told to ask" in said
    assert judge(NOT_INTERCEPTING, found(cache()), matrix()).verdict is UNKNOWN
    assert judge(NOT_INTERCEPTING, found(cache()), PROXY).verdict is UNKNOWN


FORCED = cache(forwards=(TO_COREDNS, replace(OUT, force_tcp=True)))
LINE = "[ERROR] plugin/errors: 2 {name}: dial tcp {server}:53: i/o timeout"
OUTSIDE = LINE.format(name="amazon.com. A", server="10.0.0.2")
SELF_TEST = LINE.format(name="123.456. HINFO", server="10.0.0.2")
TCP = [
    ("fails", FORCED, OUTSIDE, Answer.SERVFAIL, PROBLEM),
    ("nothing asked", FORCED, OUTSIDE, None, PROBLEM),
    ("answers again", FORCED, OUTSIDE, Answer.ANSWERED, HEALTHY),
    ("its own test, and names fail", FORCED, SELF_TEST, Answer.SERVFAIL, PROBLEM),
    ("its own test alone", FORCED, SELF_TEST, None, UNKNOWN),
    ("towards CoreDNS", FORCED, LINE.format(name="x. A", server="172.20.9.9"), Answer.SERVFAIL, HEALTHY),
    ("not forced", cache(), OUTSIDE, Answer.SERVFAIL, HEALTHY),
    ("over UDP", FORCED, OUTSIDE.replace("dial tcp", "read udp 1.1.1.1:5->"), Answer.SERVFAIL, HEALTHY),
]


@pytest.mark.parametrize(("one", "line", "answer", "verdict"), [row[1:] for row in TCP], ids=[row[0] for row in TCP])
def test_force_tcp_is_blamed_where_it_leads_out_and_times_out(
    one: NodeLocalCache, line: str, answer: Answer | None, verdict: Verdict
) -> None:
    """Towards CoreDNS it is right; what is answered now contradicts what failed before."""
    lookups = matrix(*([("a", CLUSTER_IP, True, answer)] if answer else []))

    judgement = judge(FORCE_TCP, found(one), logs(("a", line)), lookups)

    assert judgement.verdict is verdict
    if verdict is PROBLEM:
        assert judgement.details["servers"] == ["10.0.0.2"]
        assert "force_tcp in line 40" in judgement.proof[0]


def test_a_liveness_probe_that_is_tracked_is_told_and_no_fault() -> None:
    """The rules for port 8080, or what -health-port names, keep no query from anybody."""
    laid = without(LAID, "OUTPUT", destination_ports="8080", destination=f"{LOCAL}/32")

    judgement = judge(NOT_INTERCEPTING, found(cache()), matrix(), PROXY, network(LOCAL, CLUSTER_IP), laid)
    elsewhere = judge(
        NOT_INTERCEPTING, found(cache(health_port="8090")), matrix(), PROXY, network(LOCAL, CLUSTER_IP), LAID
    )

    assert (judgement.verdict, elsewhere.verdict) == (HEALTHY, HEALTHY)
    (line,) = judgement.proof
    assert line.startswith(
        f"a: table raw has no NOTRACK rule for port 8080 of {LOCAL} in OUTPUT tcp: its liveness probe"
    )
    assert {"port 8090" in line for line in elsewhere.proof} == {True}
