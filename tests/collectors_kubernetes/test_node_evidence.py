"""What nodes show, collected over HTTP and WebSockets from the sandbox's cluster, in pods that are made for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, open_sources
from bot.collectors import node_conntrack, node_network, node_packet_filter, node_resolv_conf
from bot.collectors._looking_on_nodes import choose_nodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import NodeProbe
from bot.domain.evidence import Collector
from bot.domain.ports import ExecResult
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.kubernetes.nodes import Compute, Node
from bot.linux.iptables_save import Variant
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster
from tests.clients.conftest import TARGET, kubeconfig
from tests.linux.printed_texts import printed
from tests.looking import Ends, collect_through

PROBED = replace(TARGET, node_probe=NodeProbe(image="registry.example.com/dnsprobe:1", namespace="dns-probes"))
COLLECTORS = (
    node_network.COLLECTOR,
    node_packet_filter.COLLECTOR,
    node_conntrack.COLLECTOR,
    node_resolv_conf.COLLECTOR,
)


@dataclass
class World:
    """A cluster and the bot's sources of it, of which every run is closed."""

    served: ServedCluster
    sources: ClusterSources
    open: list[Any] = field(default_factory=list)

    def collect(self, collector: Collector[Any, Any], **options: Any) -> Any:
        """Return what a collector finds there, in a run of its own."""
        run = self.sources.nodes()
        ends = _WithRun(reader=None, run=run, inner=self.sources)
        try:
            return collect_through(collector, ends, target=PROBED, **options)[0]
        finally:
            run.close()


@dataclass(frozen=True, kw_only=True)
class _WithRun(Ends):
    run: Any
    inner: Any

    def cluster(self, deadline: Any) -> Any:
        return self.inner.cluster(deadline)

    def nodes(self) -> Any:
        return self.run


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield two nodes with kube-proxy and CoreDNS, on which pods may be made."""
    served = ServedCluster(turning=True)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dns-probes"}}
    served.put(namespace, *small_cluster())
    served.settle()
    path = kubeconfig(tmp_path_factory.mktemp("nodes") / "kubeconfig.json", served.url)
    sources = open_sources(ClusterConnection(target=PROBED, kubeconfig=path))
    yield World(served, sources)
    sources.close()
    served.stop()


def test_interfaces_rules_and_tables_of_each_node_are_read(world: World) -> None:
    """Both nodes of two were looked at, in a pod that was made on each."""
    found = world.collect(node_network.COLLECTOR)

    assert ([one.node for one in found.nodes], found.nodes_total, found.gaps) == (["node-a", "node-b"], 2, ())
    node = found.of("node-a")
    assert node.holders("10.0.1.10")[0].name == "eth0"
    assert [rule.table for rule in node.rules if rule.priority in {0, 32766, 32767}] == ["local", "main", "default"]
    assert {route.destination for route in node.table("main")} >= {"default"}


def test_where_cluster_ips_lead_is_read_from_kube_proxys_own_pod(world: World) -> None:
    """Each node leads the DNS service to both CoreDNS pods."""
    found = world.collect(node_packet_filter.COLLECTOR)

    node = found.of("node-b")
    assert (node.mode, node.variants, node.services_read) == ("iptables", (Variant.NF_TABLES,), True)
    assert len(node.leads("172.20.0.10", "udp").backends) == 2
    assert (node.leads("172.20.0.10", "tcp"), found.gaps) == (None, ())


def test_connections_and_allowances_are_counted(world: World) -> None:
    """The share is of the kernel's maximum; ENA's counters stand by interface."""
    found = world.collect(node_conntrack.COLLECTOR)

    node = found.of("node-a")
    assert 0 < node.full_share < 0.01
    assert [(one.interface, one.count("linklocal_allowance_exceeded")) for one in node.allowances] == [("eth0", 0)]
    assert (node.allowances[0].count("other"), node.dns_connections) == (None, ())


def test_the_kubelets_resolv_conf_is_read(world: World) -> None:
    """A pod with dnsPolicy Default has a copy of it: the VPC resolver's address."""
    found = world.collect(node_resolv_conf.COLLECTOR)

    assert found.of("node-a").file.nameservers == ("10.0.0.2",)


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda collector: collector.name)
def test_a_summary_says_how_many_nodes_were_looked_at(world: World, collector: Collector[Any, Any]) -> None:
    """One of two, where one is all that may be looked at."""
    found = world.collect(collector, parameters={"max_nodes": 1})

    assert collector.summarise(found).startswith("1 of 2 nodes looked at")


