"""NodeLocal DNSCache is installed with a manifest that does not fit: placeholders, addresses, mode, upstream (B2).

Of the placeholders node-cache replaces some itself; what is left stands in the Corefile that runs, or in the arguments.
What its interface and rules hold must be what its Corefile binds. With kube-proxy in ipvs mode it must leave the DNS
service's address alone, which IPVS has. A pod that ended says why: the address is in use, a query came back, a server
is none.

In a playbook: `{rule: nodelocal_misconfigured, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.collectors.node_local_logs import NodeLocalLogs
from bot.dns.log_wordings import Subject
from bot.dns.node_cache_log import NodeCacheLineKind, NodeCachePodLog
from bot.dns.node_local_corefile import NO_SERVICE, is_link_local
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookups import Reach
from bot.domain.phrases import timestamp
from bot.kubernetes.pods import Pod
from bot.rules._faulty_objects import caches_of
from bot.rules._node_local import IPVS, NO_CACHE

MOST_PROOFS = 20
_ENDS = {
    NodeCacheLineKind.ADDRESS_IN_USE: "another program listens on the address that it binds",
    NodeCacheLineKind.ADDRESS_MISSING: "it binds an address that no interface of the node has",
    NodeCacheLineKind.LOOP: "the server that it forwards to leads back to it",
    NodeCacheLineKind.BAD_ARGUMENTS: "one of its arguments is no address",
    NodeCacheLineKind.NO_UPSTREAM_SERVICE: "its environment names no address of the Service that it asks",
}
"""What a pod that is not ready says of itself, and means by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How far back logs count."""

    window: timedelta = timedelta(minutes=15)
    """Errors of unknown wording inside it leave the rule open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """One thing that does not fit."""

    what: str
    """For the summary."""
    proof: str
    advice: str
    reach: Reach | None = None
    """None: no lookup fails of it while its pods run."""


def judge(case: Case) -> Judgement:
    """Compare what the manifest says with itself, the cluster, and what pods said when they ended."""
    found, logs = case.need(NodeLocalDns), case.need(NodeLocalLogs)
    cluster = case.find(EksCluster)
    service_cidr = cluster.service_cidr if cluster else ""
    misfits = [
        misfit
        for cache in found.caches
        for misfit in (*_of_configuration(found, cache, service_cidr), *_of_logs(found, cache, logs))
    ]
    since = case.collected_at - case.thresholds.window
    missing = (*found.gaps, *logs.window_gaps(case.thresholds.window))
    if misfits:
        return _problem(misfits, found, missing)
    missing += logs.open_errors(Subject.CONFIGURATION, since)
    if missing:
        return not_known("whether NodeLocal DNSCache fits this cluster", *missing)
    if not found.caches:
        return nothing_to_check(NO_CACHE)
    return healthy(
        f"NodeLocal DNSCache fits kube-proxy's {found.kube_proxy_mode} mode, and what it binds is what it lays.",
        *(_shown(cache) for cache in found.caches),
        logs.read,
    )


def _shown(cache: NodeLocalCache) -> str:
    listens = ", ".join(cache.listens) or "every address"
    return f"DaemonSet {cache.title} listens on {listens}; -localip {', '.join(cache.local_addresses) or 'not given'}"


def _reach(found: NodeLocalDns, cache: NodeLocalCache, *addresses: str) -> Reach:
    servers = addresses or cache.own_addresses
    return Reach(servers=frozenset(servers), service_path=any(one in found.cluster_ips for one in servers))


def _of_configuration(found: NodeLocalDns, cache: NodeLocalCache, service_cidr: str) -> Iterator[Misfit]:
    for left in cache.left:
        word = left.partition(" ")[0]
        yield Misfit(
            what=f"{word} was not replaced",
            proof=left,
            advice=f"Replace {word} in the manifest: by cluster.local, or by the address that it names.",
            reach=_reach(found, cache),
        )
    if NO_SERVICE in {target for one in cache.forwards for target in one.targets}:
        service = f"{cache.namespace}/{cache.upstream_service}"
        yield Misfit(
            what=f"the Service {service} that it asks does not exist",
            proof=f"-upstreamsvc {cache.upstream_service}: no such Service in {cache.namespace}",
            advice=f"Apply the Service {service} (selector k8s-app: kube-dns, port 53 udp and tcp), then restart it.",
            reach=_reach(found, cache),
        )
    if found.kube_proxy_mode == IPVS and found.takes_cluster_ip(cache):
        yield Misfit(
            what="kube-proxy works in ipvs mode and it takes the DNS service's address, which IPVS holds itself",
            proof=f"kube-proxy's mode: {found.kube_proxy_mode}; {_shown(cache)}",
            advice=(
                "For ipvs mode take the DNS service's address out of -localip and of every bind, and let the kubelets "
                "give pods its own address (clusterDNS)."
            ),
        )
    yield from _of_addresses(found, cache, service_cidr)


