"""NodeLocal DNSCache runs, and pods with a branch interface in strict mode never reach it (B5, B6).

Their packets leave through the branch interface by rules that stand before the one for the `local` table, so they never
see the cache on their node; and its NOTRACK rules keep the DNS service's address from being led to CoreDNS. A pod keeps
the mode that it was made under: the VPC CNI's configuration tells it of pods that are newer than aws-node on their
node, its earlier revisions of older ones, and of all the node's own rules and lookups from exactly these pods.
Configuration alone is no proof.

In a playbook: `{rule: nodelocal_pod_security_groups_strict, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from bot.collectors.branch_pods import BranchPods
from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.collectors.node_network import NodeNetworks
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.vpc_cni_addon import ADDON
from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, ClientKind, Lookup, Reach
from bot.domain.phrases import and_more, count, timestamp
from bot.kubernetes.named_pods import PODS, in_details
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import KUBE_SYSTEM
from bot.kubernetes.vpc_cni import AWS_NODE
from bot.rules._branch_routing import Routed, routed
from bot.rules._node_local import NO_CACHE, asked_there

MOST_NAMED = 50
_SHOWN = 3


class _Seen(Enum):
    """What is known of one pod and the cache on its node."""

    REACHES = "it is answered there, or it was made in standard mode"
    CUT_OFF = "it was made in strict mode, and gets nothing from there"
    STRICT = "it was made in strict mode; nobody looked"
    OPEN = "it is older than aws-node on its node; nobody looked"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """A pod with a branch interface that asks a cache on its node."""

    pod: Pod
    caches: tuple[NodeLocalCache, ...]
    mode: EnforcingMode | None
    """As its node shows it, else as the VPC CNI's configuration tells it; None: neither does."""
    dated_by: str
    """What of the VPC CNI tells the mode, or leaves it open, where that is not the aws-node pod of its node."""
    routed: Routed | None
    """How its node routes its packets, where that was looked at."""
    made: tuple[Lookup, ...]
    """Its lookups at addresses of the cache."""
    beside: tuple[Lookup, ...]
    """Its lookups at CoreDNS pods' own addresses."""
    now: EnforcingMode
    """What pods that are made now are under."""

    @property
    def seen(self) -> _Seen:
        if any(one.answer is not Answer.TIMED_OUT for one in self.made) or self.mode is EnforcingMode.STANDARD:
            return _Seen.REACHES
        if self.routed:
            return _Seen.CUT_OFF
        strict = self.mode is EnforcingMode.STRICT or self.now is EnforcingMode.STRICT
        if self.made and (strict or any(one.answer is Answer.ANSWERED for one in self.beside)):
            return _Seen.CUT_OFF
        return _Seen.STRICT if strict else _Seen.OPEN

    @property
    def name(self) -> str:
        return f"{self.pod.namespace}/{self.pod.name}"

    @property
    def lines(self) -> Iterator[str]:
        """What is known of it, each a fact."""
        yield self.line
        if self.routed:
            yield self.routed.proof

    @property
    def line(self) -> str:
        servers = ", ".join(dict.fromkeys(one.server for one in self.made))
        asked = f"0 of {count(len(self.made), 'lookup')} at {servers} answered" if self.made else "not looked from"
        beside = [one for one in self.beside if one.answer is Answer.ANSWERED]
        also = f", {len(beside)} of {len(self.beside)} at CoreDNS pods' own addresses" if self.made and beside else ""
        older = f", {self.dated_by}" if self.dated_by else ""
        return f"{self.name} on {self.pod.node}, made {timestamp(self.pod.created_at)}{older}: {asked}{also}"


