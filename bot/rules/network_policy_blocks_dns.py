"""NetworkPolicies leave application pods no way to CoreDNS, or CoreDNS none from them, over UDP or TCP 53.

A policy with the type Egress closes all that its pods send but what some policy allows: one that names a database and
forgets DNS stops every lookup. Only where something enforces policies: by default the VPC CNI's agent does not. By
hand: `kubectl -n NAMESPACE get networkpolicies -o yaml`, `kubectl -n kube-system get ds aws-node -o yaml | grep
enable-network-policy`, then a lookup in the pod. An answer to such a pod refutes it; an ipBlock, NodeLocal DNSCache and
Fargate leave it open, since enforcers differ there. Policies are judged at port 53 of CoreDNS's pods. Source:
Kubernetes documentation, "Network Policies"; EKS User Guide, "Limit Pod traffic with Kubernetes network policies".

In a playbook: `{rule: network_policy_blocks_dns, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.collectors.network_policies import LabelledPod, NetworkPolicies
from bot.collectors.node_local_dns import NodeLocalDns
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.json_values import JsonObject
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Lookup, Reach, Transport
from bot.domain.phrases import and_more, count
from bot.kubernetes.network_policies import Direction, End, NetworkPolicy, Passage, Port, isolating, passage

_MOST_NAMED = 20
_QUESTION = "whether NetworkPolicies keep pods from CoreDNS"
_UNREAD = "policies of other kinds, such as CiliumNetworkPolicy and Calico's GlobalNetworkPolicy, are not read"
_SILENT = frozenset({Answer.TIMED_OUT, Answer.REFUSED, Answer.NOT_ASKED})
"""What comes back where policies let nothing pass: some programs drop, others reject."""
_FARGATE = "fargate-"
"""How the names of Fargate's nodes begin."""


@dataclass(frozen=True, kw_only=True)
class _Clients:
    """Application pods that policies cannot tell apart."""

    pods: tuple[LabelledPod, ...]
    asked: frozenset[Transport]
    answered: Mapping[Transport, frozenset[str]]
    """By transport: the addresses from which something came back to one of them."""
    servers: int
    """CoreDNS pods."""
    closed: Mapping[Transport, Mapping[str, Direction]]
    """By transport: CoreDNS addresses that policies keep them from, and on which side."""
    by_address: frozenset[Transport]
    """Over which an ipBlock alone decides."""
    policies: Mapping[Direction, tuple[NetworkPolicy, ...]]
    """Those that leave them, or the CoreDNS pods that they are kept from, only what policies allow."""

    @property
    def blocked(self) -> tuple[Transport, ...]:
        """Over which they are kept from CoreDNS pods, and nothing came back from these."""
        return tuple(one for one in Transport if one in self.closed and not self._refuted(one))

    def _refuted(self, transport: Transport) -> bool:
        """Return whether a pod answered that is closed to them; by the Service only where all are closed."""
        came, closed = self.answered.get(transport, frozenset()), self.closed[transport]
        return bool(came & closed.keys()) or (bool(came) and len(closed) == self.servers)

    @property
    def open(self) -> tuple[Transport, ...]:
        """Over which an ipBlock decides, and nothing came back."""
        return tuple(one for one in Transport if one in self.by_address and not self.answered.get(one))

    @property
    def names(self) -> list[str]:
        return [one.title for one in self.pods]

    @property
    def allowed(self) -> str:
        """What policies let these pods do; empty where none closes anything to them."""
        by = sorted({one.title for policies in self.policies.values() for one in policies})
        return f"{and_more(self.names, 3)}: DNS is allowed among {', '.join(by)}" if by and not self.closed else ""

    @property
    def line(self) -> str:
        sides = {side for servers in self.closed.values() for side in servers.values()}
        by = sorted({f"{one.title} ({side})" for side in sides for one in self.policies[side]})
        asked = "nobody looked from them" if not self.asked & set(self.closed) else "lookups from them get no answer"
        if not self.blocked:
            asked = "lookups from them are answered all the same"
        over = " and ".join(one.value.upper() for one in self.closed)
        return f"{and_more(self.names, 3)}: no policy allows {over} 53 to CoreDNS beside {', '.join(by)}; {asked}"


