"""CoreDNS's credential is not accepted: the API answers 401, or its certificate is not trusted (x509).

The usual reasons are a replaced cluster CA or service-account key that the running pod has not taken up.
While it lasts CoreDNS does not learn of new endpoints. 403 is another fault: `coredns_api_forbidden`.

In a playbook: `{rule: coredns_api_unauthorized, severity: critical}`.
"""

from __future__ import annotations

from functools import partial

from bot.collectors.coredns_pods import CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.domain.phrases import count
from bot.rules._api_callers import COREDNS
from bot.rules._api_failures import LogWindow, Standing, Wording, judge_calls


def judge(case: Case) -> Judgement:
    """Conclude from CoreDNS's log whether its credential or the API's certificate is refused."""
    kinds = (ApiFailureKind.UNAUTHORIZED, ApiFailureKind.X509)
    pods = case.need(CorednsPods)
    return judge_calls(case, COREDNS, kinds, partial(_word, pods), what="401 or x509 error from the Kubernetes API")


def _word(pods: CorednsPods, now: Standing) -> Wording:
    refused = ApiFailureKind.UNAUTHORIZED in now.kinds
    why = "answers 401 to its token" if refused else "shows a certificate that CoreDNS does not trust"
    return Wording(
        summary=f"The Kubernetes API {why} ({count(len(now.pods), 'CoreDNS pod')}); {now.last}. "
        "It does not learn new endpoints.",
        advice=(
            (
                "Restart CoreDNS so that it reads the present token and CA: "
                f"kubectl -n {pods.namespace} rollout restart deployment {pods.deployment}"
            ),
            f"If it goes on, look at its ServiceAccount: kubectl -n {pods.namespace} get serviceaccounts -o yaml",
        ),
    )


RULE = Rule(
    name="coredns_api_unauthorized",
    title="CoreDNS's credential is not accepted by the Kubernetes API (401)",
    check="CoreDNS's credential",
    kind=Kind.CAUSE,
    judge=judge,
    needs=COREDNS.needs,
    wants=COREDNS.wants,
    problem_refuted_by=COREDNS.problem_refuted_by,
    healthy_refuted_by=COREDNS.healthy_refuted_by,
    thresholds=LogWindow,
    incidents=("coredns-unauthorized-4527",),
)
