"""Nodes with their interfaces, security-group rules, network ACLs, and subnets with routes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from bot.collectors import network_acls, security_group_rules, subnets, worker_nodes
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.errors import AccessDenied, SourceGarbled
from bot.kubernetes.nodes import Compute, Taint
from bot.network.answers import CNI_CLUSTER_TAG
from bot.network.model import Direction, Interface, InterfaceKind, Route
from tests.looking import as_stored

CLUSTER = EksCluster(
    name="cluster-prod",
    arn="arn:aws:eks:eu-west-1:123456789012:cluster/cluster-prod",
    account="123456789012",
    status="ACTIVE",
    version="1.33",
    vpc_id="vpc-1",
    cluster_security_group_id="sg-cluster",
    security_group_ids=(),
    subnet_ids=(),
    endpoint="",
    endpoint_public=True,
    endpoint_private=False,
    service_cidr="172.20.0.0/16",
    auto_mode=False,
)
IN_VPC = [{"Name": "vpc-id", "Values": ["vpc-1"]}]


def raw_node(name: str, provider_id: str, ip: str, **labels: str) -> dict[str, Any]:
    """Return a node as Kubernetes lists it."""
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"providerID": provider_id, "taints": [{"key": "dedicated", "value": "dns", "effect": "NoSchedule"}]},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": ip}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def raw_interface(eni: str, ip: str, *, instance: str = "", **more: Any) -> dict[str, Any]:
    """Return an interface as DescribeNetworkInterfaces lists it."""
    return {
        "NetworkInterfaceId": eni,
        "SubnetId": "subnet-a",
        "Groups": [{"GroupId": "sg-cluster", "GroupName": "eks-cluster-sg-cluster-prod-1"}],
        "PrivateIpAddresses": [{"PrivateIpAddress": ip, "Primary": True}],
        "InterfaceType": "interface",
        **({"Attachment": {"InstanceId": instance, "Status": "attached"}} if instance else {}),
        **more,
    }


NODES = [
    raw_node("node-1", "aws:///eu-west-1a/i-1", "10.0.1.5", **{"eks.amazonaws.com/nodegroup": "blue"}),
    raw_node("node-2", "aws:///eu-west-1b/i-2", "10.0.2.5", **{"eks.amazonaws.com/compute-type": "auto"}),
    raw_node(
        "fargate-ip-10-0-1-9",
        "aws:///eu-west-1a/abc-def/fargate-ip-10-0-1-9",
        "10.0.1.9",
        **{"eks.amazonaws.com/compute-type": "fargate"},
    ),
    raw_node("node-4", "aws:///eu-west-1b/i-gone", "10.0.2.6"),
    raw_node("node-5-hybrid", "eks-hybrid:///eu-west-1/cluster-prod/mi-1", "192.168.7.5"),
]
INTERFACES = [
    raw_interface("eni-1", "10.0.1.5", instance="i-1", TagSet=[{"Key": CNI_CLUSTER_TAG, "Value": "cluster-prod"}]),
    raw_interface(
        "eni-2",
        "10.0.2.5",
        instance="i-2",
        Ipv4Prefixes=[{"Ipv4Prefix": "10.0.2.16/28"}],
        Ipv6Addresses=[{"Ipv6Address": "2600:1f18::5"}],
        Ipv6Prefixes=[{"Ipv6Prefix": "2600:1f18:0:1::/80"}],
    ),
    raw_interface("eni-fargate", "10.0.1.9"),
    raw_interface("eni-strange", "10.0.1.77", instance="i-database"),
    raw_interface("eni-endpoint", "10.0.1.78"),
    raw_interface(
        "eni-branch",
        "10.0.1.80",
        InterfaceType="branch",
        TagSet=[{"Key": "vpcresources.k8s.aws/trunk-eni-id", "Value": "eni-1"}],
    ),
    raw_interface("eni-branch-lost", "10.0.1.81", InterfaceType="branch"),
    raw_interface(
        "eni-branch-strange",
        "10.0.1.82",
        InterfaceType="branch",
        TagSet=[{"Key": "vpcresources.k8s.aws/trunk-eni-id", "Value": "eni-strange"}],
    ),
]


def test_nodes_and_interfaces_come_from_two_calls(look_through: Any) -> None:
    """One list of nodes and one call for the VPC's interfaces; strangers are left out, lost nodes are named."""
    looked = look_through(
        worker_nodes.COLLECTOR,
        aws={"ec2:DescribeNetworkInterfaces": {"NetworkInterfaces": INTERFACES}},
        kubernetes={"nodes": NODES},
        needed=(CLUSTER,),
    )

    found = looked.evidence
    assert looked.asked == [("ec2:DescribeNetworkInterfaces", {"Filters": IN_VPC})]
    assert looked.calls == ["list nodes", "ec2:DescribeNetworkInterfaces"]
    assert [(item.id, item.instance_id, item.kind) for item in found.interfaces] == [
        ("eni-1", "i-1", InterfaceKind.INSTANCE),
        ("eni-2", "i-2", InterfaceKind.INSTANCE),
        ("eni-branch", "i-1", InterfaceKind.BRANCH),
        ("eni-branch-lost", "", InterfaceKind.BRANCH),
        ("eni-fargate", "", InterfaceKind.OTHER),
    ]
    assert found.unmatched == ("node-4", "node-5-hybrid")
    assert found.cluster_tags == ("cluster-prod",)
    assert found.group_names == (("sg-cluster", "eks-cluster-sg-cluster-prod-1"),)
    second = found.interfaces[1]
    assert second.holds(ip_address("10.0.2.20"))
    assert second.holds(ip_address("2600:1f18:0:1::7"))
    assert not second.holds(ip_address("10.0.2.32"))


