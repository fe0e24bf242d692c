"""kube-proxy may not read Services and endpoints: the API answers 403 (C4).

kube-proxy needs the ClusterRole `system:node-proxier`, with `endpointslices` since 1.19. The rules on
the node stay as they were: they go stale as CoreDNS pods come and go, and a new node gets none. The
document that describes this says "unauthorised"; 403 is forbidden, 401 is `kube_proxy_unauthorized`.

In a playbook: `{rule: kube_proxy_forbidden, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.rules._api_failures import LogWindow, Standing, Told, joined, judge_kube_proxy


def judge(case: Case) -> Judgement:
    """Conclude from kube-proxy's logs whether the API refuses it (403)."""
    kinds = (ApiFailureKind.FORBIDDEN,)
    return judge_kube_proxy(case, kinds, _tell, what="403 from the Kubernetes API", answered=True)


def _tell(now: Standing) -> Told:
    subject = now.subject or "system:serviceaccount:kube-system:kube-proxy"
    return Told(
        summary=f"The Kubernetes API refuses kube-proxy on {len(now.nodes) or len(now.pods)} node(s) with 403 on "
        f"{joined(now.resources, empty='what it reads')} as {subject}; {now.last}. Its rules go stale.",
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
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeProxyLogs, KubeProxyPods),
    thresholds=LogWindow,
)
