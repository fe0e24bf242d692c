"""A cluster of the family IPv6: pods and Services have IPv6 addresses alone."""

from __future__ import annotations

from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import World


def _acts(_world: World, _operator: Operator) -> None:
    pass


SCENARIO = Scenario(
    name="healthy-ipv6",
    title="An IPv6 cluster; nothing is wrong",
    story=(
        "The cluster was made with ipFamily ipv6. Nodes, pods and Services have IPv6 addresses; the VPC's resolver and "
        "the Kubernetes endpoint are reached over IPv4, as from every node."
    ),
    root_cause="",
    not_to_blame=("wrong_nameserver", "dns_blocked_by_security_group", "dns_blocked_by_network_acl"),
    ipv6=True,
    not_in_lab="the lab wires its nodes and pods over IPv4",
    acts=_acts,
)