def test_node_fields(look_through: Any) -> None:
    """Instance, node group, kind of compute, taints and readiness are read from each node."""
    looked = look_through(
        worker_nodes.COLLECTOR,
        aws={"ec2:DescribeNetworkInterfaces": {"NetworkInterfaces": INTERFACES}},
        kubernetes={"nodes": NODES},
        needed=(CLUSTER,),
    )

    nodes = {node.name: node for node in looked.evidence.nodes}
    assert {name: (node.instance_id, node.compute) for name, node in nodes.items()} == {
        "fargate-ip-10-0-1-9": ("", Compute.FARGATE),
        "node-1": ("i-1", Compute.MANAGED),
        "node-2": ("i-2", Compute.AUTO),
        "node-4": ("i-gone", Compute.SELF_MANAGED),
        "node-5-hybrid": ("", Compute.HYBRID),
    }
    assert (nodes["node-1"].node_group, nodes["node-1"].internal_ip, nodes["node-1"].ready) == (
        "blue",
        "10.0.1.5",
        True,
    )
    assert nodes["node-1"].taints == (Taint(key="dedicated", value="dns", effect="NoSchedule"),)
    assert worker_nodes.COLLECTOR.summarise(looked.evidence) == (
        "5 nodes, 5 interfaces (2 of them pods' own) with 1 security groups in vpc-1; 2 nodes not found in the VPC"
    )


def test_interfaces_survive_storing(look_through: Any) -> None:
    """Addresses, prefixes and groups are the same after redaction and JSON."""
    looked = look_through(
        worker_nodes.COLLECTOR,
        aws={"ec2:DescribeNetworkInterfaces": {"NetworkInterfaces": INTERFACES}},
        kubernetes={"nodes": NODES},
        needed=(CLUSTER,),
    )

    assert as_stored(looked.evidence) == looked.evidence


