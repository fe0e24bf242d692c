"""What rules about NodeLocal DNSCache ask alike: who asks it, and how lookups through it fare; no rule itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Lookup
from bot.domain.phrases import count

IPVS = "ipvs"
"""The mode in which kube-proxy's own interface holds every ClusterIP."""
NO_CACHE = "no DaemonSet runs NodeLocal DNSCache"


def asked_there(found: NodeLocalDns, cache: NodeLocalCache, node: str, lookups: LookupMatrix | None) -> bool:
    """Return whether pods of this node ask the cache, by what their resolv.conf names, else by what it binds.

    Where no pod of the node was read, what the kubelets of other nodes give out counts for it, too.
    """
    read = [one for one in lookups.resolvers if one.uses_cluster_dns] if lookups else []
    here = [one for one in read if one.client.node == node] or read
    if not here:
        return found.takes_cluster_ip(cache)
    return any(server in cache.own_addresses for one in here for server in one.nameservers)


def through(found: NodeLocalDns, lookups: LookupMatrix | None, nodes: Iterable[str] = ()) -> tuple[Lookup, ...]:
    """Return the lookups that were made at the caches' addresses, on these nodes or on all."""
    wanted = frozenset(nodes)
    return tuple(
        one
        for one in (lookups.lookups if lookups else ())
        if one.server in found.addresses
        and one.answer is not Answer.NOT_ASKED
        and (not wanted or one.client.node in wanted)
    )


def lookups_through(found: NodeLocalDns, lookups: LookupMatrix | None, nodes: Sequence[str]) -> str:
    """Say how lookups at its addresses fare on these nodes."""
    asked = through(found, lookups, nodes)
    if not asked:
        return "No lookup at its addresses was made there."
    answered = [one for one in asked if one.answer is Answer.ANSWERED]
    servers = ", ".join(sorted({one.server for one in asked}))
    return f"{len(answered)} of {count(len(asked), 'lookup')} at {servers} from there were answered."