def judge(case: Case) -> Judgement:
    """Conclude from who asks the cache, under which mode each was made, and what lookups from each gave."""
    found, cni, branch = case.need(NodeLocalDns), case.need(VpcCni), case.need(BranchPods)
    gaps = (*found.gaps, *branch.gaps)
    if not found.caches:
        return not_known("whether there is a cache that they miss", *gaps) if gaps else _none()
    if cni.aws_node is None:
        return nothing_to_check("no DaemonSet aws-node, whose VPC CNI makes pods with branch interfaces")
    lookups, networks = case.find(LookupMatrix), case.find(NodeNetworks)
    askers = tuple(_askers(found, cni, branch, lookups, networks))
    by = {seen: [one for one in askers if one.seen is seen] for seen in _Seen}
    if by[_Seen.CUT_OFF]:
        concerned = [one for one in askers if one.seen is not _Seen.REACHES]
        return _problem(concerned, found, cni, lookups, gaps)
    open_ones = [*by[_Seen.STRICT], *by[_Seen.OPEN]]
    missing = (*gaps, *((*cni.gaps, *_unlooked(open_ones)) if open_ones else ()))
    if missing:
        told = f"{count(len(open_ones), 'pod')} with a branch interface may be cut off from NodeLocal DNSCache"
        return unknown(f"{told}: {missing[-1].reason}.", *missing)
    return _healthy(askers, branch, cni)


def _none() -> Judgement:
    return nothing_to_check(NO_CACHE)


def _healthy(askers: Sequence[_Asker], branch: BranchPods, cni: VpcCni) -> Judgement:
    mode = cni.aws_node.enforces if cni.aws_node else EnforcingMode.STRICT
    if not askers:
        held = count(len(branch.pods), "pod")
        told = f"{held} with a branch interface; none of them asks NodeLocal DNSCache."
        return healthy(told, f"{ENFORCING_MODE}: {mode}")
    answered = sum(any(one.answer is not Answer.TIMED_OUT for one in asker.made) for asker in askers)
    on_nodes = [asker.routed.proof for asker in askers if asker.routed]
    standard = sum(asker.mode is EnforcingMode.STANDARD for asker in askers)
    return healthy(
        f"{count(len(askers), 'pod')} with a branch interface ask NodeLocal DNSCache: {standard} made in standard "
        f"mode, {answered} seen to be answered there.",
        f"{ENFORCING_MODE}: {mode}",
        *on_nodes[:MOST_NAMED],
    )


def _askers(
    found: NodeLocalDns,
    cni: VpcCni,
    branch: BranchPods,
    lookups: LookupMatrix | None,
    networks: NodeNetworks | None,
) -> Iterator[_Asker]:
    """Yield the running pods that ask a cache which is ready on their node."""
    now = cni.aws_node.enforces if cni.aws_node else EnforcingMode.STRICT
    for pod in branch.pods:
        if pod.phase != "Running" or pod.terminating or not pod.uses_cluster_dns:
            continue
        caches = tuple(
            cache
            for cache in found.caches
            if (own := cache.pod_on(pod.node)) and own.ready and asked_there(found, cache, pod.node, lookups)
        )
        if not caches:
            continue
        addresses = {address for cache in caches for address in cache.own_addresses}
        asked = [
            one
            for one in (lookups.lookups if lookups else ())
            if one.client == pod.client and one.answer is not Answer.NOT_ASKED
        ]
        on_node = routed(networks, pod)
        mode, dated_by = (on_node.mode, "") if on_node else cni.made_under(pod)
        yield _Asker(
            pod=pod,
            caches=caches,
            mode=mode,
            dated_by=dated_by,
            routed=on_node,
            made=tuple(one for one in asked if one.server in addresses),
            beside=tuple(one for one in asked if one.server not in addresses and not one.through_service),
            now=now,
        )


def _unlooked(askers: Sequence[_Asker]) -> tuple[Gap, ...]:
    names = and_more([one.name for one in askers], _SHOWN)
    return (
        Gap(
            what="lookups from pods with a branch interface",
            reason=f"no lookup was made from {names}; name one with --pod, or let workload_selector select them",
        ),
    )


