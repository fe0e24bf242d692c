from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors._looking_from import NodePlace, choose_pods, place_of
from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.lookups import COLLECTOR, LookupParameters, Lookups, collect
from bot.collectors.workload_pods import WorkloadPod, WorkloadPods
from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.evidence import Gap, ProbingLook
from bot.domain.findings import Answer, Protocol
from bot.domain.json_values import RawObject
from bot.domain.ports import ExecResult, Resource
from bot.errors import AccessDenied, EvidenceUnavailable, SourceTimeout

SERVICE, COREDNS_A, COREDNS_B = "172.20.0.10", "10.0.1.5", "10.0.2.5"
ANSWER = ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; ANSWER SECTION:\nx. 5 IN A 172.20.0.1\n"
NO_SUCH = ExecResult(stdout="", stderr='exec: "x": executable file not found in $PATH: unknown', exit_code=127)
RESOLV_CONF = "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver {}\noptions ndots:5\n"


def pod(name: str, node: str, **changed: Any) -> WorkloadPod:
    """Return a running application pod."""
    fields: dict[str, Any] = {
        "namespace": "shop",
        "name": name,
        "uid": name,
        "node": node,
        "ip": "10.0.1.9",
        "container": "app",
        "phase": "Running",
        "ready": True,
        "created_at": None,
        "dns_policy": "ClusterFirst",
        "host_network": False,
        "nameservers": (),
        "controller_kind": "Deployment",
        "controller_name": "web",
    }
    return WorkloadPod(**fields | changed)


@dataclass
class FakeProber:
    """Answers by program and pod; records what was run."""

    programs: frozenset[str] = frozenset({"cat", "dig", "nslookup"})
    nameserver: str = SERVICE
    silent: frozenset[str] = frozenset()
    errors: Mapping[str, EvidenceUnavailable] = field(default_factory=dict)
    tcp_seconds: float = 0.0
    cat_seconds: float = 0.0
    ran: list[tuple[str, ...]] = field(default_factory=list)
    most_at_once: int = 0
    _running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """See `Prober.run`."""
        assert container == "app"
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        try:
            return self._finish(pod, arguments)
        finally:
            with self._lock:
                self._running -= 1

    def _finish(self, pod: PodName, arguments: Sequence[str]) -> ExecResult:
        self.ran.append((pod.name, *arguments))
        if pod.name in self.errors:
            raise self.errors[pod.name]
        if arguments[0] not in self.programs:
            return NO_SUCH
        time.sleep(self.tcp_seconds if "+tcp" in arguments else 0)
        if arguments[0] == "cat":
            time.sleep(self.cat_seconds)
            return ExecResult(stdout=RESOLV_CONF.format(self.nameserver), stderr="", exit_code=0)
        if any(server in argument for argument in arguments for server in self.silent):
            return ExecResult(stdout=";; connection timed out; no servers could be reached\n", stderr="", exit_code=9)
        text = ANSWER if arguments[0] == "dig" else "Name:\tx\nAddress: 172.20.0.1\n"
        return ExecResult(stdout=text, stderr="", exit_code=0)


@dataclass
class FakeCluster:
    """Lists nodes."""

    nodes: Sequence[str]
    error: EvidenceUnavailable | None = None

    def list(self, resource: Resource, *, namespace: str = "", labels: str = "", fields: str = "") -> list[RawObject]:
        """See `ClusterReader.list`."""
        assert (resource.plural, namespace, labels, fields) == ("nodes", "", "", "")
        if self.error is not None:
            raise self.error
        label = "eks.amazonaws.com/nodegroup"
        return [{"metadata": {"name": node, "labels": {label: f"group-{node}"}}} for node in self.nodes]


def kube_dns(*endpoints: str, cluster_ip: str = SERVICE, ready: bool = True) -> KubeDns:
    """Return a DNS service with these CoreDNS addresses."""
    return KubeDns(
        service_exists=bool(cluster_ip),
        cluster_ip=cluster_ip,
        cluster_ips=(cluster_ip,) if cluster_ip else (),
        selector="k8s-app=kube-dns",
        ports=("53/udp", "53/tcp"),
        endpoints=tuple(DnsEndpoint(ip=ip, ready=ready, node=f"node-{ip}", pod="") for ip in endpoints),
    )


