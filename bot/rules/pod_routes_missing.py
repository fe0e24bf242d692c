"""A pod's node lacks the rules or the route that its packets need: everything fails for that pod, not only DNS.

The VPC CNI lays them when a pod is made: `512: from all to POD lookup main` with a route to the pod in main, and
`1536: from POD lookup N` where its address is of a secondary interface; a pod with a branch interface has rules for its
interfaces instead (strict mode) or a table of its own (standard). Pods on the host's network need none, and on nodes
without aws-node others lay what is needed. What removes them later is on the node: systemd-networkd, say, removes rules
that it does not manage. Any answer to such a pod refutes it; where nodes are not looked at, lookups decide, said so.

In a playbook: `{rule: pod_routes_missing, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address, ip_network

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.node_network import NetworkOfNode, NodeNetworks
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.api_calls import CallReach
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Reach
from bot.domain.phrases import and_more, capital, count, few
from bot.kubernetes.named_pods import PODS, in_details
from bot.kubernetes.pods import Pod
from bot.linux.routes import MAIN, Route
from bot.linux.routing_rules import ALL
from bot.network.model import InterfaceKind
from bot.rules._unseen_nodes import unseen

MOST_NAMED = 50
_OWN_TABLES = frozenset({"local", MAIN, "default"})
_OF_PODS = frozenset({ClientKind.POD, ClientKind.BRANCH})


class _Seen(Enum):
    """What lookups and readiness say of a pod that its node lacks something of."""

    SILENT = "nothing answers it, or nothing comes back from it"
    ANSWERED = "something came back"
    OPEN = "nobody looked: it may have been replaced since the pods were listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lacking:
    """A pod whose node lacks something of what its packets need."""

    pod: Pod
    what: tuple[str, ...]
    made: tuple[Lookup, ...]
    """Lookups from it, and those that asked it."""
    of_dns: bool
    """It is a CoreDNS pod."""

    @property
    def name(self) -> str:
        return f"{self.pod.namespace}/{self.pod.name}"

    @property
    def seen(self) -> _Seen:
        if any(one.answer is not Answer.TIMED_OUT for one in self.made):
            return _Seen.ANSWERED
        return _Seen.SILENT if self.made or (self.of_dns and not self.pod.ready) else _Seen.OPEN

    @property
    def line(self) -> str:
        state = "ready" if self.pod.ready else self.pod.why_not_ready
        looked = f"0 of {count(len(self.made), 'lookup')} answered" if self.made else state
        return f"{self.name} ({self.pod.ip}) on {self.pod.node}: {'; '.join(self.what)}; {looked}"


def judge(case: Case) -> Judgement:
    """Compare what the nodes hold of each pod with what the VPC CNI lays, and ask the lookups."""
    cni, lookups = case.need(VpcCni), case.need(LookupMatrix)
    if cni.aws_node is None:
        return nothing_to_check("no DaemonSet aws-node, whose VPC CNI lays such rules")
    networks = case.find(NodeNetworks)
    covered = {one.node for one in cni.pods}
    looked = {one.node: one for one in networks.nodes if one.rules and one.routes} if networks else {}
    judged = [pod for pod in _pods(case) if pod.node in covered and pod.node in looked]
    lacking = [one for pod in judged if (one := _lacking(case, pod, looked[pod.node], lookups))]
    by = {seen: [one for one in lacking if one.seen is seen] for seen in _Seen}
    if by[_Seen.SILENT]:
        return _problem(by[_Seen.SILENT], lookups)
    told = _clients(lookups, covered)
    silent = [client.node for client, answered in told.items() if not answered]
    missing = (
        *_open(by[_Seen.OPEN]),
        *unseen(case.look_for(NodeNetworks), silent, looked, what="routing rules", why="nothing answers pods"),
    )
    if missing:
        return not_known("whether every pod has its routes", *missing)
    if not judged and not told:
        gap = Gap(what="pods' routes", reason="no lookup was made from a pod, and no node with pods was looked at")
        return not_known("whether every pod has its routes", gap)
    answered = sum(told.values())
    seen = f"rules of {count(len(judged), 'pod')} seen on {count(len(looked), 'node')}" if judged else ""
    by_answers = f"{count(answered, 'pod')} that names were looked up from got answers" if answered else ""
    notes = tuple(f"{one.line}; answered all the same" for one in by[_Seen.ANSWERED])
    return healthy(f"Pods have their routes: {'; '.join(filter(None, (seen, by_answers)))}.", *notes[:MOST_NAMED])


def _pods(case: Case) -> Iterator[Pod]:
    """Yield each pod whose node must lay something for it: it runs, has an address, and not the host's network."""
    workload, dns = case.find(WorkloadPods), case.find(CorednsPods)
    every: list[Pod] = [*(workload.pods if workload else ()), *(dns.pods if dns else ())]
    if workload and workload.asked_pod:
        every.append(workload.asked_pod)
    for pod in {(one.namespace, one.name): one for one in every}.values():
        if pod.phase == "Running" and pod.ip and not pod.host_network and not pod.terminating:
            yield pod


def _lacking(case: Case, pod: Pod, network: NetworkOfNode, lookups: LookupMatrix) -> _Lacking | None:
    what = _of_branch(pod, network) if pod.branch_interface else tuple(_of_plain(case, pod, network))
    if not what:
        return None
    asked = (one for one in lookups.lookups if one.answer is not Answer.NOT_ASKED)
    dns = case.find(CorednsPods)
    return _Lacking(
        pod=pod,
        what=what,
        made=tuple(one for one in asked if one.client == pod.client or one.server == pod.ip),
        of_dns=dns is not None and any(one.ip == pod.ip for one in dns.pods),
    )


