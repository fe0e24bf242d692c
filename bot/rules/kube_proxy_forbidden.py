"""kube-proxy may not read Services and endpoints: the API answers 403 (C4).

kube-proxy needs the ClusterRole `system:node-proxier`, with `endpointslices` since 1.19. The rules on
the node stay as they were: they go stale as CoreDNS pods come and go, and a new node gets none. The
document that describes this says "unauthorised"; 403 is forbidden, 401 is `kube_proxy_unauthorized`.

In a playbook: `{rule: kube_proxy_forbidden, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.domain.phrases import count
from bot.rules._api_callers import KUBE_PROXY
from bot.rules._api_failures import LogWindow, Standing, Wording, joined, judge_calls


def judge(case: Case) -> Judgement:
    """Conclude from kube-proxy's logs whether the API refuses it (403)."""
    kinds = (ApiFailureKind.FORBIDDEN,)
    return judge_calls(case, KUBE_PROXY, kinds, _word, what="403 from the Kubernetes API")


def _word(now: Standing) -> Wording:
    subject = now.subject or "system:serviceaccount:kube-system:kube-proxy"
    return Wording(
        summary=f"The Kubernetes API refuses kube-proxy on {count(len(now.nodes) or len(now.pods), 'node')} with 403 "
        f"on {joined(now.resources, empty='what it reads')} as {subject}; {now.last}. Its rules go stale.",
        advice=(
            f"kubectl auth can-i list endpointslices.discovery.k8s.io --as={subject}",
            "kubectl get clusterrolebinding eks:kube-proxy -o yaml  # must bind system:node-proxier",
            (
                "Where the binding is gone: kubectl create clusterrolebinding eks:kube-proxy "
                "--clusterrole=system:node-proxier --serviceaccount=kube-system:kube-proxy"
            ),
            "kubectl -n kube-system rollout restart daemonset kube-proxy",
        ),
    )


RULE = Rule(
    name="kube_proxy_forbidden",
    title="kube-proxy is not allowed to read Services and endpoints (403)",
    check="What kube-proxy may read in the Kubernetes API",
    kind=Kind.CAUSE,
    judge=judge,
    needs=KUBE_PROXY.needs,
    problem_refuted_by=KUBE_PROXY.problem_refuted_by,
    healthy_refuted_by=KUBE_PROXY.healthy_refuted_by,
    thresholds=LogWindow,
    incidents=("kubeproxy-forbidden-45359", "kubeproxy-forbidden-58882"),
)
