from __future__ import annotations

import concurrent.futures
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from bot.sandbox.aws.far_end import AwsFarEnd, Client
from bot.sandbox.world.access_keys import DATA_PLANE
from bot.sandbox.world.bot_roles import role_arn, trusting
from tests.sandbox_aws.keys import ec2_with


def world(ec2: Client) -> str:
    """Return everything that EC2 shows, as one text."""
    shown = [
        ec2.describe_vpcs(),
        ec2.describe_subnets(),
        ec2.describe_security_groups(),
        ec2.describe_security_group_rules(),
        ec2.describe_network_acls(),
        ec2.describe_network_interfaces(),
        ec2.describe_route_tables(),
        ec2.describe_managed_prefix_lists(),
        ec2.describe_tags(),
    ]
    return json.dumps([{key: value for key, value in one.items() if key != "ResponseMetadata"} for one in shown])


DNS = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
MUTATIONS: dict[str, Callable[[Client, dict[str, str]], Any]] = {
    "authorize-ingress": lambda ec2, ids: ec2.authorize_security_group_ingress(
        GroupId=ids["group"], IpPermissions=[DNS], DryRun=True
    ),
    "authorize-egress": lambda ec2, ids: ec2.authorize_security_group_egress(
        GroupId=ids["group"], IpPermissions=[DNS], DryRun=True
    ),
    "revoke-egress": lambda ec2, ids: ec2.revoke_security_group_egress(
        GroupId=ids["group"], SecurityGroupRuleIds=[ids["rule"]], DryRun=True
    ),
    "create-acl-entry": lambda ec2, ids: ec2.create_network_acl_entry(
        NetworkAclId=ids["acl"],
        RuleNumber=50,
        Egress=False,
        Protocol="-1",
        RuleAction="deny",
        CidrBlock="0.0.0.0/0",
        DryRun=True,
    ),
    "delete-acl-entry": lambda ec2, ids: ec2.delete_network_acl_entry(
        NetworkAclId=ids["acl"], RuleNumber=100, Egress=False, DryRun=True
    ),
    "create-vpc": lambda ec2, _: ec2.create_vpc(CidrBlock="10.1.0.0/16", DryRun=True),
    "create-subnet": lambda ec2, ids: ec2.create_subnet(VpcId=ids["vpc"], CidrBlock="10.0.9.0/24", DryRun=True),
    "create-acl": lambda ec2, ids: ec2.create_network_acl(VpcId=ids["vpc"], DryRun=True),
    "create-tags": lambda ec2, ids: ec2.create_tags(
        Resources=[ids["group"]], Tags=[{"Key": "a", "Value": "b"}], DryRun=True
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_dry_run_changes_nothing(
    ec2: Client, vpc_id: str, group_id: str, mutation: Callable[[Client, dict[str, str]], Any]
) -> None:
    """DryRun answers DryRunOperation, and everything that describes show is the same as before."""
    (acl,) = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["NetworkAcls"]
    filters = [{"Name": "group-id", "Values": [group_id]}]
    (rule,) = ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    ids = {"vpc": vpc_id, "group": group_id, "acl": acl["NetworkAclId"], "rule": rule["SecurityGroupRuleId"]}
    before = world(ec2)

    with pytest.raises(ClientError, match="DryRunOperation"):
        mutation(ec2, ids)

    assert world(ec2) == before


def test_what_is_not_implemented_says_so_in_the_protocol_of_the_service(ec2: Client, eks: Client) -> None:
    """An unknown operation is an error with status 501 that names it, for XML and for JSON services."""
    with pytest.raises(ClientError, match="ec2:DescribeVpcBlockPublicAccessOptions") as xml:
        ec2.describe_vpc_block_public_access_options()
    with pytest.raises(ClientError, match="does not implement eks:ListAccessEntries") as text:
        eks.list_access_entries(clusterName="a")

    statuses = [error.value.response["ResponseMetadata"]["HTTPStatusCode"] for error in (xml, text)]
    assert statuses == [501, 501]


def test_denied_ec2_calls_read_like_ec2(aws: AwsFarEnd, ec2: Client) -> None:
    """EC2 answers UnauthorizedOperation, names who asked for what, and a dry run is refused as well."""
    aws.control("POST", "deny", {"actions": ["ec2:DescribeNetworkAcls", "ec2:CreateVpc"]})

    with pytest.raises(ClientError) as refused:
        ec2.describe_network_acls()
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)

    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("UnauthorizedOperation", 403)
    assert "You are not authorized to perform this operation. User: arn:aws:" in error["Error"]["Message"]
    assert "is not authorized to perform: ec2:DescribeNetworkAcls because no identity" in error["Error"]["Message"]
    assert ec2.describe_vpcs()["Vpcs"]


def test_tagging_on_creation_is_judged_as_well(aws: AwsFarEnd, ec2: Client, group_id: str) -> None:
    """Without ec2:CreateTags a rule is created without tags, and not with them (EC2 User Guide, tag on creation)."""
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "dnsbot:plan", "Value": "1"}]}]
    aws.control("POST", "deny", {"actions": ["ec2:CreateTags"]})

    with pytest.raises(ClientError, match="not authorized to perform: ec2:CreateTags"):
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[DNS], TagSpecifications=tags)
    created = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[DNS])

    assert len(created["SecurityGroupRules"]) == 1


