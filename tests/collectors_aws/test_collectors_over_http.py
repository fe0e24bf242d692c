"""The AWS collectors, through the bot's own client, against the simulated AWS over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from botocore.session import Session

from bot.app import load_units
from bot.clients.aws_identity import AwsIdentity
from bot.clients.aws_reading import BotocoreReader
from bot.clients.aws_wire import BoundedSender
from bot.clients.own_names import OwnNames
from bot.clients.pace import Pace
from bot.clients.traffic import WireTraffic
from bot.collectors import (
    cloud_trail,
    eks_addons,
    eks_cluster,
    network_acls,
    resolver_endpoint_metrics,
    security_group_rules,
    subnets,
    worker_nodes,
)
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.deadline import Deadline
from bot.domain.evidence import Collector
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.health import Capacity, EndpointUse
from bot.domain.json_values import RawObject
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.places import PlaceKind
from bot.domain.ports import Resource
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.network.model import InterfaceKind
from bot.sandbox.aws.far_end import AwsFarEnd
from tests.looking import Ends, collect_through

T = TypeVar("T")


class PointedSession(Session):  # type: ignore[misc]  # botocore has no types
    """A botocore session whose clients call one URL with any keys."""

    url = ""

    def create_client(self, *arguments: Any, **options: Any) -> Any:
        """Make a client of the far end."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return super().create_client(*arguments, endpoint_url=self.url, **keys, **options)


@dataclass
class NodesOnly:
    """Answers the list of nodes, as Kubernetes would."""

    nodes: list[dict[str, Any]]

    def list(self, resource: Resource, read: Callable[[RawObject], T], **_: str) -> Sequence[T]:
        """Return the nodes."""
        assert resource.plural == "nodes"
        return [read(one) for one in self.nodes]


@dataclass
class Account:
    """The simulated AWS with one cluster in it, and what was created."""

    far_end: AwsFarEnd
    identity: AwsIdentity
    vpc_id: str
    group_id: str
    subnet_ids: list[str]
    instance_ids: list[str]
    endpoint_id: str
    """Of an outbound Resolver endpoint in another VPC, which a rule of the cluster's leads names through."""

    def collect(self, collector: Collector[Any, Any], *needed: object, **parameters: Any) -> Any:
        """Run a collector; a call that it did not declare raises."""
        nodes = [
            {
                "metadata": {"name": f"node-{number}", "labels": {}},
                "spec": {"providerID": f"aws:///eu-west-1a/{instance}"},
                "status": {"addresses": [{"type": "InternalIP", "address": f"10.0.{number}.10"}]},
            }
            for number, instance in enumerate(self.instance_ids)
        ]
        ends = Ends(reader=NodesOnly(nodes), aws_reader=BotocoreReader(self.identity, Deadline.after(10)))
        found, _ = collect_through(
            collector, ends, needed={type(item): item for item in needed}, parameters=parameters, now=datetime.now(UTC)
        )
        return found

    def faults(self, kind: str) -> None:
        """Let every call fail in this way until the faults are cleared."""
        self.far_end.control("POST", "faults", [{"action": "*", "kind": kind, "times": None, "seconds": 0}])


