"""Let members of a security group reach one another, as the EKS requirements ask of the cluster security group (A6).

For the cluster whose group was hardened until port 53 was no longer let in. It targets a group that client and
CoreDNS interfaces both carry; where there is none, or where outbound rules block as well,
`authorize_dns_between_security_groups` is the fix. Cost: two API calls a step. Playbook:

    fixes:
      - fix: authorize_security_group_self_ingress
        with: {scope: all}     # all (default): all traffic within the group; dns: port 53 udp and tcp alone
        risk: medium
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.phrases import capital
from bot.domain.plans import Advice, Fix, PlanCase, Planned
from bot.fixes import _security_group_requests as requests
from bot.fixes import _security_group_steps as steps
from bot.network.model import Direction

NAME = "authorize_security_group_self_ingress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    scope: Literal["all", "dns"] = "all"
    """all: every protocol and port within the group (A6). dns: port 53 udp and tcp alone."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step on the shared group, or say why another fix is needed."""
    details = case.finding.judgement.details
    group_id = str(details.get("shared_group_id") or "")
    if not group_id:
        return Advice(
            reason="No security group is carried by both sides of every blocked pair, so that a rule within one group "
            "cannot open the way.",
            text=("“Allow DNS between the security groups” opens port 53 between the groups in question.",),
        )
    if any(one["direction"] == Direction.EGRESS.value for one in case.finding.rows("blocked")):
        return Advice(
            reason=f"Outbound rules block port 53 as well: an inbound rule of {group_id} alone would change nothing.",
            text=("“Allow DNS between the security groups” opens both directions where they are missing.",),
        )
    rules = case.need(SecurityGroupRules).rules
    before = steps.normalised(rules, group_id, Direction.INGRESS)
    protocols = ("-1",) if case.parameters.scope == "all" else ("udp", "tcp")
    wanted = [rule for protocol in protocols if (rule := steps.wanted_rule(protocol, group_id)) not in before]
    if not wanted:
        return Advice(reason=f"{group_id} already lets this in from itself; something else blocks. Diagnose again.")
    if len(before) + len(wanted) > steps.RULES_PER_DIRECTION:
        return Advice(
            reason=f"{group_id} has {len(before)} inbound rules; the default quota is {steps.RULES_PER_DIRECTION}.",
            text=("Remove a rule that nothing needs, or request a higher quota, and diagnose again.",),
        )
    step = steps.authorize_step(
        NAME, case, group_id=group_id, direction=Direction.INGRESS, wanted=wanted, before=before
    )
    opened = "all traffic" if case.parameters.scope == "all" else "port 53 (udp and tcp)"
    carriers = steps.touched(case, group_id)
    blast = f"{capital(carriers)} carry the group and will accept {opened} from one another."
    return Planned(steps=(step,), blast_radius=blast)


FIX = Fix(
    name=NAME,
    title="Allow traffic within the security group",
    does=(
        "Adds inbound rules to the security group that clients and CoreDNS share, from the group itself: all traffic, "
        "or port 53 alone (scope: dns). The undo revokes these rules."
    ),
    plan=plan,
    read=steps.read,
    apply=steps.apply,
    inverse=steps.inverse,
    permissions=requests.INGRESS_PERMISSIONS,
    parameters=Parameters,
    needs=(SecurityGroupRules, WorkerNodes, EksCluster),
    rule_parameters=("shared_group_id", "blocked"),
    rehearse=lambda evidence: requests.rehearsals(evidence, Direction.INGRESS),
)