def test_denied_eks_calls_read_like_eks(aws: AwsFarEnd, eks: Client) -> None:
    """EKS answers AccessDeniedException with the resource."""
    aws.control("POST", "deny", {"actions": ["eks:DescribeCluster"]})

    with pytest.raises(ClientError) as refused:
        eks.describe_cluster(name="cluster-prod")

    error = refused.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert error["Message"].endswith("on resource: arn:aws:eks:eu-west-1:123456789012:cluster/cluster-prod")


def test_a_refusal_names_the_assumed_role(aws: AwsFarEnd) -> None:
    """Who was refused is the role that the caller assumed."""
    role = role_arn("123456789012", "dnsbot-read")
    trusted = trusting("123456789012")
    aws.client("iam").create_role(RoleName="dnsbot-read", AssumeRolePolicyDocument=trusted)
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="dnsbot")["Credentials"]
    ec2 = ec2_with(aws, keys["AccessKeyId"], keys["SecretAccessKey"], token=keys["SessionToken"])
    aws.control("POST", "deny", {"actions": ["ec2:*"]})

    with pytest.raises(ClientError, match="User: arn:aws:sts::123456789012:assumed-role/dnsbot-read/dnsbot"):
        ec2.describe_vpcs()


def test_who_am_i(aws: AwsFarEnd) -> None:
    """The account is 123456789012."""
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(
    ("kind", "raised", "text"),
    [
        ("deny", ClientError, "UnauthorizedOperation"),
        ("throttle", ClientError, "RequestLimitExceeded"),
        ("error500", ClientError, "InternalError"),
        ("reset", ConnectionClosedError, None),
        ("empty", ResponseParserError, None),
        ("truncate", ResponseParserError, None),
    ],
)
def test_a_fault_happens_as_often_as_told(
    aws: AwsFarEnd, ec2: Client, kind: str, raised: type[Exception], text: str | None
) -> None:
    """The fault hits its action once, no other action, and then the answers are real again."""
    aws.control("POST", "faults", [{"action": "ec2:DescribeVpcs", "kind": kind, "times": 1}])

    assert ec2.describe_subnets()["Subnets"]
    with pytest.raises(raised, match=text):
        ec2.describe_vpcs()

    assert ec2.describe_vpcs()["Vpcs"]


def test_the_data_plane_takes_no_part_in_what_tests_set_and_count(aws: AwsFarEnd, vpc_id: str) -> None:
    """Its calls are neither refused nor logged, and the fault waits on for somebody else."""
    data_plane, bot = ec2_with(aws, DATA_PLANE, "none"), ec2_with(aws, "test", "none")
    aws.control("POST", "faults", [{"action": "ec2:DescribeVpcs", "kind": "throttle", "times": 1}])
    aws.control("POST", "deny", {"actions": ["ec2:DescribeSubnets"]})
    aws.control("DELETE", "calls")

    found = [row["VpcId"] for row in data_plane.describe_vpcs()["Vpcs"]]
    data_plane.describe_subnets()
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        bot.describe_vpcs()
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        bot.describe_subnets()

    assert vpc_id in found
    assert [call["access_key"] for call in aws.control("GET", "calls")] == ["test", "test"]


@pytest.mark.parametrize("kind", ["truncate", "html", "empty"])
def test_a_garbled_json_answer_is_what_botocore_reads_as_nothing(aws: AwsFarEnd, eks: Client, kind: str) -> None:
    """The trap that readers must see through: half a JSON body, or HTML with 200, raises nothing in botocore."""
    aws.control("POST", "faults", [{"action": "eks:ListClusters", "kind": kind, "times": None}])

    answer = eks.list_clusters()

    assert "clusters" not in answer


