"""Security groups and network ACLs, as the AWS API answers them, as one nft table for the fabric.

A packet walks the stages in AWS's order: the source's groups (outbound), the ACL of the subnet that it leaves, the ACL
of the subnet that it enters, the destination's groups (inbound). Groups are stateful: packets of an established
connection pass them. ACLs are not: every packet between two subnets is judged, answers by the client's port.
Of a packet between peered VPCs each VPC judges the half that is its own, and the one that it leaves its route as well.
A rule that names a group of another VPC admits nobody here.
Sources: VPC User Guide, "Control traffic to your AWS resources using security groups", "Security group connection
tracking", "Network ACL basics", "Network ACL rules"; nft(8). Shares nothing with `bot.network`. IPv4 only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from lab.vpc_answers import Row, VpcAnswers
from lab.vpc_routes import gateway_cidrs, peer_cidrs, routes_by_subnet

TABLE = "vpc"
REFUSED = "refused_"
"""Begins the names of the sets that hold refused flows: stage and ACL entry follow."""

_FLOW = "ip saddr . ip daddr . meta l4proto . th sport . th dport"
_FLOW_TYPE = "ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service"
IMPLICIT_DENY = 32767
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}
_WITH_PORTS = frozenset({"6", "17"})
_EVERY = frozenset({"-1", "all"})
_CONNECTED = "ct state established,related"


_OTHER_PROTOCOL = re.compile(r"meta l4proto (?!6\b|17\b)")
"""Has no ports; and `nft list` (1.0.6) fails on a rule that names both `l4proto 47` and ports."""


class Stage(StrEnum):
    """Where a packet is dropped, in the order in which a query and its answer pass; also the name of its counter."""

    CLIENT_GROUPS = "client_groups"
    CLIENT_SUBNET_OUT = "client_subnet_out"
    SERVER_SUBNET_IN = "server_subnet_in"
    SERVER_GROUPS = "server_groups"
    SERVER_SUBNET_OUT = "server_subnet_out"
    CLIENT_SUBNET_IN = "client_subnet_in"
    NOBODY = "nobody"
    """No interface holds the source or the destination, and no route leads to or from a peered VPC that may."""


STAGES = tuple(Stage)
PASSED = "passed"
"""Counter of the packets that got through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the table treats what it refuses."""

    per_flow: bool = False
    """Keep each refused flow in a set of its stage and ACL entry."""
    only_watch: bool = False
    """Let everything through, so that a flow meets every stage; with `per_flow`, all that would refuse it is kept."""
    zone: int = 0
    """Conntrack zone: flows of another zone are not established here."""


def refusal(set_name: str) -> tuple[Stage, int]:
    """Return the stage, and the number of the ACL entry (0 for groups), whose refusals this set holds."""
    stage, _, entry = set_name.removeprefix(REFUSED).partition("_")
    return STAGES[int(stage)], int(entry)


def compile_ruleset(answers: VpcAnswers, options: Options | None = None) -> str:
    """Return the text for `nft -f`: replaces the table in one transaction."""
    return _Compiler(answers, options or Options()).text()


class _Compiler:
    def __init__(self, answers: VpcAnswers, options: Options) -> None:
        self._answers, self._options = answers, options
        self._chains: dict[str, list[str]] = {}
        self._sets: dict[str, list[str]] = {}
        self._refusals: set[str] = set()
        self._held = {row["NetworkInterfaceId"]: _addresses(row) for row in answers.interfaces}
        self._group_sets = sorted({_group_ids(row) for row in answers.interfaces})
        place = {groups: number for number, groups in enumerate(self._group_sets)}
        self._place = {row["NetworkInterfaceId"]: place[_group_ids(row)] for row in answers.interfaces}

    def text(self) -> str:
        self._forward()
        self._subnets()
        self._groups()
        counters = "".join(f"  counter {name} {{ }}\n" for name in (*STAGES, PASSED))
        sets = "".join(_set(name, elements) for name, elements in sorted(self._sets.items()))
        chains = "".join(_chain(name, rules) for name, rules in self._chains.items())
        refusals = "".join(
            f"  set {name} {{ type {_FLOW_TYPE}; flags dynamic; size 65535; }}\n" for name in self._refusals
        )
        body = f"{counters}{refusals}{sets}{chains}"
        return f"table ip {TABLE} {{ }}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n{body}}}\n"

    def _refuse(self, match: str, stage: Stage, then: str, entry: int = 0) -> str:
        note = ""
        if self._options.per_flow and not _OTHER_PROTOCOL.search(match):
            self._refusals.add(name := f"{REFUSED}{STAGES.index(stage)}_{entry}")
            note = f"update @{name} {{ {_FLOW} }}"
        verdict = f"goto {then}" if self._options.only_watch else "drop"
        return f"{match} {note} counter name {stage} {verdict}".strip()

    def _forward(self) -> None:
        if self._options.zone:
            self._chains["zone"] = [
                "type filter hook prerouting priority raw; policy accept;",
                f"ct zone set {self._options.zone}",
            ]
        self._chains["forward"] = [
            "type filter hook forward priority filter; policy drop;",
            f"{_CONNECTED} goto leaving",
            *self._by_holder("ip saddr", {row: f"out_{self._place[row]}" for row in self._held}),
            *self._from_peers(),
            f"counter name {Stage.NOBODY} drop",
        ]
        self._chains["passing"] = [f"counter name {PASSED} accept"]

    def _by_holder(self, field: str, targets: Mapping[str, str]) -> list[str]:
        """Return the rule that leads the packet to the chain of the interface that holds the address."""
        elements = [f"{each} : goto {chain}" for row, chain in targets.items() for each in self._held[row]]
        return [f"{field} vmap {{ {', '.join(elements)} }}"] if elements else []

    def _subnets(self) -> None:
        acl_of = {item["SubnetId"]: acl["NetworkAclId"] for acl in self._answers.acls for item in acl["Associations"]}
        subnet_of = {row["NetworkInterfaceId"]: str(row["SubnetId"]) for row in self._answers.interfaces}
        acls = {row: _word(acl_of.get(subnet, "none")) for row, subnet in subnet_of.items()}
        within = []
        for subnet in sorted(set(subnet_of.values())):
            name = f"in_{_word(subnet)}"
            self._sets[name] = [each for row, its in subnet_of.items() if its == subnet for each in self._held[row]]
            within.append(f"ip saddr @{name} ip daddr @{name} goto arriving")
        nobody = f"counter name {Stage.NOBODY} drop"
        out = self._by_holder("ip saddr", {row: f"{acl}_out" for row, acl in acls.items()})
        into = self._by_holder("ip daddr", {row: f"{acl}_in" for row, acl in acls.items()})
        self._chains["leaving"] = [*within, *out, *self._from_peers(), nobody]
        self._chains["entering"] = [*into, *self._to_peers(sorted(set(subnet_of.values()))), nobody]
        entries = {_word(acl["NetworkAclId"]): list(acl["Entries"]) for acl in self._answers.acls}
        for acl in sorted(set(acls.values())):
            self._acl(acl, entries.get(acl, []))

    def _from_peers(self) -> list[str]:
        """Return the rule that lets in what comes from a peered VPC, whose own filter has judged it, or a VPN."""
        peered = [each for cidrs in peer_cidrs(self._answers).values() for each in cidrs]
        self._sets["peers"] = [*peered, *gateway_cidrs(self._answers)]
        return ["ip saddr @peers goto entering"] if self._sets["peers"] else []

    def _to_peers(self, subnets: Sequence[str]) -> list[str]:
        """Return the rules by which a subnet's packets for addresses that nobody inside holds go to its route table."""
        rules = []
        for subnet, routes in routes_by_subnet(self._answers, subnets).items():
            if any(leaves for _, leaves in routes):
                name = f"routes_{_word(subnet)}"
                nobody = f"counter name {Stage.NOBODY} drop"
                led = [f"ip daddr {cidr} {'goto passing' if leaves else nobody}" for cidr, leaves in routes]
                self._chains[name] = [*led, nobody]
                rules.append(f"ip saddr @in_{_word(subnet)} goto {name}")
        return rules

    def _acl(self, name: str, entries: Sequence[Row]) -> None:
        closing = {"RuleNumber": IMPLICIT_DENY, "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}
        for egress, chain, then, stages in (
            (True, f"{name}_out", "entering", (Stage.CLIENT_SUBNET_OUT, Stage.SERVER_SUBNET_OUT)),
            (False, f"{name}_in", "arriving", (Stage.SERVER_SUBNET_IN, Stage.CLIENT_SUBNET_IN)),
        ):
            mine = sorted((row for row in entries if row["Egress"] is egress), key=lambda row: int(row["RuleNumber"]))
            rules: list[str] = []
            for row in (*mine, closing):
                match = _acl_match(row, "ip daddr" if egress else "ip saddr")
                if match is not None and row["RuleAction"] == "allow":
                    rules.append(f"{match} goto {then}")
                elif match is not None:
                    for way, stage in zip(("original", "reply"), stages, strict=True):
                        number = int(row["RuleNumber"])
                        rules.append(self._refuse(f"ct direction {way} {match}", stage, then, number))
            self._chains[chain] = rules

    def _groups(self) -> None:
        into = self._by_holder("ip daddr", {row: f"into_{self._place[row]}" for row in self._held})
        self._chains["arriving"] = [f"{_CONNECTED} goto passing", *into, f"counter name {Stage.NOBODY} drop"]
        for place, groups in enumerate(self._group_sets):
            for egress, chain, then, stage in (
                (True, f"out_{place}", "leaving", Stage.CLIENT_GROUPS),
                (False, f"into_{place}", "passing", Stage.SERVER_GROUPS),
            ):
                rows = [row for row in self._answers.rules if row["GroupId"] in groups and row["IsEgress"] is egress]
                matches = [self._rule_match(row, "ip daddr" if egress else "ip saddr") for row in rows]
                allowing = [f"{match} goto {then}".strip() for match in matches if match is not None]
                self._chains[chain] = [*dict.fromkeys(allowing), self._refuse("", stage, then)]

    def _rule_match(self, row: Row, field: str) -> str | None:
        peer = self._peer(row, field)
        ports = _ports(str(row["IpProtocol"]), row.get("FromPort"), row.get("ToPort"))
        return None if peer is None else f"{ports} {peer}".strip()

    def _peer(self, row: Row, field: str) -> str | None:
        """Return the match for who is at the other end; None: nobody can be (IPv6, an empty list or group)."""
        if row.get("CidrIpv4"):
            return f"{field} {ip_network(row['CidrIpv4'], strict=False)}"
        if row.get("ReferencedGroupInfo"):
            group = str(row["ReferencedGroupInfo"]["GroupId"])
            name = f"carriers_of_{_word(group)}"
            carriers = [item for item in self._answers.interfaces if group in _group_ids(item)]
            self._sets[name] = [each for item in carriers for each in _addresses(item)]
        elif row.get("PrefixListId"):
            name = f"list_{_word(str(row['PrefixListId']))}"
            listed = self._answers.prefix_lists.get(str(row["PrefixListId"]), ())
            self._sets[name] = [str(block) for block in map(_network, listed) if block.version == 4]  # noqa: PLR2004  # IPv4
        else:
            return None
        return f"{field} @{name}" if self._sets[name] else None


def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def _addresses(row: Row) -> list[str]:
    single = [str(item["PrivateIpAddress"]) for item in row["PrivateIpAddresses"]]
    return [*single, *(str(item["Ipv4Prefix"]) for item in row.get("Ipv4Prefixes") or ())]


def _group_ids(row: Row) -> tuple[str, ...]:
    return tuple(sorted(str(item["GroupId"]) for item in row["Groups"]))


def _word(text: str) -> str:
    return text.replace("-", "_")


def _ports(protocol: str, first: object, last: object) -> str:
    """Return the match for protocol and destination ports; absent or -1: every port."""
    if protocol in _EVERY:
        return ""
    number = _NUMBERS.get(protocol, protocol)
    if number not in _WITH_PORTS or first in {None, -1} or last in {None, -1}:
        return f"meta l4proto {number}"
    return f"meta l4proto {number} th dport {first}-{last}"


def _acl_match(row: Row, field: str) -> str | None:
    """Return the match of an ACL entry; None for IPv6."""
    if not row.get("CidrBlock"):
        return None
    ports = row.get("PortRange") or {}
    protocol = _ports(str(row["Protocol"]), ports.get("From"), ports.get("To"))
    return f"{protocol} {field} {ip_network(row['CidrBlock'], strict=False)}".strip()


def _set(name: str, elements: Iterable[str]) -> str:
    listed = ", ".join(dict.fromkeys(elements))
    held = f" elements = {{ {listed} }}" if listed else ""
    return f"  set {name} {{ type ipv4_addr; flags interval; auto-merge;{held} }}\n"


def _chain(name: str, rules: Iterable[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {rule}\n" for rule in rules) + "  }\n"
