from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sandbox.network.network import Network, Peering, TransitGateway
from bot.sandbox.network.packets import Flow, reached
from bot.sandbox.network.vpc import Entry, Group, Permission, Route
from tests.sandbox_network.networks import HOME, INBOUND, PEER, PEERED, PEERING, POD, with_peer

DNS = Flow(client=POD, client_port=40000, server=INBOUND, server_port=53, protocol="udp")
ROUTES = HOME.routes["subnet-1"]
OF_OTHERS = Peering(id="pcx-2", vpc_ids=frozenset({"vpc-peer"}))
OVER_OTHERS = (Route(cidr="10.2.0.0/16", peering_id="pcx-2"),)
ELSEWHERE = Route(cidr="10.2.0.0/24", peering_id="")


def _dns_from(cidr: str) -> Group:
    return Group(inbound=(Permission(protocol="udp", from_port=53, to_port=53, cidrs=(cidr,)),), outbound=())


def _entries(*, allowed_out: bool) -> tuple[Entry, ...]:
    return tuple(
        Entry(number=100, egress=egress, allow=allowed_out or not egress, protocol="-1", cidr="0.0.0.0/0",
              from_port=None, to_port=None)
        for egress in (True, False)
    )  # fmt: skip


def _peer_with(network: Network, **parts: object) -> Network:
    return with_peer(network, replace(PEER, **parts))  # type: ignore[arg-type]  # fields of a VPC


def _home_with(**parts: object) -> Network:
    return replace(PEERED, home=replace(HOME, **parts))  # type: ignore[arg-type]  # fields of a VPC


def test_a_packet_crosses_a_peering() -> None:
    """With an active connection and routes both ways the query arrives, and its answer comes back."""
    assert reached(PEERED, HOME, DNS) == PEER
    assert reached(PEERED, PEER, replace(DNS, client=INBOUND, server=POD)) == HOME


def test_within_a_vpc_no_route_is_asked() -> None:
    """Addresses of the VPC's own CIDRs are local, whatever the tables say."""
    alone = Network(home=replace(HOME, routes={}))

    assert reached(alone, alone.home, replace(DNS, server="10.1.0.50")) is alone.home


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(replace(PEERED, peerings=()), id="no active connection"),
        pytest.param(
            replace(PEERED, peerings=(Peering(id="pcx-2", vpc_ids=PEERING.vpc_ids),)), id="routes name another one"
        ),
        pytest.param(
            replace(_home_with(routes={"subnet-1": OVER_OTHERS}), peerings=(PEERING, OF_OTHERS)),
            id="a connection of others",
        ),
        pytest.param(_home_with(routes={}), id="no route there"),
        pytest.param(_peer_with(PEERED, routes={}), id="no route back"),
        pytest.param(_home_with(routes={"subnet-1": (*ROUTES, ELSEWHERE)}), id="a longer prefix leads elsewhere"),
        pytest.param(_peer_with(PEERED, cidrs=("10.3.0.0/16",)), id="the address is of no CIDR of the peer"),
        pytest.param(_peer_with(PEERED, ports=PEER.ports[1:]), id="nobody holds the address"),
        pytest.param(_peer_with(PEERED, groups={"sg-peer": _dns_from("10.9.0.0/16")}), id="the server's group"),
        pytest.param(_peer_with(PEERED, acls={"subnet-2": _entries(allowed_out=False)}), id="the server's ACL, back"),
        pytest.param(_home_with(acls={"subnet-1": _entries(allowed_out=False)}), id="the client's ACL, out"),
    ],
)
def test_a_packet_does_not_cross_where_anything_is_missing(network: Network) -> None:
    """Connection, routes, interface, groups and ACLs of either side each stop it alone."""
    assert reached(network, network.home, DNS) is None


def test_a_group_may_name_the_other_vpcs_cidr() -> None:
    """That is how one admits a peer."""
    network = _peer_with(PEERED, groups={"sg-peer": _dns_from("10.1.0.0/16")})

    assert reached(network, HOME, DNS) is network.others[0]


def test_the_main_table_serves_subnets_without_one_of_their_own() -> None:
    """A subnet that no table is associated with follows the VPC's main one."""
    network = replace(PEERED, home=replace(HOME, routes={"": HOME.routes["subnet-1"]}))

    assert reached(network, network.home, DNS) == PEER


GATEWAY = TransitGateway(
    id="tgw-1", vpc_ids=frozenset({"vpc-home", "vpc-peer"}),
    routes=(("10.2.0.0/16", "vpc-peer"), ("10.1.0.0/16", "vpc-home")),
)  # fmt: skip


def _joined(*gateways: TransitGateway) -> Network:
    """Return the two VPCs, unpeered, whose routes lead to a transit gateway."""
    by_gateway = {
        "subnet-1": (Route(cidr="10.2.0.0/16", peering_id="", transit_id="tgw-1"),),
        "subnet-2": (Route(cidr="10.1.0.0/16", peering_id="", transit_id="tgw-1"),),
    }
    home, peer = (replace(one, routes=by_gateway) for one in (HOME, PEER))
    return replace(PEERED, home=home, others=(peer,), peerings=(), transits=gateways)


@pytest.mark.parametrize(
    ("gateways", "arrives"),
    [
        ((GATEWAY,), True),
        ((), False),
        ((replace(GATEWAY, vpc_ids=frozenset({"vpc-home"})),), False),
        ((replace(GATEWAY, routes=GATEWAY.routes[:1]),), False),
        ((replace(GATEWAY, routes=(*GATEWAY.routes, ("10.2.0.0/24", ""))),), False),
    ],
    ids=["attached both", "no gateway", "peer unattached", "no way back", "dropped by a longer prefix"],
)
def test_a_packet_crosses_a_transit_gateway(gateways: tuple[TransitGateway, ...], *, arrives: bool) -> None:
    """Both VPCs are attached, and the gateway's routes lead there and back."""
    network = _joined(*gateways)

    assert (reached(network, network.home, DNS) is not None) is arrives
