"""CoreDNS may not read what it serves: the API answers its list and watch calls with 403.

CoreDNS 1.8.1 and later read `endpointslices.discovery.k8s.io`; a ClusterRole from before lacks it. All
resources refused means that the pod runs under another ServiceAccount, or that the binding is gone.
While it lasts CoreDNS does not learn of new endpoints, and answers no cluster name after its next start.

In a playbook: `{rule: coredns_api_forbidden, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from functools import partial

from bot.collectors.coredns_pods import CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.phrases import count
from bot.rules._api_callers import COREDNS
from bot.rules._api_failures import LogWindow, Standing, Wording, joined, judge_calls

_SLICES_ONLY = ("endpointslices",)


def judge(case: Case) -> Judgement:
    """Conclude from CoreDNS's log whether the API refuses it (403)."""
    word = partial(_word, case.need(CorednsPods))
    return judge_calls(case, COREDNS, (ApiFailureKind.FORBIDDEN,), word, what="403 from the Kubernetes API")


def _word(pods: CorednsPods, now: Standing) -> Wording:
    account = now.account(pods.pods, pods.namespace)
    subject = f"system:serviceaccount:{account.replace('/', ':')}"
    resources = joined(now.resources, empty="what it serves")
    check = f"kubectl auth can-i list endpointslices.discovery.k8s.io --as={subject}"
    bound = f"kubectl get clusterrolebindings -o wide | grep -w {account}  # column ROLE: what is bound to it"
    if now.resources == _SLICES_ONLY:
        why = f"The ClusterRole bound to {account} lacks endpointslices, which CoreDNS needs since 1.8.1."
        repair = (
            "With what it shows for ROLE: kubectl patch ROLE --type=json -p='"
            '[{"op":"add","path":"/rules/-","value":{"apiGroups":["discovery.k8s.io"],'
            '"resources":["endpointslices"],"verbs":["list","watch"]}}]\''
        )
    else:
        why = f"More than endpointslices is refused: no working binding reaches {account}."
        repair = (
            f"No line: the binding is gone, or names another ServiceAccount than {account}: "
            "kubectl get clusterrolebindings -o wide | grep -i dns"
        )
    return Wording(
        summary=f"The Kubernetes API refuses {count(len(now.pods), 'CoreDNS pod')} with 403 on {resources} as "
        f"{subject}; {now.last}. It does not learn new endpoints. {why}",
        advice=(check, bound, repair),
    )


RULE = Rule(
    name="coredns_api_forbidden",
    title="CoreDNS is not allowed to read Services and endpoints (403)",
    check="CoreDNS's permissions in the Kubernetes API",
    kind=Kind.CAUSE,
    judge=judge,
    needs=COREDNS.needs,
    wants=COREDNS.wants,
    problem_refuted_by=COREDNS.problem_refuted_by,
    healthy_refuted_by=COREDNS.healthy_refuted_by,
    refuted_with_more=(LookupMatrix,),
    thresholds=LogWindow,
    incidents=("coredns-rbac-helm-135", "eksd-rbac-545"),
)