def _problem(
    concerned: Sequence[_Asker], found: NodeLocalDns, cni: VpcCni, lookups: LookupMatrix | None, gaps: tuple[Gap, ...]
) -> Judgement:
    caches = tuple({cache.title: cache for one in concerned for cache in one.caches}.values())
    addresses = tuple(dict.fromkeys(address for cache in caches for address in cache.own_addresses))
    names = [one.name for one in concerned]
    nodes = sorted({one.pod.node for one in concerned})
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{count(len(concerned), 'pod')} with a branch interface on {count(len(nodes), 'node')} cannot ask "
            f"NodeLocal DNSCache at {', '.join(addresses)}: {and_more(names, _SHOWN)}. They were made in strict mode, "
            "in which all packets leave through the branch interface, past the cache on the node; its NOTRACK rules "
            "keep them from CoreDNS as well."
        ),
        proof=(
            _configured(cni),
            *_others(concerned, addresses, lookups),
            *(line for one in concerned[:MOST_NAMED] for line in one.lines),
        ),
        details={
            PODS: in_details(one.pod for one in concerned[:MOST_NAMED]),
            "nodes": nodes[:MOST_NAMED],
            "addresses": list(addresses),
            "mode": cni.aws_node.enforces.value if cni.aws_node else "",
        },
        missing=gaps,
        reach=_reach(frozenset(names), found, caches),
        objects=(
            FaultyObject(kind=ObjectKind.DAEMON_SET, name=AWS_NODE, namespace=KUBE_SYSTEM),
            FaultyObject(kind=ObjectKind.ADDON, name=ADDON),
        ),
        advice=(
            f"kubectl set env daemonset aws-node -n kube-system {ENFORCING_MODE}=standard  # VPC CNI 1.11 or later",
            "Then replace these pods: a pod keeps the mode that it was made under.",
        ),
    )


def _reach(names: frozenset[str], found: NodeLocalDns, caches: Sequence[NodeLocalCache]) -> tuple[Reach, ...]:
    """Return the lookups that it accounts for: by the service's address where a cache takes it, by its own."""
    kinds = frozenset({ClientKind.BRANCH})
    local = frozenset(address for cache in caches for address in cache.link_local)
    by_service = (Reach(kinds=kinds, pods=names, service_only=True),)
    by_address = (Reach(kinds=kinds, pods=names, servers=local, service_path=False),)
    taken = any(found.takes_cluster_ip(cache) for cache in caches)
    return (*(by_service if taken else ()), *(by_address if local else ()))


def _configured(cni: VpcCni) -> str:
    aws_node = cni.aws_node
    if aws_node is None:
        return ""
    value = f"{ENFORCING_MODE}={aws_node.mode}" if aws_node.mode else f"{ENFORCING_MODE} is not set, so strict"
    return f"DaemonSet kube-system/aws-node ({aws_node.image}): {value}"


def _others(concerned: Sequence[_Asker], addresses: Sequence[str], lookups: LookupMatrix | None) -> Iterator[str]:
    """Yield how plain pods on the same nodes fare at the same addresses."""
    nodes = {one.pod.node for one in concerned}
    plain = [
        one.answer is Answer.ANSWERED
        for one in (lookups.lookups if lookups else ())
        if one.client.kind is ClientKind.POD
        and one.client.node in nodes
        and one.server in addresses
        and one.answer is not Answer.NOT_ASKED
    ]
    if plain:
        made = count(len(plain), "lookup")
        yield f"Plain pods on the same nodes: {sum(plain)} of {made} answered at the same address"


RULE = Rule(
    name="nodelocal_pod_security_groups_strict",
    title="Pods with security groups of their own cannot reach NodeLocal DNSCache",
    check="Security groups for pods beside NodeLocal DNSCache",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(NodeLocalDns, VpcCni, BranchPods),
    wants=(LookupMatrix, NodeNetworks),
    problem_refuted_by=(
        (LookupMatrix, "an answer that such a pod gets from the cache"),
        (VpcCni, "pods that were made in standard mode"),
        (NodeNetworks, "a pod whose address its node looks up in the main table, by no rule of its interface"),
        (NodeLocalDns, "no ready cache on the pods' nodes at an address that they ask"),
    ),
    healthy_refuted_by=(
        (BranchPods, "a pod with a branch interface"),
        (VpcCni, "strict mode, or a pod that is older than aws-node's change"),
        (LookupMatrix, "lookups from such a pod that get nothing from the cache"),
        (NodeNetworks, "a rule for such a pod's interface before that of the local table"),
    ),
    refuted_with_more=(
        LookupMatrix,
        NodeNetworks,
    ),
)
