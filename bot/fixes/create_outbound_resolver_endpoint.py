"""Create an outbound Resolver endpoint in a peer's VPC, through which a rule forwards the endpoint's name (D4).

One for each account and region of peers that have none with a route to the cluster's VPC: two addresses in two zones,
in subnets whose routes lead there. Its group lets nothing in, which an outbound endpoint does not need, and all out.
Where one is there it is used. Source: Route 53 Developer Guide, "Forwarding outbound DNS queries to your network".
Cost: four calls, and one every 2 s until it is OPERATIONAL; it fails after 15 minutes and can be taken back. Playbook:

    then:
      - fix: create_outbound_resolver_endpoint
"""

from __future__ import annotations

from bot.domain.places import PlaceKind
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step
from bot.fixes import _resolver_endpoint_steps as steps
from bot.fixes._endpoint_building import NEEDS, NewEndpoint, building

NAME = "create_outbound_resolver_endpoint"


def plan(case: PlanCase) -> Planned | Advice:
    """Plan a group and an endpoint for each account and region that has none."""
    found = building(case)
    if isinstance(found, Advice):
        return found
    planned: list[Step] = []
    for lead in found.leads:
        if isinstance(lead.outbound, NewEndpoint):
            planned += steps.making(NAME, case.after(*planned), lead.outbound)
    return Planned(steps=tuple(planned), blast_radius="", only_followed=True)


FIX = Fix(
    name=NAME,
    title="Create an outbound Resolver endpoint",
    does=(
        "Creates an outbound Resolver endpoint with a security group of its own in the VPC of a peer whose account has "
        "none that leads to the cluster's VPC. The undo deletes both. AWS bills its interfaces."
    ),
    plan=plan,
    read=steps.read,
    apply=steps.apply,
    settled=steps.settled,
    found=steps.found,
    inverse=steps.inverse,
    permissions=steps.permissions(PlaceKind.PEER),
    needs=NEEDS,
    rule_parameters=("peers",),
    rehearse=steps.rehearsals_at_peers,
)
