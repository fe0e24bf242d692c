"""A digest in words, once for Slack and the terminal. Marks and trends are words and signs, never colour alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.domain.digests import CAPACITY, ClusterHealth, Digest, Worsened
from bot.domain.health import Capacity, EndpointUse, Mute, Problem, Served, Standing
from bot.domain.phrases import and_more, count, sentence
from bot.report.measure_words import NONE, milliseconds, per_second, percent
from bot.report.plan_words import Names, TimeForm

STEADY_WITHIN = 0.1
"""A measure that moved by less than a tenth is steady."""
HEADINGS = ("cluster", "open", "q/s", "errors", "p95", "ready")
"""Short: six columns must fit on a phone."""
UP, DOWN, STEADY = "↑", "↓", "→"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSection:
    """One of the four lists, in the digest's order."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestWords:
    """A digest as it is told."""

    title: str
    summary: str
    """One sentence, for notifications and screen readers."""
    sections: tuple[DigestSection, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """A row for each cluster, those with trouble first."""
    details: tuple[str, ...]
    """A line for each cluster with what the table has no room for."""
    notes: tuple[str, ...]
    """What could not be seen, how the numbers are to be read, and what the digest cost."""
    clusters: tuple[str, ...]
    """Those that a button offers to diagnose: with trouble first."""
    open_in: tuple[str, ...]
    """The clusters with something open that may be muted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIssue:
    """An open problem as the form to mute one offers it."""

    title: str
    value: str
    """Cluster and rule."""


def digest_words(digest: Digest, names: Names, *, at: TimeForm) -> DigestWords:
    """Return what a digest says."""
    ranked = sorted(
        digest.clusters, key=lambda one: (not one.not_seen, -one.open_problems, -len(one.worsened), one.cluster)
    )
    return DigestWords(
        title=f"DNS health, {_when(digest)}",
        summary=_summary(digest),
        sections=tuple(_sections(digest, names, at)),
        headings=HEADINGS,
        rows=tuple(map(_row, ranked)),
        details=tuple(_details(one, at) for one in ranked if not one.not_seen and one.standing is not None),
        notes=tuple(_notes(digest, at)),
        clusters=tuple(one.cluster for one in ranked),
        open_in=tuple(one.cluster for one in ranked if one.open_problems),
    )


def _when(digest: Digest) -> str:
    local = digest.at.astimezone(ZoneInfo(digest.timezone))
    return f"{digest.slot.replace('T', ' ') or local.strftime('%Y-%m-%d %H:%M')} {digest.timezone}"


def _summary(digest: Digest) -> str:
    worse = len(digest.worse) + len(digest.worsened)
    unseen = sum(bool(one.not_seen) for one in digest.clusters)
    parts = [
        f"{len(digest.new)} new",
        f"{worse} worse",
        f"{len(digest.fixed)} fixed",
        f"{len(digest.still_open)} still open",
    ]
    seen = f"in {count(len(digest.clusters), 'cluster')}"
    if digest.muted:
        parts.append(f"{len(digest.muted)} muted")
    return f"{', '.join(parts)} {seen}" + (f"; {unseen} not seen" if unseen else "") + "."


def _sections(digest: Digest, names: Names, at: TimeForm) -> Iterator[DigestSection]:
    worse = (
        *(_problem(one, f"was {one.worst_before or 'less severe'}") for one in digest.worse),
        *map(_worsened, digest.worsened),
    )
    yield _section("New", tuple(_problem(one, f"since {at(one.since)}") for one in digest.new))
    yield _section("Worse", worse)
    yield _section("Fixed", tuple(_fixed(one, at) for one in digest.fixed))
    yield _section("Still open", tuple(_problem(one, _open_since(one, at)) for one in digest.still_open))
    if digest.muted:
        yield _section("Known and muted", tuple(_muted(problem, mute, names, at) for problem, mute in digest.muted))


def _muted(problem: Problem, mute: Mute, names: Names, at: TimeForm) -> str:
    who = names.person(mute.owner.user_id)
    return (
        f"{problem.cluster}: {problem.title} ({problem.severity}, muted by {who} until {at(mute.until)}: {mute.reason})"
    )


def _section(heading: str, lines: tuple[str, ...]) -> DigestSection:
    return DigestSection(heading=f"{heading} ({len(lines)})", lines=lines or ("nothing",))


def _problem(problem: Problem, when: str) -> str:
    return f"{problem.cluster}: {problem.title} ({problem.severity}, {when}). {sentence(problem.summary)}"


def _open_since(problem: Problem, at: TimeForm) -> str:
    return f"open since {at(problem.since)}, last seen {at(problem.seen_at)}"


def _fixed(problem: Problem, at: TimeForm) -> str:
    by = f"by the approved plan {problem.fixed_by}" if problem.fixed_by else "by no plan of this bot"
    healthy = f"found healthy at {at(problem.fixed_at)}" if problem.fixed_at else "found healthy"
    return f"{problem.cluster}: {problem.title} ({healthy}, {by})"


def _worsened(change: Worsened) -> str:
    before = "not measured before" if change.before is None else f"was {_measure(change.what, change.before)}"
    return f"{change.cluster}: {change.what} {_measure(change.what, change.now)} ({before})"


def _measure(what: str, value: float) -> str:
    if what.startswith("latency"):
        return milliseconds(value)
    if what.startswith(CAPACITY):
        return Capacity(round(value)).word
    return percent(value) if what in {"error share", "resolver head-room"} else f"{value:g}"


def _row(fares: ClusterHealth) -> tuple[str, ...]:
    if fares.not_seen:
        return (f"? {fares.cluster}", "not seen", NONE, NONE, NONE, NONE)
    standing, now, before = fares.standing, fares.now, fares.before
    mark = "!" if fares.troubled else "ok" if fares.well else "?"
    open_words = _open_words(fares)
    if standing is not None and standing.part_of_node:
        return (f"{mark} {fares.cluster}", open_words, NONE, NONE, NONE, "part of node")
    ready = f"{standing.pods_ready}/{standing.pods_wanted}" if standing else NONE
    if now is None:
        return (f"{mark} {fares.cluster}", open_words, NONE, NONE, NONE, ready)
    return (
        f"{mark} {fares.cluster}",
        open_words,
        _trend(now.queries_per_second, before.queries_per_second if before else None, per_second),
        _trend(now.error_share, before.error_share if before else None, percent),
        _trend(now.percentile(0.95), before.percentile(0.95) if before else None, milliseconds),
        ready,
    )


def _open_words(fares: ClusterHealth) -> str:
    if fares.diagnosed is None:
        return "never diagnosed"
    return str(fares.open_problems) if fares.troubled or fares.well else f"{fares.open_problems}, some unknown"


def _trend(now: float | None, before: float | None, form: Callable[[float], str]) -> str:
    """Return a number with a sign of where it went; no sign where nothing is known of before."""
    if now is None:
        return NONE
    if before is None:
        return form(now)
    moved = now - before
    if abs(moved) <= STEADY_WITHIN * before:
        return f"{form(now)} {STEADY}"
    return f"{form(now)} {UP if moved > 0 else DOWN} was {form(before)}"


def _details(fares: ClusterHealth, at: TimeForm) -> str:
    """Return in one line what the table has no room for."""
    standing, now = fares.standing, fares.now
    parts = [*_of_standing(standing), *_of_served(now), *_of_caches(fares, standing)] if standing is not None else []
    parts += map(_endpoint, fares.endpoints)
    last = f"diagnosed at {at(fares.diagnosed.at)}" if fares.diagnosed is not None else "never diagnosed"
    return f"{fares.cluster}: {'; '.join((*parts, last, *fares.gaps))}."


def _of_standing(standing: Standing) -> Iterator[str]:
    if standing.part_of_node:
        yield "DNS is part of the nodes (EKS Auto Mode), nothing is measured"
        return
    where = f"on {count(standing.nodes, 'node')}" + (f" in {count(standing.zones, 'zone')}" if standing.zones else "")
    ready = f"{standing.pods_ready} of {count(standing.pods_wanted, 'pod')} ready"
    yield f"{ready} {where}, {count(standing.restarts, 'restart')}"
    if standing.version or standing.addon:
        yield f"CoreDNS {standing.version or 'of unknown version'}, {_addon(standing)}"


def _of_caches(fares: ClusterHealth, standing: Standing) -> Iterator[str]:
    """Say what NodeLocal DNSCache did; nothing where it was not read whether it is there, which is among the gaps."""
    if standing.caches_ready is None or standing.part_of_node:
        return
    if not standing.caches_ready:
        yield "no ready pod of NodeLocal DNSCache"
        return
    read = f"NodeLocal DNSCache, {fares.caches_read} of {count(standing.caches_ready, 'ready pod')} read"
    did = fares.cached
    if did is None:
        yield f"{read}: nothing measured yet"
        return
    rate = per_second(did.queries_per_second) if did.queries_per_second is not None else NONE
    yield (
        f"{read}: {rate} queries a second, cache hits {percent(did.cache_hit_share)}, "
        f"SERVFAIL {percent(did.share(did.servfail))}, p95 {milliseconds(did.percentile(0.95))}"
    )


_USED = {Capacity.OK: "", Capacity.WARNING: ": an interface uses more than 50 %",
         Capacity.CRITICAL: ": an interface uses more than 75 %"}  # fmt: skip


def _endpoint(use: EndpointUse) -> str:
    """Say what CloudWatch has of a Resolver endpoint; what it has not is not said."""
    parts = []
    if use.queries_per_second is not None:
        parts.append(f"{per_second(use.queries_per_second)} queries a second in the last 15 minutes")
    if use.healthy is not None:
        parts.append(f"{count(use.healthy, 'healthy interface')}, {use.unhealthy or 0} unhealthy")
    if use.capacity is not None:
        parts.append(f"capacity {use.capacity.word}{_USED[use.capacity]}")
    way = "inbound" if use.inbound else "outbound"
    return f"{way} Resolver endpoint {use.id}, {', '.join(parts) or 'no metrics in CloudWatch'}"


def _addon(standing: Standing) -> str:
    if not standing.addon:
        return "no EKS add-on"
    if not standing.addon_newest:
        return f"add-on {standing.addon}"
    is_newest = standing.addon == standing.addon_newest
    newest = "the newest" if is_newest else f"the newest is {standing.addon_newest}"
    return f"add-on {standing.addon}, {newest} for this Kubernetes version"


def _of_served(now: Served | None) -> Iterator[str]:
    if now is None:
        return
    rcodes = (("SERVFAIL", now.servfail), ("NXDOMAIN", now.nxdomain), ("REFUSED", now.refused))
    yield ", ".join(f"{name} {percent(now.share(number))}" for name, number in rcodes)
    latency = "/".join(milliseconds(now.percentile(share)) for share in (0.5, 0.95, 0.99))
    yield f"p50/p95/p99 {latency}, cache hits {percent(now.cache_hit_share)}"
    if now.forward_failures:
        worst = now.worst_upstream
        yield f"{now.forward_failures} forward failures" + (f", most at {worst.address}" if worst is not None else "")
    yield f"{now.failed_reloads} failed reloads, {count(now.panics, 'panic')}"
    yield f"an estimated {percent(now.resolver_headroom)} of 1,024 packets a second free at the busiest node"


def _notes(digest: Digest, at: TimeForm) -> Iterator[str]:
    for one in digest.clusters:
        if one.not_seen:
            yield f"Not seen: {one.cluster}. {sentence(one.not_seen)}"
    for missed in digest.not_diagnosed:
        yield f"Not diagnosed though something changed: {missed.cluster}. {sentence(missed.reason)}"
    since = f"Numbers are of the time since {at(digest.since)}, signs compare with as long before"
    marks = "! has a problem or got worse, ok is healthy by its last diagnosis, ? is not known to be"
    yield f"{since}; q/s are queries a second, errors SERVFAIL and REFUSED; - was not measured; {marks}."
    light, number = digest.light, max(len(digest.clusters), 1)
    yield (
        f"{count(len(digest.clusters), 'cluster')} looked at in {light.took_seconds:.1f} s, "
        f"{light.processor_seconds / number:.2f} s of processor time each; "
        + (f"diagnosed in full: {and_more(digest.diagnosed, 10)}." if digest.diagnosed else "none diagnosed in full.")
    )


MOST_ISSUES, MOST_CHARACTERS = 100, 150
"""Options of a select, and characters of an option's value."""


def known_issues(problems: Sequence[Problem]) -> tuple[KnownIssue, ...]:
    """Return what the form offers, in the order given."""
    found = (KnownIssue(title=f"{one.cluster}: {one.title}", value=f"{one.cluster} {one.rule}") for one in problems)
    return tuple(one for one in found if len(one.value) <= MOST_CHARACTERS)[:MOST_ISSUES]
