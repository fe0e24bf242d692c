"""A drawn world written to simulated AWS by its API, as people would have built it: two accounts, two regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import count
from typing import Any

from bot.sandbox.operator.operating import AwsCommandLine, HttpOperator
from bot.sandbox.world.plan import SubnetPlan, VpcPlan
from bot.sandbox.world.vpc_seeding import build_vpc, peer
from bot.sandbox.world.world import ACCOUNT, REGION, WorldVpc
from lab.fuzz_names.worlds import VPCS, FirewallGroup, NameWorld, Rule, Zone
from lab.vpc_answers import VpcKey

_PLACES = ((ACCOUNT, REGION), (ACCOUNT, REGION), ("210987654321", "us-east-1"))
_ADDRESSES = {"INBOUND": 40, "OUTBOUND": 50}
"""Which address of each of its two subnets an endpoint has."""
NOBODYS = 60
"""Which address of a VPC's first subnet nobody has."""
OVERRIDE = "blocked.example"
DENIED, OPEN = 50, 100
_DNS = {"From": 53, "To": 53}


def vpc_cidr(number: int) -> str:
    """Return the CIDR of a VPC, in every world the same."""
    return f"10.{number + 1}.0.0/16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where it all is now."""

    vpcs: tuple[VpcKey, ...]
    zone_of: dict[str, str]
    """The domain of the zone that holds an address."""


def write_world(aws_url: str, world: NameWorld) -> Written:
    """Write the world; simulated AWS must be empty."""
    return _Writing(aws_url, world).written()


