from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import COREFILE, config_map
from bot.sandbox.network.names import Record, Zone
from bot.sandbox.network.network import Network, Peering
from bot.sandbox.network.vpc import Group, Route
from tests.sandbox_network.networks import ENDPOINTS, INBOUND, PEER

NAME = "db.corp.example."
ZONE = Zone(
    id="Z1",
    name="corp.example",
    vpc_ids=frozenset({"vpc-peer"}),
    records={"db.corp.example": Record(addresses=("10.2.0.20",))},
)


@pytest.fixture
def peered(served: ServedCluster) -> ServedCluster:
    """The small cluster's VPC peered with one that knows corp.example, and CoreDNS forwarding that zone there."""
    routes = (Route(cidr="10.2.0.0/16", peering_id="pcx-1"),)
    back = {"": (Route(cidr="10.0.0.0/16", peering_id="pcx-1"),)}
    served.network.network = Network(
        home=replace(served.home, routes={"": routes}),
        others=(replace(PEER, routes=back),),
        peerings=(Peering(id="pcx-1", vpc_ids=frozenset({"vpc-home", "vpc-peer"})),),
        zones=(ZONE,),
        endpoints=ENDPOINTS[1:],
    )
    corefile = f"{COREFILE}corp.example:53 {{\n    errors\n    forward . {INBOUND}\n}}\n"
    served.put(config_map("coredns", "Corefile", corefile))
    served.settle()
    return served


def _asked(served: ServedCluster, server: str) -> str:
    return served.dig(served.pods("app=shop")[0], server, NAME)


def test_coredns_asks_an_inbound_endpoint_of_a_peer(peered: ServedCluster) -> None:
    """The peer's resolver answers by its own zones, which the cluster's own resolver does not see."""
    assert "10.2.0.20" in _asked(peered, "172.20.0.10")
    assert "10.2.0.20" in _asked(peered, INBOUND)
    assert "status: NXDOMAIN" in _asked(peered, "10.0.0.2")


def test_a_peer_that_does_not_admit_dns_is_a_time_out(peered: ServedCluster) -> None:
    """Groups of the other VPC judge what comes over the peering; its resolver's own address is never reached."""
    assert "timed out" in _asked(peered, "10.2.0.2")
    shut = replace(peered.network.network.others[0], groups={"sg-peer": Group(inbound=(), outbound=())})
    peered.network.network = replace(peered.network.network, others=(shut,))

    assert "timed out" in _asked(peered, INBOUND)
    assert "status: SERVFAIL" in _asked(peered, "172.20.0.10")


def test_the_clusters_resolver_falls_silent_without_dns_support(served: ServedCluster) -> None:
    """What the cluster itself knows resolves; names outside do not."""
    served.home = replace(served.home, dns_support=False)

    assert "timed out" in served.dig(served.pods("app=shop")[0], "10.0.0.2", "amazon.com.")
    assert "status: SERVFAIL" in served.dig(served.pods("app=shop")[0], "172.20.0.10", "amazon.com.")
    assert "NOERROR" in served.dig(served.pods("app=shop")[0], "172.20.0.10", "kubernetes.default.svc.cluster.local.")