def look(
    prober: FakeProber,
    *pods: WorkloadPod,
    service: KubeDns | None = None,
    cluster: FakeCluster | None = None,
    asked: WorkloadPod | None = None,
    names: tuple[str, ...] = (),
    **parameters: Any,
) -> ProbingLook:
    """Return a look at a cluster of two nodes."""
    unused: Any = None
    reader: Any = cluster or FakeCluster(["a", "b"])
    return ProbingLook(
        cluster=reader,
        aws=unused,
        target=ClusterTarget(name="c", eks_name="c", region="eu-west-1", workload_selector="app=web"),
        question=Question(cluster="c", names=names),
        parameters=LookupParameters(**parameters),
        started_at=datetime(2026, 11, 21, tzinfo=UTC),
        needed={
            WorkloadPods: WorkloadPods(selector="app=web", pods=pods, asked_pod=asked),
            KubeDns: service or kube_dns(COREDNS_A, COREDNS_B),
        },
        prober=prober,
    )


TWO = (pod("web-1", "a"), pod("web-2", "b"))


def answers(found: Lookups) -> set[Answer]:
    """Return the distinct answers."""
    return {cell.answer for cell in found.cells}


def test_every_question_is_asked_from_every_node() -> None:
    """Service and both CoreDNS pods, UDP and TCP, internal and external: twelve cells a pod."""
    prober = FakeProber()

    found = collect(look(prober, *TWO))

    assert len(found.cells) == 24
    assert answers(found) == {Answer.ANSWERED}
    assert found.looked_from == "looked from 2 of 2 nodes"
    assert {cell.name for cell in found.cells} == {"kubernetes.default.svc.cluster.local.", "amazon.com."}
    assert {(cell.server, cell.through_service) for cell in found.cells} == {
        (SERVICE, True),
        (COREDNS_A, False),
        (COREDNS_B, False),
    }
    assert {cell.protocol for cell in found.cells} == {Protocol.UDP, Protocol.TCP}
    assert COLLECTOR.summarise(found) == "looked from 2 of 2 nodes; 24 of 24 look-ups answered, 0 not asked"


def test_nothing_is_asked_twice_and_dig_is_found_without_waiting_for_a_server() -> None:
    """Each of two pods runs cat, `dig -v` and its twelve questions, each once."""
    prober = FakeProber()

    collect(look(prober, *TWO))

    assert len(prober.ran) == len(set(prober.ran)) == 28
    assert [row for row in prober.ran if row[1:] == ("dig", "-v")] == [("web-1", "dig", "-v"), ("web-2", "dig", "-v")]


def test_question_that_finds_nslookup_is_not_asked_again() -> None:
    """It is one of the cells: after cat and the dig that is missing come six questions over UDP."""
    prober = FakeProber(programs=frozenset({"cat", "nslookup"}))

    collect(look(prober, pod("web-1", "node-1")))

    assert len(prober.ran) == len(set(prober.ran)) == 2 + 6


def test_one_pod_is_not_flooded() -> None:
    """Where few pods can be asked, so many execs at once as `parallel_per_pod` allows; a pod's memory is small."""
    prober = FakeProber(tcp_seconds=0.05)

    collect(look(prober, pod("web-1", "node-1"), parallel_per_pod=2))

    assert prober.most_at_once == 2


def test_resolv_conf_is_read_and_a_foreign_nameserver_asked_too() -> None:
    """What pods really use is in the matrix (C6)."""
    found = collect(look(FakeProber(nameserver="10.9.9.9", silent=frozenset({"10.9.9.9"})), *TWO))

    foreign = [cell for cell in found.cells if cell.server == "10.9.9.9"]
    assert {(cell.answer, cell.through_service) for cell in foreign} == {(Answer.TIMED_OUT, False)}
    assert len(foreign) == 8
    assert found.resolvers[0].nameservers == ("10.9.9.9",)
    assert found.resolvers[0].node_group == "group-a"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"dns_policy": "None", "nameservers": ("10.9.9.9",)}, id="None"),
        pytest.param({"dns_policy": "Default"}, id="Default"),
        pytest.param({"host_network": True}, id="host network"),
    ],
)
def test_a_nameserver_chosen_on_purpose_is_not_asked(changed: dict[str, Any]) -> None:
    """It need not know the cluster's names."""
    found = collect(look(FakeProber(nameserver="10.9.9.9"), pod("web-1", "a", **changed)))

    assert "10.9.9.9" not in {cell.server for cell in found.cells}
    assert found.resolvers[0].host_network is bool(changed.get("host_network"))


