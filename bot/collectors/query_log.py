"""CoreDNS's query log: who asks what, and what search domains cost (C11, C12).

Where the Corefile has `log`, each query is a line among the others of CoreDNS's log. They are read by the calls of
`coredns_logs`, which are made once for both, and counted without being kept. The pods of the clients that asked most
are found by their addresses: among the application pods, else by one list each. Where `log` does not stand in the
Corefile nothing is read, and the gap says so: a measure switches it on.

In a playbook: `{collector: query_log, with: {window: 15m}}`.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from bot.collectors._log_window import LOG_PERMISSION, LogParameters, LogRange, LogSource, most_suspect, read_texts
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.workload_pods import WorkloadPods
from bot.dns.query_log import ClientQueries, count_names, count_rcodes, first_and_last
from bot.dns.query_log_setting import query_log_setting
from bot.dns.search_domains import CLUSTER_ZONE, SearchCost, search_cost
from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import and_more, count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.kubernetes.owners import NOBODY, Owner
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import PODS

WHAT = "CoreDNS's query log"
MOST_CLIENTS = 100
"""Clients kept one by one, those with the most wasted queries, then with the most queries, first."""
MOST_LOOKED_UP = 20
"""Clients whose pods are found by a list each: those that are no application pods."""
_READERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedQueries:
    """What one CoreDNS pod's log holds of queries."""

    pod: str
    lines: int
    queries: int
    rcodes: tuple[tuple[str, int], ...]
    """The most frequent first."""
    errors: tuple[tuple[str, str], ...] = ()
    """Rcode and line of the newest queries that were answered with an error."""
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryClient:
    """One client, as CoreDNS sees it."""

    address: str
    cost: SearchCost
    namespace: str = ""
    pod: str = ""
    """Empty: no pod has this address now, or it was not looked for."""
    owner: Owner = NOBODY
    host: bool = False
    """Whether the address is a node's: pods on its network, or a cache there that asks for others."""
    since: datetime | None = None
    """When the pod was made."""
    gone: bool = False
    """No pod has this address now: it has ended since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLog:
    """Who asks CoreDNS what; without `pods` where queries are not logged."""

    pods: tuple[LoggedQueries, ...]
    clients: tuple[QueryClient, ...]
    clients_total: int
    beyond: int = 0
    """Queries of clients that are not kept one by one."""
    absence: str = ""
    """Why there is no CoreDNS whose log could be read; empty: there is one."""
    gaps: tuple[Gap, ...] = ()
    """That queries are not logged; logs and clients' pods that could not be read."""

    @property
    def queries(self) -> int:
        """Return how many queries were counted."""
        return sum(pod.queries for pod in self.pods)

    @property
    def rcodes(self) -> Counter[str]:
        """Return all queries by rcode."""
        return sum((Counter(dict(pod.rcodes)) for pod in self.pods), start=Counter())

    @property
    def began(self) -> datetime | None:
        """Return since when every pod's queries are known; None where none was logged with a time."""
        return max((pod.first_at for pod in self.pods if pod.first_at), default=None)

    @property
    def ended(self) -> datetime | None:
        """Return when the last query was logged."""
        return max((pod.last_at for pod in self.pods if pod.last_at), default=None)


def collect(look: View) -> QueryLog:
    """Count the queries in the logs of the pods that `coredns_logs` reads, and find who asked."""
    coredns = look.need(CorednsPods)
    if coredns.absent:
        return QueryLog(pods=(), clients=(), clients_total=0, absence=coredns.absence)
    setting = _setting(look.need(Corefile))
    if setting is not None:
        return QueryLog(pods=(), clients=(), clients_total=0, gaps=(setting,))
    parameters: LogParameters = look.parameters
    wanted = LogRange.of(parameters, look.started_at)
    pods = [pod for pod in sorted(coredns.pods, key=most_suspect) if pod.container.has_run]
    chosen, left = pods[: parameters.max_pods], pods[parameters.max_pods :]
    texts, gaps = read_texts(look.cluster, [LogSource.of(pod) for pod in chosen], wanted) if chosen else ({}, ())
    logs = {name: text.encode("utf-8", "surrogatepass") for name, text in sorted(texts.items())}
    asked = count_names([io.BytesIO(log) for log in logs.values()])
    ranked = _ranked(asked.clients, _zones(look.need(Corefile)))
    clients, client_gaps = _found(look, ranked[:MOST_CLIENTS])
    return QueryLog(
        pods=tuple(_logged(name, log) for name, log in logs.items()),
        clients=clients,
        clients_total=len(ranked),
        beyond=sum(cost.queries for _, cost in ranked[MOST_CLIENTS:]),
        gaps=(*gaps, *_unread(left), *client_gaps),
    )


