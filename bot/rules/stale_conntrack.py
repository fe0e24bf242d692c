"""A pod keeps asking a CoreDNS pod that is gone: its node still tracks the UDP exchange that led there.

Who sends all queries from one UDP port keeps one entry alive for ever; led to an address that is no endpoint any more,
it stays `[UNREPLIED]`. kube-proxy removes such entries when endpoints go, in ipvs mode after the five minutes that IPVS
keeps them. An entry of a single query ends by itself after 30 s, so that it counts only when the CoreDNS pods have been
what they are for longer. Where nodes are not looked at, kube-proxy on every node is what speaks against it, said so;
right after a change that is too early only where lookups by the service time out, for nothing else points to it.

In a playbook: `{rule: stale_conntrack, severity: critical, with: {grace: 2m, ipvs_grace: 6m}}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import KubeDns
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.collectors.node_conntrack import NodeConntracks
from bot.collectors.node_packet_filter import NodePacketFilters
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer
from bot.domain.phrases import and_more, count, few, timestamp
from bot.kubernetes.named_pods import PODS, in_details
from bot.kubernetes.pods import Pod
from bot.linux.conntrack import TrackedConnection
from bot.rules._kube_proxy_on_nodes import host
from bot.rules._unsteady import unsteady

MOST_NAMED = 50
_WINDOW = timedelta(minutes=15)
"""A kube-proxy that ended again within it may have missed endpoints that went: it removes entries only as they go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How long the CoreDNS pods must have been what they are."""

    grace: timedelta = timedelta(minutes=2)
    """An entry of a single query has ended by then, and kube-proxy has removed those of endpoints that are gone."""
    ipvs_grace: timedelta = timedelta(minutes=6)
    """The same where lookups time out on nodes that were not looked at: in ipvs mode IPVS keeps them for 5 minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stale:
    """An entry that leads to nobody."""

    node: str
    entry: TrackedConnection
    pod: Pod | None
    """Who sends; None: a pod that was not read, or the node itself."""

    @property
    def sender(self) -> str:
        return f"{self.pod.namespace}/{self.pod.name}" if self.pod else self.entry.client

    @property
    def line(self) -> str:
        entry = self.entry
        return (
            f"{self.node}: {self.sender} ({entry.client}) asks {entry.server}:53 over UDP and is led to "
            f"{entry.answers_from}, which is no endpoint [UNREPLIED], {entry.seconds_left} s left"
        )


def judge(case: Case) -> Judgement:
    """Compare where the nodes lead exchanges that nobody answers with who the service's endpoints are."""
    dns, coredns, proxy = case.need(KubeDns), case.need(CorednsPods), case.need(KubeProxyPods)
    found = case.find(NodeConntracks)
    seen = {one.node for one in found.nodes if one.dns_connections is not None} if found else set[str]()
    if not dns.service_exists:
        return nothing_to_check("there is no DNS Service that queries could be led by")
    gaps = (*((dns.endpoints_gap,) if dns.endpoints_gap else ()), *coredns.gaps, *proxy.gaps)
    changed_at = _changed_at(coredns)
    if not dns.endpoints_gap and not coredns.gaps:
        stale = list(_stale(case, dns, coredns, found)) if found else []
        early = changed_at is None or case.collected_at - changed_at < case.thresholds.grace
        if stale and not early:
            return _problem(stale, changed_at)
        if stale:
            gaps += (_too_early(f"{stale[0].line}; it may end by itself", changed_at),)
    if proxy.by_design and not gaps:
        return nothing_to_check(proxy.by_design)
    gaps += tuple(_unseen(case, proxy, seen, changed_at))
    if gaps:
        return not_known("whether a node leads queries to a CoreDNS pod that is gone", *gaps)
    behind = _behind(case, dns, coredns)
    if behind:
        gone = and_more(sorted({address for addresses in behind.values() for address in addresses}), 3)
        return healthy(
            f"No entry outlives its rule: on {few(sorted(behind), 3)} the rules themselves still lead to {gone}, where "
            "no CoreDNS pod is any more."
        )
    covered = count(proxy.nodes_total - len(proxy.uncovered), "node")
    by_kube_proxy = f"kube-proxy, which removes entries of endpoints that are gone, is ready on {covered}"
    looked = f"no entry of DNS on {count(len(seen), 'node')} waits for an address that is no endpoint; " if seen else ""
    return healthy(f"Queries are led to CoreDNS pods that are there: {looked}{by_kube_proxy}.")


def _stale(case: Case, dns: KubeDns, coredns: CorednsPods, found: NodeConntracks) -> Iterator[_Stale]:
    """Yield one entry for each node, sender and dead address."""
    alive, behind = _alive(dns, coredns), _behind(case, dns, coredns)
    pods = _by_address(case.find(WorkloadPods))
    for node in found.nodes:
        ruled = behind.get(node.node, frozenset())
        dead = (
            entry
            for entry in node.dns_connections or ()
            if entry.protocol == "udp"
            and entry.unreplied
            and entry.server in dns.cluster_ips
            and entry.answers_from not in alive | ruled
        )
        for entry in {(one.client, one.answers_from): one for one in dead}.values():
            yield _Stale(node=node.node, entry=entry, pod=pods.get(entry.client))


def _alive(dns: KubeDns, coredns: CorednsPods) -> frozenset[str]:
    """Return the addresses that a query may be led to."""
    return frozenset({*(one.ip for one in dns.endpoints), *(pod.ip for pod in coredns.pods), *dns.cluster_ips})