def test_without_dig_nslookup_asks_over_udp_only() -> None:
    """TCP cells say that they were not asked, and why."""
    found = collect(look(FakeProber(programs=frozenset({"cat", "nslookup"})), *TWO))

    by_protocol = {(cell.protocol, cell.answer) for cell in found.cells}
    assert by_protocol == {(Protocol.UDP, Answer.ANSWERED), (Protocol.TCP, Answer.NOT_ASKED)}
    assert "dig would help" in found.gaps[0].reason


def test_an_image_without_tools_says_what_would_help() -> None:
    """C5: nothing could be asked; the gap names kubectl debug."""
    found = collect(look(FakeProber(programs=frozenset()), *TWO))

    assert answers(found) == {Answer.NOT_ASKED}
    assert found.nodes_looked == 0
    assert any("kubectl debug -n shop web-1" in gap.reason for gap in found.gaps)


def test_forbidden_everywhere_is_one_refusal_with_its_grant() -> None:
    """One reason that covers all pods is the collector's own."""
    denied = AccessDenied("403", grant="pods/exec: create in namespace shop")

    with pytest.raises(AccessDenied) as raised:
        collect(look(FakeProber(errors={"web-1": denied, "web-2": denied}), *TWO))

    assert raised.value.grant == "pods/exec: create in namespace shop"


def test_a_pod_that_cannot_be_asked_leaves_the_others_alone() -> None:
    """Its cells are not asked, its gap carries the grant, and its node is not counted."""
    denied = AccessDenied("403", grant="pods/exec: create in namespace shop")

    found = collect(look(FakeProber(errors={"web-1": denied}), *TWO))

    assert {cell.answer for cell in found.cells if cell.node == "a"} == {Answer.NOT_ASKED}
    assert {cell.answer for cell in found.cells if cell.node == "b"} == {Answer.ANSWERED}
    assert (found.nodes_looked, found.gaps[0].grant) == (1, "pods/exec: create in namespace shop")


def test_questions_whose_turn_never_comes_are_shown_as_not_asked() -> None:
    """The time is over while TCP is asked: no cell is invented, none is left out."""
    found = collect(look(FakeProber(tcp_seconds=0.3), *TWO, time_budget=timedelta(seconds=1), parallel=1))

    unasked = [cell for cell in found.cells if cell.answer is Answer.NOT_ASKED]
    assert len(found.cells) == 24
    assert {(cell.protocol, cell.detail[:21]) for cell in unasked} == {(Protocol.TCP, "the time for look-ups")}


def test_pods_whose_execs_never_end_are_one_reason() -> None:
    """Every pod hangs: the collector says so instead of giving an empty matrix."""
    with pytest.raises(EvidenceUnavailable, match="no pod of 2 could be asked: no exec in pod"):
        collect(look(FakeProber(cat_seconds=1.5), *TWO, time_budget=timedelta(seconds=0.1)))


def test_no_running_pod_says_so() -> None:
    """The selector is named."""
    with pytest.raises(EvidenceUnavailable, match="'app=web', 1 pods match it, none of them running"):
        collect(look(FakeProber(), pod("web-1", "a", phase="Pending")))


def test_unread_nodes_do_not_stop_look_ups() -> None:
    """Spreading is by name then, and the report says so."""
    cluster = FakeCluster([], error=SourceTimeout("nodes: no answer"))

    found = collect(look(FakeProber(), *TWO, cluster=cluster))

    assert (found.nodes_looked, found.nodes_total) == (2, 2)
    assert found.gaps[0].reason == "nodes: no answer"


def test_names_of_people_are_asked_as_absolute_names() -> None:
    """`--name` goes the same way; a name in the cluster is internal."""
    found = collect(look(FakeProber(), *TWO, names=("db.example.com", "web.shop.svc.cluster.local.")))

    kinds = {(cell.name, cell.external) for cell in found.cells}
    assert {("db.example.com.", True), ("web.shop.svc.cluster.local.", False)} < kinds
    assert found.asked_names == ("db.example.com.", "web.shop.svc.cluster.local.")