def _setting(corefile: Corefile) -> Gap | None:
    """Return a gap where no log can say who asks what."""
    root = corefile.root
    if root is None:
        return Gap(what=WHAT, reason=f"the Corefile of {corefile.where} has no server block for all names")
    setting = query_log_setting(root)
    if setting.on is None:
        reason = f"whether the Corefile of {corefile.where} has `log` is not known: {root.unread[0]}"
        return Gap(what=WHAT, reason=reason)
    if not setting.on:
        reason = f"queries are not logged: the Corefile of {corefile.where} has no `log` in {root.keys[0]}"
        return Gap(what=WHAT, reason=reason, off=True)
    return Gap(what=WHAT, reason=setting.refused) if setting.refused else None


def _zones(corefile: Corefile) -> tuple[str, ...]:
    """Return the zones of cluster names."""
    plugins = [plugin for block in corefile.blocks for plugin in block.plugins if plugin.name == "kubernetes"]
    named = [zone.strip(".") for plugin in plugins for zone in plugin.arguments]
    return tuple(zone for zone in dict.fromkeys(named) if not zone.endswith(".arpa")) or (CLUSTER_ZONE,)


def _ranked(clients: Mapping[str, ClientQueries], zones: Sequence[str]) -> list[tuple[str, SearchCost]]:
    costs = [(address, search_cost(queries, zones)) for address, queries in clients.items()]
    return sorted(costs, key=lambda one: (-one[1].wasted, -one[1].queries, one[0]))


def _logged(name: str, log: bytes) -> LoggedQueries:
    counted = count_rcodes(io.BytesIO(log))
    first, last = first_and_last(log)
    return LoggedQueries(
        pod=name,
        lines=counted.lines,
        queries=counted.queries,
        rcodes=tuple(counted.rcodes.most_common()),
        errors=tuple((rcode, line) for rcode, lines in sorted(counted.samples.items()) for line in lines),
        first_at=first,
        last_at=last,
    )


def _unread(left: Sequence[Pod]) -> tuple[Gap, ...]:
    """Return a gap for pods whose logs were not read: what they were asked is missing from every count."""
    if not left:
        return ()
    reason = f"of {count(len(left), 'CoreDNS pod')} no log was read (`max_pods`): {and_more([p.name for p in left], 3)}"
    return (Gap(what=WHAT, reason=reason),)


def _found(look: View, ranked: Sequence[tuple[str, SearchCost]]) -> tuple[tuple[QueryClient, ...], tuple[Gap, ...]]:
    """Return the clients with their pods: application pods by their addresses, some others by a list each."""
    workload = look.find(WorkloadPods)
    asked = workload.asked_pod if workload else None
    known = {pod.ip: pod for pod in (*(workload.pods if workload else ()), *((asked,) if asked else ())) if pod.ip}
    strangers = [address for address, _ in ranked if address not in known][:MOST_LOOKED_UP]
    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        listed = dict(zip(strangers, pool.map(lambda address: _with_address(look, address), strangers), strict=True))
    gaps = dict.fromkeys(one for one in listed.values() if isinstance(one, Gap))
    found = known | {address: one for address, one in listed.items() if isinstance(one, Pod)}
    gone = {address for address, one in listed.items() if one is None}
    return tuple(_client(address, cost, found.get(address), gone) for address, cost in ranked), tuple(gaps)


def _with_address(look: View, address: str) -> Pod | Gap | None:
    try:
        with reading(f"list pods with address {address}"):
            pods = look.cluster.list(PODS, Pod.of, fields=f"status.podIP={address}")
    except EvidenceUnavailable as error:
        return Gap.of("the pods of clients in the query log", error)
    return next((pod for pod in sorted(pods, key=lambda pod: pod.host_network) if not pod.over), None)


def _client(address: str, cost: SearchCost, pod: Pod | None, gone: set[str]) -> QueryClient:
    if pod is None:
        return QueryClient(address=address, cost=cost, gone=address in gone)
    if pod.host_network:
        return QueryClient(address=address, cost=cost, host=True, pod=pod.node)
    return QueryClient(
        address=address, cost=cost, namespace=pod.namespace, pod=pod.name, owner=pod.owner, since=pod.created_at
    )


def summarise(found: QueryLog) -> str:
    """Say how many queries were counted, and of how many clients."""
    if not found.pods:
        return found.absence or (found.gaps[0].reason if found.gaps else "no CoreDNS pod has run")
    rcodes = ", ".join(f"{times} {rcode}" for rcode, times in found.rcodes.most_common(4))
    asked = f" ({rcodes})" if rcodes else ""
    return (
        f"{count(found.queries, 'query', 'queries')} of {count(found.clients_total, 'client')} in the logs of "
        f"{count(len(found.pods), 'CoreDNS pod')}{asked}"
    )


COLLECTOR = Collector(
    name="query_log",
    title="CoreDNS's query log",
    evidence=QueryLog,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        LOG_PERMISSION,
        KubernetesPermission(verb="list", resource="pods", unlocks="the pods of clients in CoreDNS's query log"),
    ),
    needs=(CorednsPods, Corefile),
    wants=(WorkloadPods,),
    parameters=LogParameters,
)
