"""The endpoint is private, and DNS servers on premises that may not ask public DNS forward its name nowhere (D6)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import dns_group, endpoint, forward_on_premises, make_private
from bot.sandbox.world.scenario import ByFixThenHand, Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    del world
    make_private(operator)


def _forwarded(world: World, operator: Operator) -> None:
    make_private(operator)
    endpoint(operator, world.home, "INBOUND", dns_group(operator, world.home, "dns-in"))
    forward_on_premises(world, operator)


SCENARIO = Scenario(
    name="private-endpoint-on-premises",
    title="A network on premises without public DNS does not resolve the private cluster endpoint",
    story=(
        "An operator switched the endpoint's public access off. From a network on premises, joined by a VPN and "
        "without public DNS, kubectl no longer finds the endpoint: the cluster's VPC has no inbound endpoint, and no "
        "DNS server there forwards the name."
    ),
    root_cause="private_endpoint_not_resolvable",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByFixThenHand(fix="create_inbound_resolver_endpoint", acts=forward_on_premises),
    on_premises=("hq",),
    public_resolution="blocked",
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="private-endpoint-on-premises-look-alike",
    title="The same endpoint, and the DNS server on premises forwards its name to the inbound endpoint",
    story=(
        "An operator switched the endpoint's public access off and built an inbound endpoint; the people on premises "
        "let their DNS server forward the endpoint's name to its addresses."
    ),
    root_cause="",
    on_premises=("hq",),
    public_resolution="blocked",
    not_to_blame=("private_endpoint_not_resolvable",),
    weighed={"private_endpoint_not_resolvable": r"network hq: a lookup from there got the private addresses"},
    acts=_forwarded,
)
