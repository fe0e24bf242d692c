"""What people build so that a peer resolves the private endpoint: endpoints, a rule, its association (D3 to D5)."""

from __future__ import annotations

from bot.sandbox.world.scenario import AwsHands, Operator
from bot.sandbox.world.world import CLUSTER, NO_PUBLIC_DNS, World, WorldVpc

_EVERYBODY = [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.168.0.0/16"}]


def make_private(operator: Operator) -> None:
    """Switch the endpoint's public access off."""
    access = {"endpointPublicAccess": False, "endpointPrivateAccess": True}
    operator.aws("eks", "UpdateClusterConfig", name=CLUSTER, resourcesVpcConfig=access)


def close_public_dns(hands: AwsHands, vpc: WorldVpc) -> None:
    """Let public DNS be asked from a VPC no more."""
    hands.aws("ec2", "CreateTags", Resources=[vpc.id], Tags=[{"Key": NO_PUBLIC_DNS, "Value": "true"}])


def open_public_dns(hands: AwsHands, vpc: WorldVpc) -> None:
    """Let public DNS be asked from a VPC that was closed."""
    hands.aws("ec2", "DeleteTags", Resources=[vpc.id], Tags=[{"Key": NO_PUBLIC_DNS}])


def host(world: World) -> str:
    """Return the endpoint's name."""
    return world.endpoint.removeprefix("https://").split("/", maxsplit=1)[0].split(":", maxsplit=1)[0].lower()


def dns_group(hands: AwsHands, vpc: WorldVpc, name: str, *, admits: bool = True) -> str:
    """Create a security group that admits 53 from everywhere inside, or nothing."""
    made = hands.aws("ec2", "CreateSecurityGroup", GroupName=name, Description="Resolver endpoint", VpcId=vpc.id)
    group = str(made["GroupId"])
    ports = [
        {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "IpRanges": _EVERYBODY} for protocol in ("udp", "tcp")
    ]
    if admits:
        hands.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=ports)
    return group


def endpoint(hands: AwsHands, vpc: WorldVpc, direction: str, group: str) -> str:
    """Create an endpoint with an address in each of two subnets and return its id."""
    made = hands.aws(
        "route53resolver",
        "CreateResolverEndpoint",
        CreatorRequestId=f"{vpc.name}-{direction}",
        Name=f"{vpc.name}-{direction.lower()}",
        Direction=direction,
        SecurityGroupIds=[group],
        IpAddresses=[{"SubnetId": subnet.id} for subnet in vpc.subnets[:2]],
    )
    return str(made["ResolverEndpoint"]["Id"])


def addresses(hands: AwsHands, endpoint_id: str) -> list[str]:
    """Return where an endpoint answers."""
    found = hands.aws("route53resolver", "ListResolverEndpointIpAddresses", ResolverEndpointId=endpoint_id)
    return [str(one["Ip"]) for one in found["IpAddresses"]]


def forward(hands: AwsHands, name: str, outbound: str, targets: list[str]) -> str:
    """Create a FORWARD rule and return its id."""
    made = hands.aws(
        "route53resolver",
        "CreateResolverRule",
        CreatorRequestId=f"forward-{name}-{outbound}",
        Name="cluster-endpoint",
        RuleType="FORWARD",
        DomainName=name,
        ResolverEndpointId=outbound,
        TargetIps=[{"Ip": one, "Port": 53} for one in targets],
    )
    return str(made["ResolverRule"]["Id"])


def associate(hands: AwsHands, rule: str, vpc: WorldVpc) -> None:
    """Let a rule hold in a VPC."""
    hands.aws("route53resolver", "AssociateResolverRule", ResolverRuleId=rule, VPCId=vpc.id)


def forward_on_premises(world: World, operator: Operator) -> None:
    """Let the DNS servers on premises forward the name to the inbound endpoint (D6)."""
    found = operator.aws("route53resolver", "ListResolverEndpoints")["ResolverEndpoints"]
    (inbound,) = (str(one["Id"]) for one in found if one["Direction"] == "INBOUND")
    for site in world.on_premises:
        operator.forward_on_premises(site.name, host(world), addresses(operator, inbound))


def put_into_profile(hands: AwsHands, vpc: WorldVpc, rule: str) -> str:
    """Create a Route 53 Profile that brings a rule of the same account, associated with no VPC, and return its id."""
    profile = str(hands.aws("route53profiles", "CreateProfile", Name=vpc.name, ClientToken=rule)["Profile"]["Id"])
    hands.aws(
        "route53profiles",
        "AssociateResourceToProfile",
        Name="cluster-endpoint",
        ProfileId=profile,
        ResourceArn=f"arn:aws:route53resolver:{vpc.region}:{vpc.account}:resolver-rule/{rule}",
    )
    return profile


def zone(hands: AwsHands, vpc: WorldVpc, name: str) -> str:
    """Create a private hosted zone that only this VPC is associated with, and return its id."""
    where = {"VPCRegion": vpc.region, "VPCId": vpc.id}
    made = hands.aws("route53", "CreateHostedZone", Name=name, CallerReference=f"{vpc.name}-{name}", VPC=where)
    return str(made["HostedZone"]["Id"])


def filter_names(hands: AwsHands, vpc: WorldVpc, action: str, *domains: str) -> None:
    """Let DNS Firewall do this with these names in a VPC."""

    def ask(operation: str, **parameters: object) -> dict[str, str]:
        answer = hands.aws(
            "route53resolver", operation, Name=f"{vpc.name}-names", CreatorRequestId=vpc.name, **parameters
        )
        return dict(next(value for value in answer.values() if isinstance(value, dict) and "Name" in value))

    listed = ask("CreateFirewallDomainList")["Id"]
    hands.aws(
        "route53resolver",
        "UpdateFirewallDomains",
        FirewallDomainListId=listed,
        Operation="ADD",
        Domains=list(domains),
    )
    group = ask("CreateFirewallRuleGroup")["Id"]
    response = {"BlockResponse": "NXDOMAIN"} if action == "BLOCK" else {}
    ask(
        "CreateFirewallRule",
        FirewallRuleGroupId=group,
        FirewallDomainListId=listed,
        Priority=1,
        Action=action,
        **response,
    )
    ask("AssociateFirewallRuleGroup", FirewallRuleGroupId=group, VpcId=vpc.id, Priority=101)


def lead(world: World, operator: Operator, vpc: WorldVpc, *, associated: bool = True, admits: bool = True) -> str:
    """Build all of it for one peer and return the rule's id; `admits`: the inbound endpoint's group admits 53."""
    group = dns_group(operator, world.home, "dns-in", admits=admits)
    inbound = endpoint(operator, world.home, "INBOUND", group)
    return lead_to(inbound, world, operator, vpc, associated=associated)


def lead_to(inbound: str, world: World, operator: Operator, vpc: WorldVpc, *, associated: bool = True) -> str:
    """Build what one more peer needs that is led to an inbound endpoint, and return the rule's id."""
    there = operator.at(vpc.account, vpc.region)
    outbound = endpoint(there, vpc, "OUTBOUND", dns_group(there, vpc, "dns-out"))
    rule = forward(there, host(world), outbound, addresses(operator, inbound))
    if associated:
        associate(there, rule, vpc)
    return rule
