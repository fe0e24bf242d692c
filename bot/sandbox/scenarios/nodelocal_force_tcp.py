"""NodeLocal DNSCache asks the company's resolver over TCP alone, and its security group admits UDP."""

from __future__ import annotations

from bot.sandbox.world.editing import write_corefile
from bot.sandbox.world.node_local_dns import NodeLocalDns, install
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_GROUP = "company-resolver"
_SELF_TEST_SECONDS = 40
"""The loop plugin asks its upstream for 30 s after a start (plugin/loop page)."""


def _dns(world: World, protocol: str) -> dict[str, object]:
    return {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": world.home.cidr}]}


def _company_resolver(world: World, operator: Operator, *protocols: str) -> None:
    """Stand up a resolver in the VPC that answers over these protocols, and name it in the nodes' resolv.conf."""
    group = operator.aws(
        "ec2", "CreateSecurityGroup", GroupName=_GROUP, Description="Resolver of the company", VpcId=world.home.id
    )["GroupId"]
    permissions = [_dns(world, protocol) for protocol in protocols]
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=permissions)
    made = operator.aws(
        "route53resolver",
        "CreateResolverEndpoint",
        CreatorRequestId=_GROUP,
        Direction="INBOUND",
        SecurityGroupIds=[group],
        IpAddresses=[{"SubnetId": subnet.id} for subnet in world.home.subnets[:2]],
    )["ResolverEndpoint"]
    held = operator.aws("route53resolver", "ListResolverEndpointIpAddresses", ResolverEndpointId=made["Id"])
    address = held["IpAddresses"][0]["Ip"]
    for node in world.nodes:
        operator.resolv_conf(node.name, f"nameserver {address}\n")
    write_corefile(operator, world.corefile.replace("/etc/resolv.conf", world.home.resolver))
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")


def _acts(world: World, operator: Operator) -> None:
    _company_resolver(world, operator, "udp")
    install(operator, NodeLocalDns(cluster_ip=world.cluster_dns, force_tcp=True))
    operator.time_passes(_SELF_TEST_SECONDS)


def _harmless(world: World, operator: Operator) -> None:
    _company_resolver(world, operator, "udp", "tcp")
    install(operator, NodeLocalDns(cluster_ip=world.cluster_dns, force_tcp=True))


def _heal(world: World, operator: Operator) -> None:
    groups = operator.aws("ec2", "DescribeSecurityGroups", Filters=[{"Name": "group-name", "Values": [_GROUP]}])
    group = groups["SecurityGroups"][0]["GroupId"]
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[_dns(world, "tcp")])


SCENARIO = Scenario(
    name="nodelocal-force-tcp",
    title="NodeLocal DNSCache forces TCP towards a resolver that admits UDP alone",
    story=(
        "The nodes' resolv.conf names the company's resolver, whose security group admits UDP 53. An operator put "
        "force_tcp into every block of NodeLocal DNSCache's Corefile; external names fail through it."
    ),
    root_cause="nodelocal_force_tcp",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("nodelocal_misconfigured", "nodelocal_not_intercepting", "coredns_upstream_unreachable"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="nodelocal-force-tcp-look-alike",
    title="NodeLocal DNSCache forces TCP towards a resolver that answers it",
    story="As before, but the resolver's security group admits UDP and TCP 53.",
    root_cause="",
    not_to_blame=("nodelocal_force_tcp", "coredns_upstream_unreachable"),
    acts=_harmless,
)
