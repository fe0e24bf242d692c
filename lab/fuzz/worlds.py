"""Random security groups, prefix lists and network ACLs over given places, as the AWS API answers them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from lab.fuzz.places import OUTSIDE_CIDR, VPC_CIDR, VPC_ID, Places
from lab.vpc_answers import Row, VpcAnswers

LINUX = (32768, 60999)
WINDOWS = (49152, 65535)
_PROTOCOLS = ("-1", "-1", "udp", "udp", "udp", "tcp", "tcp", "tcp", "icmp", "50", "17", "6")
_PORTS = ((53, 53), (53, 53), (53, 53), (0, 65535), (1, 52), (54, 100), (50, 60), (0, 53), (53, 65535), (1024, 65535))
_ACL_PROTOCOLS = ("-1", "-1", "17", "17", "17", "6", "6", "6", "1", "47")
_USUAL_EDGES = (1024, 32768, 49152, 60999, 61000, 65535)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What AWS would answer, and the source ports of each place's clients."""

    name: str
    """`seed 7, world 12`: draws it again."""
    places: Places
    answers: VpcAnswers
    subnets: Sequence[Row]
    route_tables: Sequence[Row]
    client_ports: Mapping[str, tuple[int, int]]
    """First and last, by address."""

    def acl_entries(self, subnet_id: str, *, egress: bool) -> list[Row]:
        """Return the entries of a subnet's ACL."""
        return [
            entry
            for acl in self.answers.acls
            if any(item["SubnetId"] == subnet_id for item in acl["Associations"])
            for entry in acl["Entries"]
            if entry["Egress"] is egress
        ]


def draw_world(name: str, places: Places, chance: random.Random) -> World:
    """Draw one."""
    about_answers = chance.random() < 0.4  # noqa: PLR2004  # such worlds let questions through and narrow the answers' ports
    groups = [f"sg-{number}" for number in range(chance.randrange(2, 6))]
    lists = [f"pl-{number}" for number in range(2)]
    cidrs = _cidrs(chance, places)
    tables = [_routes()]
    answers = VpcAnswers(
        vpc_id=VPC_ID,
        route_tables=tables,
        peerings=[_peering()],
        interfaces=[
            each.row(sorted(chance.sample(groups, chance.choice([1, 1, min(2, len(groups))]))))
            for each in places.interfaces
        ],
        rules=_numbered(_open(groups) if about_answers else _rules(chance, groups, lists, cidrs)),
        acls=_acls(chance, sorted(places.subnets), cidrs, about_answers=about_answers),
        prefix_lists={each: chance.sample(cidrs, chance.choice([0, 1, 1, 2, 3])) for each in lists},
    )
    return World(
        name=name,
        places=places,
        answers=answers,
        subnets=[
            {"SubnetId": subnet, "VpcId": VPC_ID, "CidrBlock": cidr, "AvailabilityZone": "eu-west-1a"}
            for subnet, cidr in places.subnets.items()
        ],
        route_tables=tables,
        client_ports={place.address: chance.choice([LINUX, LINUX, LINUX, WINDOWS]) for place in places.places},
    )


def _routes() -> Row:
    local = {"DestinationCidrBlock": VPC_CIDR, "GatewayId": "local", "State": "active"}
    peer = {"DestinationCidrBlock": OUTSIDE_CIDR, "VpcPeeringConnectionId": "pcx-0", "State": "active"}
    return {
        "RouteTableId": "rtb-main",
        "VpcId": VPC_ID,
        "Associations": [{"Main": True}],
        "Routes": [local, peer],
    }


def _peering() -> Row:
    return {
        "VpcPeeringConnectionId": "pcx-0",
        "Status": {"Code": "active"},
        "RequesterVpcInfo": {"VpcId": VPC_ID, "CidrBlock": VPC_CIDR},
        "AccepterVpcInfo": {"VpcId": "vpc-outside", "CidrBlock": OUTSIDE_CIDR},
    }


def _cidrs(chance: random.Random, places: Places) -> list[str]:
    """Return CIDRs that hold all, some, one or none of the places."""
    found = ["0.0.0.0/0", "0.0.0.0/0", VPC_CIDR, "10.0.0.0/8", "192.168.0.0/16", "::/0", *places.subnets.values()]
    found += [OUTSIDE_CIDR, str(ip_network(f"{places.outside}/30", strict=False))]
    for place in chance.sample(places.places, 6):
        length = chance.choice([32, 31, 30, 29, 28, 27, 26, 25, 24, 21])
        found.append(str(ip_network(f"{place.address}/{length}", strict=False)))
    return found


def _open(groups: list[str]) -> list[dict[str, Any]]:
    every = {"IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"}
    return [_rule(group, egress=egress) | every for group in groups for egress in (True, False)]


def _numbered(rules: list[dict[str, Any]]) -> list[Row]:
    return [{**rule, "SecurityGroupRuleId": f"sgr-{number}"} for number, rule in enumerate(rules)]


