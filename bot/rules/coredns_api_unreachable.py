"""CoreDNS does not reach the Kubernetes API: no answer, refused, no route.

CoreDNS calls the API by the ClusterIP of the Service `kubernetes`, so kube-proxy's rules on its node and
the way to the control plane both matter. Until it gets through, a starting CoreDNS answers no cluster name.

In a playbook: `{rule: coredns_api_unreachable, severity: critical}`.
"""

from __future__ import annotations

from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.phrases import count
from bot.rules._api_callers import COREDNS
from bot.rules._api_failures import MEANING, NO_ANSWER, LogWindow, Standing, Wording, joined, judge_calls


def judge(case: Case) -> Judgement:
    """Conclude from CoreDNS's log whether it reaches the API."""
    return judge_calls(case, COREDNS, NO_ANSWER, _word, what="failure to reach the Kubernetes API")


def _word(now: Standing) -> Wording:
    said = "; ".join(f"{kind.value}: {MEANING[kind]}" for kind in now.kinds)
    nodes = joined(now.nodes, empty="unknown nodes")
    return Wording(
        summary=f"{count(len(now.pods), 'CoreDNS pod')} on {nodes} cannot reach the Kubernetes API at "
        f"{joined(now.targets, empty='an address the log does not name')} ({said}); {now.last}.",
        advice=(
            (
                "See whether other pods of these nodes reach it, and whether kube-proxy runs there: "
                "kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide"
            ),
            "kubectl get endpoints kubernetes  # must name the control plane's addresses",
            "The cluster security group must allow 443 from the nodes to the control plane.",
        ),
    )


RULE = Rule(
    name="coredns_api_unreachable",
    title="CoreDNS cannot reach the Kubernetes API",
    check="CoreDNS's way to the Kubernetes API",
    kind=Kind.CAUSE,
    judge=judge,
    needs=COREDNS.needs,
    wants=COREDNS.wants,
    problem_refuted_by=COREDNS.problem_refuted_by,
    healthy_refuted_by=COREDNS.healthy_refuted_by,
    refuted_with_more=(LookupMatrix,),
    thresholds=LogWindow,
    incidents=("not-ready-timeout-jhunt-57", "coredns-apiserver-timeout-2775", "coredns-131-tmp-kops-7492"),
)
