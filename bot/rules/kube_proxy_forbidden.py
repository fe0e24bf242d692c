"""kube-proxy may not read Services and endpoints: the API answers 403 (C4).

kube-proxy needs the ClusterRole `system:node-proxier`, with `endpointslices` since 1.19. The rules on
the node stay as they were: they go stale as CoreDNS pods come and go, and a new node gets none. The
document that describes this says "unauthorised"; 403 is forbidden, 401 is `kube_proxy_unauthorized`.

In a playbook: `{rule: kube_proxy_forbidden, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from functools import partial

from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.domain.phrases import count
from bot.kubernetes.resources import KUBE_SYSTEM
from bot.rules._api_callers import KUBE_PROXY, restart_of
from bot.rules._api_failures import LogWindow, Standing, Wording, joined, judge_calls

NODE_PROXIER = "system:node-proxier"
"""The ClusterRole that every Kubernetes has for it (Kubernetes, "Using RBAC Authorization", core component roles)."""


def judge(case: Case) -> Judgement:
    """Conclude from kube-proxy's logs whether the API refuses it (403)."""
    word = partial(_word, case.need(KubeProxyPods))
    return judge_calls(case, KUBE_PROXY, (ApiFailureKind.FORBIDDEN,), word, what="403 from the Kubernetes API")


def _word(pods: KubeProxyPods, now: Standing) -> Wording:
    account = now.account(pods.pods, KUBE_SYSTEM)
    subject = now.subject or f"system:serviceaccount:{account.replace('/', ':')}"
    return Wording(
        summary=f"The Kubernetes API refuses kube-proxy on {count(len(now.nodes) or len(now.pods), 'node')} with 403 "
        f"on {joined(now.resources, empty='what it reads')} as {subject}; {now.last}. Its rules go stale.",
        advice=(
            f"kubectl auth can-i list endpointslices.discovery.k8s.io --as={subject}",
            f"kubectl get clusterrolebindings -o wide | grep -w {account}  # column ROLE: what is bound to it",
            (
                f"With what it shows for ROLE: kubectl get ROLE -o yaml  # must allow {_needed(now)}, as Kubernetes's "
                f"own {NODE_PROXIER} does"
            ),
            (
                f"No line: the binding is gone: kubectl create clusterrolebinding {account.partition('/')[2]} "
                f"--clusterrole={NODE_PROXIER} --serviceaccount={account.replace('/', ':')}"
            ),
            *restart_of(pods, now),
        ),
    )


def _needed(now: Standing) -> str:
    return f"list and watch of {joined(now.resources, empty='services and endpointslices')}"


RULE = Rule(
    name="kube_proxy_forbidden",
    title="kube-proxy is not allowed to read Services and endpoints (403)",
    check="kube-proxy's permissions in the Kubernetes API",
    kind=Kind.CAUSE,
    judge=judge,
    needs=KUBE_PROXY.needs,
    problem_refuted_by=KUBE_PROXY.problem_refuted_by,
    healthy_refuted_by=KUBE_PROXY.healthy_refuted_by,
    thresholds=LogWindow,
    incidents=("kubeproxy-forbidden-45359", "kubeproxy-forbidden-58882"),
)
