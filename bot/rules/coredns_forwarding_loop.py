"""CoreDNS forwards queries to a server that sends them back: its loop plugin ends it, again and again.

The usual reason is a node whose resolv.conf names a local stub (127.0.0.53, systemd-resolved), which the
Corefile's `forward . /etc/resolv.conf` then takes over. What the kubelets of the pods' nodes hand out is shown beside
where nodes are looked at.

In a playbook: `{rule: coredns_forwarding_loop, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.node_resolv_conf import NodeResolvConfs
from bot.dns.call_failure import minutes
from bot.dns.coredns_log import CorednsLineKind
from bot.dns.log_wordings import Subject
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.moments import follows
from bot.domain.phrases import timestamp
from bot.network.resolver import IN_EVERY_VPC
from bot.rules._api_failures import LogWindow, joined

SELF_TEST = timedelta(seconds=60)
"""The loop plugin tests for up to 30 s after a start: a container that has run this long has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A loop that one pod found."""

    pod: str
    node: str
    at: datetime
    what: str
    text: str
    passed: str
    """How a later start passed the test, in words; empty: none did."""

    @property
    def proof(self) -> str:
        """The line, dated."""
        return f"{timestamp(self.at)} {self.pod}: {self.text}" + (f"; since then: {self.passed}" if self.passed else "")


def judge(case: Case) -> Judgement:
    """Conclude whether CoreDNS's own queries come back to it."""
    logs, pods = case.need(CorednsLogs), case.need(CorednsPods)
    since = case.collected_at - case.thresholds.window
    found = [
        Loop(
            pod=log.pod,
            node=_node(pods.pod(log.pod)),
            at=seen.last_at,
            what=seen.line.loop,
            text=seen.samples[0],
            passed=_passed(pods.running_since(log.pod), seen.last_at, case.collected_at),
        )
        for log in logs.pods
        for seen in log.of(CorednsLineKind.LOOP)
    ]
    found.sort(key=lambda loop: loop.at, reverse=True)
    standing = [loop for loop in found if loop.at >= since and not loop.passed]
    missing = (*logs.window_gaps(case.thresholds.window), *pods.gaps)
    if standing:
        names = sorted({loop.pod for loop in standing})
        nodes = sorted({loop.node for loop in standing} - {""})
        return Judgement(
            verdict=Verdict.PROBLEM,
            summary=f"{len(names)} of {len(pods.pods)} CoreDNS pods end because their own queries come back "
            f"({standing[0].what}). The server they forward to leads back to them.",
            proof=(*(loop.proof for loop in standing[:8]), *_handed_out(case.find(NodeResolvConfs), nodes)),
            details={
                "pods": names,
                "nodes": list(nodes),
                "loops": list(dict.fromkeys(loop.what for loop in standing))[:20],
            },
            missing=missing,
            last_failure_at=standing[0].at,
            reach=pods.reach_of(set(names)),
            pods=tuple(names),
            advice=_advice(standing),
        )
    past = tuple(f"no longer the case: {loop.proof}" for loop in found[:5])
    if pods.absent and not missing:
        return nothing_to_check(pods.absence)
    missing += (*logs.nothing_read, *logs.open_errors(Subject.LOOP, since))
    if missing:
        return not_known("whether CoreDNS found a forwarding loop", *missing, proof=past)
    return healthy(f"No forwarding loop in the last {minutes(case.thresholds.window)}; {logs.read}.", *past)


def _node(pod: CorednsPod | None) -> str:
    return pod.node if pod else ""


def _passed(running: datetime | None, at: datetime, now: datetime) -> str:
    if follows(running, at) and now - running >= SELF_TEST:
        return f"the container runs since {timestamp(running)}"
    return ""


def _handed_out(found: NodeResolvConfs | None, nodes: Collection[str]) -> Iterator[str]:
    """Yield which servers each of these nodes' kubelets hands to pods with dnsPolicy Default, as far as seen."""
    for one in found.nodes if found else ():
        if one.node in nodes:
            servers = one.file.nameservers
            stub = " (the node itself, so that a pod asks itself)" if any(map(_is_loopback, servers)) else ""
            yield f"{one.node}: the kubelet's resolv.conf names {', '.join(servers) or 'no server'}{stub}"


def _is_loopback(server: str) -> bool:
    return ip_address(server).is_loopback


def _advice(standing: list[Loop]) -> tuple[str, ...]:
    nodes = joined(tuple(sorted({loop.node for loop in standing} - {""})), empty="the pods' nodes")
    return (
        (
            f"On {nodes}: let the kubelet hand out the real resolvers (kubelet `resolvConf: "
            "/run/systemd/resolve/resolv.conf`) in place of the stub 127.0.0.53."
        ),
        f"Or name the VPC resolver in the Corefile: `forward . {IN_EVERY_VPC}` in place of `/etc/resolv.conf`.",
    )


RULE = Rule(
    name="coredns_forwarding_loop",
    title="CoreDNS forwards queries to itself",
    check="Forwarding loops of CoreDNS",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods),
    wants=(NodeResolvConfs,),
    problem_refuted_by=((CorednsPods, "a container that has outlived its self-test since"),),
    healthy_refuted_by=((CorednsLogs, "a loop that a pod found, or an error about one that no rule knows"),),
    refuted_with_more=(CorednsPods,),
    thresholds=LogWindow,
    incidents=("loop-2795", "loop-reboot-2391"),
)
