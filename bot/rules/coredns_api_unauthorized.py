"""CoreDNS's credential is not accepted: the API answers 401, or its certificate is not trusted (x509).

The usual reasons are a replaced cluster CA or service-account key that the running pod has not taken up.
While it lasts CoreDNS does not learn of new endpoints. 403 is another fault: `coredns_api_forbidden`.

In a playbook: `{rule: coredns_api_unauthorized, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.rules._api_failures import LogWindow, Standing, Told, judge_coredns


def judge(case: Case) -> Judgement:
    """Conclude from CoreDNS's log whether its credential or the API's certificate is refused."""
    kinds = (ApiFailureKind.UNAUTHORIZED, ApiFailureKind.X509)
    return judge_coredns(case, kinds, _tell, what="401 or x509 error from the Kubernetes API", answered=True)


def _tell(now: Standing) -> Told:
    refused = ApiFailureKind.UNAUTHORIZED in now.kinds
    why = "answers 401 to its token" if refused else "shows a certificate that CoreDNS does not trust"
    return Told(
        summary=f"The Kubernetes API {why} ({len(now.pods)} CoreDNS pod(s)); {now.last}. "
        "New endpoints stay unknown to it.",
        advice=(
            (
                "Restart CoreDNS so that it takes up the present token and CA: "
                "kubectl -n kube-system rollout restart deployment coredns"
            ),
            "If it goes on, look at the ServiceAccount: kubectl -n kube-system get serviceaccount coredns -o yaml",
        ),
    )


RULE = Rule(
    name="coredns_api_unauthorized",
    title="CoreDNS's credential is not accepted by the Kubernetes API (401)",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods),
    thresholds=LogWindow,
)
