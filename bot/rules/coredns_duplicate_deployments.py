"""Pods of two or more controllers stand behind the DNS Service: two CoreDNS, installed beside each other.

A chart beside the EKS add-on, or an old Deployment that nobody removed: the Service selects the pods of both. Each has
a Corefile, a version and an owner of its own, so that a change to one reaches a part of the lookups, and both take
room and addresses on the nodes. By hand: `kubectl -n kube-system get pods -l k8s-app=kube-dns -o
custom-columns=NAME:.metadata.name,OWNER:.metadata.ownerReferences[0].name`. Too early to tell while the younger of them
is young: moving from one to the other passes through both. Which one is to go is a person's choice: advice only.

In a playbook: `{rule: coredns_duplicate_deployments, severity: warning, with: {grace: 30m}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_placement import CorednsPlacement
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check, unknown
from bot.domain.phrases import count, timestamp

_MOST_SHOWN = 10
_SEVERAL = 2
_REPLACES = frozenset({"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How long two may stand beside each other."""

    grace: timedelta = timedelta(minutes=30)
    """A move from one to the other may take so long: until the oldest pod of each is older, it is too early to tell."""


Controller = tuple[str, str]
"""Kind and name."""


def judge(case: Case) -> Judgement:
    """Conclude from the pods behind the DNS Service how many controllers make them."""
    found = case.need(CorednsPods)
    if found.absent and not found.gaps:
        return nothing_to_check(found.absence)
    makers = _makers(found.pods)
    missing = (*found.gaps, *found.nobody)
    if len(makers) < _SEVERAL:
        if missing:
            return not_known("whether one CoreDNS alone is installed", *missing)
        (name,) = [_titled(one) for one in makers] or ["nobody"]
        return healthy(f"All {count(len(found.pods), 'CoreDNS pod')} are of {name}.")
    young = case.collected_at - case.thresholds.grace
    youngest = max(makers, key=lambda one: min(pod.created_at for pod in makers[one]))
    began = min(pod.created_at for pod in makers[youngest])
    if began > young:
        reason = f"too early to tell: pods of {_titled(youngest)} are there since {timestamp(began)} only"
        gap = Gap(what="CoreDNS's controllers", reason=reason)
        return unknown(f"Not known whether two CoreDNS stay installed: {reason}.", gap, *missing, proof=_shown(makers))
    return _problem(makers, found, case.find(CorednsPlacement))


def _makers(pods: Sequence[CorednsPod]) -> Mapping[Controller, list[CorednsPod]]:
    """Return the pods that stay, by the controller that would make them anew."""
    makers: dict[Controller, list[CorednsPod]] = {}
    for pod in pods:
        if pod.owner.kind in _REPLACES and not pod.terminating:
            makers.setdefault((pod.owner.kind, pod.owner.name), []).append(pod)
    return dict(sorted(makers.items()))


def _titled(controller: Controller) -> str:
    kind, name = controller
    return f"{kind} {name}"


def _shown(makers: Mapping[Controller, list[CorednsPod]]) -> tuple[str, ...]:
    return tuple(
        f"{_titled(one)}: {count(len(pods), 'pod')}, {_image(pods)}, the oldest since "
        f"{timestamp(min(pod.created_at for pod in pods))}, Corefile of {_source(pods)}"
        for one, pods in list(makers.items())[:_MOST_SHOWN]
    )


def _image(pods: Sequence[CorednsPod]) -> str:
    images = sorted({pod.container.image for pod in pods})
    return f"image {', '.join(images)}"


def _source(pods: Sequence[CorednsPod]) -> str:
    sources = sorted({pod.setup.source[0] for pod in pods if pod.setup and pod.setup.source[0]})
    return f"ConfigMap {', '.join(sources)}" if sources else "no ConfigMap"


def _problem(
    makers: Mapping[Controller, list[CorednsPod]], found: CorednsPods, placement: CorednsPlacement | None
) -> Judgement:
    names = [_titled(one) for one in makers]
    pods = sum(map(len, makers.values()))
    managers = {one.name: one.manager for one in placement.deployments if one.manager} if placement else {}
    managed = tuple(f"{name} is managed by {manager}" for name, manager in sorted(managers.items()))
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{count(pods, 'pod')} of {' and '.join(names)} are behind the DNS Service, for longer than "
        "installing one anew takes. A lookup is answered by either: a change to the Corefile or the version of one "
        "reaches only a part of them.",
        proof=(*_shown(makers), *managed),
        details={
            "controllers": names,
            "pods": {_titled(one): [pod.name for pod in pods] for one, pods in makers.items()},
        },
        missing=found.gaps,
        advice=(
            "Decide which one stays: usually the EKS add-on's, or the one that your chart or repository owns.",
            *(
                f"kubectl -n {found.namespace} delete {kind.lower()} {name}  # if it is the one to go; its pods end"
                for kind, name in makers
            ),
            "Compare both Corefiles first: what only the other one says is lost with it.",
        ),
    )


RULE = Rule(
    name="coredns_duplicate_deployments",
    title="CoreDNS is installed twice",
    check="One CoreDNS behind the DNS Service",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPods,),
    wants=(CorednsPlacement,),
    problem_refuted_by=(
        (CorednsPods, "pods of one controller alone, or of a second one that is younger than the grace or going away"),
    ),
    healthy_refuted_by=((CorednsPods, "a pod that another controller made, however young"),),
    thresholds=Thresholds,
)