def _rules(chance: random.Random, groups: list[str], lists: list[str], cidrs: list[str]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for group in groups:
        if chance.random() < 0.65:  # noqa: PLR2004  # as AWS makes groups
            rules.append(_rule(group, egress=True) | {"IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"})
        else:
            rules += [_drawn_rule(chance, group, groups, lists, cidrs, egress=True) for _ in range(chance.randrange(4))]
        rules += [_drawn_rule(chance, group, groups, lists, cidrs, egress=False) for _ in range(chance.randrange(6))]
    return rules


def _rule(group: str, *, egress: bool) -> dict[str, Any]:
    return {"GroupId": group, "IsEgress": egress, "FromPort": -1, "ToPort": -1}


def _drawn_rule(
    chance: random.Random, group: str, groups: list[str], lists: list[str], cidrs: list[str], *, egress: bool
) -> dict[str, Any]:
    rule = _rule(group, egress=egress)
    rule["IpProtocol"] = protocol = chance.choice(_PROTOCOLS)
    if protocol in {"udp", "tcp", "17", "6"}:
        rule["FromPort"], rule["ToPort"] = chance.choice(_PORTS)
    kind = chance.random()
    if kind < 0.4:  # noqa: PLR2004  # shares
        rule["ReferencedGroupInfo"] = {
            "GroupId": chance.choice([group, *groups, "sg-unused"]),
            "UserId": "123456789012",
        }
    elif kind < 0.55:  # noqa: PLR2004  # shares
        rule["PrefixListId"] = chance.choice(lists)
    else:
        cidr = chance.choice(cidrs)
        rule["CidrIpv6" if ":" in cidr else "CidrIpv4"] = cidr
    return rule


def _acls(chance: random.Random, subnets: list[str], cidrs: list[str], *, about_answers: bool) -> list[Row]:
    draw = _answer_entries if about_answers else _entries
    count = chance.randrange(1, len(subnets) + 1)
    shared = {subnet: chance.randrange(count) for subnet in subnets}
    return [
        {
            "NetworkAclId": f"acl-{number}",
            "VpcId": VPC_ID,
            "IsDefault": number == 0,
            "Associations": [
                {"SubnetId": subnet, "NetworkAclId": f"acl-{number}"} for subnet in subnets if shared[subnet] == number
            ],
            "Entries": [*draw(chance, cidrs, egress=True), *draw(chance, cidrs, egress=False)],
        }
        for number in range(count)
    ]


def _entries(chance: random.Random, cidrs: list[str], *, egress: bool) -> list[Row]:
    """Return one direction's entries: open with denies before, or drawn; in any order, as AWS may answer them."""
    style = chance.random()
    drawn = 0 if style < 0.35 else chance.randrange(1, 7)  # noqa: PLR2004  # a third is open
    numbers = sorted(chance.sample(range(1, 400), drawn))
    entries = [_entry(chance, number, cidrs) for number in numbers]
    if style < 0.75:  # noqa: PLR2004  # and most let the rest through
        entries.append({"RuleNumber": 900, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"})
    entries.append({"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"})
    chance.shuffle(entries)
    return [{**entry, "Egress": egress} for entry in entries]


def _answer_entries(chance: random.Random, cidrs: list[str], *, egress: bool) -> list[Row]:
    """Return entries that let port 53 through and some of the ports of answers."""
    dns = {"RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 53, "To": 53}}
    entries: list[dict[str, Any]] = [
        {"RuleNumber": 1, "Protocol": "17", **dns},
        {"RuleNumber": 2, "Protocol": "6", **dns},
    ]
    for number in sorted(chance.sample(range(3, 400), chance.randrange(1, 6))):
        wide = chance.random() < 0.7  # noqa: PLR2004  # most are for everybody
        entry = {**_entry(chance, number, ["0.0.0.0/0"] if wide else cidrs), "Protocol": chance.choice(["17", "6"])}
        first, last = _answer_ports(chance)
        entries.append({**entry, "PortRange": {"From": first, "To": last}})
    if chance.random() < 0.3:  # noqa: PLR2004  # some let the rest through
        entries.append({"RuleNumber": 900, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"})
    return [{**entry, "Egress": egress} for entry in entries]


def _entry(chance: random.Random, number: int, cidrs: list[str]) -> dict[str, Any]:
    cidr = chance.choice(cidrs)
    entry: dict[str, Any] = {
        "RuleNumber": number,
        "Protocol": chance.choice(_ACL_PROTOCOLS),
        "RuleAction": chance.choice(["allow", "allow", "deny"]),
        ("Ipv6CidrBlock" if ":" in cidr else "CidrBlock"): cidr,
    }
    if entry["Protocol"] in {"6", "17"} or (entry["Protocol"] == "-1" and chance.random() < 0.3):  # noqa: PLR2004  # odd
        first, last = _acl_ports(chance)
        entry["PortRange"] = {"From": first, "To": last}
    return entry


def _acl_ports(chance: random.Random) -> tuple[int, int]:
    kind = chance.random()
    if kind < 0.35:  # noqa: PLR2004  # shares
        return chance.choice(_PORTS)
    return _answer_ports(chance)


def _answer_ports(chance: random.Random) -> tuple[int, int]:
    if chance.random() < 0.25:  # noqa: PLR2004  # a quarter
        return chance.choice([LINUX, WINDOWS, (1024, 65535), (32768, 65535)])
    first, last = sorted(chance.choice([*_USUAL_EDGES, chance.randrange(1024, 65536)]) for _ in range(2))
    return first, last
