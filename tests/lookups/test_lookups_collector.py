from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.lookups import COLLECTOR, LookupParameters, collect
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.evidence import Gap
from bot.domain.json_values import RawObject
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, ClientKind, Transport
from bot.domain.ports import ExecResult, Resource
from bot.domain.views import PodView
from bot.errors import AccessDenied, EvidenceUnavailable, SourceTimeout
from bot.kubernetes.pods import Container, Pod
from tests.lookups.conftest import printed

T = TypeVar("T")

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SERVICE, COREDNS_A, COREDNS_B = "172.20.0.10", "10.0.1.5", "10.0.2.5"
ANSWER = ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; ANSWER SECTION:\nx. 5 IN A 172.20.0.1\n"
NO_SUCH = printed("", exit_code=127, stderr='exec: "x": executable file not found in $PATH: unknown')
RESOLV_CONF = "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver {}\noptions ndots:5\n"


def pod(name: str, node: str, **changed: Any) -> Pod:
    """Return a running application pod."""
    made = Pod(
        namespace="shop",
        name=name,
        node=node,
        ip="10.0.1.9",
        container=Container(name="app"),
        phase="Running",
        ready=True,
        created_at=NOW,
    )
    return replace(made, **changed)


@dataclass
class FakeProber:
    """Answers by program and pod; records what was run."""

    programs: frozenset[str] = frozenset({"cat", "dig", "nslookup"})
    nameserver: str = SERVICE
    silent: frozenset[str] = frozenset()
    errors: Mapping[str, EvidenceUnavailable] = field(default_factory=dict)
    tcp_seconds: float = 0.0
    cat_seconds: float = 0.0
    cut: bool = False
    ran: list[tuple[str, ...]] = field(default_factory=list)
    most_at_once: int = 0
    _running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """See `PodProber.run`."""
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
            return printed(RESOLV_CONF.format(self.nameserver), cut=self.cut)
        if any(server in argument for argument in arguments for server in self.silent):
            return printed(";; connection timed out; no servers could be reached\n", exit_code=9)
        text = ANSWER if arguments[0] == "dig" else "Name:\tx\nAddress: 172.20.0.1\n"
        return printed(text)


@dataclass
class FakeCluster:
    """Lists nodes."""

    nodes: Sequence[str]
    error: EvidenceUnavailable | None = None

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """See `ClusterReader.list`."""
        assert (resource.plural, namespace, labels, fields) == ("nodes", "", "", "")
        if self.error is not None:
            raise self.error
        label = "eks.amazonaws.com/nodegroup"
        return [read({"metadata": {"name": node, "labels": {label: f"group-{node}"}}}) for node in self.nodes]


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
    *pods: Pod,
    service: KubeDns | None = None,
    cluster: FakeCluster | None = None,
    asked: Pod | None = None,
    names: tuple[str, ...] = (),
    **parameters: Any,
) -> PodView:
    """Return a look at a cluster of two nodes."""
    unused: Any = None
    reader: Any = cluster or FakeCluster(["a", "b"])
    return PodView(
        cluster=reader,
        at=unused,
        target=ClusterTarget(name="c", eks_name="c", region="eu-west-1", workload_selector="app=web"),
        question=Question(cluster="c", names=names),
        parameters=LookupParameters(**parameters),
        started_at=NOW,
        needed={
            WorkloadPods: WorkloadPods(selector="app=web", pods=pods, asked_pod=asked),
            KubeDns: service or kube_dns(COREDNS_A, COREDNS_B),
        },
        pods=prober,
    )


TWO = (pod("web-1", "a"), pod("web-2", "b"))


def answers(found: LookupMatrix) -> set[Answer]:
    """Return the distinct answers."""
    return {one.answer for one in found.lookups}


