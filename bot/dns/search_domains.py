"""Queries that search domains cost: a name with fewer dots than `ndots` is tried with each of them first (C11).

With `ndots:5`, `amazon.com` is asked for as `amazon.com.NAMESPACE.svc.cluster.local.`, `amazon.com.svc.cluster.local.`,
`amazon.com.cluster.local.` and with the node's own search domain, all NXDOMAIN, before `amazon.com.` is. A query counts
as wasted only where the same client got an answer for the name without the search domain: a name that exists nowhere
is no fault of `ndots`. Source: resolv.conf(5), "ndots"; Kubernetes documentation, "DNS for Services and Pods".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.dns.query_log import NO_ERROR, NO_NAME, ClientQueries

CLUSTER_ZONE = "cluster.local"
_LABELS = 2
"""Of a name that `ndots:1` asks for as it is, before any search domain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCost:
    """What search domains cost one client."""

    queries: int
    """All that it asked."""
    wasted: int
    """Queries with a search domain behind a name that has an answer without it."""
    names: tuple[tuple[str, int], ...]
    """Such names, without the search domain, and how many queries each wasted: the most wasteful first."""
    short: int
    """Queries for cluster names in short form (`carts.shop`), each of which `ndots:1` would precede by one in vain."""
    no_name: int
    """NXDOMAIN answers that are no waste: what was asked for exists nowhere."""

    @property
    def saved(self) -> int:
        """Return how many queries fewer `ndots:1` would have made; below 0: more."""
        return self.wasted - self.short


def search_cost(queries: ClientQueries, zones: Sequence[str] = (CLUSTER_ZONE,), most_names: int = 5) -> SearchCost:
    """Return what search domains cost this client; `zones` are the cluster's own, without dot at the end."""
    by_name = _wasted(queries, tuple(f".{zone.strip('.').lower()}." for zone in zones))
    wasted = sum(by_name.values())
    short, missed = _short(queries, zones)
    rcodes = queries.rcodes
    return SearchCost(
        queries=rcodes.total(),
        wasted=wasted,
        names=tuple((name.removesuffix("."), times) for name, times in by_name.most_common(most_names)),
        short=short,
        no_name=rcodes[NO_NAME] - wasted - missed,
    )


def _wasted(queries: ClientQueries, zones: tuple[str, ...]) -> Counter[str]:
    """Count NXDOMAIN answers by the name, without search domain, that has an answer.

    That a suffix is a search domain is known of the cluster's own; of another one where it stands behind a name that
    was tried with those, too.
    """
    found: Counter[str] = Counter()
    others: list[tuple[str, int]] = []
    for name, rcodes in queries.names.items():
        times = rcodes[NO_NAME]
        if not times:
            continue
        head = _answered_head(name, queries) if name.endswith(zones) else ""
        if head:
            found[head] += times
        else:
            others.append((name, times))
    tried = frozenset(found)
    for name, times in others:
        head = next((head for head in _heads(name) if head in tried), "")
        if head:
            found[head] += times
    return found


def _answered_head(name: str, queries: ClientQueries) -> str:
    return next((head for head in _heads(name) if head in queries.names and queries.names[head][NO_ERROR]), "")


def _heads(name: str) -> Iterator[str]:
    """Return the names that this one may be with a search domain behind it, the longest first."""
    labels = name.removesuffix(".").split(".")
    for end in range(len(labels) - 1, _LABELS - 1, -1):
        yield ".".join(labels[:end]) + "."


def _short(queries: ClientQueries, zones: Sequence[str]) -> tuple[int, int]:
    """Count lookups of cluster names in short form, tried with another search domain before, and those tries."""
    services = tuple(f".svc.{zone.strip('.').lower()}." for zone in zones)
    tries: Counter[str] = Counter()
    for name, rcodes in queries.names.items():
        suffix = next((one for one in services if name.endswith(one)), "") if rcodes[NO_NAME] else ""
        if suffix:
            head = name.removesuffix(suffix)
            for tried in (head, head.rpartition(".")[0]):
                tries[f"{tried}."] += rcodes[NO_NAME]
    heads: dict[str, int] = {}
    for name, rcodes in queries.names.items():
        head = _short_form(name, tries, zones) if rcodes[NO_ERROR] else ""
        if head:
            heads[head] = heads.get(head, 0) + rcodes[NO_ERROR]
    return sum(heads.values()), sum(tries[head] for head in heads)


def _short_form(name: str, tries: Counter[str], zones: Sequence[str]) -> str:
    """Return the name without the search domain by which it was found, where others were tried in vain."""
    for zone in zones:
        for suffix in (f".svc.{zone.strip('.')}.", f".{zone.strip('.')}."):
            head = name.removesuffix(suffix) + "."
            if name.endswith(suffix) and head.count(".") >= _LABELS and tries[head]:
                return head
    return ""
