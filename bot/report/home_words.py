"""The home page of one person in words."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.approvals import Proposal
from bot.domain.findings import Verdict
from bot.domain.phrases import count
from bot.report.history_words import verdict_words
from bot.report.plan_words import Names, TimeForm, asked, outcome_words
from bot.workflow.glance import ClusterGlance, Glance

NOTHING = "Nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPlan:
    """A plan that waits for this person."""

    text: str
    url: str
    """Of its card; empty: it stands nowhere that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeWords:
    """What the page says."""

    summary: str
    clusters: tuple[str, ...]
    """A line each."""
    waiting: tuple[WaitingPlan, ...]
    asked: tuple[str, ...]
    changes: tuple[str, ...]
    refused: str
    """Why it says nothing of clusters; empty: it does."""


def home_words(found: Glance, names: Names, links: dict[str, str], *, at: TimeForm) -> HomeWords:
    """Return what the page says; `links` lead to cards, by the plan's id."""
    if found.refused:
        return HomeWords(summary=found.refused, clusters=(), waiting=(), asked=(), changes=(), refused=found.refused)
    troubled = sum(one.open_problems > one.muted for one in found.clusters)
    waiting = count(len(found.waiting), "plan waits", "plans wait")
    return HomeWords(
        summary=f"{troubled} of {count(len(found.clusters), 'cluster')} with open problems; {waiting} for you.",
        clusters=tuple(_cluster(one, at) for one in found.clusters),
        waiting=tuple(WaitingPlan(text=_waiting(one, names, at), url=links.get(one.id, "")) for one in found.waiting),
        asked=tuple(f"{at(one.started_at)} {one.cluster}: {verdict_words(one)}" for one in found.asked) or (NOTHING,),
        changes=tuple(
            f"{plan.plan.cluster}: {plan.plan.title}. {outcome_words(outcome)}" for plan, outcome in found.changes
        )
        or (NOTHING,),
        refused="",
    )


def _cluster(one: ClusterGlance, at: TimeForm) -> str:
    if one.diagnosed is None:
        return f"? {one.cluster}: never diagnosed"
    told = one.open_problems - one.muted
    mark = "!" if told else "ok" if one.diagnosed.verdict == Verdict.HEALTHY.value else "?"
    muted = f", {one.muted} muted" if one.muted else ""
    return f"{mark} {one.cluster}: {told} open{muted}; {one.diagnosed.verdict} when diagnosed at {at(one.diagnosed.at)}"


def _waiting(proposal: Proposal, names: Names, at: TimeForm) -> str:
    plan, by = proposal.plan, asked(proposal.requested_by, names)
    wider = f", or {count(len(proposal.alternatives), 'wider plan')}" if proposal.alternatives else ""
    return f"{plan.cluster}: {plan.title}{wider} ({plan.risk} risk, asked {by}, until {at(proposal.expires_at)})"
