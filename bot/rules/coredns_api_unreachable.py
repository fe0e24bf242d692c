"""CoreDNS does not reach the Kubernetes API: no answer, refused, no route.

CoreDNS calls the API by the ClusterIP of the Service `kubernetes`, so kube-proxy's rules on its node and
the way to the control plane both matter. Until it gets through, a starting CoreDNS answers no cluster name.

In a playbook: `{rule: coredns_api_unreachable, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.rules._api_failures import MEANING, NO_ANSWER, LogWindow, Standing, Told, joined, judge_coredns


def judge(case: Case) -> Judgement:
    """Conclude from CoreDNS's log whether it reaches the API."""
    return judge_coredns(case, NO_ANSWER, _tell, what="failure to reach the Kubernetes API", answered=False)


def _tell(now: Standing) -> Told:
    said = "; ".join(f"{kind.value}: {MEANING[kind]}" for kind in now.kinds)
    nodes = joined(now.nodes, empty="unknown nodes")
    return Told(
        summary=f"{len(now.pods)} CoreDNS pod(s) on {nodes} cannot reach the Kubernetes API at "
        f"{joined(now.targets, empty='an address the log does not name')} ({said}); {now.last}.",
        advice=(
            (
                "See whether other pods of these nodes reach it, and whether kube-proxy runs there: "
                "kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide"
            ),
            "kubectl get endpoints kubernetes  # must name the control plane's addresses",
            "The cluster security group must admit 443 from the nodes to the control plane.",
        ),
    )


RULE = Rule(
    name="coredns_api_unreachable",
    title="CoreDNS cannot reach the Kubernetes API",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods),
    thresholds=LogWindow,
)