@dataclass
class Told:
    """A `NodeProber` that answers from a table: by node and first word, or by the first word alone."""

    answers: Mapping[Any, Any]

    def run(self, node: str, arguments: Any) -> ExecResult:
        """See `NodeProber.run`."""
        found = self.answers.get((node, arguments[0]), self.answers.get(arguments[0], EvidenceUnavailable("not here")))
        if isinstance(found, EvidenceUnavailable):
            raise found
        if isinstance(found, ExecResult):
            return found
        return ExecResult(stdout=found.encode(), stderr=b"", exit_code=0, cut=False)


class Nodes:
    """A `ClusterReader` of two nodes."""

    def list(self, _: Any, read: Any, **__: Any) -> list[Any]:
        """See `ClusterReader.list`."""
        return [read({"metadata": {"name": name}, "spec": {}, "status": {}}) for name in ("node-a", "node-b")]


def collect(collector: Collector[Any, Any], answers: Mapping[Any, Any]) -> Any:
    """Return what a collector makes of these answers."""
    return collect_through(collector, Ends(reader=Nodes(), node_prober=Told(answers)))[0]


def ended(code: int, complaint: str = "", printed_text: str = "", *, cut: bool = False) -> ExecResult:
    """Return how a program ended."""
    return ExecResult(stdout=printed_text.encode(), stderr=complaint.encode(), exit_code=code, cut=cut)


def test_a_node_that_shows_nothing_is_a_gap_beside_the_others() -> None:
    """One node that refuses does not blind the bot for the rest."""
    answers = {("node-a", "cat"): "nameserver 10.0.0.2\n", ("node-b", "cat"): AccessDenied("no", grant="pods/exec")}

    found = collect(node_resolv_conf.COLLECTOR, answers)

    assert [one.node for one in found.nodes] == ["node-a"]
    assert [(gap.what, gap.grant) for gap in found.gaps] == [("node node-b", "pods/exec")]


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda collector: collector.name)
def test_where_no_node_can_be_looked_at_one_reason_is_told(collector: Collector[Any, Any]) -> None:
    """With the right that is missing."""
    refused = AccessDenied("Cannot exec.", grant="pods/exec: create in namespace kube-system")

    with pytest.raises(AccessDenied, match="so it is on each of 2 nodes") as raised:
        collect(collector, dict.fromkeys(("ip", "iptables-save", "nft", "ipvsadm", "cat", "conntrack"), refused))

    assert raised.value.grant == "pods/exec: create in namespace kube-system"


def test_a_cut_output_is_a_gap_and_what_else_was_read_is_kept() -> None:
    """What is not in the beginning may stand in the rest."""
    answers = {"iptables-save": ended(0, printed_text=printed("iptables-nft.txt"), cut=True),
               "nft": printed("nft-kube-proxy.txt")}  # fmt: skip

    found = collect(node_packet_filter.COLLECTOR, answers)

    assert (found.of("node-a").mode, found.of("node-a").variants) == ("nftables", ())
    assert any("iptables rules of node node-a" in gap.what and "more than is kept" in gap.reason for gap in found.gaps)


def test_both_variants_of_iptables_are_read_where_both_have_tables() -> None:
    """NodeLocal DNSCache may lay its rules in one and kube-proxy in the other."""
    warning = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n"
    answers = {"iptables-save": ended(0, warning), "iptables-legacy-save": printed("iptables-legacy.txt")}

    node = collect(node_packet_filter.COLLECTOR, answers).of("node-a")

    assert node.variants == (Variant.NF_TABLES, Variant.LEGACY)
    assert (len(node.raw), node.mode, len(node.dns_services)) == (3, "iptables", 2)
    assert [rule.comment for rule in node.filter] == ["NodeLocal DNS Cache: allow DNS traffic"]


