"""Lookups from inside the cluster: resolv.conf, then names by the ClusterIP and by each CoreDNS pod (C5 to C9).

Asks an internal and an external name over UDP and TCP, from one application pod of each kind (plain, with a
branch interface, on the host's network) on each node up to `max_pods`. NodeLocal DNSCache's own addresses are asked
where it has a pod on the node, from pods with a branch interface only where these are told to. For a pod whose
resolv.conf names a server that is none of these, that server is asked too: it is what the pod's programs really use.
Cost: one list of nodes and, for each pod, two or three execs more than it asks questions; with the defaults
at most 20 pods x (1 + 4 servers) x 2 transports x 2 names. Questions not asked within `time_budget` are shown
as not asked. Example:

```yaml
gather:
  - collector: lookups
    with: {max_pods: 20, external_name: amazon.com}
```
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from bot.collectors._asking import Asked, PodSession, Tool
from bot.collectors._looking_from import Clients, NodePlace, choose_pods, nodes_of_each_kind, stand_ins
from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.workload_pods import WorkloadPods
from bot.dns.host_names import valid_host_name
from bot.dns.lookup_tools import ToolAnswer
from bot.domain.asked import absolute
from bot.domain.evidence import Collector, Gap
from bot.domain.lookup_matrix import DEFAULT_CLUSTER_DOMAIN, LookupMatrix, PodResolver, Sampled
from bot.domain.lookups import Answer, ClientKind, Lookup, Transport
from bot.domain.permissions import KubernetesPermission
from bot.domain.reading import reading
from bot.domain.views import PodView
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.kubernetes.nodes import Node
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import NODES

_NO_TIME = ToolAnswer(answer=Answer.NOT_ASKED, detail="the time for lookups was over before this one's turn came")

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupParameters:
    """What is asked, and how much of it."""

    max_pods: int = 20
    """Pods to look from, one of each kind a node. More than this are sampled, and the report says how many."""
    max_coredns_pods: int = 4
    """CoreDNS addresses asked directly, on as many nodes as possible."""
    external_name: str = "amazon.com"
    """A name outside the cluster that surely exists."""
    time_budget: timedelta = timedelta(seconds=24)
    """For all lookups together; each is bounded by its tool (dig: 2 s)."""
    parallel: int = 32
    """Execs under way at once, in all pods together."""
    parallel_per_pod: int = 12
    """That times the number of pods asked is the limit where it is lower: each exec takes some of a pod's memory."""


def collect(look: PodView) -> LookupMatrix:
    """Look names up from inside. Raises `EvidenceUnavailable` where one reason keeps every pod from asking."""
    parameters: LookupParameters = look.parameters
    workload, kube_dns = look.need(WorkloadPods), look.need(KubeDns)
    places, gaps = _places(look)
    gaps += [workload.asked_pod_gap] if workload.asked_pod_gap else []
    standing = stand_ins(workload.pods, workload.asked_pod)
    chosen = choose_pods(standing, workload.asked_pod, places, max_pods=parameters.max_pods)
    if not chosen:
        raise EvidenceUnavailable(_nowhere(workload))
    ends = time.monotonic() + parameters.time_budget.total_seconds()
    sessions = [PodSession(pod=pod, prober=look.pods) for pod in chosen]
    asking = _Asking(
        parameters=parameters,
        kube_dns=kube_dns,
        node_local=look.find(NodeLocalDns),
        names=look.question.names,
        ends=ends,
    )
    asking.prepare(sessions)
    _refuse_if_all_failed(sessions)
    domain = next((s.resolver.cluster_domain for s in sessions if s.resolver and s.resolver.cluster_domain), "")
    made = asking.ask_all(sessions, domain or DEFAULT_CLUSTER_DOMAIN)
    looked = {(one.client.node, one.client.kind) for one in made if one.answer is not Answer.NOT_ASKED}
    return LookupMatrix(
        nodes_total=len(places) or len({pod.node for pod in workload.pods} | {pod.node for pod in chosen}),
        nodes_looked=len({node for node, _ in looked}),
        lookups=made,
        resolvers=tuple(_resolver(session, places) for session in sessions if session.resolver is not None),
        gaps=(*gaps, *(gap for session in sessions for gap in session.gaps)),
        asked_pod_gap=workload.asked_pod_gap,
        cluster_domain=domain or DEFAULT_CLUSTER_DOMAIN,
        asked_names=tuple(absolute(name, domain or DEFAULT_CLUSTER_DOMAIN) for name in look.question.names),
        coredns_known=len(_coredns(kube_dns)),
        sampled=_sampled(looked, standing),
        without_tools=tuple(one.pod.client for one in sessions if one.tool is Tool.NONE and one.failure is None),
    )