def test_every_question_is_asked_from_every_node() -> None:
    """Service and both CoreDNS pods, UDP and TCP, internal and external: twelve lookups a pod."""
    prober = FakeProber()

    found = collect(look(prober, *TWO))

    assert len(found.lookups) == 24
    assert answers(found) == {Answer.ANSWERED}
    assert found.looked_from == "looked from 2 of 2 nodes"
    assert {one.name for one in found.lookups} == {"kubernetes.default.svc.cluster.local.", "amazon.com."}
    assert {(one.server, one.through_service) for one in found.lookups} == {
        (SERVICE, True),
        (COREDNS_A, False),
        (COREDNS_B, False),
    }
    assert {one.transport for one in found.lookups} == {Transport.UDP, Transport.TCP}
    assert COLLECTOR.summarise(found) == "looked from 2 of 2 nodes; 24 of 24 lookups answered, 0 not asked"


def test_nothing_is_asked_twice_and_dig_is_found_without_waiting_for_a_server() -> None:
    """Each of two pods runs cat, `dig -v` and its twelve questions, each once."""
    prober = FakeProber()

    collect(look(prober, *TWO))

    assert len(prober.ran) == len(set(prober.ran)) == 28
    versions = sorted(row for row in prober.ran if row[1:] == ("dig", "-v"))
    assert versions == [("web-1", "dig", "-v"), ("web-2", "dig", "-v")]


def test_question_that_finds_nslookup_is_not_asked_again() -> None:
    """It is one of the lookups: after cat and the dig that is missing come six questions over UDP."""
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

    foreign = [one for one in found.lookups if one.server == "10.9.9.9"]
    assert {(one.answer, one.through_service) for one in foreign} == {(Answer.TIMED_OUT, False)}
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

    assert "10.9.9.9" not in {one.server for one in found.lookups}
    assert (found.resolvers[0].client.kind is ClientKind.HOST) is bool(changed.get("host_network"))


def test_without_dig_nslookup_asks_over_udp_only() -> None:
    """TCP lookups say that they were not asked, and why."""
    found = collect(look(FakeProber(programs=frozenset({"cat", "nslookup"})), *TWO))

    by_transport = {(one.transport, one.answer) for one in found.lookups}
    assert by_transport == {(Transport.UDP, Answer.ANSWERED), (Transport.TCP, Answer.NOT_ASKED)}
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
    """Its lookups are not asked, its gap carries the grant, and its node is not counted."""
    denied = AccessDenied("403", grant="pods/exec: create in namespace shop")

    found = collect(look(FakeProber(errors={"web-1": denied}), *TWO))

    assert {one.answer for one in found.lookups if one.client.node == "a"} == {Answer.NOT_ASKED}
    assert {one.answer for one in found.lookups if one.client.node == "b"} == {Answer.ANSWERED}
    assert (found.nodes_looked, found.gaps[0].grant) == (1, "pods/exec: create in namespace shop")


def test_questions_whose_turn_never_comes_are_shown_as_not_asked() -> None:
    """The time is over while TCP is asked: no answer is invented, none is left out."""
    found = collect(look(FakeProber(tcp_seconds=0.3), *TWO, time_budget=timedelta(seconds=1), parallel=1))

    unasked = [one for one in found.lookups if one.answer is Answer.NOT_ASKED]
    assert len(found.lookups) == 24
    assert {(one.transport, one.detail[:20]) for one in unasked} == {(Transport.TCP, "the time for lookups")}


def test_pods_whose_execs_never_end_are_one_reason() -> None:
    """Every pod hangs: the collector says so instead of giving an empty matrix."""
    with pytest.raises(EvidenceUnavailable, match="no pod of 2 could be asked: no exec in pod"):
        collect(look(FakeProber(cat_seconds=1.5), *TWO, time_budget=timedelta(seconds=0.1)))


