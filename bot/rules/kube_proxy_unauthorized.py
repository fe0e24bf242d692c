"""kube-proxy's credential is not accepted: the API answers 401, or its certificate is not trusted (C4).

The rules on the node stay as they were and go stale. 403 is another fault: `kube_proxy_forbidden`.

In a playbook: `{rule: kube_proxy_unauthorized, severity: critical}`.
"""

from __future__ import annotations

from functools import partial

from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.domain.phrases import count
from bot.rules._api_callers import KUBE_PROXY, restart_of, volumes_of
from bot.rules._api_failures import LogWindow, Standing, Wording, judge_calls


def judge(case: Case) -> Judgement:
    """Conclude from kube-proxy's logs whether its credential or the API's certificate is refused."""
    kinds = (ApiFailureKind.UNAUTHORIZED, ApiFailureKind.X509)
    word = partial(_word, case.need(KubeProxyPods))
    return judge_calls(case, KUBE_PROXY, kinds, word, what="401 or x509 error from the Kubernetes API")


def _word(pods: KubeProxyPods, now: Standing) -> Wording:
    refused = ApiFailureKind.UNAUTHORIZED in now.kinds
    why = "answers 401 to its token" if refused else "shows a certificate that kube-proxy does not trust"
    return Wording(
        summary=f"The Kubernetes API {why} (kube-proxy on {count(len(now.nodes) or len(now.pods), 'node')}); "
        f"{now.last}. Its rules go stale.",
        advice=(
            "Restart kube-proxy so that it reads the present token and CA:",
            *restart_of(pods, now),
            f"If it goes on: {volumes_of(pods, now)}  # which ConfigMap holds its kubeconfig",
        ),
    )


RULE = Rule(
    name="kube_proxy_unauthorized",
    title="kube-proxy's credential is not accepted by the Kubernetes API (401)",
    check="kube-proxy's credential",
    kind=Kind.CAUSE,
    judge=judge,
    needs=KUBE_PROXY.needs,
    problem_refuted_by=KUBE_PROXY.problem_refuted_by,
    healthy_refuted_by=KUBE_PROXY.healthy_refuted_by,
    thresholds=LogWindow,
)