def test_coredns_addresses_are_bounded_and_spread_over_nodes() -> None:
    """Six addresses on two nodes, two asked: one of each node."""
    endpoints = tuple(
        DnsEndpoint(ip=f"10.0.0.{at}", ready=True, node="x" if at < 5 else "y", pod="") for at in range(6)
    )
    service = KubeDns(service_exists=True, cluster_ip="", cluster_ips=(), selector="", ports=(), endpoints=endpoints)

    found = collect(look(FakeProber(nameserver=""), *TWO, service=service, max_coredns_pods=2))

    assert {cell.server for cell in found.cells} == {"10.0.0.0", "10.0.0.5"}
    assert found.coredns_known == 6


def test_not_ready_coredns_is_asked_where_none_is_ready() -> None:
    """Otherwise there would be nothing to see."""
    found = collect(look(FakeProber(), *TWO, service=kube_dns(COREDNS_A, ready=False)))

    assert COREDNS_A in {cell.server for cell in found.cells}


def test_the_asked_pod_that_does_not_exist_is_a_gap() -> None:
    """The look-ups from elsewhere stand."""
    made = look(FakeProber(), *TWO)
    gap = Gap(what="pod shop/nope", reason="there is no pod shop/nope")
    made_with_gap = ProbingLook(
        **{name: getattr(made, name) for name in made.__dataclass_fields__}
        | {"needed": {**made.needed, WorkloadPods: WorkloadPods(selector="s", pods=TWO, asked_pod_gap=gap)}}
    )

    assert collect(made_with_gap).gaps == (gap,)


def test_pods_are_chosen_one_a_node_over_groups_and_zones() -> None:
    """Places take turns; the same input gives the same choice."""
    places = {f"n{at}": NodePlace(node_group="big" if at < 4 else "small", zone="a") for at in range(6)}
    pods = [pod(f"p{at}-{twin}", f"n{at}") for at in range(6) for twin in "ab"]

    chosen = choose_pods(reversed(pods), None, places, max_pods=4)

    assert [found.node for found in chosen] == ["n0", "n4", "n1", "n5"]
    assert {found.name[-1] for found in chosen} == {"a"}


def test_the_asked_pod_comes_first_and_stands_for_its_node() -> None:
    """A person's own pod is never left out by the bound."""
    asked = pod("mine", "b")

    chosen = choose_pods([pod("p1", "a"), pod("p2", "b")], asked, {}, max_pods=2)

    assert [found.name for found in chosen] == ["mine", "p1"]


def test_a_pod_that_is_being_deleted_looks_up_nothing() -> None:
    """After a rollout the old pods still run for a while; an exec in one may end with it."""
    pods = [pod("a-old", "n", terminating=True), pod("b-new", "n")]

    assert [found.name for found in choose_pods(pods, None, {}, max_pods=5)] == ["b-new"]


def test_ready_pods_in_the_pod_network_are_preferred() -> None:
    """A hostNetwork pod says little about the others."""
    pods = [pod("a-host", "n", host_network=True), pod("b-not-ready", "n", ready=False), pod("c-good", "n")]

    assert [found.name for found in choose_pods(pods, None, {}, max_pods=5)] == ["c-good"]


@pytest.mark.parametrize("policy", ["None", "Default"])
def test_pods_with_the_clusters_dns_settings_are_preferred(policy: str) -> None:
    """What a pod chose for itself hides what the kubelet of its node gives to the others."""
    pods = [
        pod("a-own", "n", dns_policy=policy),
        pod("b-cluster", "n", ready=False),
        pod("a-own", "m", dns_policy=policy),
    ]

    chosen = choose_pods(pods, None, {}, max_pods=5)

    assert [(found.node, found.name) for found in chosen] == [("m", "a-own"), ("n", "b-cluster")]


def test_places_come_from_labels() -> None:
    """Managed node groups, eksctl's and Karpenter's."""
    assert place_of({"karpenter.sh/nodepool": "spot", "topology.kubernetes.io/zone": "eu-west-1a"}) == NodePlace(
        node_group="spot", zone="eu-west-1a"
    )