def _sampled(looked: Iterable[Clients], standing: Iterable[Clients]) -> tuple[Sampled, ...]:
    there, asked = nodes_of_each_kind(standing), nodes_of_each_kind(looked)
    return tuple(
        Sampled(kind=kind, nodes_looked=asked.get(kind, 0), nodes_total=there[kind])
        for kind in ClientKind
        if kind in there
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """One round of questions, bounded by `ends` on the monotonic clock."""

    parameters: LookupParameters
    kube_dns: KubeDns
    node_local: NodeLocalDns | None
    names: tuple[str, ...]
    ends: float

    def prepare(self, sessions: Sequence[PodSession]) -> None:
        """Read every pod's resolv.conf and find its tool."""
        addresses = self._servers()
        server = addresses[0][0] if addresses else "127.0.0.1"
        done = self._in_parallel([partial(session.prepare, server) for session in sessions], pods=len(sessions))
        for session, future in zip(sessions, done, strict=True):
            if not _finished(future):
                session.failure = EvidenceUnavailable(f"no exec in pod {session.name} ended in time")
                session.gaps.append(Gap.of(f"lookups from pod {session.name}", session.failure))

    def ask_all(self, sessions: Sequence[PodSession], domain: str) -> tuple[Lookup, ...]:
        """Ask every question of every pod, the most telling ones of all pods first."""
        by_pod = [[(session, asked) for asked in self._questions(session, domain)] for session in sessions]
        longest = max(map(len, by_pod), default=0)
        in_turn = [row[at] for at in range(longest) for row in by_pod if at < len(row)]
        done = self._in_parallel([partial(session.ask, asked) for session, asked in in_turn], pods=len(sessions))
        return tuple(
            future.result() if _finished(future) else session.lookup(asked, _NO_TIME)
            for (session, asked), future in zip(in_turn, done, strict=True)
        )

    def _servers(self) -> list[tuple[str, bool]]:
        service = [(self.kube_dns.cluster_ip, True)] if self.kube_dns.cluster_ip not in {"", "None"} else []
        pods = _spread(_coredns(self.kube_dns))[: self.parameters.max_coredns_pods]
        return [*service, *((endpoint.ip, False) for endpoint in pods)]

    def _caches(self, pod: Pod) -> tuple[str, ...]:
        """Return the addresses, no Service's, at which NodeLocal DNSCache should answer on this pod's node.

        A pod with a branch interface may never reach them, and that harms it only where it is told to ask there.
        """
        if self.node_local is None or pod.client_kind is ClientKind.BRANCH:
            return ()
        own = [cache for cache in self.node_local.caches if cache.pod_on(pod.node)]
        return tuple(dict.fromkeys(address for cache in own for address in cache.link_local))

    def _questions(self, session: PodSession, domain: str) -> list[Asked]:
        servers = self._servers()
        servers += [(address, False) for address in self._caches(session.pod)]
        servers += [(server, False) for server in _other_nameservers(session, self.kube_dns, servers)]
        names = [(absolute(f"kubernetes.default.svc.{domain}"), False)]
        names += [(absolute(self.parameters.external_name), True)]
        asked = [absolute(name, domain) for name in self.names]
        names += [(name, not name.endswith(f".{domain}.")) for name in asked]
        return [
            Asked(server=server, through_service=service, transport=transport, external=external, name=name)
            for transport in (Transport.UDP, Transport.TCP)
            for server, service in servers
            for name, external in names
            if valid_host_name(name)
        ]

    def _in_parallel(self, work: Sequence[Callable[[], R]], *, pods: int) -> list[Future[R]]:
        """Run `work` in threads until it is done or the time is over; what has not begun by then never runs."""
        most = min(self.parameters.parallel, self.parameters.parallel_per_pod * pods)
        executor = ThreadPoolExecutor(max_workers=most, thread_name_prefix="look up")
        try:
            futures = [executor.submit(copy_context().run, one) for one in work]
            wait(futures, timeout=max(0.0, self.ends - time.monotonic()))
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
        return futures


def _finished(future: Future[R]) -> bool:
    return future.done() and not future.cancelled()


def _coredns(kube_dns: KubeDns) -> tuple[DnsEndpoint, ...]:
    """Return the endpoints worth asking: the ready ones or, where none is ready, all."""
    return kube_dns.ready or kube_dns.endpoints


def _spread(endpoints: Iterable[DnsEndpoint]) -> list[DnsEndpoint]:
    """Return the endpoints, those of different nodes first."""
    seen: dict[str, int] = {}
    ranked = []
    for endpoint in sorted(endpoints, key=lambda endpoint: (endpoint.node, endpoint.ip)):
        seen[endpoint.node] = seen.get(endpoint.node, 0) + 1
        ranked.append((seen[endpoint.node], endpoint.node, endpoint.ip, endpoint))
    return [row[-1] for row in sorted(ranked, key=lambda row: row[:3])]


def _other_nameservers(session: PodSession, kube_dns: KubeDns, servers: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the servers of the pod's own resolv.conf that are not asked anyway, where the kubelet chose them."""
    if session.resolver is None or not session.pod.uses_cluster_dns:
        return []
    known = {server for server, _ in servers} | set(kube_dns.cluster_ips) | set(session.pod.nameservers)
    return [server for server in session.resolver.nameservers if server not in known]


def _resolver(session: PodSession, places: Mapping[str, NodePlace]) -> PodResolver:
    found = session.resolver
    return PodResolver(
        client=session.pod.client,
        dns_policy=session.pod.dns_policy,
        nameservers=found.nameservers if found else (),
        search=found.search if found else (),
        ndots=found.ndots if found else None,
        own_nameservers=session.pod.nameservers,
        node_group=places.get(session.pod.node, NodePlace()).node_group,
    )


def _places(look: PodView) -> tuple[dict[str, NodePlace], list[Gap]]:
    """Return all nodes with their places. Without them the choice is by name alone, and the report says so."""
    try:
        with reading("list nodes"):
            nodes = look.cluster.list(NODES, Node.of)
    except EvidenceUnavailable as error:
        return {}, [Gap.of("nodes, to spread lookups over node groups and zones", error)]
    return {node.name: NodePlace(node_group=node.node_group, zone=node.zone) for node in nodes}, []


def _refuse_if_all_failed(sessions: Sequence[PodSession]) -> None:
    failures = [session.failure for session in sessions if session.failure is not None]
    if len(failures) < len(sessions):
        return
    denied = next((failure for failure in failures if isinstance(failure, AccessDenied)), failures[0])
    raise type(denied)(f"no pod of {len(sessions)} could be asked: {denied.reason}", grant=denied.grant)


def _nowhere(workload: WorkloadPods) -> str:
    if workload.asked_pod_gap is not None:
        return workload.asked_pod_gap.reason
    found = f"{len(workload.pods)} pods match it, none of them running" if workload.pods else "no pod matches it"
    return f"there is no pod to look from: workload_selector {workload.selector!r}, {found}; correct it in dnsbot.yaml"


def summarise(found: LookupMatrix) -> str:
    """Say from where, and how many lookups answered."""
    asked = [one for one in found.lookups if one.answer is not Answer.NOT_ASKED]
    answered, unasked = sum(one.answer is Answer.ANSWERED for one in asked), len(found.lookups) - len(asked)
    return f"{found.looked_from}; {answered} of {len(asked)} lookups answered, {unasked} not asked"


COLLECTOR = Collector(
    name="lookups",
    title="Lookups from inside the cluster",
    evidence=LookupMatrix,
    view=PodView,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(verb="create", resource="pods/exec", unlocks="looking names up in application pods"),
        KubernetesPermission(verb="get", resource="pods/exec", unlocks="the same, over WebSockets before 1.35"),
        KubernetesPermission(verb="list", resource="nodes", unlocks="spreading lookups over nodes"),
    ),
    needs=(WorkloadPods, KubeDns),
    wants=(NodeLocalDns,),
    parameters=LookupParameters,
    deadline_seconds=30.0,
)
