"""Doctor: looks at what the bot needs before somebody needs the bot, and says what each gap disables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.plans import Fix, Rehearsal
from bot.errors import AccessDenied, DnsBotError, DryRunIgnored, NotFound
from bot.report.permissions import Need, Use

REVIEW_SECONDS = 20.0
_CREATING = ("Authorize", "Create")
"""These go first: should dry runs be carried out there, what they make is for addresses that nobody has."""


class State(StrEnum):
    """What was found."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "could not look"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor's report."""

    subject: str
    state: State
    text: str
    disables: tuple[str, ...] = ()


Review = Callable[[KubernetesPermission, Deadline], bool]
"""Asks the API server whether an identity may do something (SelfSubjectAccessReview)."""

Rehearse = Callable[[str, Mapping[str, object], Deadline], None]
"""Sends an EC2 operation with these parameters as a dry run; raises `AccessDenied` where AWS would refuse it."""


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
    if rehearse:
        yield from _rehearsed(target, diagnosis, [need for need in found if need.use is Use.CHANGE], fixes, rehearse)
    yield from _writers(target, found)


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


def _rehearsed(
    target: ClusterTarget, diagnosis: Diagnosis, changes: Sequence[Need], fixes: Iterable[Fix], rehearse: Rehearse
) -> Iterator[Check]:
    """Have AWS judge each write that a fix would send, as a dry run on something that exists."""
    subject = f"{target.name}, to change"
    evidence = {type(one.value): one.value for one in diagnosis.evidence if one.value is not None}
    planned = {(one.operation, one.target): one for fix in fixes for one in fix.rehearse(evidence)}
    verdicts = tuple(_verdicts(planned.values(), rehearse))
    failed = [(one, error) for one, error in verdicts if error is not None]
    refused = {right: (one, error) for one, error in reversed(failed) if (right := _refused_right(one, error))}
    granted = {right: one.target for one, error in verdicts if error is None for right in one.judges}
    needed = {need.permission.text for need in changes if isinstance(need.permission, AwsPermission)}
    left = needed - granted.keys() - refused.keys()
    for right, (one, error) in sorted(refused.items()):
        text = f"a dry run on {one.target}: {error}"
        yield Check(subject=subject, state=State.MISSING, text=text, disables=_units_of(changes, {right}))
    unclear = [(one, error) for one, error in failed if not _refused_right(one, error)]
    for one, error in unclear:
        state = State.MISSING if isinstance(error, AccessDenied | DryRunIgnored) else State.UNKNOWN
        text = f"a dry run on {one.target}: {error}"
        yield Check(subject=subject, state=state, text=text, disables=_units_of(changes, left))
    if proven := granted.keys() - refused.keys():
        targets = ", ".join(sorted({granted[right] for right in proven}))
        text = f"{len(proven)} AWS rights are granted, as dry runs on {targets} show"
        yield Check(subject=subject, state=State.OK, text=text)
    if left and not unclear:
        why = "AWS refused another right first" if refused else "nothing to try it on was read"
        text = f"not judged, since {why}: the writer role needs {', '.join(sorted(left))}"
        yield Check(subject=subject, state=State.NOTE, text=text, disables=_units_of(changes, left))


def _verdicts(planned: Iterable[Rehearsal], rehearse: Rehearse) -> Iterator[tuple[Rehearsal, DnsBotError | None]]:
    """Try one after the other; end where the rest would fail in the same way, or would be carried out."""
    for one in sorted(planned, key=lambda one: not one.operation.startswith(_CREATING)):
        try:
            rehearse(one.operation, one.parameters, Deadline.after(REVIEW_SECONDS))
        except DnsBotError as error:
            yield one, error
            if not _refused_right(one, error) and not isinstance(error, NotFound):
                return
        else:
            yield one, None


def _refused_right(one: Rehearsal, error: DnsBotError) -> str:
    """Return the right of this write that AWS refused; empty where the error is about something else."""
    return error.grant if isinstance(error, AccessDenied) and error.grant in one.judges else ""


def _units_of(changes: Sequence[Need], actions: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({unit for need in changes if need.permission.text in actions for unit in need.units}))


def _writers(target: ClusterTarget, found: Sequence[Need]) -> Iterator[Check]:
    changes = [need for need in found if need.use is Use.CHANGE]
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


def doctor_text(checks: Iterable[Check]) -> str:
    """Return the report: one line a check, what it disables under it."""
    lines: list[str] = []
    for check in checks:
        lines.append(f"{check.state.value:>14}  {check.subject}: {check.text}")
        if check.disables:
            lines.append(f"{'':>14}  it may cost: {', '.join(check.disables)}")
    return "\n".join(lines) + "\n"


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0 when nothing is missing, 2 when something is, 3 when something could not be looked at."""
    states = {check.state for check in checks}
    if State.MISSING in states:
        return 2
    return 3 if State.UNKNOWN in states else 0
