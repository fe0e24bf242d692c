"""A network on premises: what its DNS server forwards, and which packets get from there into a VPC and back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.sandbox.network.network import Network
from bot.sandbox.network.packets import Flow, connected
from bot.sandbox.network.replies import Outcome, Reply
from bot.sandbox.network.resolver import Resolver
from bot.sandbox.network.seen_from import OnPremises
from bot.sandbox.network.source import FixedNetwork
from bot.sandbox.network.vpc import ApiEndpoint, Group, Permission, Route, Vpc
from tests.sandbox_network.networks import INBOUND, PEER, PEERED

CIDR, HOST = "192.168.7.0/24", "192.168.7.100"
API_HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"
API = ApiEndpoint(host=API_HOST, addresses=("10.2.0.20",), public=False)
ROUTES = {"subnet-2": (Route(cidr="192.168.0.0/16", peering_id="", gateway_id="vgw-1"),)}
READY = replace(PEER, routes=ROUTES, api_endpoints=(API,))
"""A VPC with an inbound endpoint, an API endpoint and a route to the network on premises."""


def joined(vpc: Vpc, *, forwards: bool = True, public_dns: bool = False) -> Network:
    """Return the network as it is seen from on premises."""
    source = FixedNetwork(vpc)
    source.network = replace(PEERED, home=vpc, others=(), peerings=())
    site = OnPremises(source, CIDR, HOST, public_dns=public_dns)
    if forwards:
        site.forward(API_HOST, [INBOUND])
    return asyncio.run(site.current())


def asked(network: Network) -> Reply:
    """Ask the DNS server there for the API's name."""
    return Resolver(network, network.home).answer(API_HOST)


def test_a_forwarder_asks_the_inbound_endpoint_and_without_one_public_dns_is_asked() -> None:
    """Which answers the private addresses where it may be asked, and nobody where it may not."""
    assert asked(joined(READY)).addresses == ("10.2.0.20",)
    assert asked(joined(READY, forwards=False, public_dns=True)).addresses == ("10.2.0.20",)
    assert asked(joined(READY, forwards=False)).outcome is Outcome.NXDOMAIN


def test_what_is_forwarded_is_lost_without_a_way_back_or_where_the_group_keeps_it_out() -> None:
    """The VPC's routes and groups judge what comes over the VPN."""
    by_peers_alone = Permission(protocol="-1", from_port=-1, to_port=-1, cidrs=("10.0.0.0/8",))
    shut = replace(READY, groups={"sg-peer": Group(inbound=(by_peers_alone,), outbound=())})

    assert asked(joined(replace(READY, routes={}))).outcome is Outcome.SERVFAIL
    assert asked(joined(shut)).outcome is Outcome.SERVFAIL


def test_the_api_is_reached_from_there_where_its_group_admits_443() -> None:
    """Otherwise the connection times out: the name resolves all the same."""
    at_53 = (Permission(protocol="udp", from_port=53, to_port=53, cidrs=(CIDR,)),)
    flow = Flow(client=HOST, client_port=40000, server="10.2.0.20", server_port=443, protocol="tcp")
    open_, shut = joined(READY), joined(replace(READY, groups={"sg-peer": Group(inbound=at_53, outbound=())}))

    assert connected(open_, open_.home, flow) is Outcome.ANSWER
    assert connected(shut, shut.home, flow) is Outcome.TIMEOUT
    assert asked(shut).addresses == ("10.2.0.20",)
