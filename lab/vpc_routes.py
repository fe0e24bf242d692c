"""Where a VPC's route tables lead packets that nobody inside holds the destination of, for the packet filter.

Only peering connections that are active and virtual private gateways lead anywhere, and what comes over one goes to
this VPC or nowhere. Behind a gateway stands what routes lead to by it. Of several routes the one with the longest
prefix counts. Sources: VPC User Guide, "Route priority"; VPC Peering Guide, "VPC peering limitations"; Site-to-Site VPN
User Guide, "Virtual private gateway". IPv4 only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any, TypeAlias

from lab.vpc_answers import Row, VpcAnswers

Rules: TypeAlias = list[tuple[str, bool]]
"""CIDR and whether a packet for it leaves, the longest prefix first."""


def peer_cidrs(answers: VpcAnswers) -> dict[str, tuple[str, ...]]:
    """Return the CIDRs at the other end of every active peering connection of the VPC, by the connection's id."""
    found = {}
    for row in answers.peerings:
        ends = [row["RequesterVpcInfo"], row["AccepterVpcInfo"]]
        others = [end for end in ends if end["VpcId"] != answers.vpc_id]
        if row["Status"]["Code"] == "active" and len(others) == 1:
            found[str(row["VpcPeeringConnectionId"])] = _cidrs(others[0])
    return found


def gateway_cidrs(answers: VpcAnswers) -> tuple[str, ...]:
    """Return the CIDRs of the networks on premises that the VPC's virtual private gateway leads to."""
    rows = [row for table in answers.route_tables for row in table["Routes"] if _by_gateway(row)]
    return tuple(dict.fromkeys(str(row["DestinationCidrBlock"]) for row in rows))


def _by_gateway(row: Mapping[str, Any]) -> bool:
    """Return whether a route leads to a virtual private gateway that is there."""
    leads = str(row.get("GatewayId") or "").startswith("vgw-") and row.get("State", "active") == "active"
    return leads and bool(row.get("DestinationCidrBlock"))


def _cidrs(end: Row) -> tuple[str, ...]:
    listed = [str(block["CidrBlock"]) for block in end.get("CidrBlockSet") or ()]
    return tuple(dict.fromkeys([str(end["CidrBlock"]), *listed]))


def routes_by_subnet(answers: VpcAnswers, subnets: Iterable[str]) -> dict[str, Rules]:
    """Return the routes of each of these subnets: of its own table, or of the main one."""
    tables: dict[str, Row] = {}
    for table in answers.route_tables:
        for association in table["Associations"]:
            tables["" if association.get("Main") else str(association["SubnetId"])] = table
    peers = peer_cidrs(answers)
    return {subnet: _rules(tables.get(subnet) or tables.get("") or {}, peers) for subnet in subnets}


def _rules(table: Mapping[str, Any], peers: Mapping[str, tuple[str, ...]]) -> Rules:
    rows = [row for row in table.get("Routes") or () if row.get("DestinationCidrBlock")]
    rows.sort(key=lambda row: ip_network(row["DestinationCidrBlock"]).prefixlen, reverse=True)
    rules: Rules = []
    for row in rows:
        reaching = peers.get(str(row.get("VpcPeeringConnectionId") or ""), ())
        rules += [(both, True) for both in _shared(str(row["DestinationCidrBlock"]), reaching)]
        rules.append((str(row["DestinationCidrBlock"]), _by_gateway(row)))
    return rules


def _shared(cidr: str, others: Iterable[str]) -> list[str]:
    """Return what of a route's CIDR lies in the other VPC's."""
    route = ip_network(cidr)
    overlapping = [other for other in map(ip_network, others) if route.overlaps(other)]
    return [str(max(route, other, key=lambda block: block.prefixlen)) for other in overlapping]