def _behind(case: Case, dns: KubeDns, coredns: CorednsPods) -> dict[str, frozenset[str]]:
    """Return, by node, addresses of nobody that its rules still lead to: an entry there is as new as its query."""
    filters, alive = case.find(NodePacketFilters), _alive(dns, coredns)
    led = {one.node: one.leads(dns.cluster_ip, "udp") for one in filters.nodes} if filters else {}
    dead = {node: frozenset(map(host, rule.backends)) - alive for node, rule in led.items() if rule}
    return {node: addresses for node, addresses in dead.items() if addresses}


def _by_address(workload: WorkloadPods | None) -> Mapping[str, Pod]:
    """Return the pods that have an address to themselves."""
    asked = (workload.asked_pod,) if workload and workload.asked_pod else ()
    every = (*workload.pods, *asked) if workload else ()
    return {pod.ip: pod for pod in every if pod.ip and not pod.host_network and not pod.over}


def _changed_at(coredns: CorednsPods) -> datetime | None:
    """Return when a CoreDNS pod last came or went, as far as that shows; None: it does not."""
    moments = [pod.created_at for pod in coredns.pods] + ([coredns.last_change] if coredns.last_change else [])
    return max(moments, default=None)


def _too_early(what: str, changed_at: datetime | None) -> Gap:
    since = f"the CoreDNS pods last changed at {timestamp(changed_at)}" if changed_at else "no CoreDNS pod is there"
    return Gap(what="tracked DNS queries", reason=f"too early to tell: {what} ({since})")


def _unseen(case: Case, proxy: KubeProxyPods, seen: Iterable[str], changed_at: datetime | None) -> Iterator[Gap]:
    """Yield why a node whose entries were not seen may hold stale ones: nobody there removes them, or not yet."""
    found, looked = case.look_for(NodeConntracks), set(seen)
    ended = {pod.node: unsteady(pod, case.collected_at, window=_WINDOW) for pod in proxy.pods}
    falling = sorted({node for node, one in ended.items() if one and one.again} - looked)
    left = sorted({one.node for one in proxy.uncovered} - looked)
    if left:
        yield Gap(what="tracked DNS queries", reason=f"no kube-proxy is ready on {few(left, 3)}, to remove stale ones")
    if falling:
        reason = f"kube-proxy on {few(falling, 3)} ends again and again, and removes entries only while it runs"
        yield Gap(what="tracked DNS queries", reason=reason)
    early = changed_at is None or case.collected_at - changed_at < case.thresholds.ipvs_grace
    doubt = _doubt(case, looked) if early else ""
    if doubt:
        yield _too_early(f"a CoreDNS pod may have gone just now, and {doubt}", changed_at)
    if (left or falling or doubt) and isinstance(found, Gap):
        yield found


def _doubt(case: Case, looked: set[str]) -> str:
    """Return what may come of entries on nodes that were not looked at; empty: lookups by the service got through."""
    lookups = case.find(LookupMatrix)
    if lookups is None:
        return "" if looked else "neither a node's tracked queries nor lookups were seen"
    made = (one for one in lookups.lookups if one.through_service and one.answer is Answer.TIMED_OUT)
    silent = sorted({one.client.node for one in made if one.client.node} - looked)
    unseen = f"lookups by the service time out on {few(silent, 3)}, whose tracked queries were not seen"
    return unseen if silent else ""


def _problem(stale: list[_Stale], changed_at: datetime | None) -> Judgement:
    nodes = sorted({one.node for one in stale})
    senders = list(dict.fromkeys(one.sender for one in stale))
    dead = sorted({one.entry.answers_from for one in stale})
    pods = {(one.pod.namespace, one.pod.name): one.pod for one in stale if one.pod}
    since = f"; the CoreDNS pods are what they are since {timestamp(changed_at)}" if changed_at else ""
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Queries of {count(len(senders), 'client')} on {count(len(nodes), 'node')} ({few(nodes, 3)}) still go to "
            f"{and_more(dead, 3)}, where no CoreDNS pod is any more: {and_more(senders, 3)}. The node's entry for "
            f"their UDP exchange leads there for as long as they send from the same port{since}."
        ),
        proof=tuple(one.line for one in stale[:MOST_NAMED]),
        details={PODS: in_details(list(pods.values())[:MOST_NAMED]), "nodes": nodes, "addresses": dead},
        advice=(
            f"On {nodes[0]}: conntrack -D -p udp --orig-port-dst 53 --reply-src {dead[0]}  # removes these entries",
            "Replace the pods: a new process asks from a new port.",
            (
                "kubectl -n kube-system logs -l k8s-app=kube-proxy | grep -i conntrack  # kube-proxy should have "
                "removed them"
            ),
        ),
    )


RULE = Rule(
    name="stale_conntrack",
    title="Queries still go to a CoreDNS pod that is gone",
    check="Conntrack entries of the DNS service",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeDns, CorednsPods, KubeProxyPods),
    wants=(NodeConntracks, NodePacketFilters, WorkloadPods, LookupMatrix),
    problem_refuted_by=(
        (KubeDns, "an endpoint at the address that queries are led to"),
        (CorednsPods, "pods that came or went just now, so that entries may end by themselves"),
        (NodeConntracks, "an answer on the same entry"),
        (NodePacketFilters, "rules of the node that still lead there, so that each new query goes the same way"),
    ),
    healthy_refuted_by=(
        (KubeProxyPods, "a node without a steady kube-proxy, where nobody removes such entries"),
        (CorednsPods, "pods that came or went just now, while lookups by the service time out"),
        (NodeConntracks, "an entry that leads to no endpoint and gets no answer"),
        (LookupMatrix, "lookups by the service that time out on nodes whose tracked queries were not seen"),
    ),
    refuted_with_more=(LookupMatrix,),
    decides_without=(NodeConntracks, LookupMatrix),
    thresholds=Thresholds,
)
