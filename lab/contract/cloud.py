"""Three VPCs in two accounts of the simulated AWS, of which the sandbox's network and the lab's make the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_network

from bot.sandbox.network.network import Network
from bot.sandbox.network.source import AwsNetwork
from bot.sandbox.operator.operating import AwsCommandLine, HttpOperator
from bot.sandbox.world.plan import SubnetPlan, VpcPlan
from bot.sandbox.world.vpc_seeding import build_vpc, peer
from bot.sandbox.world.world import ACCOUNT, CLUSTER, REGION, WorldVpc

OTHER = "210987654321"


class Cloud:
    """A cluster's VPC, one beside it that is peered with none, and a peered one in another account and region."""

    def __init__(self, url: str) -> None:
        self.operator = HttpOperator(aws_url=url, kubernetes_url="")
        self.source = AwsNetwork(url, cluster=CLUSTER, account=ACCOUNT, region=REGION)
        self.stranger, self.home, self.peer = (
            build_vpc(self._plan(number, account, region), self.operator.at(account, region))
            for number, account, region in ((3, ACCOUNT, REGION), (1, ACCOUNT, REGION), (2, OTHER, "us-east-1"))
        )
        self.peering = peer(self.operator, self.home, self.peer)
        self._open_groups: dict[str, str] = {}
        access = {"subnetIds": [self.home.subnets[0].id], "endpointPrivateAccess": True}
        self.operator.aws(
            "eks", "CreateCluster", name=CLUSTER, roleArn="arn:aws:iam::1:role/eks", resourcesVpcConfig=access
        )

    @staticmethod
    def _plan(number: int, account: str, region: str) -> VpcPlan:
        subnet = SubnetPlan(cidr=f"10.{number}.0.0/24", zone=f"{region}a")
        return VpcPlan(
            name=f"vpc {number}",
            account=account,
            region=region,
            cidr=f"10.{number}.0.0/16",
            public_cidr="",
            subnets=(subnet,),
            acl_entry_number=None,
        )

    def hands(self, vpc: WorldVpc) -> AwsCommandLine:
        """Return somebody who works where the VPC is."""
        return self.operator.at(vpc.account, vpc.region)

    def network(self) -> Network:
        """Return what is known of it now."""
        return asyncio.run(self.source.current())

    def add_interface(self, vpc: WorldVpc) -> str:
        """Put an interface of a group that admits everything into the VPC and return its address."""
        group = self.open_group(vpc)
        made = self.hands(vpc).aws("ec2", "CreateNetworkInterface", SubnetId=vpc.subnets[0].id, Groups=[group])
        return str(made["NetworkInterface"]["PrivateIpAddress"])

    def open_group(self, vpc: WorldVpc) -> str:
        """Return the id of a group of the VPC that admits everything, made at first."""
        if vpc.id in self._open_groups:
            return self._open_groups[vpc.id]
        hands = self.hands(vpc)
        made = hands.aws("ec2", "CreateSecurityGroup", GroupName="open", Description="Open", VpcId=vpc.id)["GroupId"]
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        hands.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=made, IpPermissions=[everything])
        self._open_groups[vpc.id] = str(made)
        return str(made)

    def add_endpoint(self, vpc: WorldVpc, direction: str) -> tuple[str, list[str]]:
        """Create a Resolver endpoint and return its id and addresses."""
        hands = self.hands(vpc)
        made = hands.aws(
            "route53resolver",
            "CreateResolverEndpoint",
            CreatorRequestId=direction,
            SecurityGroupIds=[self.open_group(vpc)],
            Direction=direction,
            IpAddresses=[{"SubnetId": vpc.subnets[0].id, "Ip": str(ip_network(vpc.cidr)[last])} for last in (40, 41)],
        )["ResolverEndpoint"]["Id"]
        found = hands.aws("route53resolver", "ListResolverEndpointIpAddresses", ResolverEndpointId=made)
        return str(made), [str(row["Ip"]) for row in found["IpAddresses"]]

    def add_rule(self, vpc: WorldVpc, targets: Sequence[str], domain: str) -> str:
        """Create a rule that leads a domain to targets, through an outbound endpoint in the VPC; return its id."""
        outbound, _ = self.add_endpoint(vpc, "OUTBOUND")
        made = self.hands(vpc).aws(
            "route53resolver",
            "CreateResolverRule",
            CreatorRequestId=domain,
            Name=domain.replace(".", "-"),
            RuleType="FORWARD",
            DomainName=domain,
            ResolverEndpointId=outbound,
            TargetIps=[{"Ip": address, "Port": 53} for address in targets],
        )
        return str(made["ResolverRule"]["Id"])

    def associate(self, vpc: WorldVpc, rule: str) -> None:
        """Let a rule hold for the VPC."""
        self.hands(vpc).aws("route53resolver", "AssociateResolverRule", ResolverRuleId=rule, VPCId=vpc.id)

    def add_zone(self, vpc: WorldVpc, name: str, address: str) -> str:
        """Create a private zone for the VPC, corp.example, with one record, and return its id."""
        where = {"VPCRegion": vpc.region, "VPCId": vpc.id}
        made = self.hands(vpc).aws(
            "route53", "CreateHostedZone", Name="corp.example", CallerReference=name, VPC=where,
            HostedZoneConfig={"PrivateZone": True, "Comment": ""},
        )["HostedZone"]["Id"]  # fmt: skip
        record = {"Name": name, "Type": "A", "TTL": 30, "ResourceRecords": [{"Value": address}]}
        changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        self.hands(vpc).aws("route53", "ChangeResourceRecordSets", HostedZoneId=made, ChangeBatch=changes)
        return str(made)
