"""The doctor's part about one cluster: what is read there, what may be asked, what may be changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bot.doctor.checks import Check, CheckState
from bot.doctor.dry_runs import Rehearse, check_changes
from bot.doctor.peers import Enter, check_peers, units_at
from bot.doctor.probes import check_probes
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.permissions import AwsPermission, KubernetesPermission, Use
from bot.domain.places import PlaceKind
from bot.domain.plans import Fix
from bot.errors import DnsBotError
from bot.report.permissions import Need

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
    enter: Enter | None = None,
) -> Iterator[Check]:
    """Try every collector for real, ask for every Kubernetes right, and have AWS judge what fixes would send.

    `rehearse` and `enter` are None where no AWS writer is to be tried.
    """
    try:
        diagnosis = diagnose(Question(cluster=target.name))
    except DnsBotError as error:
        yield Check(subject=target.name, state=CheckState.MISSING, text=str(error), disables=("every check",))
        return
    yield from _gathered(target, diagnosis)
    yield from _unjudged(target, diagnosis, found)
    yield from check_peers(target, diagnosis, [need for need in found if need.use is Use.CHANGE], enter)
    yield from check_probes(target, diagnosis, found)
    yield from _untried(target, diagnosis, found)
    for use, review in reviews.items():
        yield from _reviewed(target, use, review, [_where_used(target, need) for need in found if need.use is use])
    changes = [need for need in found if need.use is Use.CHANGE]
    if rehearse:
        yield from check_changes(f"{target.name}, to change", diagnosis, changes, fixes, rehearse)
    yield from _writers(target, changes)
    yield from _clients(target, found)
    yield from _nodes(target, [need for need in found if need.use is Use.NODE])


def _gathered(target: ClusterTarget, diagnosis: Diagnosis) -> Iterator[Check]:
    blind: dict[tuple[str, str], list[str]] = {}
    for check in diagnosis.unknown_checks:
        blind.setdefault((check.grant, check.reason), []).append(check.rule)
    for (grant, reason), rules in blind.items():
        state = CheckState.MISSING if grant else CheckState.UNKNOWN
        yield Check(subject=target.name, state=state, text=_reason(reason, grant), disables=tuple(rules))
    text = f"{diagnosis.checks_ran} of {diagnosis.checks_total} checks can run"
    yield Check(subject=target.name, state=CheckState.OK if not blind else CheckState.NOTE, text=text)


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
                state=CheckState.MISSING if gap.grant else CheckState.UNKNOWN,
                text=_reason(gap.reason, gap.grant),
                disables=disables or (f"what reports show of {gap.what}",),
            )


def _untried(target: ClusterTarget, diagnosis: Diagnosis, found: Sequence[Need]) -> Iterator[Check]:
    """Tell which AWS reads nothing called for: reads are tried by reading, so nobody knows whether they are granted."""
    kinds = {place.name: place.kind for place in target.places}
    called = {(call.name, kinds.get(call.place)) for collected in diagnosis.evidence for call in collected.calls}
    for need in found:
        permission = need.permission
        if need.use is not Use.READ or not isinstance(permission, AwsPermission):
            continue
        if permission.place in kinds.values() and (permission.action, permission.place) not in called:
            text = f"not tried, since nothing here called for it: {permission.text} ({permission.unlocks})"
            yield Check(subject=target.name, state=CheckState.NOTE, text=text, disables=need.disables)


def _where_used(target: ClusterTarget, need: Need) -> Need:
    """Return the need as it is granted: what sees nodes is needed in the namespace of its pods alone."""
    if need.use is Use.NODE and target.node_probe and isinstance(need.permission, KubernetesPermission):
        return replace(need, permission=replace(need.permission, namespace=target.node_probe.namespace))
    return need


def _reviewed(target: ClusterTarget, use: Use, review: Review, found: Sequence[Need]) -> Iterator[Check]:
    allowed = 0
    if not found:
        return
    for need in found:
        permission = need.permission
        if not isinstance(permission, KubernetesPermission):
            continue
        subject = f"{target.name}, to {use.value}"
        try:
            may = review(permission, Deadline.after(REVIEW_SECONDS))
        except DnsBotError as error:
            yield Check(subject=subject, state=CheckState.UNKNOWN, text=f"access could not be reviewed: {error}")
            return
        if may:
            allowed += 1
        else:
            yield Check(
                subject=subject,
                state=CheckState.MISSING,
                text=f"{permission.text} is not granted",
                disables=need.disables,
            )
    yield Check(
        subject=f"{target.name}, to {use.value}", state=CheckState.OK, text=f"{allowed} Kubernetes rights are granted"
    )


def _writers(target: ClusterTarget, changes: Sequence[Need]) -> Iterator[Check]:
    aws = units_at(changes, PlaceKind.HOME)
    kubernetes = sorted(
        {fix for need in changes if isinstance(need.permission, KubernetesPermission) for fix in need.units}
    )
    subject = f"{target.name}, to change"
    if not target.aws_writer:
        text = "no writer_role_arn is set: plans that change AWS are shown with the command and no Approve"
        yield Check(subject=subject, state=CheckState.NOTE, text=text, disables=aws)
    if not target.kubernetes_writer:
        text = "no writer for Kubernetes is set: plans that change it are shown with the command and no Approve"
        yield Check(subject=subject, state=CheckState.NOTE, text=text, disables=tuple(kubernetes))


def _clients(target: ClusterTarget, found: Sequence[Need]) -> Iterator[Check]:
    if not target.workload_selector:
        text = "no workload_selector is set: names are not looked up from inside, nor is a fix seen to help there"
        blind = dict.fromkeys(rule for need in found if need.use is Use.LOOK_UP for rule in need.disables)
        yield Check(subject=target.name, state=CheckState.NOTE, text=text, disables=tuple(blind))


def _nodes(target: ClusterTarget, needed: Sequence[Need]) -> Iterator[Check]:
    if not needed:
        return
    if target.node_probe is not None:
        made = (
            f"diagnoses that see nodes make short-lived pods of {target.node_probe.image} in "
            f"{target.node_probe.namespace}, with the network of the nodes, and remove them"
        )
        yield Check(subject=target.name, state=CheckState.NOTE, text=made)
    else:
        text = (
            "no node_probe is set: nodes are seen only as far as pods that are there anyway have the programs, and the "
            "role dnsbot-node, which is as good as root on nodes, allows exec in them"
        )
        blind = dict.fromkeys(rule for need in needed for rule in need.disables)
        yield Check(subject=target.name, state=CheckState.NOTE, text=text, disables=tuple(blind))
