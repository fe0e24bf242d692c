"""EKS says that an add-on DNS rests on is not well: DEGRADED or failed, with its reason; not a matter of conflicts.

Most reasons mean that neither a new version, nor a new configuration, nor a repair reaches the add-on's objects any
more: EKS may not change them (AccessDenied), an admission webhook refuses what it sends, objects are gone. Lookups
go on until the next fault. InsufficientNumberOfReplicas is another matter: pods are not ready, and the rules about
CoreDNS's and kube-proxy's pods say why; they explain this one. EKS is known to say so for long after all are ready
again: then the report says that they are. By hand: `aws eks describe-addon --cluster-name CLUSTER --addon-name coredns
--query addon.health`. Advice only. ConfigurationConflict is `addon_conflict`. Source: EKS API Reference, `AddonIssue`;
EKS User Guide, "Default Amazon EKS created Kubernetes roles and users".

In a playbook: `{rule: addon_degraded, severity: warning}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.eks_addons import CONFLICT, AddonIssue, EksAddon, EksAddons
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.phrases import capital, count
from bot.rules._addon_health import FAILED, NO_ADDON, addon_object, line, not_told, told

_COREDNS = "coredns"
_REPLICAS = "InsufficientNumberOfReplicas"
_MEANS = {
    "AccessDenied": "EKS may not change its objects in the cluster: neither updates nor repairs reach them",
    "AddonPermissionFailure": "its own IAM role lacks permissions that it needs",
    "AddonSubscriptionNeeded": "it needs a subscription that this account does not have",
    "AdmissionRequestDenied": "an admission webhook or policy of the cluster refuses what EKS sends: updates and "
    "repairs do not reach it",
    "ClusterUnreachable": "EKS does not reach the cluster's API server: neither updates nor repairs reach it",
    "InternalFailure": "EKS failed on its own side",
    _REPLICAS: "fewer of its pods are ready than it is to have",
    "K8sResourceNotFound": "objects that it consists of are not in the cluster",
    "UnsupportedAddonModification": "its objects were changed in a way that EKS does not support",
}
_BINDING = "eks:addon-cluster-admin"

Degraded = tuple[EksAddon, tuple[AddonIssue, ...]]
"""An add-on, and its issues that are no conflicts."""


def judge(case: Case) -> Judgement:
    """Conclude from the add-ons' status and health as EKS tells them."""
    found = case.need(EksAddons)
    if not found.addons and not found.gaps:
        return nothing_to_check(NO_ADDON)
    degraded = [(addon, _issues(addon)) for addon in told(found) if _degraded(addon)]
    missing = tuple(not_told(found))
    if degraded:
        return _problem(degraded, found, missing, case.find(CorednsPods))
    if missing:
        return not_known("whether the EKS add-ons are well", *missing)
    return healthy(
        f"EKS names no issue of {count(len(found.addons), 'add-on')}, conflicts aside.",
        *(line(addon, ()) for addon in found.addons),
    )


def _issues(addon: EksAddon) -> tuple[AddonIssue, ...]:
    return tuple(issue for issue in addon.issues if issue.code != CONFLICT)


def _degraded(addon: EksAddon) -> bool:
    """Return whether something else than a conflict is the matter; a failure without any issue is."""
    return bool(_issues(addon)) or (addon.status in FAILED and not addon.issues)


def _problem(
    degraded: Sequence[Degraded], found: EksAddons, missing: tuple[Gap, ...], pods: CorednsPods | None
) -> Judgement:
    names = ", ".join(f"{addon.name} ({addon.status})" for addon, _ in degraded)
    codes = list(dict.fromkeys(issue.code for _, issues in degraded for issue in issues))
    reasons = "; ".join(_meaning(code) for code in codes) or "it gives no reason"
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"EKS says that {count(len(degraded), 'add-on')} of {len(found.addons)} is not well: {names}; "
        f"expected ACTIVE. {capital(reasons)}.",
        proof=(*(line(addon, issues) for addon, issues in degraded), *_ready_all_the_same(degraded, pods)),
        details={
            "addons": [
                {"addon": addon.name, "status": addon.status, "codes": [issue.code for issue in issues]}
                for addon, issues in degraded
            ]
        },
        missing=missing,
        objects=tuple(addon_object(addon) for addon, _ in degraded),
        pods=_unready(degraded, pods),
        advice=tuple(dict.fromkeys(text for one in degraded for text in _advice(*one, found.cluster))),
    )


def _meaning(code: str) -> str:
    return f"{code}: {_MEANS.get(code, 'a reason that is not known here')}"


def _lacks_coredns_pods(degraded: Sequence[Degraded]) -> bool:
    return any(addon.name == _COREDNS and any(one.code == _REPLICAS for one in issues) for addon, issues in degraded)


def _unready(degraded: Sequence[Degraded], pods: CorednsPods | None) -> tuple[str, ...]:
    """Return the pods that EKS means, as far as they are there, where nothing else is the matter."""
    if pods is None or any(one.code != _REPLICAS for _, issues in degraded for one in issues):
        return ()
    return tuple(pod.name for pod in pods.pods if not pod.ready) if _lacks_coredns_pods(degraded) else ()


def _ready_all_the_same(degraded: Sequence[Degraded], pods: CorednsPods | None) -> Iterator[str]:
    if pods is None or pods.gaps or not pods.pods or not _lacks_coredns_pods(degraded):
        return
    if pods.missing == 0 and all(pod.ready for pod in pods.pods):
        yield (
            f"All {count(len(pods.pods), 'CoreDNS pod')} of {pods.desired_replicas} wanted are ready now: "
            "EKS's word is older, or it does not see them"
        )


def _advice(addon: EksAddon, issues: Sequence[AddonIssue], cluster: str) -> Iterator[str]:
    asked = f"aws eks describe-addon --cluster-name {cluster} --addon-name {addon.name} --query addon.health"
    again = f"aws eks update-addon --cluster-name {cluster} --addon-name {addon.name} --addon-version {addon.version}"
    codes = {issue.code for issue in issues}
    if "AccessDenied" in codes:
        yield (
            f"kubectl get clusterrolebinding {_BINDING}  # EKS's own: it lets the user eks:addon-manager change the "
            "add-ons' objects"
        )
        yield (
            f"Where it is gone: kubectl create clusterrolebinding {_BINDING} --clusterrole=cluster-admin "
            "--user=eks:addon-manager"
        )
    if "AdmissionRequestDenied" in codes:
        yield (
            "Let the admission webhook or policy that the message names admit the user eks:addon-manager in "
            "kube-system: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"
        )
    if _REPLICAS in codes:
        yield (
            "See which pods are not ready, and why: kubectl -n kube-system get pods -o wide. Where all are ready, "
            f"let EKS look anew: {again}"
        )
    if codes - {"AccessDenied", "AdmissionRequestDenied", _REPLICAS} or not codes:
        yield f"{asked}  # then remove what it names, and send the add-on again: {again}"


RULE = Rule(
    name="addon_degraded",
    title="An EKS add-on that DNS rests on is degraded",
    check="Health of the EKS add-ons",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(EksAddons,),
    wants=(CorednsPods,),
    problem_refuted_by=((EksAddons, "status ACTIVE without issues, or conflicts alone"),),
    healthy_refuted_by=((EksAddons, "another status, an issue, or an add-on that could not be described"),),
)