def lead_names_through_another_vpc(far_end: AwsFarEnd, vpc_id: str) -> str:
    """Make a VPC with an endpoint each way, and a rule for `vpc_id` through the outbound one; return that one's id."""
    ec2, resolver = far_end.client("ec2"), far_end.client("route53resolver")
    hub = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="dns", Description="of endpoints", VpcId=hub)["GroupId"]
    subnets_of_hub = [
        ec2.create_subnet(VpcId=hub, CidrBlock=f"10.9.{number}.0/24")["Subnet"]["SubnetId"] for number in range(2)
    ]
    _, outbound = (
        resolver.create_resolver_endpoint(
            CreatorRequestId=direction,
            Direction=direction,
            SecurityGroupIds=[group],
            IpAddresses=[{"SubnetId": one} for one in subnets_of_hub],
        )["ResolverEndpoint"]["Id"]
        for direction in ("INBOUND", "OUTBOUND")
    )
    rule = resolver.create_resolver_rule(
        CreatorRequestId="1",
        RuleType="FORWARD",
        DomainName="corp.example",
        TargetIps=[{"Ip": "10.64.0.2"}],
        ResolverEndpointId=outbound,
    )["ResolverRule"]["Id"]
    resolver.associate_resolver_rule(ResolverRuleId=rule, VPCId=vpc_id)
    return str(outbound)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """Start the far end once: two subnets, two nodes with a prefix and a branch interface, one security group."""
    with AwsFarEnd(seed=3) as far_end:
        ec2, eks = far_end.client("ec2"), far_end.client("eks")
        vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet_ids = [
            ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"]
            for number in range(2)
        ]
        created = eks.create_cluster(
            name="cluster-prod",
            roleArn="arn:aws:iam::123456789012:role/eks",
            resourcesVpcConfig={"subnetIds": subnet_ids},
        )["cluster"]
        group_id = created["resourcesVpcConfig"]["clusterSecurityGroupId"]
        for name in ("coredns", "vpc-cni"):
            eks.create_addon(clusterName="cluster-prod", addonName=name)
        seeds = [
            {
                "interfaces": [
                    {
                        "subnet_id": subnet_id,
                        "security_group_ids": [group_id],
                        "private_ip_address": f"10.0.{number}.10",
                        "ipv4_prefixes": [f"10.0.{number}.16/28"],
                    }
                ]
            }
            for number, subnet_id in enumerate(subnet_ids)
        ]
        listed = ec2.create_managed_prefix_list(PrefixListName="vpc", MaxEntries=1, AddressFamily="IPv4")["PrefixList"]
        dns = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53}
        dns["PrefixListIds"] = [{"PrefixListId": listed["PrefixListId"]}]
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[dns])
        nodes = far_end.control("POST", "instances", {"instances": seeds})["instances"]
        branch = {
            "subnet_id": subnet_ids[0],
            "security_group_ids": [group_id],
            "private_ip_address": "10.0.0.99",
            "interface_type": "branch",
            "trunk_interface_id": nodes[0]["interfaces"][0]["id"],
        }
        far_end.control("POST", "interfaces", {"interfaces": [branch]})
        endpoint_id = lead_names_through_another_vpc(far_end, vpc_id)
        session = PointedSession()
        session.url = far_end.url
        sender = BoundedSender(ca_bundle="", pool_size=4, names=OwnNames(), traffic=WireTraffic())
        identity = AwsIdentity(session, region="eu-west-1", sender=sender, retries=False, pool_size=4, pace=Pace())
        try:
            yield Account(
                far_end=far_end,
                identity=identity,
                vpc_id=vpc_id,
                group_id=group_id,
                subnet_ids=subnet_ids,
                instance_ids=[node["instance_id"] for node in nodes],
                endpoint_id=endpoint_id,
            )
        finally:
            identity.close()


@pytest.fixture
def sound(account: Account) -> Iterator[Account]:
    """Hand out the account, and clear all faults after the test."""
    yield account
    account.far_end.control("DELETE", "faults")
    account.far_end.control("POST", "deny", {"actions": []})


def test_cluster_nodes_and_rules_over_http(sound: Account) -> None:
    """The cluster leads to its VPC, the VPC to interfaces with prefixes and branches, those to their groups' rules."""
    cluster = sound.collect(eks_cluster.COLLECTOR)
    nodes = sound.collect(worker_nodes.COLLECTOR, cluster)
    rules = sound.collect(security_group_rules.COLLECTOR, cluster, nodes)

    assert (cluster.vpc_id, cluster.cluster_security_group_id) == (sound.vpc_id, sound.group_id)
    assert nodes.unmatched == ()
    kinds = sorted((item.kind, item.instance_id, sorted(map(str, item.prefixes))) for item in nodes.interfaces)
    first, second = sound.instance_ids
    assert kinds == [
        (InterfaceKind.BRANCH, first, []),
        *sorted(
            [(InterfaceKind.INSTANCE, first, ["10.0.0.16/28"]), (InterfaceKind.INSTANCE, second, ["10.0.1.16/28"])]
        ),
    ]
    assert rules.group_ids == {sound.group_id}
    assert any(rule.group_id == sound.group_id and rule.protocol == "-1" for rule in rules.rules)


def test_acls_subnets_and_addons_over_http(sound: Account) -> None:
    """The VPC's own ACL filters both subnets, its main table routes them, and two add-ons are there."""
    cluster = sound.collect(eks_cluster.COLLECTOR)

    acls = sound.collect(network_acls.COLLECTOR, cluster)
    found = sound.collect(subnets.COLLECTOR, cluster)
    addons = sound.collect(eks_addons.COLLECTOR)

    (acl,) = acls.acls
    assert acl.subnet_ids == set(sound.subnet_ids)
    assert [entry.number for entry in acl.entries if entry.egress] == [100, 32767]
    assert [item.id for item in found.subnets] == sorted(sound.subnet_ids)
    assert {(route.destination, route.target) for item in found.subnets for route in item.routes} == {
        ("10.0.0.0/16", "local")
    }
    assert [addon.name for addon in addons.addons] == ["coredns", "vpc-cni"]