def judge(case: Case) -> Judgement:
    """Hold each kind of application pod against the policies, and ask the lookups."""
    found, matrix = case.need(NetworkPolicies), case.look_for(LookupMatrix)
    if not found.policies:
        if found.gaps:
            return not_known(_QUESTION, *found.gaps)
        where = ", ".join(found.namespaces_looked[:_MOST_NAMED])
        return nothing_to_check(f"no NetworkPolicy in the namespaces {where}; {_UNREAD}")
    every = list(_clients(found, None if isinstance(matrix, Gap) else matrix))
    doubts = list(_doubts(case, found, every))
    closed = [one for one in every if one.blocked]
    certain = [one for one in closed if found.enforced and not _in_doubt(case, one)]
    if certain:
        return _problem(found, certain)
    if doubts or found.gaps:
        lacking = (*found.gaps, *doubts, *([matrix] if isinstance(matrix, Gap) else []))
        return not_known(_QUESTION, *lacking)
    return _healthy(found, every)


def _clients(found: NetworkPolicies, matrix: LookupMatrix | None) -> Iterator[_Clients]:
    """Yield the application pods by what policies select them by."""
    by_cidr = any(peer.cidr for one in found.policies for rule in one.ingress or () for peer in rule.peers)
    grouped: dict[tuple[str, ...], list[LabelledPod]] = {}
    for pod in found.clients:
        if not pod.host_network:
            key = (pod.namespace, str(pod.labels), pod.ip if by_cidr else "", str(pod.node.startswith(_FARGATE)))
            grouped.setdefault(key, []).append(pod)
    servers = [(one.ip, _end(found, one, *found.service_addresses)) for one in found.servers if not one.host_network]
    made = matrix.lookups if matrix else ()
    for pods in grouped.values():
        names = {one.title for one in pods}
        own = [one for one in made if one.client.pod in names and one.answer is not Answer.NOT_ASKED]
        yield _judged(found, pods, servers, made=own)


def _end(found: NetworkPolicies, pod: LabelledPod, *further: str) -> End:
    return End(
        namespace=pod.namespace,
        namespace_labels=dict(found.namespaces).get(pod.namespace, ()),
        pod_labels=pod.labels,
        addresses=(pod.ip, *further),
        ports=frozenset(pod.ports),
    )


def _judged(
    found: NetworkPolicies,
    pods: Sequence[LabelledPod],
    servers: Sequence[tuple[str, End]],
    *,
    made: Sequence[Lookup],
) -> _Clients:
    client, by_cidr = _end(found, pods[0]), all(one.by_cidr for one in found.enforcers if one.enforces)
    closed: dict[Transport, dict[str, Direction]] = {}
    by_address: set[Transport] = set()
    for transport in Transport:
        port = Port(protocol=transport.value.upper(), number=53)
        for address, server in servers:
            for direction in Direction:
                told = passage(found.policies, client, server, port, direction, by_cidr=by_cidr)
                if told is Passage.CLOSED:
                    closed.setdefault(transport, {}).setdefault(address, direction)
                elif told is Passage.BY_ADDRESS:
                    by_address.add(transport)
    ingress = {one.title: one for _, server in servers for one in isolating(found.policies, server, Direction.INGRESS)}
    return _Clients(
        pods=tuple(pods),
        asked=frozenset(one.transport for one in made),
        answered={
            transport: frozenset(one.server for one in made if one.transport is transport and one.answer not in _SILENT)
            for transport in Transport
        },
        servers=len(servers),
        closed=closed,
        by_address=frozenset(by_address),
        policies={
            Direction.EGRESS: isolating(found.policies, client, Direction.EGRESS),
            Direction.INGRESS: tuple(ingress.values()),
        },
    )


def _in_doubt(case: Case, clients: _Clients) -> str:
    """Return why what policies say of these pods may not be what happens; empty: it is."""
    if clients.pods[0].node.startswith(_FARGATE):
        return "they run on Fargate, where the VPC CNI enforces no policy"
    cached = case.find(NodeLocalDns)
    if cached is not None and cached.caches:
        return "NodeLocal DNSCache answers on their own node, which enforcers treat differently"
    return ""


def _doubts(case: Case, found: NetworkPolicies, every: Sequence[_Clients]) -> Iterator[Gap]:
    """Yield what leaves it open for some pods."""
    if not any(one.ip and not one.host_network for one in found.servers):
        yield Gap(what="CoreDNS pods", reason="no CoreDNS pod with an address was found that policies could be held to")
    for one in every:
        title = and_more(one.names, 2)
        if one.blocked and (why := _in_doubt(case, one)):
            yield Gap(what=f"policies for {title}", reason=f"no policy lets {title} ask CoreDNS, and {why}")
        elif one.blocked and not found.enforced and (found.enforced is None or one.asked & set(one.blocked)):
            by = found.enforced_by or "no program that is known to enforce policies was found"
            reason = f"no policy lets {title} ask CoreDNS, and it is not known whether anything enforces that ({by})"
            yield Gap(what="who enforces NetworkPolicies", reason=reason)
        elif one.open and found.enforced is not False:
            reason = f"only an ipBlock may let {title} ask CoreDNS, which enforcers hold against different addresses"
            yield Gap(what=f"policies for {title}", reason=reason)
        elif found.enforced and not any(one.answered.values()) and _is_strict(found, one):
            reason = f"no policy selects {title}, and {found.enforced_by} is strict: it closes such pods, too"
            yield Gap(what=f"policies for {title}", reason=reason)


