"""kube-proxy does not reach the control plane: its watches time out, are refused or find no route (C4).

kube-proxy calls the cluster's endpoint itself, not the Service `kubernetes`. The rules on the node stay
as they were: stale, not broken, until CoreDNS pods move.

In a playbook: `{rule: kube_proxy_api_timeout, severity: warning, with: {window: 15m}}`.
"""

from __future__ import annotations

from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.rules._api_failures import MEANING, NO_ANSWER, LogWindow, Standing, Told, joined, judge_kube_proxy


def judge(case: Case) -> Judgement:
    """Conclude from kube-proxy's logs whether it reaches the control plane."""
    return judge_kube_proxy(case, NO_ANSWER, _tell, what="failure to reach the control plane", answered=False)


def _tell(now: Standing) -> Told:
    said = "; ".join(f"{kind.value}: {MEANING[kind]}" for kind in now.kinds)
    return Told(
        summary=f"kube-proxy on {len(now.nodes) or len(now.pods)} node(s) cannot reach the control plane at "
        f"{joined(now.targets, empty='an address the log does not name')} ({said}); {now.last}. "
        "The rules in place are stale, not broken.",
        advice=(
            f"Nodes: {joined(now.nodes, empty='unknown')}.",
            (
                "The cluster security group must admit 443 from these nodes, and their subnets need a route to the "
                "cluster endpoint: aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig"
            ),
            "Once the way is open: kubectl -n kube-system rollout restart daemonset kube-proxy",
        ),
    )


RULE = Rule(
    name="kube_proxy_api_timeout",
    title="kube-proxy gets no answer from the control plane",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeProxyLogs, KubeProxyPods),
    thresholds=LogWindow,
)
