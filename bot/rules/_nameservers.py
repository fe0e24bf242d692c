"""What pods are told to ask, against what the DNS service has and what answers. No rule itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Gap
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Answer
from bot.kubernetes.dns_service import may_be_a_service

_ALL = 2
"""From so many nodes on "all of them ask the same" says something about the nodes' settings."""


def expected_servers(dns: KubeDns) -> tuple[str, ...]:
    """Return the DNS service's addresses, the first one first."""
    return tuple(dict.fromkeys(ip for ip in (dns.cluster_ip, *dns.cluster_ips) if ip not in {"", "None"}))


def told_by_kubelet(lookups: LookupMatrix) -> list[PodResolver]:
    """Return the resolv.conf of those pods to which the kubelet gives the cluster's DNS."""
    return [resolver for resolver in lookups.resolvers if resolver.uses_cluster_dns and resolver.nameservers]


def strangers(resolver: PodResolver, right: Iterable[str]) -> list[str]:
    """Return the servers that are neither `right` nor of the pod's own choice."""
    known = {*right, *resolver.own_nameservers}
    return [server for server in resolver.nameservers if server not in known]


def answers(lookups: LookupMatrix, resolver: PodResolver, server: str) -> bool | None:
    """Return whether this server gave these pods an answer to a cluster name; None: none of them asked it one."""
    here = (resolver.client.node, resolver.client.kind)
    asked = [
        one.answer
        for one in lookups.lookups
        if one.server == server
        and not one.external
        and (one.client.node, one.client.kind) == here
        and one.answer is not Answer.NOT_ASKED
    ]
    return Answer.ANSWERED in asked if asked else None


def all_answer(lookups: LookupMatrix) -> bool | None:
    """Return whether each pod has a nameserver that answers it; None: that was not asked everywhere."""
    told = [[answers(lookups, one, server) for server in one.nameservers] for one in told_by_kubelet(lookups)]
    if not told or not all(any(answer is not None for answer in row) for row in told):
        return None
    return all(True in row for row in told)


def none_answers(lookups: LookupMatrix) -> bool:
    """Return whether pods asked their own nameservers for cluster names and not one of them answered."""
    told = [answers(lookups, one, server) for one in told_by_kubelet(lookups) for server in one.nameservers]
    return False in told and True not in told


def vacated(lookups: LookupMatrix, dns: KubeDns) -> str:
    """Return the address that all pods ask and the DNS service does not have; empty: it is not so.

    Where the service has what EKS tells nodes (the tenth address) the nodes were told otherwise, and where one node
    alone was looked at only that address tells the two apart.
    """
    right = expected_servers(dns)
    judged = told_by_kubelet(lookups)
    if not right or not judged or dns.tenth_address in right:
        return ""
    if any(server in right for resolver in judged for server in resolver.nameservers):
        return ""
    common = set.intersection(*(set(strangers(resolver, right)) for resolver in judged))
    addresses = sorted(filter(may_be_a_service, common), key=lambda one: (one != dns.tenth_address, one))
    if not addresses or (len(nodes_of(judged)) < _ALL and addresses[0] != dns.tenth_address):
        return ""
    return addresses[0]


def nodes_of(resolvers: Iterable[PodResolver]) -> list[str]:
    """Return the nodes of these pods, sorted."""
    return sorted({resolver.client.node for resolver in resolvers})


def named_by(resolvers: Iterable[PodResolver]) -> list[str]:
    """Return all servers that these pods are told to ask, sorted."""
    return sorted({server for resolver in resolvers for server in resolver.nameservers})


def unread(lookups: LookupMatrix) -> tuple[Gap, ...]:
    """Return the pods that were looked from and whose resolv.conf was not read, or names no server."""
    read = {resolver.client.pod for resolver in lookups.resolvers if resolver.nameservers}
    sampled = {one.client.pod for one in lookups.lookups} | {resolver.client.pod for resolver in lookups.resolvers}
    known = {pod: gap for pod in sampled - read for gap in lookups.gaps if f" {pod}" in gap.what}
    return tuple(
        known.get(pod) or Gap(what=f"/etc/resolv.conf of pod {pod}", reason="it was not read, or names no server")
        for pod in sorted(sampled - read)
    )


def unasked(pairs: Sequence[tuple[PodResolver, str]]) -> tuple[Gap, ...]:
    """Return a gap for each server of which it is not known whether it answers."""
    servers = {server: resolver.client for resolver, server in reversed(pairs)}
    return tuple(
        Gap(what=f"lookups by {server} from {client.title}", reason="it was asked for no cluster name from there")
        for server, client in sorted(servers.items())
    )
