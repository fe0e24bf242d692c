"""kube-proxy runs on a node and its rules are not there: the DNS service's address leads nowhere, or to old pods.

Its log says so anew with each try, every 30 s, until one succeeds; nothing says that one did, so a silence of a few
tries is the success. What it could not write may be some other service's, so a PROBLEM needs a trace on the same node:
lookups by the service fail while CoreDNS's addresses answer, CoreDNS there gets no answer by the API's ClusterIP, or
the node's rules lead to none of the service's endpoints. A node that was looked at and leads the address nowhere is a
PROBLEM by itself, whatever the log says: another program may remove rules, and a label keeps kube-proxy from a Service.

In a playbook: `{rule: kube_proxy_rules_missing, severity: critical, with: {window: 15m, tries: 100s}}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import KubeDns
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.collectors.node_packet_filter import NodePacketFilters
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import minutes
from bot.dns.kube_proxy_log import KubeProxyLine, KubeProxyLineKind
from bot.dns.log_wordings import Subject
from bot.dns.timestamped import SeenLines
from bot.domain.api_calls import CallReach
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Reach
from bot.domain.phrases import count, few, timestamp
from bot.rules._kube_proxy_on_nodes import Leading, astray

MOST_PROOFS = 8
_GONE = frozenset({Answer.TIMED_OUT, Answer.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What counts as a failure of now."""

    window: timedelta = timedelta(minutes=15)
    """Failures inside it are shown, and errors of unknown wording leave the rule open; 0 shows none."""
    tries: timedelta = timedelta(seconds=100)
    """A failure stands while it is younger: three tries. After a longer silence writing succeeded. 0: none stands.
    A kube-proxy that has run for a shorter time may not have written its rules yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """One class of lines of one kube-proxy."""

    node: str
    pod: str
    seen: SeenLines[KubeProxyLine]

    @property
    def proof(self) -> str:
        """The newest line, dated, with how many there were."""
        return f"{timestamp(self.seen.last_at)} {self.pod} on {self.node}: {self.seen.samples[0]} ({self.seen.count}x)"


def judge(case: Case) -> Judgement:
    """Conclude from kube-proxy's logs, from nodes' packet filters, and from what fails on the same nodes."""
    pods, logs = case.need(KubeProxyPods), case.need(KubeProxyLogs)
    thresholds: Thresholds = case.thresholds
    since, tried = case.collected_at - thresholds.window, case.collected_at - thresholds.tries
    recent = [one for one in _failures(logs) if one.seen.last_at >= since]
    standing = [one for one in recent if one.seen.last_at >= tried]
    missing = (*logs.window_gaps(thresholds.window), *pods.gaps)
    ready = {pod.node: pod.container.running_since for pod in pods.pods if pod.ready}
    leading = list(astray(case.find(NodePacketFilters), case.find(KubeDns), ready))
    lookups = case.find(LookupMatrix)
    refuted = {one.node for one in leading if lookups and _answers_by_service(lookups, one.node)}
    unled = [one for one in leading if one.nowhere and one.node not in refuted]
    early = {one.node for one in unled if (began := ready[one.node]) is not None and began > tried}
    lacking = [one for one in unled if one.node not in early]
    traces = _struck(case, {one.node for one in standing}, since, {one.node for one in leading} - refuted)
    if traces or lacking:
        shown = [*lacking, *(one for one in leading if one.node in traces and one not in lacking)]
        return _problem([one for one in standing if one.node in traces], shown, traces, logs, missing)
    missing += tuple(_open(standing)) + logs.open_errors(Subject.RULES, since) + tuple(map(_too_early, sorted(early)))
    if pods.by_design and not missing:
        return nothing_to_check(pods.by_design)
    missing += logs.nothing_read
    past = tuple(f"no longer the case: {one.proof}" for one in recent if one not in standing)[:MOST_PROOFS]
    if missing:
        proof = (*(one.proof for one in standing[:MOST_PROOFS]), *past)
        return not_known("whether kube-proxy's rules are there", *missing, proof=proof)
    answering = tuple(f"{one.proof}; the service answers there all the same" for one in leading if one.node in refuted)
    return healthy(
        f"No kube-proxy says in the last {minutes(thresholds.tries)} that it cannot write; {logs.read}"
        f"{_on_nodes(case.find(NodePacketFilters), set(ready) - {one.node for one in leading})}.",
        *past,
        *answering[:MOST_PROOFS],
    )


def _on_nodes(filters: NodePacketFilters | None, nodes: set[str]) -> str:
    """Say on how many nodes the rules were seen."""
    seen = sum(one.node in nodes and bool(one.dns_services) for one in filters.nodes) if filters else 0
    return f"; its rules for the DNS service were seen on {count(seen, 'node')}" if seen else ""


def _too_early(node: str) -> Gap:
    return Gap(what=f"rules on {node}", reason=f"too early to tell: kube-proxy on {node} has just started")


def _failures(logs: KubeProxyLogs) -> Iterator[_Failure]:
    for log in logs.pods:
        for seen in log.of(KubeProxyLineKind.RULES_NOT_WRITTEN):
            yield _Failure(node=log.node, pod=log.pod, seen=seen)


def _open(standing: Iterable[_Failure]) -> Iterator[Gap]:
    """Yield a gap for each node whose kube-proxy complains while nothing fails there that it would explain."""
    for node, pod in sorted({(one.node, one.pod) for one in standing}):
        reason = f"{pod} on {node} cannot write some of its rules, and no lookup that was made shows which"
        yield Gap(what=f"rules on {node}", reason=reason)


def _struck(case: Case, nodes: set[str], since: datetime, led_astray: set[str]) -> frozenset[str]:
    """Return those of the nodes where something is seen that rules which are not written explain."""
    lookups, logs, pods = case.look_for(LookupMatrix), case.look_for(CorednsLogs), case.look_for(CorednsPods)
    found = set(led_astray)
    if isinstance(lookups, LookupMatrix):
        found |= {node for node in nodes if _only_the_service_fails(lookups, node)}
    if isinstance(logs, CorednsLogs) and isinstance(pods, CorednsPods):
        failures = logs.api_failures(pods, ApiFailureKind.TIMEOUT)
        found |= {one.node for one in failures if one.stands(since)}
    return frozenset(found & nodes)


def _only_the_service_fails(lookups: LookupMatrix, node: str) -> bool:
    own = [one for one in lookups.lookups if one.client.node == node and one.answer is not Answer.NOT_ASKED]
    by_service = [one.answer in _GONE for one in own if one.through_service]
    direct = [one.answer in _GONE for one in own if not one.through_service]
    return any(by_service) and not (direct and all(direct))


def _answers_by_service(lookups: LookupMatrix, node: str) -> bool:
    unanswered = _GONE | {Answer.NOT_ASKED}
    return any(
        one.through_service and one.client.node == node and one.answer not in unanswered for one in lookups.lookups
    )


def _problem(
    standing: list[_Failure],
    leading: list[Leading],
    struck: frozenset[str],
    logs: KubeProxyLogs,
    missing: tuple[Gap, ...],
) -> Judgement:
    concerned = struck | {one.node for one in leading}
    cut_off = struck | {one.node for one in leading if one.no_service}
    nodes = sorted(concerned)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"kube-proxy runs on {count(len(nodes), 'node')} ({few(nodes, 5)}) and {_what(standing, logs)}",
        proof=(*(one.proof for one in standing[:MOST_PROOFS]), *(one.proof for one in leading[:MOST_PROOFS])),
        details={"nodes": list(nodes), "pods": sorted({one.pod for one in standing})},
        missing=missing,
        last_failure_at=max((one.seen.last_at for one in standing), default=None),
        reach=(Reach(nodes=concerned, service_only=True),),
        call_reach=(CallReach(nodes=cut_off, service_only=True),) if cut_off else (),
        advice=_where_writing_fails(standing[0].pod) if standing else _WHERE_NOTHING_IS_SAID,
    )


def _what(standing: list[_Failure], logs: KubeProxyLogs) -> str:
    if not standing:
        return (
            "none of its rules there leads the DNS service's address to anybody: pods of these nodes get no answer by "
            f"it. No kube-proxy says that it cannot write ({logs.read})."
        )
    meanings = {one.seen.line.complaint.meaning for one in standing if one.seen.line.complaint}
    return (
        f"cannot write its rules there: {'; '.join(sorted(meanings))}. ClusterIPs do not work from these nodes, or "
        f"lead to old pods ({logs.read})."
    )


def _where_writing_fails(pod: str) -> tuple[str, ...]:
    return (
        f"kubectl -n kube-system logs {pod}  # the error names the table, chain or kernel module",
        "On the node: lsmod | grep -E 'ip_tables|nf_tables|ip_vs'; iptables-save | head; nft list ruleset | head",
        (
            "A node image whose kernel lacks a module, another firewall program that holds the lock, or a mode "
            "that the node cannot do (ipvs, nftables) are the usual reasons."
        ),
    )


_WHERE_NOTHING_IS_SAID = (
    (
        "kubectl -n kube-system get service kube-dns --show-labels  # kube-proxy leaves out Services with the label "
        "service.kubernetes.io/service-proxy-name, old versions also those with service.kubernetes.io/headless"
    ),
    "On the node: iptables-save -t nat | grep kube-dns; look for a firewall program or script that clears the tables.",
    "kubectl -n kube-system rollout restart daemonset kube-proxy  # it writes all rules again when it starts",
)


RULE = Rule(
    name="kube_proxy_rules_missing",
    title="kube-proxy's rules are missing on a node",
    check="kube-proxy's rules",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeProxyPods, KubeProxyLogs),
    wants=(LookupMatrix, CorednsLogs, CorednsPods, KubeDns, NodePacketFilters),
    problem_refuted_by=(
        (KubeProxyLogs, "a silence of a few tries: the write has succeeded"),
        (LookupMatrix, "names that the service answers on that node"),
        (KubeDns, "no ready endpoint, for which kube-proxy writes no rule"),
        (KubeProxyPods, "a node that kube-proxy has no ready pod on, or one that has just started"),
        (NodePacketFilters, "rules that lead the DNS service's address to an endpoint"),
        (CorednsLogs, "no call of CoreDNS to the API that timed out on the node whose kube-proxy complains"),
        (CorednsPods, "a pod that became Ready by /ready after such a call"),
    ),
    healthy_refuted_by=(
        (KubeProxyLogs, "a write that failed, or an error about the rules that no rule knows"),
        (NodePacketFilters, "a node whose rules do not lead the DNS service's address to an endpoint"),
        (KubeDns, "another address or other endpoints than those that the nodes' rules name"),
    ),
    refuted_with_more=(
        CorednsLogs,
        CorednsPods,
    ),
    decides_without=(NodePacketFilters, KubeDns),
    thresholds=Thresholds,
)
