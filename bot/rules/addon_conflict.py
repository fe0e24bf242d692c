"""EKS could not apply what an add-on is to be: others had set the same fields in the cluster (ConfigurationConflict).

EKS owns the fields that an add-on's version and configuration name. Where somebody set one by kubectl or a chart, an
update that is to leave such values alone (`--resolve-conflicts NONE`, the default) ends as UPDATE_FAILED or
CREATE_FAILED and names the fields: nothing of it has taken effect, neither a new version nor a new Corefile, while what
runs goes on. By hand: `aws eks describe-addon --cluster-name CLUSTER --addon-name coredns --query addon.health`.
Whose value is right is a person's choice: advice only; an update with OVERWRITE is undone by no one. Too early to tell
while EKS is at work on the add-on. Fields that others set and no update asked for are no conflict. Source: EKS User
Guide, "Determine fields you can customize for Amazon EKS add-ons"; EKS API Reference, UpdateAddon.

In a playbook: `{rule: addon_conflict, severity: warning}`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.collectors.eks_addons import CONFLICT, AddonIssue, EksAddon, EksAddons
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.phrases import and_more, count
from bot.rules._addon_health import NO_ADDON, addon_object, line, not_told, told

_FIELD = re.compile(r"^\s*(?P<object>\S.*?) - (?P<field>\.\S.*?)\s*$", re.MULTILINE)
"""How EKS writes one: `ConfigMap coredns - .data.Corefile`."""
_MOST_FIELDS = 20

Conflict = tuple[EksAddon, tuple[AddonIssue, ...]]
"""An add-on, and its issues that are conflicts."""


def judge(case: Case) -> Judgement:
    """Conclude from the add-ons' health as EKS tells it."""
    found = case.need(EksAddons)
    if not found.addons and not found.gaps:
        return nothing_to_check(NO_ADDON)
    conflicts = [(addon, issues) for addon in told(found) if (issues := _conflicts(addon))]
    missing = tuple(not_told(found))
    if conflicts:
        return _problem(conflicts, found, missing)
    if missing:
        return not_known("whether EKS could apply its add-ons", *missing)
    return healthy(
        f"EKS names no conflict in {count(len(found.addons), 'add-on')}.",
        *(line(addon, ()) for addon in found.addons),
    )


def _conflicts(addon: EksAddon) -> tuple[AddonIssue, ...]:
    return tuple(issue for issue in addon.issues if issue.code == CONFLICT)


def _fields(issues: Sequence[AddonIssue]) -> list[str]:
    """Return the fields that the issues name, `ConfigMap coredns .data.Corefile`; none where EKS words it otherwise."""
    named = [f"{one['object']} {one['field']}" for issue in issues for one in _FIELD.finditer(issue.message)]
    return list(dict.fromkeys(named))


def _problem(conflicts: Sequence[Conflict], found: EksAddons, missing: tuple[Gap, ...]) -> Judgement:
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"EKS could not apply {' and '.join(_told_of(*one) for one in conflicts)}. Nothing of that update or "
            "installation has taken effect; what ran before it goes on."
        ),
        proof=tuple(
            shown
            for addon, issues in conflicts
            for shown in ([f"{addon.name}: {one}" for one in _fields(issues)[:_MOST_FIELDS]] or [line(addon, issues)])
        ),
        details={
            "conflicts": [
                {"addon": addon.name, "status": addon.status, "fields": _fields(issues)} for addon, issues in conflicts
            ]
        },
        missing=missing,
        objects=tuple(addon_object(addon) for addon, _ in conflicts),
        advice=tuple(text for addon, _ in conflicts for text in _advice(addon, found.cluster)),
    )


def _told_of(addon: EksAddon, issues: Sequence[AddonIssue]) -> str:
    fields = _fields(issues)
    named = f"{count(len(fields), 'field')} others had set ({and_more(fields, 3)})" if fields else "others' changes"
    return f"its add-on {addon.name} ({addon.status}) because of {named}"


def _advice(addon: EksAddon, cluster: str) -> tuple[str, ...]:
    sent = f"aws eks update-addon --cluster-name {cluster} --addon-name {addon.name} --resolve-conflicts"
    return (
        f"Decide whose values hold, and send the update of {addon.name} again, with its version and configuration.",
        f"{sent} OVERWRITE  # EKS's values: what others set in these fields is lost, so save it first",
        f"{sent} PRESERVE  # what others set stays; better, name it in --configuration-values: then EKS keeps it",
        "Let whoever set the fields (kubectl, a chart, Terraform) leave them alone from then on.",
    )


RULE = Rule(
    name="addon_conflict",
    title="An EKS add-on could not be applied: others set the same fields",
    check="EKS add-ons applied as configured",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(EksAddons,),
    problem_refuted_by=((EksAddons, "a health without that issue, or an update that EKS is still at work on"),),
    healthy_refuted_by=((EksAddons, "an issue ConfigurationConflict, or an add-on that could not be described"),),
)