def _is_strict(found: NetworkPolicies, clients: _Clients) -> bool:
    strict = any(one.strict and one.enforces for one in found.enforcers)
    return strict and not all(clients.policies.values())


def _healthy(found: NetworkPolicies, every: Sequence[_Clients]) -> Judgement:
    pods = sum(len(one.pods) for one in every)
    policies = count(len(found.policies), "NetworkPolicy", "NetworkPolicies")
    notes = tuple(note for one in every if (note := one.line if one.closed else one.allowed))[:_MOST_NAMED]
    if any(one.closed for one in every) and found.enforced is False:
        return healthy(f"Nothing enforces the {policies} here: {found.enforced_by}.", *notes)
    allowed = f"{policies}, and {count(pods, 'application pod')} may ask CoreDNS over UDP and TCP 53."
    return healthy(allowed, *notes, _UNREAD)


def _rows(certain: Sequence[_Clients]) -> Iterator[JsonObject]:
    """Yield what is to be allowed: for each kind of pod one policy that selects it, the narrowest, none twice."""
    covered: dict[tuple[Direction, str], tuple[NetworkPolicy, list[_Clients]]] = {}
    for one in certain:
        for side in sorted({side for transport in one.blocked for side in one.closed[transport].values()}):
            chosen = max(one.policies[side], key=lambda policy: (policy.pods.narrowness, policy.title))
            covered.setdefault((side, chosen.title), (chosen, []))[1].append(one)
    for (side, _), (policy, clients) in covered.items():
        yield {
            "direction": side.value,
            "namespace": policy.namespace,
            "policy": policy.name,
            "clients_in": sorted({pod.namespace for one in clients for pod in one.pods}),
            "pods": sum(len(one.pods) for one in clients),
        }


def _problem(found: NetworkPolicies, certain: Sequence[_Clients]) -> Judgement:
    rows = tuple(_rows(certain))
    pods = sum(len(one.pods) for one in certain)
    over = [one for one in Transport if any(one in clients.blocked for clients in certain)]
    named = ", ".join(f"{row['namespace']}/{row['policy']} ({row['direction']})" for row in rows[:3])
    managed = sorted(
        {f"{one.title} is managed by {one.manager}" for one in found.policies if one.manager and _named(one, rows)}
    )
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"No NetworkPolicy lets {count(pods, 'application pod')} ask CoreDNS over "
            f"{' and '.join(one.value.upper() for one in over)} 53, and {named} closes all that none allows; "
            f"{found.enforced_by} enforces that. Lookups of these pods get no answer."
        ),
        proof=(*(one.line for one in certain[:_MOST_NAMED]), *managed),
        details={"blocked": rows, "pods": [name for one in certain for name in one.names][:_MOST_NAMED]},
        missing=found.gaps,
        reach=tuple(_reach(certain)),
        advice=(
            *(
                f"kubectl -n {row['namespace']} describe networkpolicy {row['policy']}  # then allow UDP and TCP 53"
                for row in rows[:3]
            ),
        ),
    )


def _named(policy: NetworkPolicy, rows: Sequence[JsonObject]) -> bool:
    return (policy.namespace, policy.name) in {(row["namespace"], row["policy"]) for row in rows}


def _reach(certain: Sequence[_Clients]) -> Iterator[Reach]:
    for one in certain:
        for transport in one.blocked:
            yield Reach(
                pods=frozenset(one.names),
                transports=frozenset({transport}),
                servers=frozenset(one.closed[transport]),
            )


RULE = Rule(
    name="network_policy_blocks_dns",
    title="NetworkPolicies keep pods from CoreDNS",
    check="NetworkPolicies between application pods and CoreDNS",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(NetworkPolicies,),
    wants=(LookupMatrix, NodeLocalDns),
    problem_refuted_by=(
        (LookupMatrix, "an answer to such a pod over the same transport"),
        (NetworkPolicies, "a policy that allows it, or that nothing enforces policies"),
        (NodeLocalDns, "a cache on the node, which is asked in CoreDNS's place"),
    ),
    healthy_refuted_by=((NetworkPolicies, "a policy that leaves a pod only what policies allow, and no DNS"),),
)