def _of_addresses(found: NodeLocalDns, cache: NodeLocalCache, service_cidr: str) -> Iterator[Misfit]:
    laid = cache.local_addresses if cache.node_cache and cache.lays_interface else cache.listens
    unheard = [one for one in laid if one in cache.own_addresses and one not in cache.listens]
    if unheard and cache.listens and not cache.listens_everywhere:
        yield Misfit(
            what=f"its interface and rules hold {', '.join(unheard)}, on which it does not listen",
            proof=_shown(cache),
            advice="Let every server block bind all addresses of -localip (bind __PILLAR__LOCAL__DNS__ does that).",
            reach=_reach(found, cache, *unheard),
        )
    unlaid = [one for one in cache.listens if one not in laid and (is_link_local(one) or one in found.cluster_ips)]
    if unlaid:
        yield Misfit(
            what=f"it binds {', '.join(unlaid)}, which -localip does not put on its interface",
            proof=_shown(cache),
            advice="Let -localip and every bind name the same addresses.",
            reach=_reach(found, cache),
        )
    strange = [one for one in cache.own_addresses if _in(one, service_cidr) and one not in found.cluster_ips]
    if strange and found.cluster_ips:
        yield Misfit(
            what=f"it takes {', '.join(strange)}, and the DNS Service is at {', '.join(found.cluster_ips)}",
            proof=_shown(cache),
            advice=f"Put {found.cluster_ips[0]} in the place of {strange[0]} and roll its pods.",
        )


def _in(address: str, cidr: str) -> bool:
    return bool(cidr) and ip_address(address) in ip_network(cidr, strict=False)


def _of_logs(found: NodeLocalDns, cache: NodeLocalCache, logs: NodeLocalLogs) -> Iterator[Misfit]:
    """Yield, for each reason, what the pods that are not ready said last."""
    told: dict[NodeCacheLineKind, list[tuple[Pod, NodeCachePodLog]]] = {}
    for pod in cache.pods:
        log = logs.log(pod.name)
        newest = log.of(*_ENDS) if log and not pod.ready else ()
        if log and newest:
            told.setdefault(newest[0].line.kind, []).append((pod, log))
    for kind, rows in told.items():
        pod, log = rows[0]
        said = log.of(kind)[0]
        nodes = frozenset(one.node for one, _ in rows)
        yield Misfit(
            what=f"{len(rows)} of its {len(cache.pods)} pods end because {_ENDS[kind]}",
            proof=f"{timestamp(said.last_at)} {pod.name} on {pod.node}: {said.samples[0]} ({said.count}x)",
            advice=_ADVICE[kind].format(address=said.line.address or "that address"),
            reach=Reach(
                nodes=nodes,
                servers=frozenset(cache.own_addresses),
                service_path=found.takes_cluster_ip(cache),
            ),
        )


_ADVICE = {
    NodeCacheLineKind.ADDRESS_IN_USE: (
        "On the node: ss -lnup 'sport = :53'  # who listens on {address}: a second NodeLocal DNSCache, or a resolver "
        "on every address"
    ),
    NodeCacheLineKind.ADDRESS_MISSING: "Let -localip and every bind name the same addresses.",
    NodeCacheLineKind.LOOP: (
        "The node's /etc/resolv.conf names the cache itself: let it name the VPC's resolver, or forward to that "
        "by its address in the Corefile's last block."
    ),
    NodeCacheLineKind.BAD_ARGUMENTS: "Replace the placeholders in the DaemonSet's arguments.",
    NodeCacheLineKind.NO_UPSTREAM_SERVICE: "Apply its upstream Service, then restart its pods: they read it once.",
}


def _problem(misfits: list[Misfit], found: NodeLocalDns, missing: tuple[Gap, ...]) -> Judgement:
    what = "; ".join(dict.fromkeys(misfit.what for misfit in misfits))
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"NodeLocal DNSCache does not fit this cluster: {what}.",
        proof=tuple(dict.fromkeys(misfit.proof for misfit in misfits))[:MOST_PROOFS],
        details={
            "daemon_sets": [cache.title for cache in found.caches],
            "misfits": list(dict.fromkeys(misfit.what for misfit in misfits)),
        },
        missing=missing,
        objects=caches_of(found.caches),
        reach=tuple(misfit.reach for misfit in misfits if misfit.reach),
        advice=tuple(dict.fromkeys(misfit.advice for misfit in misfits)),
    )


RULE = Rule(
    name="nodelocal_misconfigured",
    title="NodeLocal DNSCache is misconfigured",
    check="NodeLocal DNSCache's configuration",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(NodeLocalDns, NodeLocalLogs),
    wants=(EksCluster,),
    problem_refuted_by=(
        (NodeLocalDns, "a placeholder that node-cache replaces itself, or an address that both sides name"),
        (NodeLocalLogs, "a pod that is ready again since it ended"),
    ),
    healthy_refuted_by=(
        (NodeLocalDns, "what is left in the Corefile, or addresses that only one side names"),
        (NodeLocalLogs, "why a pod ended, or an error about its configuration that no rule knows"),
    ),
    refuted_with_more=(NodeLocalLogs,),
    thresholds=Thresholds,
)