def test_a_node_without_any_rule_of_kube_proxys_says_so_only_when_all_ways_were_looked_at() -> None:
    """iptables, nftables and IPVS: what could not be looked at may hold them."""
    empty = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"
    none = ended(1, "Error: No such file or directory\n")
    missing = ended(1, "cat: /proc/net/ip_vs: No such file or directory\n")

    seen = collect(node_packet_filter.COLLECTOR, {"iptables-save": empty, "nft": none, "cat": missing}).of("node-a")
    unseen = collect(node_packet_filter.COLLECTOR, {"iptables-save": empty, "cat": missing}).of("node-a")

    assert (seen.mode, seen.services_read) == ("", True)
    assert (unseen.mode, unseen.services_read) == ("", False)


def test_ipvs_is_read_from_the_kernels_file_where_there_is_no_ipvsadm() -> None:
    """Its image may lack it."""
    answers = {"iptables-save": "*nat\nCOMMIT\n", "nft": ended(127, "not found"), "cat": printed("proc-ip-vs.txt")}

    node = collect(node_packet_filter.COLLECTOR, answers).of("node-a")

    assert node.mode == "ipvs"
    assert node.leads("10.96.0.10", "udp").backends == ("10.244.1.5:53",)


def test_an_ip_that_knows_no_json_is_asked_plainly() -> None:
    """busybox's, and iproute2 before 4.13."""

    class Busybox:
        def run(self, _: str, arguments: Any) -> ExecResult:
            if "-json" in arguments:
                return ended(1, "Usage: ip [OPTIONS] address|route|link|tunnel|neigh|rule [ARGS]")
            return ended(0, printed_text=printed(f"busybox-{arguments[1]}.txt"))

    found = collect_through(node_network.COLLECTOR, Ends(reader=Nodes(), node_prober=Busybox()))[0]

    node = found.of("node-a")
    assert [holder.name for holder in node.holders("172.20.0.10")] == ["nodelocaldns"]
    assert (len(node.rules), node.table("101")[0].interface, found.gaps) == (9, "vlan.eth.1", ())


NODES = [
    Node(name=f"node-{at}", node_group=group, zone=zone, ready=True, compute=Compute.MANAGED)
    for at, (group, zone) in enumerate([("big", "a"), ("big", "a"), ("big", "b"), ("small", "a")])
]


def test_nodes_are_chosen_those_concerned_first_then_one_of_each_class() -> None:
    """The same cluster gives the same choice; a node that is gone is not looked at."""
    chosen = choose_nodes(NODES, ["node-1", "gone", "node-1"], max_nodes=4)

    assert [node.name for node in chosen] == ["node-1", "node-0", "node-2", "node-3"]
    assert [node.name for node in choose_nodes(NODES, [], max_nodes=3)] == ["node-0", "node-2", "node-3"]


def test_the_node_of_the_pod_that_was_asked_about_is_looked_at(world: World) -> None:
    """Though the limit is one node."""
    pods = WorkloadPods(selector="app=shop", pods=(), asked_pod=_pod("node-b"))

    found = world.collect(node_resolv_conf.COLLECTOR, needed={WorkloadPods: pods}, parameters={"max_nodes": 1})

    assert [one.node for one in found.nodes] == ["node-b"]


def _pod(node: str) -> Any:
    from bot.kubernetes.pods import Container, Pod  # noqa: PLC0415  # two words for one test

    return Pod(
        namespace="shop", name="web-1", node=node, phase="Running", ready=True, container=Container(name="web"),
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip


def test_a_cluster_without_a_linux_node_of_its_own_shows_nothing() -> None:
    """Fargate has no node to be on."""

    class Fargate:
        def list(self, _: Any, read: Any, **__: Any) -> list[Any]:
            spec = {"providerID": "aws:///eu-west-1a/1/fargate-ip-10-0-1-4"}
            return [read({"metadata": {"name": "f"}, "spec": spec, "status": {}})]

    with pytest.raises(EvidenceUnavailable, match="all are Fargate or Windows nodes"):
        collect_through(node_network.COLLECTOR, Ends(reader=Fargate(), node_prober=Told({})))
