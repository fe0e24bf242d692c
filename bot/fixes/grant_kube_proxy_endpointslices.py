"""Let kube-proxy read EndpointSlices, which the API refuses it (403): a ClusterRole of one rule, and its binding.

By hand: `kubectl auth can-i list endpointslices.discovery.k8s.io --as=system:serviceaccount:NAMESPACE:NAME`; its
roles are those that `kubectl get clusterrolebindings -o wide` shows for that account, and stay as they are. Undo: role
and binding are deleted. Where more than EndpointSlices is refused the plan is advice. Cost: four calls. Playbook:

    fixes:
      - fix: grant_kube_proxy_endpointslices
        risk: low
"""

from __future__ import annotations

from bot.collectors.refused_accounts import RefusedAccounts
from bot.domain.plans import Advice, Fix, PlanCase, Planned
from bot.fixes import _role_grants as grants

NAME = "grant_kube_proxy_endpointslices"
_PROGRAM = "kube-proxy"


def plan(case: PlanCase) -> Planned | Advice:
    """Plan the role and the binding that kube-proxy lacks."""
    return grants.plan(case, NAME, _PROGRAM)


FIX = Fix(
    name=NAME,
    title="Let kube-proxy read EndpointSlices",
    does=(
        "Makes a ClusterRole that allows list and watch of endpointslices.discovery.k8s.io and nothing else, and binds "
        "kube-proxy's ServiceAccount to it, where none of its roles allows that. The undo deletes both."
    ),
    plan=plan,
    read=grants.read,
    apply=grants.apply,
    inverse=grants.inverse,
    permissions=grants.permissions(_PROGRAM),
    needs=(RefusedAccounts,),
    rule_parameters=("resources", "subject"),
)
