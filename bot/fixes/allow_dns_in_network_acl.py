"""Let DNS and its answers through the subnets' network ACLs, by entries ahead of the one that denies (A8).

ACLs are stateless: the query needs port 53 and the answer needs the client's own ephemeral port, on both subnets. An
entry is added for each closed way that the finding lists, for the counterpart subnet's CIDR alone: port 53 for the
query, and for the answer exactly the source ports that the clients use (32768 to 60999 on Linux, 49152 to 65535 on
Windows), not the wider 1024 to 65535 that AWS's examples open for clients of any kind. Numbers: the highest free ones
below every deny that matches; nothing is renumbered or replaced. Cost: one API call an entry. Playbook:

    fixes:
      - fix: allow_dns_in_network_acl
        risk: medium
"""

from __future__ import annotations

from bot.collectors.network_acls import NetworkAcls
from bot.domain.plans import Advice, Fix, PlanCase, Planned
from bot.fixes import _network_acl_steps as steps
from bot.fixes._network_acl_ways import permissions, plan_entries

NAME = "allow_dns_in_network_acl"


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step per ACL and direction."""
    return plan_entries(NAME, case, lets="DNS and its answers")


FIX = Fix(
    name=NAME,
    title="Allow DNS in the network ACLs",
    does=(
        "Adds an entry ahead of the one that denies, for each closed way: port 53 for queries, the clients' own ports "
        "for answers, for the other subnet's addresses alone. Replaces nothing. The undo deletes these entries."
    ),
    plan=plan,
    read=steps.read,
    apply=steps.apply,
    inverse=steps.inverse,
    permissions=permissions("DNS"),
    needs=(NetworkAcls,),
    rule_parameters=("blocked",),
    rehearse=steps.rehearsals,
)