def test_well_formed_html_is_an_answer_without_members(aws: AwsFarEnd, ec2: Client) -> None:
    """The same trap in XML: a well-formed page with 200 parses, and holds nothing."""
    aws.control("POST", "faults", [{"action": "ec2:DescribeVpcs", "kind": "html", "times": None}])

    answer = ec2.describe_vpcs()

    assert "Vpcs" not in answer


def test_a_hung_call_hangs_and_delays_nothing_else(aws: AwsFarEnd, ec2: Client) -> None:
    """While one call hangs others are answered; changing the faults lets it go."""
    hasty = ec2_with(aws, "A" * 20, "dummy", read_timeout=3)
    aws.control("POST", "faults", [{"action": "ec2:DescribeVpcs", "kind": "hang", "times": 1}])

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        hung = pool.submit(hasty.describe_vpcs)
        started = time.monotonic()
        ec2.describe_subnets()
        took = time.monotonic() - started
        with pytest.raises(ReadTimeoutError):
            hung.result()

    assert took < 2.5


def test_latency_is_added_to_each_call(aws: AwsFarEnd, ec2: Client) -> None:
    """With 100 ms of latency a call takes at least 100 ms."""
    aws.control("POST", "latency", {"ms": 100})
    started = time.monotonic()

    ec2.describe_vpcs()

    assert time.monotonic() - started >= 0.1


def test_the_call_log_holds_what_arrived(aws: AwsFarEnd, ec2: Client, group_id: str) -> None:
    """Each call is in the log with its action, in order; dry runs are marked."""
    aws.control("DELETE", "calls")
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[DNS])
    with pytest.raises(ClientError):
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[DNS], DryRun=True)

    calls = aws.control("GET", "calls")

    assert [(call["action"], call["dry_run"], call["status"]) for call in calls] == [
        ("ec2:AuthorizeSecurityGroupIngress", False, 200),
        ("ec2:AuthorizeSecurityGroupIngress", True, 412),
    ]
    assert aws.calls() == ["ec2:AuthorizeSecurityGroupIngress"]


@pytest.mark.parametrize(
    ("method", "route", "document", "status"),
    [
        ("POST", "faults", [{"action": "*", "kind": "melt"}], 400),
        ("POST", "faults", [{"action": "*", "kind": "deny", "time": 1}], 400),
        ("POST", "nonsense", {}, 404),
        ("PUT", "eks/clusters/none", {"status": "ACTIVE"}, 404),
    ],
    ids=["unknown-kind", "unknown-key", "unknown-route", "unknown-cluster"],
)
def test_a_wrong_control_request_is_refused(
    aws: AwsFarEnd, method: str, route: str, document: object, status: int
) -> None:
    """A typing error in a test must not silently do nothing."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        aws.control(method, route, document)

    assert refused.value.code == status
    refused.value.close()


def test_the_seed_decides_the_ids(aws: AwsFarEnd, ec2: Client) -> None:
    """After a reset the same calls give the same ids."""
    first = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    aws.control("POST", "reset")

    assert ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] == first


def test_many_threads_at_once_get_whole_answers(ec2: Client, group_id: str) -> None:
    """Writers and readers in eight threads see no error, and every rule arrives once."""

    def work(number: int) -> int:
        ranges = [{"CidrIp": f"10.{number}.0.0/16"}]
        permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges}
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
        return len(ec2.describe_security_group_rules()["SecurityGroupRules"])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(work, range(40)))

    assert max(counts) - min(counts) < 40
    filters = [{"Name": "group-id", "Values": [group_id]}]
    assert len(ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]) == 41


def test_the_process_ends_with_its_standard_input() -> None:
    """A far end whose parent is gone does not stay behind."""
    command = [sys.executable, "-m", "bot.sandbox.aws"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert "url" in json.loads(process.stdout.readline())
        process.stdin.close()

        assert process.wait(30) == 0


def test_a_presigned_identity_answers_as_the_signed_one(aws: AwsFarEnd) -> None:
    """An EKS token is a presigned GET without an Authorization header: it names the caller all the same."""
    url = aws.client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")

    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own server
        text = answer.read().decode()

    assert "<Account>123456789012</Account>" in text
