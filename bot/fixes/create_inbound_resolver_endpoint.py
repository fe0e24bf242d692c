"""Create an inbound Resolver endpoint in the cluster's VPC, with a group that admits the others' DNS (D3).

Two addresses in two zones, in subnets whose routes lead back to who asks; AWS draws the addresses. The group lets in 53
udp and tcp from the peers and the networks on premises, and nothing else. Where an inbound endpoint is there already it
is used, and its group lets in what it kept out. It stands at the head of what leads a peer to the private endpoint:
`create_outbound_resolver_endpoint`, `create_forwarding_rule` and `associate_forwarding_rule` follow it in one plan. For
networks on premises it is all that is made: their DNS servers are told to forward to its addresses, and the plan ends
"applied; waits for your forwarder" as long as lookups there show none.
Nobody joins networks here: a peering connection or a route that is missing is told with its command. Source: Route 53
Developer Guide, "Forwarding inbound DNS queries to your VPCs". Cost: six calls, and one every 2 s until it is
OPERATIONAL, which takes minutes. If it stays in CREATING look at the status message in the plan's last line; it fails
after 15 minutes and can be taken back. Playbook:

    fixes:
      - fix: create_inbound_resolver_endpoint
        risk: medium
        then:
          - fix: create_outbound_resolver_endpoint
          - fix: create_forwarding_rule
          - fix: associate_forwarding_rule
"""

from __future__ import annotations

from bot.domain.places import PlaceKind
from bot.domain.plans import Advice, Fix, PlanCase, Planned
from bot.fixes import _resolver_endpoint_steps as steps
from bot.fixes._endpoint_building import NEEDS, NewEndpoint, building

NAME = "create_inbound_resolver_endpoint"


def plan(case: PlanCase) -> Planned | Advice:
    """Plan the group, its rules and the endpoint; nothing of them where one is there that serves."""
    found = building(case)
    if isinstance(found, Advice):
        return found
    made = [one for one in (found.inbound, *(lead.outbound for lead in found.leads)) if isinstance(one, NewEndpoint)]
    said = [steps.billed(case.target.resolver_interface_price, *made)] if made else []
    if isinstance(found.inbound, NewEndpoint):
        planned = steps.making(NAME, case, found.inbound)
        who = ", ".join(found.inbound.admits) or "nobody"
        said.append(
            f"The resolver of {found.inbound.site.vpc_id} will answer {who}, for all names that it knows, private "
            "zones included."
        )
    else:
        planned = (steps.opening(NAME, case, found.opening),) if found.opening else ()
    said += [
        f"The DNS servers of {name} must be told to forward: that is left to their people." for name in found.sites
    ]
    return Planned(steps=planned, blast_radius=" ".join([*said, *found.left_out]), only_followed=True)


FIX = Fix(
    name=NAME,
    title="Create an inbound Resolver endpoint",
    does=(
        "Creates an inbound Resolver endpoint in the cluster's VPC with a security group that lets in DNS from the "
        "peers and the networks on premises. The undo deletes both. AWS bills its interfaces."
    ),
    plan=plan,
    read=steps.read,
    apply=steps.apply,
    settled=steps.settled,
    found=steps.found,
    inverse=steps.inverse,
    permissions=steps.permissions(PlaceKind.HOME),
    needs=NEEDS,
    rule_parameters=("peers", "on_premises"),
    rehearse=steps.rehearsals_at_home,
)
