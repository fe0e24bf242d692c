"""NodeLocal DNSCache asks servers outside the cluster over TCP alone (`force_tcp`), and they do not answer that.

Towards CoreDNS force_tcp is right: it saves conntrack entries (B1). Towards the VPC's resolver, or another server that
the node's resolv.conf names, it turns every external name into a connection; where TCP 53 is closed or a limit is
reached they time out, while the same server answers over UDP.

In a playbook: `{rule: nodelocal_force_tcp, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.collectors.node_local_logs import NodeLocalLogs
from bot.dns.log_wordings import Subject
from bot.dns.node_cache_log import NodeCacheLine, NodeCacheLineKind, NodeCachePodLog
from bot.dns.node_local_corefile import Forwarding
from bot.dns.timestamped import SeenLines
from bot.dns.upstream_failure import UpstreamFailureKind
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Lookup, Reach, Transport
from bot.domain.phrases import count, few, timestamp
from bot.rules._faulty_objects import caches_of
from bot.rules._node_local import NO_CACHE, through

MOST_PROOFS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What counts as a failure of now."""

    window: timedelta = timedelta(minutes=15)
    """Failures inside it count, and errors about upstream servers that no rule knows leave the rule open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    log: NodeCachePodLog
    seen: SeenLines[NodeCacheLine]

    @property
    def proof(self) -> str:
        line = f"{timestamp(self.seen.last_at)} {self.log.pod} on {self.log.node}: {self.seen.samples[0]}"
        return f"{line} ({self.seen.count}x)"


def judge(case: Case) -> Judgement:
    """Conclude from where it forces TCP, what its logs say of that, and how external names fare through it."""
    found, logs = case.need(NodeLocalDns), case.need(NodeLocalLogs)
    since = case.collected_at - case.thresholds.window
    missing = (*found.gaps, *logs.window_gaps(case.thresholds.window))
    forced = [(cache, one) for cache in found.caches for one in cache.forwards if _leaves(found, cache, one)]
    failures = [one for one in _failures(found, logs) if one.seen.last_at >= since] if forced else []
    lookups = case.find(LookupMatrix)
    external = [one for one in through(found, lookups) if one.external and not _by_a_person(lookups, one)]
    if failures and (_fails(external) or not (external or all(one.seen.line.self_test for one in failures))):
        return _problem(forced, failures, found, lookups, missing)
    past = tuple(f"answered again since: {one.proof}" for one in failures[:MOST_PROOFS] if external)
    if failures and not external:
        reason = f"{failures[0].proof}; it was only its own test at the start, and nothing was asked through it since"
        missing = (*missing, Gap(what="TCP towards servers outside the cluster", reason=reason))
    missing += logs.open_errors(Subject.UPSTREAM, since) if forced else ()
    if missing:
        return not_known("whether TCP to servers outside the cluster fails", *missing)
    if not found.caches:
        return nothing_to_check(NO_CACHE)
    if not forced:
        return healthy("NodeLocal DNSCache forces TCP towards CoreDNS at most; other servers it asks over UDP.")
    return healthy(f"It forces TCP towards {_targets(forced)}, and that is answered; {logs.read}.", *past)


def _fails(external: list[Lookup]) -> bool:
    return any(one.answer is not Answer.ANSWERED for one in external)


def _by_a_person(lookups: LookupMatrix | None, lookup: Lookup) -> bool:
    return lookups is not None and lookup.name in lookups.asked_names


def _leaves(found: NodeLocalDns, cache: NodeLocalCache, one: Forwarding) -> bool:
    """Return whether this block forces TCP towards a server that is no Service of the cluster's DNS."""
    inside = {cache.upstream_address, *found.cluster_ips} - {""}
    return one.force_tcp and any(target.partition(":")[0] not in inside for target in one.targets)


def _failures(found: NodeLocalDns, logs: NodeLocalLogs) -> Iterator[_Failure]:
    inside = {*found.cluster_ips, *(cache.upstream_address for cache in found.caches)}
    for log in logs.pods:
        for seen in log.of(NodeCacheLineKind.UPSTREAM_FAILURE):
            line = seen.line
            if line.protocol == "tcp" and line.failure is UpstreamFailureKind.TIMEOUT and line.upstream not in inside:
                yield _Failure(log=log, seen=seen)


def _targets(forced: list[tuple[NodeLocalCache, Forwarding]]) -> str:
    return ", ".join(dict.fromkeys(target for _, one in forced for target in one.targets))


def _problem(
    forced: list[tuple[NodeLocalCache, Forwarding]],
    failures: list[_Failure],
    found: NodeLocalDns,
    lookups: LookupMatrix | None,
    missing: tuple[Gap, ...],
) -> Judgement:
    servers = sorted({one.seen.line.upstream for one in failures} - {""})
    nodes = sorted({one.log.node for one in failures})
    caches = list(dict.fromkeys(cache for cache, _ in forced))
    reach = [
        Reach(
            external_only=True,
            servers=frozenset(cache.own_addresses),
            service_path=found.takes_cluster_ip(cache),
        )
        for cache in caches
    ]
    if lookups and _tcp_alone_fails(found, lookups):
        reach.append(Reach(external_only=True, transports=frozenset({Transport.TCP})))
    cache, block = forced[0]
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"NodeLocal DNSCache forces TCP towards {_targets(forced)}, and {few(servers, 3)} does not answer TCP "
            f"({count(sum(one.seen.count for one in failures), 'time-out')} on {count(len(nodes), 'node')}). External "
            "names fail through it."
        ),
        proof=(
            f"force_tcp in line {block.line} of the Corefile, {cache.config_map}",
            *(one.proof for one in failures[:MOST_PROOFS]),
        ),
        details={"servers": servers, "nodes": nodes, "daemon_sets": [one.title for one in caches]},
        missing=missing,
        last_failure_at=max(one.seen.last_at for one in failures),
        reach=tuple(reach),
        objects=caches_of(caches),
        advice=(
            f"Take force_tcp out of line {block.line} of {cache.config_map}; keep it towards CoreDNS.",
            f"Or let TCP 53 through to {few(servers, 3)}: answers that do not fit into UDP need it anyway.",
        ),
    )


def _tcp_alone_fails(found: NodeLocalDns, lookups: LookupMatrix) -> bool:
    """Return whether others than the cache get external names over UDP and not over TCP, too."""
    direct = [
        one
        for one in lookups.lookups
        if one.external and one.server not in found.addresses and one.answer is not Answer.NOT_ASKED
    ]
    answered = {one.transport for one in direct if one.answer is Answer.ANSWERED}
    return Transport.UDP in answered and Transport.TCP not in answered


RULE = Rule(
    name="nodelocal_force_tcp",
    title="NodeLocal DNSCache forces TCP towards a server that does not answer it",
    check="NodeLocal DNSCache's force_tcp",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(NodeLocalDns, NodeLocalLogs),
    wants=(LookupMatrix,),
    problem_refuted_by=(
        (NodeLocalDns, "force_tcp towards CoreDNS alone"),
        (LookupMatrix, "external names that are answered through the cache now"),
    ),
    healthy_refuted_by=(
        (NodeLocalLogs, "time-outs over TCP to a server outside the cluster, or errors that no rule knows"),
    ),
    thresholds=Thresholds,
)