@pytest.mark.parametrize(
    ("kubernetes", "aws"),
    [
        ([{"metadata": {}}], {"NetworkInterfaces": []}),
        (NODES, {}),
        (NODES, {"NetworkInterfaces": None}),
        (NODES, {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1"}]}),
        (NODES, {"NetworkInterfaces": [raw_interface("eni-1", "no address")]}),
    ],
    ids=["node without name", "no interfaces member", "null", "interface without subnet", "address is none"],
)
def test_garbled_nodes_or_interfaces_are_no_evidence(
    look_through: Any, kubernetes: list[dict[str, Any]], aws: dict[str, Any]
) -> None:
    """A missing or odd member raises instead of reading as no interface."""
    with pytest.raises(SourceGarbled, match="answered, but the answer"):
        look_through(
            worker_nodes.COLLECTOR,
            aws={"ec2:DescribeNetworkInterfaces": aws},
            kubernetes={"nodes": kubernetes},
            needed=(CLUSTER,),
        )


def workers(*groups: str) -> WorkerNodes:
    """Return nodes whose one interface carries these groups."""
    return WorkerNodes(
        vpc_id="vpc-1",
        nodes=(),
        interfaces=(
            Interface(
                id="eni-1",
                instance_id="i-1",
                subnet_id="subnet-a",
                security_group_ids=frozenset(groups),
                addresses=frozenset(),
            ),
        ),
    )


def raw_rule(rule_id: str, **more: Any) -> dict[str, Any]:
    """Return a rule as DescribeSecurityGroupRules lists it."""
    return {
        "SecurityGroupRuleId": rule_id,
        "GroupId": "sg-cluster",
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 53,
        "ToPort": 53,
        **more,
    }


RAW_RULES = [
    raw_rule("sgr-5", ReferencedGroupInfo={"GroupId": "sg-cluster", "UserId": "123456789012"}, Description="self"),
    raw_rule("sgr-4", CidrIpv4="10.0.0.0/16"),
    raw_rule("sgr-3", CidrIpv6="::/0", IsEgress=True, IpProtocol="-1", FromPort=-1, ToPort=-1),
    raw_rule("sgr-2", PrefixListId="pl-dns"),
    raw_rule("sgr-1", PrefixListId="pl-web", FromPort=80, ToPort=80),
]


def test_rules_of_all_groups_come_in_one_call(look_through: Any) -> None:
    """Groups of nodes and of the cluster are asked for together; only lists for ports 53 and 443 are followed."""
    looked = look_through(
        security_group_rules.COLLECTOR,
        aws={
            "ec2:DescribeSecurityGroupRules": {"SecurityGroupRules": RAW_RULES},
            "ec2:GetManagedPrefixListEntries": {"Entries": [{"Cidr": "10.0.1.0/24"}]},
        },
        needed=(CLUSTER, workers("sg-node", "sg-cluster")),
    )

    found = looked.evidence
    assert looked.asked == [
        (
            "ec2:DescribeSecurityGroupRules",
            {"Filters": [{"Name": "group-id", "Values": ["sg-cluster", "sg-node"]}]},
        ),
        ("ec2:GetManagedPrefixListEntries", {"PrefixListId": "pl-dns"}),
    ]
    assert found.group_ids == {"sg-cluster", "sg-node"}
    assert [
        (rule.id, rule.direction, str(rule.cidr or ""), rule.group_id, rule.prefix_list_id) for rule in found.rules
    ] == [
        ("sgr-1", Direction.INGRESS, "", "", "pl-web"),
        ("sgr-2", Direction.INGRESS, "", "", "pl-dns"),
        ("sgr-3", Direction.EGRESS, "::/0", "", ""),
        ("sgr-4", Direction.INGRESS, "10.0.0.0/16", "", ""),
        ("sgr-5", Direction.INGRESS, "", "sg-cluster", ""),
    ]
    assert [(item.id, item.entries) for item in found.prefix_lists] == [("pl-dns", (ip_network("10.0.1.0/24"),))]
    assert as_stored(found) == found
    assert security_group_rules.COLLECTOR.summarise(found) == "5 rules of 2 security groups, 1 prefix lists"


def test_many_groups_are_asked_for_200_a_call(look_through: Any) -> None:
    """450 groups and the cluster's own are three calls."""
    looked = look_through(
        security_group_rules.COLLECTOR,
        aws={"ec2:DescribeSecurityGroupRules": {"SecurityGroupRules": []}},
        needed=(CLUSTER, workers(*(f"sg-{number}" for number in range(450)))),
    )

    sizes = [len(parameters["Filters"][0]["Values"]) for _, parameters in looked.asked]
    assert sizes == [200, 200, 51]


def test_a_prefix_list_that_may_not_be_read_is_a_gap(look_through: Any) -> None:
    """The rules are still evidence; the list's entries are None and the grant is named."""
    looked = look_through(
        security_group_rules.COLLECTOR,
        aws={
            "ec2:DescribeSecurityGroupRules": {"SecurityGroupRules": RAW_RULES},
            "ec2:GetManagedPrefixListEntries": AccessDenied("refused", grant="ec2:GetManagedPrefixListEntries"),
        },
        needed=(CLUSTER, workers("sg-cluster")),
    )

    assert looked.evidence.prefix_lists[0].entries is None
    assert [gap.grant for gap in looked.evidence.gaps] == ["ec2:GetManagedPrefixListEntries"]


@pytest.mark.parametrize(
    "answer",
    [{}, {"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1"}]}],
    ids=["no member", "rule without group"],
)
def test_garbled_rules_are_no_evidence(look_through: Any, answer: dict[str, Any]) -> None:
    """A missing member is not a group without rules."""
    with pytest.raises(SourceGarbled, match="ec2:DescribeSecurityGroupRules"):
        look_through(
            security_group_rules.COLLECTOR,
            aws={"ec2:DescribeSecurityGroupRules": answer},
            needed=(CLUSTER, workers("sg-1")),
        )


