"""The doctor's part about one cluster: what is read there, what may be asked, what may be changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from bot.doctor.checks import Check, State
from bot.doctor.dry_runs import Rehearse, check_changes
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.plans import Fix
from bot.errors import DnsBotError
from bot.report.permissions import Need, Use

REVIEW_SECONDS = 20.0

Review = Callable[[KubernetesPermission, Deadline], bool]
"""Asks the API server whether an identity may do something (SelfSubjectAccessReview)."""


def check_cluster(
    target: ClusterTarget,
    diagnose: Callable[[Question], Diagnosis],
    found: Sequence[Need],
    reviews: Mapping[Use, Review],
    fixes: Iterable[Fix] = (),
    rehearse: Rehearse | None = None,
) -> Iterator[Check]:
    """Try every collector for real, ask for every Kubernetes right, and have AWS judge what fixes would send.

    `rehearse` is None where no AWS writer is configured.
    """
    try:
        diagnosis = diagnose(Question(cluster=target.name))
    except DnsBotError as error:
        yield Check(subject=target.name, state=State.MISSING, text=str(error), disables=("every check",))
        return
    yield from _gathered(target, diagnosis)
    yield from _unjudged(target, diagnosis, found)
    yield from _untried(target, diagnosis, found)
    for use, review in reviews.items():
        yield from _reviewed(target, use, review, [need for need in found if need.use is use])
    changes = [need for need in found if need.use is Use.CHANGE]
    if rehearse:
        yield from check_changes(f"{target.name}, to change", diagnosis, changes, fixes, rehearse)
    yield from _writers(target, changes)


def _gathered(target: ClusterTarget, diagnosis: Diagnosis) -> Iterator[Check]:
    blind: dict[tuple[str, str], list[str]] = {}
    for check in diagnosis.unknown_checks:
        blind.setdefault((check.grant, check.reason), []).append(check.rule)
    for (grant, reason), rules in blind.items():
        state = State.MISSING if grant else State.UNKNOWN
        yield Check(subject=target.name, state=state, text=_reason(reason, grant), disables=tuple(rules))
    text = f"{diagnosis.checks_ran} of {diagnosis.checks_total} checks can run"
    yield Check(subject=target.name, state=State.OK if not blind else State.NOTE, text=text)


def _reason(reason: str, grant: str) -> str:
    return reason if not grant or grant in reason else f"{reason} Grant {grant} to the reading identity."


def _unjudged(target: ClusterTarget, diagnosis: Diagnosis, found: Sequence[Need]) -> Iterator[Check]:
    """Tell what could not be read although no check misses it. Kubernetes' rights are left to the access review."""
    reviewed = {need.permission.text for need in found if isinstance(need.permission, KubernetesPermission)}
    for gap in diagnosis.unjudged_gaps:
        if gap.grant not in reviewed:
            disables = next((need.disables for need in found if need.permission.text == gap.grant), ())
            yield Check(
                subject=target.name,
                state=State.MISSING if gap.grant else State.UNKNOWN,
                text=_reason(gap.reason, gap.grant),
                disables=disables or (f"what reports show of {gap.what}",),
            )


def _untried(target: ClusterTarget, diagnosis: Diagnosis, found: Sequence[Need]) -> Iterator[Check]:
    """Tell which AWS reads nothing called for: reads are tried by reading, so nobody knows whether they are granted."""
    called = {call.name for collected in diagnosis.evidence for call in collected.calls}
    for need in found:
        permission = need.permission
        if need.use is Use.READ and isinstance(permission, AwsPermission) and permission.action not in called:
            text = f"not tried, since nothing here called for it: {permission.action} ({permission.unlocks})"
            yield Check(subject=target.name, state=State.NOTE, text=text, disables=need.disables)


def _reviewed(target: ClusterTarget, use: Use, review: Review, found: Sequence[Need]) -> Iterator[Check]:
    allowed = 0
    for need in found:
        permission = need.permission
        if not isinstance(permission, KubernetesPermission):
            continue
        subject = f"{target.name}, to {use.value}"
        try:
            may = review(permission, Deadline.after(REVIEW_SECONDS))
        except DnsBotError as error:
            yield Check(subject=subject, state=State.UNKNOWN, text=f"access could not be reviewed: {error}")
            return
        if may:
            allowed += 1
        else:
            yield Check(
                subject=subject, state=State.MISSING, text=f"{permission.text} is not granted", disables=need.disables
            )
    yield Check(
        subject=f"{target.name}, to {use.value}", state=State.OK, text=f"{allowed} Kubernetes rights are granted"
    )


def _writers(target: ClusterTarget, changes: Sequence[Need]) -> Iterator[Check]:
    aws = sorted({fix for need in changes if isinstance(need.permission, AwsPermission) for fix in need.units})
    kubernetes = sorted(
        {fix for need in changes if isinstance(need.permission, KubernetesPermission) for fix in need.units}
    )
    subject = f"{target.name}, to change"
    if not target.aws_writer:
        text = "no writer_role_arn is set: plans that change AWS are shown with the command and no Approve"
        yield Check(subject=subject, state=State.NOTE, text=text, disables=tuple(aws))
    if not target.kubernetes_writer:
        text = "no writer for Kubernetes is set: plans that change it are shown with the command and no Approve"
        yield Check(subject=subject, state=State.NOTE, text=text, disables=tuple(kubernetes))
    if not target.workload_selector:
        text = "no workload_selector is set: names are not looked up from inside, and nothing can be verified"
        yield Check(subject=target.name, state=State.NOTE, text=text, disables=("dns_lookups_fail", "wrong_nameserver"))
