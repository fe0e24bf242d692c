"""CoreDNS may not read what it serves: the API answers its list and watch calls with 403.

CoreDNS 1.8.1 and later read `endpointslices.discovery.k8s.io`; a ClusterRole from before lacks it. All
resources refused means that the pod runs under another ServiceAccount, or that the binding is gone.
While it lasts CoreDNS does not learn of new endpoints, and answers no cluster name after its next start.

In a playbook: `{rule: coredns_api_forbidden, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.rules._api_failures import LogWindow, Standing, Told, joined, judge_coredns

_SLICES_ONLY = ("endpointslices",)


def judge(case: Case) -> Judgement:
    """Conclude from CoreDNS's log whether the API refuses it (403)."""
    return judge_coredns(case, (ApiFailureKind.FORBIDDEN,), _tell, what="403 from the Kubernetes API", answered=True)


def _tell(now: Standing) -> Told:
    subject = now.subject or "system:serviceaccount:kube-system:coredns"
    resources = joined(now.resources, empty="what it serves")
    check = f"kubectl auth can-i list endpointslices.discovery.k8s.io --as={subject}"
    if now.resources == _SLICES_ONLY:
        why = "The ClusterRole system:coredns lacks endpointslices, which CoreDNS needs since 1.8.1."
        repair = (
            "kubectl patch clusterrole system:coredns --type=json -p='"
            '[{"op":"add","path":"/rules/-","value":{"apiGroups":["discovery.k8s.io"],'
            '"resources":["endpointslices"],"verbs":["list","watch"]}}]\''
        )
    else:
        why = "More than endpointslices is refused: no working binding reaches this ServiceAccount."
        repair = (
            "kubectl get clusterrolebinding system:coredns -o yaml  # compare `subjects` with the ServiceAccount above"
        )
    return Told(
        summary=f"The Kubernetes API refuses {len(now.pods)} CoreDNS pod(s) with 403 on {resources} as {subject}; "
        f"{now.last}. New endpoints stay unknown to it. {why}",
        advice=(check, repair),
    )


RULE = Rule(
    name="coredns_api_forbidden",
    title="CoreDNS is not allowed to read what it serves (403)",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods),
    thresholds=LogWindow,
)