def test_no_running_pod_says_so() -> None:
    """The selector is named."""
    with pytest.raises(EvidenceUnavailable, match="'app=web', 1 pods match it, none of them running"):
        collect(look(FakeProber(), pod("web-1", "a", phase="Pending")))


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (FakeCluster([], error=SourceTimeout("nodes: no answer")), "nodes: no answer"),
        (FakeCluster([{}]), "list nodes answered, but the answer is not readable"),  # type: ignore[list-item]
    ],
    ids=["no answer", "garbled"],
)
def test_unread_nodes_do_not_stop_look_ups(cluster: FakeCluster, said: str) -> None:
    """Spreading is by name then, and the report says so."""
    found = collect(look(FakeProber(), *TWO, cluster=cluster))

    assert (found.nodes_looked, found.nodes_total) == (2, 2)
    assert found.gaps[0].reason.startswith(said)


def test_names_of_people_are_asked_as_absolute_names() -> None:
    """`--name` goes the same way; a name in the cluster is internal."""
    found = collect(look(FakeProber(), *TWO, names=("db.example.com", "web.shop.svc.cluster.local.")))

    kinds = {(one.name, one.external) for one in found.lookups}
    assert {("db.example.com.", True), ("web.shop.svc.cluster.local.", False)} < kinds
    assert found.asked_names == ("db.example.com.", "web.shop.svc.cluster.local.")


def test_coredns_addresses_are_bounded_and_spread_over_nodes() -> None:
    """Six addresses on two nodes, two asked: one of each node."""
    endpoints = tuple(
        DnsEndpoint(ip=f"10.0.0.{at}", ready=True, node="x" if at < 5 else "y", pod="") for at in range(6)
    )
    service = KubeDns(service_exists=True, cluster_ip="", cluster_ips=(), selector="", ports=(), endpoints=endpoints)

    found = collect(look(FakeProber(nameserver=""), *TWO, service=service, max_coredns_pods=2))

    assert {one.server for one in found.lookups} == {"10.0.0.0", "10.0.0.5"}
    assert found.coredns_known == 6


def test_not_ready_coredns_is_asked_where_none_is_ready() -> None:
    """Otherwise there would be nothing to see."""
    found = collect(look(FakeProber(), *TWO, service=kube_dns(COREDNS_A, ready=False)))

    assert COREDNS_A in {one.server for one in found.lookups}


def test_each_kind_of_client_is_looked_from_and_counted() -> None:
    """A node with a plain and a branch-interface pod is looked from by both; the report says how many of each."""
    pods = (*TWO, pod("web-3", "b", branch_interface=True), pod("web-4", "c", branch_interface=True))

    found = collect(look(FakeProber(), *pods, cluster=FakeCluster(["a", "b", "c"]), max_pods=3))

    assert {(one.client.pod, one.client.kind) for one in found.lookups} == {
        ("shop/web-1", ClientKind.POD),
        ("shop/web-2", ClientKind.POD),
        ("shop/web-3", ClientKind.BRANCH),
    }
    assert found.looked_from == "looked from 2 of 3 nodes, from branch-interface pods on 1 of 2"


def test_a_cut_resolv_conf_is_a_gap_and_nobody_judges_its_beginning() -> None:
    """The nameserver that a pod really uses may stand in the rest; lookups are made all the same."""
    found = collect(look(FakeProber(cut=True), *TWO))

    assert found.resolvers == ()
    assert [gap.what for gap in found.gaps] == [
        "/etc/resolv.conf of pod shop/web-1",
        "/etc/resolv.conf of pod shop/web-2",
    ]
    assert answers(found) == {Answer.ANSWERED}


def test_the_asked_pod_that_does_not_exist_is_a_gap() -> None:
    """The lookups from elsewhere stand."""
    made = look(FakeProber(), *TWO)
    gap = Gap(what="pod shop/nope", reason="there is no pod shop/nope")
    needed = {**made.needed, WorkloadPods: WorkloadPods(selector="s", pods=TWO, asked_pod_gap=gap)}

    assert collect(replace(made, needed=needed)).gaps == (gap,)
