"""Let nodes and CoreDNS reach the Kubernetes API through the subnets' ACLs, by entries ahead of what denies (A8).

ACLs are stateless: the call needs tcp 443 towards the control plane's interfaces and the answer needs the caller's own
ephemeral port, on both subnets. An entry is added for each closed way that the finding lists, for the other subnet's
CIDR alone: 443 for calls, and for answers exactly the source ports that the callers use (32768 to 60999 on Linux, 49152
to 65535 on Windows). Nothing is renumbered or replaced. CoreDNS and kube-proxy try again by themselves, so no pod is
restarted. Cost: one API call an entry. Playbook:

    fixes:
      - fix: allow_control_plane_in_network_acl
        risk: medium
"""

from __future__ import annotations

from bot.collectors.network_acls import NetworkAcls
from bot.domain.plans import Advice, Fix, PlanCase, Planned
from bot.fixes import _network_acl_steps as steps
from bot.fixes._network_acl_ways import permissions, plan_entries

NAME = "allow_control_plane_in_network_acl"


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step per ACL and direction."""
    return plan_entries(NAME, case, lets="calls to the Kubernetes API and its answers")


FIX = Fix(
    name=NAME,
    title="Allow the Kubernetes API in the network ACLs",
    does=(
        "Adds an entry ahead of the one that denies, for each closed way: tcp 443 towards the control plane's "
        "interfaces, the callers' own ports for answers, for the other subnet's addresses alone. Replaces nothing. The "
        "undo deletes these entries."
    ),
    plan=plan,
    read=steps.read,
    apply=steps.apply,
    inverse=steps.inverse,
    permissions=permissions("the Kubernetes API"),
    needs=(NetworkAcls,),
    rule_parameters=("blocked",),
    rehearse=steps.rehearsals,
)
