"""All CoreDNS pods answer under one name, so that nobody can tell whose answers are wrong.

In a playbook: `{rule: coredns_pods_look_alike, severity: note}`.
"""

from __future__ import annotations

from bot.collectors.coredns_identity import CorednsIdentity
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy


def judge(case: Case) -> Judgement:
    """Conclude from the name that they share."""
    shared = case.need(CorednsIdentity).name
    if not shared:
        return healthy("Each CoreDNS pod answers under its own name.")
    return Judgement(verdict=Verdict.PROBLEM, summary=f"Every CoreDNS pod answers as {shared!r}.")


RULE = Rule(
    name="coredns_pods_look_alike",
    title="CoreDNS pods cannot be told apart",
    check="CoreDNS pods and what resembles them",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsIdentity,),
    problem_refuted_by=((CorednsIdentity, "pods that differ"),),
    healthy_refuted_by=((CorednsIdentity, "pods that do not"),),
)