RAW_ACL = {
    "NetworkAclId": "acl-1",
    "VpcId": "vpc-1",
    "IsDefault": True,
    "Associations": [{"SubnetId": "subnet-a", "NetworkAclAssociationId": "aclassoc-1"}],
    "Entries": [
        {"RuleNumber": 32767, "Egress": False, "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"},
        {
            "RuleNumber": 90,
            "Egress": True,
            "RuleAction": "allow",
            "Protocol": "17",
            "Ipv6CidrBlock": "::/0",
            "PortRange": {"From": 53, "To": 53},
        },
    ],
}


def test_acls_are_read_with_entries_in_order(look_through: Any) -> None:
    """Entries are sorted by number; ports, protocol, CIDR and subnets are kept."""
    looked = look_through(
        network_acls.COLLECTOR, aws={"ec2:DescribeNetworkAcls": {"NetworkAcls": [RAW_ACL]}}, needed=(CLUSTER,)
    )

    (acl,) = looked.evidence.acls
    assert looked.asked == [("ec2:DescribeNetworkAcls", {"Filters": IN_VPC})]
    assert [(item.number, item.egress, item.allow, str(item.cidr), item.from_port) for item in acl.entries] == [
        (90, True, True, "::/0", 53),
        (32767, False, False, "0.0.0.0/0", None),
    ]
    assert acl.subnet_ids == {"subnet-a"}
    assert as_stored(looked.evidence) == looked.evidence
    assert network_acls.COLLECTOR.summarise(looked.evidence) == "1 network ACLs with 2 entries on 1 subnets of vpc-1"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"NetworkAcls": [{**RAW_ACL, "Entries": [{"RuleNumber": 1}]}]},
        {"NetworkAcls": [{**RAW_ACL, "Entries": [{**RAW_ACL["Entries"][0], "RuleAction": "maybe"}]}]},  # type: ignore[index]
        {"NetworkAcls": [{key: value for key, value in RAW_ACL.items() if key != "Entries"}]},
    ],
    ids=["no member", "entry without action", "unknown action", "no entries"],
)
def test_garbled_acls_are_no_evidence(look_through: Any, answer: dict[str, Any]) -> None:
    """A missing or unknown member is not an ACL that lets everything through."""
    with pytest.raises(SourceGarbled, match="ec2:DescribeNetworkAcls"):
        look_through(network_acls.COLLECTOR, aws={"ec2:DescribeNetworkAcls": answer}, needed=(CLUSTER,))


LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
TABLES = [
    {
        "RouteTableId": "rtb-main",
        "VpcId": "vpc-1",
        "Associations": [{"Main": True, "RouteTableId": "rtb-main"}],
        "Routes": [LOCAL],
    },
    {
        "RouteTableId": "rtb-b",
        "VpcId": "vpc-1",
        "Associations": [{"Main": False, "SubnetId": "subnet-b"}],
        "Routes": [
            LOCAL,
            {"DestinationCidrBlock": "10.0.1.0/24", "NetworkInterfaceId": "eni-fw", "State": "blackhole"},
            {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-s3", "State": "active"},
        ],
    },
]
RAW_SUBNETS = [
    {"SubnetId": "subnet-b", "VpcId": "vpc-1", "AvailabilityZone": "eu-west-1b", "CidrBlock": "10.0.2.0/24"},
    {
        "SubnetId": "subnet-a",
        "VpcId": "vpc-1",
        "AvailabilityZone": "eu-west-1a",
        "CidrBlock": "10.0.1.0/24",
        "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2600:1f18::/64"}],
    },
]


def test_subnets_get_their_own_routes_or_the_main_tables(look_through: Any) -> None:
    """A subnet without an association of its own uses the VPC's main route table."""
    looked = look_through(
        subnets.COLLECTOR,
        aws={"ec2:DescribeSubnets": {"Subnets": RAW_SUBNETS}, "ec2:DescribeRouteTables": {"RouteTables": TABLES}},
        needed=(CLUSTER,),
    )

    first, second = looked.evidence.subnets
    assert looked.asked == [
        ("ec2:DescribeSubnets", {"Filters": IN_VPC}),
        ("ec2:DescribeRouteTables", {"Filters": IN_VPC}),
    ]
    assert (first.id, first.route_table_id, [str(cidr) for cidr in first.cidrs]) == (
        "subnet-a",
        "rtb-main",
        ["10.0.1.0/24", "2600:1f18::/64"],
    )
    assert second.routes == (
        Route(destination="10.0.0.0/16", target="local", active=True),
        Route(destination="10.0.1.0/24", target="eni-fw", active=False),
        Route(destination="pl-s3", target="vpce-s3", active=True),
    )
    assert as_stored(looked.evidence) == looked.evidence
    assert subnets.COLLECTOR.summarise(looked.evidence) == "2 subnets with 2 route tables in vpc-1"


@pytest.mark.parametrize(
    ("described", "routed"),
    [({}, {"RouteTables": TABLES}), ({"Subnets": RAW_SUBNETS}, {}), ({"Subnets": RAW_SUBNETS}, {"RouteTables": []})],
    ids=["no subnets member", "no route tables member", "no main table"],
)
def test_garbled_subnets_are_no_evidence(look_through: Any, described: Any, routed: Any) -> None:
    """Subnets whose routes are not in the answer are not subnets without a firewall."""
    with pytest.raises(SourceGarbled, match="ec2:DescribeSubnets with ec2:DescribeRouteTables"):
        look_through(
            subnets.COLLECTOR,
            aws={"ec2:DescribeSubnets": described, "ec2:DescribeRouteTables": routed},
            needed=(CLUSTER,),
        )


def test_rules_of_the_cluster_group_are_read_even_without_nodes(look_through: Any) -> None:
    """A cluster whose nodes are not found still has its own security group."""
    looked = look_through(
        security_group_rules.COLLECTOR,
        aws={"ec2:DescribeSecurityGroupRules": {"SecurityGroupRules": []}},
        needed=(CLUSTER, replace(workers(), interfaces=())),
    )

    assert looked.evidence.group_ids == {"sg-cluster"}