def test_what_resolver_endpoints_carry_is_read_from_cloudwatch(sound: Account) -> None:
    """The mean of the periods that there are numbers of, the worst of the rest; others' endpoints are left out."""
    cluster = sound.collect(eks_cluster.COLLECTOR)
    where = {"account": "123456789012", "region": "eu-west-1", "endpoint_id": sound.endpoint_id}
    before = sound.collect(resolver_endpoint_metrics.COLLECTOR, cluster)
    for minutes, queries in ((7.5, 600), (12.5, 1_200), (40, 9_999)):
        sound.far_end.control("POST", "endpoint-load", {**where, "queries": queries, "seconds_ago": 60 * minutes})
    sound.far_end.control("POST", "endpoint-load", {**where, "unhealthy": 1, "capacity": 2})

    (use,) = sound.collect(resolver_endpoint_metrics.COLLECTOR, cluster).endpoints

    assert [one.queries_per_second for one in before.endpoints] == [None]
    assert use == EndpointUse(
        id=sound.endpoint_id,
        inbound=False,
        queries_per_second=3.0,
        healthy=1,
        unhealthy=1,
        capacity=Capacity.CRITICAL,
    )


def test_endpoints_whose_metrics_may_not_be_read_are_named_without_numbers(sound: Account) -> None:
    """Beside the gap with the right that is missing."""
    sound.far_end.control("POST", "deny", {"actions": ["cloudwatch:GetMetricData"]})

    found = sound.collect(resolver_endpoint_metrics.COLLECTOR, sound.collect(eks_cluster.COLLECTOR))

    assert found.endpoints == (EndpointUse(id=sound.endpoint_id, inbound=False),)
    assert [gap.grant for gap in found.gaps] == ["cloudwatch:GetMetricData"]


CALLS = [
    (collector, permission.action)
    for collector in load_units().collectors.values()
    for permission in collector.permissions
    if isinstance(permission, AwsPermission)
    and collector is not cloud_trail.COLLECTOR
    and permission.place is PlaceKind.HOME
    and set(collector.needs) <= {EksCluster, WorkerNodes}
    and {one.resource for one in collector.permissions if isinstance(one, KubernetesPermission)} <= {"nodes"}
]
"""What AWS answers to collectors that need no more than the cluster and its nodes; CloudTrail is told of objects."""
COLLECTORS = {collector.name: collector for collector, _ in CALLS}


def needed_by(account: Account) -> tuple[EksCluster, WorkerNodes]:
    """Return what the collectors need, read while all was well."""
    cluster = account.collect(eks_cluster.COLLECTOR)
    return cluster, account.collect(worker_nodes.COLLECTOR, cluster)


@pytest.mark.parametrize(("collector", "action"), CALLS, ids=[f"{one.name}-{action}" for one, action in CALLS])
def test_a_refused_call_names_the_grant(sound: Account, collector: Collector[Any, Any], action: str) -> None:
    """A denied action is told with the IAM action that is missing: raised, or kept as a gap beside the rest."""
    needed = needed_by(sound)
    sound.far_end.control("POST", "deny", {"actions": [action]})

    try:
        missing = {gap.grant for gap in getattr(sound.collect(collector, *needed), "gaps", ())}
    except AccessDenied as refused:
        missing = {refused.grant}

    assert missing == {action}


@pytest.mark.parametrize("kind", ["empty", "html", "truncate", "reset", "error500"])
@pytest.mark.parametrize("collector", COLLECTORS.values(), ids=COLLECTORS)
def test_a_broken_answer_is_no_evidence(sound: Account, collector: Collector[Any, Any], kind: str) -> None:
    """Whatever comes back that is not a whole answer raises; no collector reads it as nothing there."""
    needed = needed_by(sound)
    sound.faults(kind)

    with pytest.raises(EvidenceUnavailable):
        sound.collect(collector, *needed)


@pytest.mark.parametrize("kind", ["deny", "empty", "html", "truncate", "reset", "error500"])
def test_a_broken_event_history_is_no_empty_one(sound: Account, kind: str) -> None:
    """Whatever comes back that is not a whole answer is a gap of the object, never "nobody changed it"."""
    sound.faults(kind)
    group = FaultyObject(kind=ObjectKind.SECURITY_GROUP, name=sound.group_id)

    (found,) = sound.collect(cloud_trail.COLLECTOR, objects=(group,)).objects

    assert found.changes == ()
    assert found.gap is not None
    assert (found.gap.grant == "cloudtrail:LookupEvents") == (kind == "deny")