def _of_branch(pod: Pod, network: NetworkOfNode) -> tuple[str, ...]:
    """Return what is missing of a pod with a branch interface: it counts where nothing at all names its address."""
    named = any(_names(prefix, pod.ip) for rule in network.rules or () for prefix in (rule.source, rule.destination))
    there = named or any(_leads_to(route, pod.ip) for route in network.routes or ())
    return () if there else ("no rule and no table of its node names its address",)


def _of_plain(case: Case, pod: Pod, network: NetworkOfNode) -> Iterator[str]:
    rules = network.rules or ()
    if not any(_names(rule.destination, pod.ip) and rule.table == MAIN for rule in rules):
        yield f"no rule `512: from all to {pod.ip} lookup main`"
    if not any(_leads_to(route, pod.ip) for route in network.table(MAIN)):
        yield "no route to it in the table main"
    interface = _secondary(case.find(WorkerNodes), pod)
    if interface and not any(_names(rule.source, pod.ip) and rule.table not in _OWN_TABLES for rule in rules):
        yield f"no rule `1536: from {pod.ip} lookup …`, and its address is of the secondary interface {interface}"


def _secondary(nodes: WorkerNodes | None, pod: Pod) -> str:
    """Return the secondary interface of its instance that holds a pod's address; empty: none, or it is not known."""
    node = next((one for one in nodes.nodes if one.name == pod.node), None) if nodes else None
    if nodes is None or node is None or not node.internal_ip or not node.instance_id:
        return ""
    own = [
        one for one in nodes.interfaces if one.instance_id == node.instance_id and one.kind is InterfaceKind.INSTANCE
    ]
    holder = next((one for one in own if one.holds(ip_address(pod.ip))), None)
    return holder.id if holder and not holder.holds(ip_address(node.internal_ip)) else ""


def _names(prefix: str, address: str) -> bool:
    """Return whether a rule's prefix singles the address out: alone or with others, not as one of all."""
    if prefix == ALL:
        return False
    network, one = ip_network(prefix, strict=False), ip_address(address)
    return network.version == one.version and one in network


def _leads_to(route: Route, address: str) -> bool:
    """Return whether a route leads to this address alone: that of the pod's subnet leads away from the node."""
    return route.destination.removesuffix("/32").removesuffix("/128") == address


def _clients(lookups: LookupMatrix, covered: Iterable[str]) -> Mapping[Client, bool]:
    """Return the pods that names were looked up from, and whether anything answered each."""
    nodes, found = set(covered), dict[Client, bool]()
    for one in lookups.lookups:
        if one.answer is not Answer.NOT_ASKED and one.client.kind in _OF_PODS and one.client.node in nodes:
            found[one.client] = found.get(one.client, False) or one.answer is not Answer.TIMED_OUT
    return found


def _open(lacking: Sequence[_Lacking]) -> Iterator[Gap]:
    if lacking:
        names = and_more([one.name for one in lacking], 3)
        reason = f"{lacking[0].line}, and nobody looked from {names}; name one with --pod"
        yield Gap(what="lookups from pods without routes", reason=reason)


def _problem(lacking: Sequence[_Lacking], lookups: LookupMatrix) -> Judgement:
    nodes = sorted({one.pod.node for one in lacking})
    names = frozenset(one.name for one in lacking)
    servers = frozenset(one.pod.ip for one in lacking if one.of_dns)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{count(len(lacking), 'pod')} on {count(len(nodes), 'node')} ({few(nodes, 3)}) without routes: "
            f"{and_more([one.name for one in lacking], 3)}. {capital(lacking[0].what[0])}: "
            f"no packet, DNS or other, reaches them and comes back ({lookups.looked_from})."
        ),
        proof=tuple(one.line for one in lacking[:MOST_NAMED]),
        details={PODS: in_details(one.pod for one in lacking[:MOST_NAMED]), "nodes": nodes},
        reach=(Reach(pods=names), *((Reach(servers=servers),) if servers else ())),
        call_reach=(CallReach(pods=names, silent_only=True),),
        pods=tuple(one.pod.name for one in lacking if one.of_dns),
        advice=(
            f"On {nodes[0]}: ip rule; ip route show table all | grep {lacking[0].pod.ip}",
            (
                "Look for what removes rules: systemd-networkd does unless ManageForeignRoutingPolicyRules=no and "
                "ManageForeignRoutes=no are in its networkd.conf; NetworkManager, and scripts that flush rules, do."
            ),
            "Then replace these pods: the VPC CNI lays rules and routes only when a pod is made.",
        ),
    )


RULE = Rule(
    name="pod_routes_missing",
    title="A pod's node lacks the pod's routes",
    check="Routes and routing rules of pods",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(VpcCni, LookupMatrix),
    wants=(NodeNetworks, WorkloadPods, CorednsPods, WorkerNodes),
    problem_refuted_by=(
        (LookupMatrix, "an answer that the pod gets, or gives"),
        (NodeNetworks, "the rules and the route that the pod needs"),
        (VpcCni, "a node without aws-node, where others lay what pods need"),
        (WorkloadPods, "pods on the host's network, and pods that end"),
        (WorkerNodes, "an address of the primary interface, which needs no rule of its own"),
    ),
    healthy_refuted_by=(
        (LookupMatrix, "a pod that nothing answers, on a node that was not looked at"),
        (NodeNetworks, "a node that lacks a rule or a route of a pod"),
        (WorkloadPods, "a pod whose node lacks them"),
        (CorednsPods, "a CoreDNS pod whose node lacks them"),
    ),
    refuted_with_more=(WorkerNodes,),
    decides_without=(NodeNetworks, WorkloadPods, CorednsPods),
)
