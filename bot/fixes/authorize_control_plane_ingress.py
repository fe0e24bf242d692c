"""Let the cluster security group admit 443 from other networks, where the endpoint's name resolves there (D7).

For peers and networks on premises that reach the control plane's interfaces in no other way. Each CIDR of theirs is
admitted as it is configured or as AWS tells it; narrower ones are for people. Cost: two API calls. Playbook:

    fixes:
      - fix: authorize_control_plane_ingress
        risk: medium
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.plans import Advice, Fix, PlanCase, Planned
from bot.fixes import _security_group_requests as requests
from bot.fixes import _security_group_steps as steps
from bot.network.model import Direction

NAME = "authorize_control_plane_ingress"
_PORT = 443


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step on the cluster security group; nodes that are kept out are left to people."""
    if not case.finding.judgement.details.get("networks"):
        return Advice(
            reason="Nodes or CoreDNS pods cannot reach the API: people decide which groups may reach it.",
            text=case.finding.judgement.advice,
        )
    group_id = case.need(EksCluster).cluster_security_group_id
    cidrs = [cidr for row in case.finding.rows("networks") for cidr in _listed(row["cidrs"])]
    before = steps.normalised(case.need(SecurityGroupRules).rules, group_id, Direction.INGRESS)
    asked = (steps.wanted_rule("tcp", cidr, port=_PORT) for cidr in dict.fromkeys(cidrs))
    wanted = [rule for rule in asked if rule not in before]
    if not group_id or not wanted:
        return Advice(reason="The cluster security group allows 443 from there already; something else blocks.")
    if len(before) + len(wanted) > steps.RULES_PER_DIRECTION:
        return Advice(
            reason=f"{group_id} has {len(before)} inbound rules; the default quota is {steps.RULES_PER_DIRECTION}.",
            text=("Remove a rule that nothing needs, or request a higher quota, and diagnose again.",),
        )
    step = steps.authorize_step(
        NAME, case, group_id=group_id, direction=Direction.INGRESS, wanted=wanted, before=before
    )
    blast = (
        f"{group_id} is carried by {steps.touched(case, group_id)} and by the control plane's interfaces: all of them "
        f"will take tcp/443 from {', '.join(dict.fromkeys(cidrs))}."
    )
    return Planned(steps=(step,), blast_radius=blast)


def _listed(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


FIX = Fix(
    name=NAME,
    title="Allow 443 to the control plane from other networks",
    does=(
        "Adds inbound rules for tcp 443 from peers' and on-premises CIDRs to the cluster security group. The undo "
        "revokes these rules."
    ),
    plan=plan,
    read=steps.read,
    apply=steps.apply,
    inverse=steps.inverse,
    found=steps.found,
    permissions=requests.INGRESS_PERMISSIONS,
    needs=(EksCluster, SecurityGroupRules, WorkerNodes),
    rule_parameters=("networks",),
    rehearse=lambda evidence: requests.rehearsals(evidence, Direction.INGRESS),
)