class _Writing:
    def __init__(self, aws_url: str, world: NameWorld) -> None:
        self._operator, self._world = HttpOperator(aws_url=aws_url, kubernetes_url=""), world
        self._requests = count()
        self._vpcs = [build_vpc(_plan(number), self._hands(number)) for number in range(VPCS)]
        self._endpoints: dict[tuple[int, str], tuple[str, list[str]]] = {}

    def written(self) -> Written:
        self._join()
        for number in range(VPCS):
            self._endpoint(number, "INBOUND", self._group(number, "in"))
            self._endpoint(number, "OUTBOUND", self._group(number, "out"))
        self._close_subnets()
        zones = [self._zone(zone) for zone in self._world.zones]
        rules = [self._rule(rule) for rule in self._world.rules]
        groups = [self._firewall(group) for group in self._world.groups]
        self._profile(zones, rules, groups)
        for number, vpc in enumerate(self._vpcs):
            for attribute, off in (
                ("EnableDnsSupport", self._world.without_support),
                ("EnableDnsHostnames", self._world.without_host_names),
            ):
                if number in off:
                    self._ask(number, "ec2", "ModifyVpcAttribute", VpcId=vpc.id, **{attribute: {"Value": False}})
        held = {one.address: zone.domain for zone in self._world.zones for one in zone.records if one.address}
        return Written(
            vpcs=tuple(VpcKey(account=vpc.account, region=vpc.region, id=vpc.id) for vpc in self._vpcs), zone_of=held
        )

    def _hands(self, number: int) -> AwsCommandLine:
        return self._operator.at(*_PLACES[number])

    def _ask(self, number: int, service: str, operation: str, **parameters: object) -> Any:  # noqa: ANN401  # AWS's answer
        return self._hands(number).aws(service, operation, **parameters)

    def _join(self) -> None:
        """Peer all VPCs, then take away what is missing in this world."""
        for one in range(VPCS):
            for other in range(one + 1, VPCS):
                peering = peer(self._operator, self._vpcs[one], self._vpcs[other])
                if (one, other) in self._world.ended_peerings:
                    self._ask(one, "ec2", "DeleteVpcPeeringConnection", VpcPeeringConnectionId=peering.id)
        for at, to in sorted(self._world.missing_routes):
            table, cidr = self._vpcs[at].route_table_id, self._vpcs[to].cidr
            self._ask(at, "ec2", "DeleteRoute", RouteTableId=table, DestinationCidrBlock=cidr)

    def _group(self, number: int, name: str) -> str:
        """Make an endpoint's group: an inbound one admits 53 from every VPC that is not shut out, an outbound none."""
        made = self._ask(
            number, "ec2", "CreateSecurityGroup", GroupName=name, Description=name, VpcId=self._vpcs[number].id
        )
        admitted = [one for one in range(VPCS) if name == "in" and (one, number) not in self._world.closed_groups]
        if admitted:
            blocks = [{"CidrIp": vpc_cidr(one)} for one in admitted]
            ports = [{"IpProtocol": one, "FromPort": 53, "ToPort": 53, "IpRanges": blocks} for one in ("udp", "tcp")]
            self._ask(number, "ec2", "AuthorizeSecurityGroupIngress", GroupId=made["GroupId"], IpPermissions=ports)
        return str(made["GroupId"])

    def _endpoint(self, number: int, direction: str, group: str) -> None:
        subnets = self._vpcs[number].subnets
        addresses = [str(ip_network(subnet.cidr)[_ADDRESSES[direction]]) for subnet in subnets]
        made = self._ask(
            number,
            "route53resolver",
            "CreateResolverEndpoint",
            CreatorRequestId=f"{direction}-{number}",
            SecurityGroupIds=[group],
            Direction=direction,
            IpAddresses=[
                {"SubnetId": subnet.id, "Ip": address} for subnet, address in zip(subnets, addresses, strict=True)
            ],
        )
        self._endpoints[number, direction] = str(made["ResolverEndpoint"]["Id"]), addresses

    def _close_subnets(self) -> None:
        """Give each subnet that refuses somebody an ACL of its own."""
        for number, vpc in enumerate(self._vpcs):
            for which, subnet in enumerate(vpc.subnets):
                refused = [one for one in range(VPCS) if (one, number, which) in self._world.closed_subnets]
                if refused:
                    self._acl(number, vpc, subnet.id, refused)

    def _acl(self, number: int, vpc: WorldVpc, subnet: str, refused: Sequence[int]) -> None:
        acl = self._ask(number, "ec2", "CreateNetworkAcl", VpcId=vpc.id)["NetworkAcl"]["NetworkAclId"]
        entries = [
            (DENIED + one, False, "deny", vpc_cidr(one), {"Protocol": "17", "PortRange": _DNS}) for one in refused
        ]
        entries += [(OPEN, egress, "allow", "0.0.0.0/0", {"Protocol": "-1"}) for egress in (False, True)]
        for rule, egress, action, cidr, about in entries:
            self._ask(
                number, "ec2", "CreateNetworkAclEntry", NetworkAclId=acl, RuleNumber=rule, Egress=egress,
                RuleAction=action, CidrBlock=cidr, **about,
            )  # fmt: skip
        for other in self._ask(number, "ec2", "DescribeNetworkAcls")["NetworkAcls"]:
            for item in other["Associations"]:
                if item["SubnetId"] == subnet:
                    association = item["NetworkAclAssociationId"]
                    self._ask(
                        number, "ec2", "ReplaceNetworkAclAssociation", AssociationId=association, NetworkAclId=acl
                    )

    def _zone(self, zone: Zone) -> str:
        first, *others = (self._vpcs[one] for one in zone.vpcs)
        number = zone.vpcs[0]
        made = self._ask(
            number, "route53", "CreateHostedZone", Name=zone.domain, CallerReference=f"{next(self._requests)}",
            VPC={"VPCRegion": first.region, "VPCId": first.id},
        )["HostedZone"]["Id"]  # fmt: skip
        for vpc in others:
            where = {"VPCRegion": vpc.region, "VPCId": vpc.id}
            self._ask(number, "route53", "AssociateVPCWithHostedZone", HostedZoneId=made, VPC=where)
        sets: list[dict[str, Any]] = []
        for one in zone.records:
            if one.alias:
                target = {
                    "HostedZoneId": made.rpartition("/")[2],
                    "DNSName": one.leads_to,
                    "EvaluateTargetHealth": False,
                }
                sets.append({"Name": one.name, "Type": "A", "AliasTarget": target})
            else:
                kind, value = ("A", one.address) if one.address else ("CNAME", one.leads_to)
                kind, value = (kind, value) if value else ("TXT", '"text"')
                sets.append({"Name": one.name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]})
        if sets:
            changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]}
            self._ask(number, "route53", "ChangeResourceRecordSets", HostedZoneId=made, ChangeBatch=changes)
        return str(made).rpartition("/")[2]

    def _rule(self, rule: Rule) -> str:
        targets = [{"Ip": self._target(vpc, which), "Port": port} for vpc, which, port in rule.targets]
        way = {"ResolverEndpointId": self._endpoints[rule.home, "OUTBOUND"][0], "TargetIps": targets} if targets else {}
        made = self._ask(
            rule.home, "route53resolver", "CreateResolverRule", CreatorRequestId=f"rule-{next(self._requests)}",
            RuleType="FORWARD" if targets else "SYSTEM", DomainName=rule.domain or ".", **way,
        )["ResolverRule"]["Id"]  # fmt: skip
        for vpc in rule.vpcs:
            self._ask(vpc, "route53resolver", "AssociateResolverRule", ResolverRuleId=made, VPCId=self._vpcs[vpc].id)
        return str(made)

    def _target(self, vpc: int, which: int) -> str:
        inbound = self._endpoints[vpc, "INBOUND"][1]
        return inbound[which] if which < len(inbound) else str(ip_network(self._vpcs[vpc].subnets[0].cidr)[NOBODYS])

    def _firewall(self, group: FirewallGroup) -> str:
        def make(operation: str, **parameters: object) -> str:
            request = f"firewall-{next(self._requests)}"
            answer = self._ask(
                group.vpc, "route53resolver", operation, CreatorRequestId=request, Name=request, **parameters
            )
            return str(next((one["Id"] for one in answer.values() if "Id" in one), ""))

        number = make("CreateFirewallRuleGroup")
        for place, (action, response, domains) in enumerate(group.rules):
            listed = make("CreateFirewallDomainList")
            self._ask(
                group.vpc, "route53resolver", "UpdateFirewallDomains", FirewallDomainListId=listed, Operation="ADD",
                Domains=list(domains),
            )  # fmt: skip
            about: dict[str, object] = {"BlockResponse": response} if response else {}
            if response == "OVERRIDE":
                about |= {"BlockOverrideDomain": OVERRIDE, "BlockOverrideDnsType": "CNAME", "BlockOverrideTtl": 60}
            make(
                "CreateFirewallRule", FirewallRuleGroupId=number, FirewallDomainListId=listed, Priority=place + 1,
                Action=action, **about,
            )  # fmt: skip
        if group.associated:
            vpc = self._vpcs[group.vpc].id
            make("AssociateFirewallRuleGroup", FirewallRuleGroupId=number, VpcId=vpc, Priority=group.priority)
        return number

    def _profile(self, zones: Sequence[str], rules: Sequence[str], groups: Sequence[str]) -> None:
        drawn, (account, region) = self._world.profile, _PLACES[0]
        if drawn is None:
            return
        made = self._ask(0, "route53profiles", "CreateProfile", Name="names", ClientToken="names")["Profile"]["Id"]
        resolver = f"arn:aws:route53resolver:{region}:{account}"
        brought = [(f"{resolver}:resolver-rule/{rules[place]}", "") for place in drawn.rules]
        brought += [(f"arn:aws:route53:::hostedzone/{zones[place]}", "") for place in drawn.zones]
        brought += [
            (f"{resolver}:firewall-rule-group/{groups[place]}", f'{{"priority": {self._world.groups[place].priority}}}')
            for place in drawn.groups
        ]
        for place, (arn, properties) in enumerate(brought):
            more = {"ResourceProperties": properties} if properties else {}
            self._ask(
                0, "route53profiles", "AssociateResourceToProfile", Name=f"r{place}", ProfileId=made, ResourceArn=arn,
                **more,
            )  # fmt: skip
        for vpc in drawn.vpcs:
            held = self._vpcs[vpc].id
            self._ask(0, "route53profiles", "AssociateProfile", Name=f"v{vpc}", ProfileId=made, ResourceId=held)


def _plan(number: int) -> VpcPlan:
    account, region = _PLACES[number]
    subnets = tuple(
        SubnetPlan(cidr=f"10.{number + 1}.{place}.0/24", zone=f"{region}{zone}") for place, zone in enumerate("ab")
    )
    return VpcPlan(
        name=f"vpc-{number}",
        account=account,
        region=region,
        cidr=vpc_cidr(number),
        public_cidr="",
        subnets=subnets,
        acl_entry_number=None,
    )
