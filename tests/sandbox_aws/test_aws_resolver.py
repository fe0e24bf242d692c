from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd, Client
from bot.sandbox.operator.operating import AwsCommandLine

HOME, OTHER = "123456789012", "210987654321"
NAME = "abc.gr7.eu-west-1.eks.amazonaws.com"
TARGETS = [{"Ip": "10.9.0.10"}]


@pytest.fixture
def resolver(aws: AwsFarEnd) -> Client:
    """Return a client of Route 53 Resolver in an empty cloud."""
    return aws.client("route53resolver")


@pytest.fixture
def addresses(subnet_ids: tuple[str, str]) -> list[dict[str, str]]:
    """Return where an endpoint of the VPC is to have its addresses."""
    return [{"SubnetId": subnet_ids[0], "Ip": "10.0.0.53"}, {"SubnetId": subnet_ids[1]}]


@pytest.fixture
def outbound(resolver: Client, addresses: list[dict[str, str]], group_id: str) -> str:
    """Return the id of an outbound endpoint."""
    return _endpoint(resolver, addresses, group_id, "OUTBOUND")


def _endpoint(
    resolver: Client, addresses: list[dict[str, str]], group_id: str, direction: str = "INBOUND", request: str = ""
) -> str:
    made = resolver.create_resolver_endpoint(
        CreatorRequestId=request or direction, Direction=direction, IpAddresses=addresses, SecurityGroupIds=[group_id]
    )
    return str(made["ResolverEndpoint"]["Id"])


def _rule(resolver: Client, outbound: str, name: str = NAME, request: str = "1") -> str:
    made = resolver.create_resolver_rule(
        CreatorRequestId=request,
        RuleType="FORWARD",
        DomainName=name,
        TargetIps=TARGETS,
        ResolverEndpointId=outbound,
    )
    return str(made["ResolverRule"]["Id"])


def _shown(resolver: Client, endpoint: str) -> dict[str, Any]:
    return dict(resolver.get_resolver_endpoint(ResolverEndpointId=endpoint)["ResolverEndpoint"])


def _interfaces(ec2: Client) -> list[dict[str, Any]]:
    wanted = [{"Name": "description", "Values": ["Route 53 Resolver: *"]}]
    return list(ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"])


def test_an_endpoint_becomes_operational_in_its_time(
    aws: AwsFarEnd, ec2: Client, resolver: Client, addresses: list[dict[str, str]], group_id: str, vpc_id: str
) -> None:
    """It is CREATING, then OPERATIONAL; its addresses are interfaces of the VPC with the groups that were asked for."""
    aws.control("POST", "paces", [{"action": "route53resolver:CreateResolverEndpoint", "seconds": 90}])
    endpoint = _endpoint(resolver, addresses, group_id)
    during = _shown(resolver, endpoint)

    aws.control("POST", "passed", {"seconds": 91})

    after = _shown(resolver, endpoint)
    assert (during["Status"], after["Status"], after["HostVPCId"]) == ("CREATING", "OPERATIONAL", vpc_id)
    assert during["StatusMessage"].endswith("Creating the Resolver Endpoint")
    held = resolver.list_resolver_endpoint_ip_addresses(ResolverEndpointId=endpoint)["IpAddresses"]
    assert [one["Status"] for one in held] == ["ATTACHED", "ATTACHED"]
    assert held[0]["Ip"] == "10.0.0.53"
    seen = {(one["PrivateIpAddress"], one["Groups"][0]["GroupId"], one["RequesterManaged"]) for one in _interfaces(ec2)}
    assert seen == {(one["Ip"], group_id, True) for one in held}


def test_an_endpoint_that_cannot_be_created_says_why(
    aws: AwsFarEnd, resolver: Client, addresses: list[dict[str, str]], group_id: str
) -> None:
    """It ends in ACTION_NEEDED, its addresses in FAILED_CREATION, both with the message."""
    pace = {"action": "route53resolver:CreateResolverEndpoint", "seconds": 90, "fails": "No free address"}
    aws.control("POST", "paces", [pace])
    endpoint = _endpoint(resolver, addresses, group_id)

    aws.control("POST", "passed", {"seconds": 91})

    shown = _shown(resolver, endpoint)
    held = resolver.list_resolver_endpoint_ip_addresses(ResolverEndpointId=endpoint)["IpAddresses"]
    assert (shown["Status"], shown["StatusMessage"]) == ("ACTION_NEEDED", "No free address")
    assert {(one["Status"], one["StatusMessage"]) for one in held} == {("FAILED_CREATION", "No free address")}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        pytest.param({"Ip": "10.0.9.9"}, "InvalidRequestException", "not in subnet", id="outside-the-subnet"),
        pytest.param({"Ip": "10.0.0.3"}, "InvalidRequestException", "reserved", id="reserved"),
        pytest.param({"SubnetId": "subnet-none"}, "InvalidParameterException", "subnet-none", id="no-such-subnet"),
        pytest.param({"SecurityGroupIds": ["sg-none"]}, "ResourceNotFoundException", "sg-none", id="no-such-group"),
        pytest.param({"Name": "a" * 65}, "ValidationException", "less than or equal to 64", id="long-name"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(
    ec2: Client,
    resolver: Client,
    addresses: list[dict[str, str]],
    group_id: str,
    change: dict[str, Any],
    code: str,
    words: str,
) -> None:
    """The code is Resolver's, and nothing is left behind."""
    change = dict(change)
    addresses[0] |= {key: change.pop(key) for key in ("Ip", "SubnetId") if key in change}
    asked = {"CreatorRequestId": "1", "Direction": "INBOUND", "IpAddresses": addresses, "SecurityGroupIds": [group_id]}

    with pytest.raises(ClientError, match=words) as refused:
        resolver.create_resolver_endpoint(**{**asked, **change})

    assert refused.value.response["Error"]["Code"] == code
    assert resolver.list_resolver_endpoints()["ResolverEndpoints"] == []
    assert _interfaces(ec2) == []


def test_the_same_request_and_the_same_address_are_taken_once(
    resolver: Client, addresses: list[dict[str, str]], group_id: str
) -> None:
    """Both are ResourceExistsException."""
    _endpoint(resolver, addresses, group_id, "INBOUND")

    with pytest.raises(resolver.exceptions.ResourceExistsException, match="creator request ID 'INBOUND'"):
        _endpoint(resolver, addresses, group_id, "INBOUND")
    with pytest.raises(resolver.exceptions.ResourceExistsException, match=r"10\.0\.0\.53"):
        _endpoint(resolver, addresses, group_id, "OUTBOUND")


def test_an_endpoint_is_in_one_vpc(
    ec2: Client, resolver: Client, addresses: list[dict[str, str]], group_id: str
) -> None:
    """Subnets of two VPCs are refused."""
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]

    with pytest.raises(resolver.exceptions.InvalidRequestException, match="belong to one VPC"):
        _endpoint(resolver, [addresses[0], {"SubnetId": subnet}], group_id)


def test_rules_are_listed_beside_the_one_that_resolver_makes(resolver: Client, outbound: str) -> None:
    """A rule needs neither name nor port; the list holds the rule for all other names as well."""
    rule = _rule(resolver, outbound)
    resolver.create_resolver_rule(CreatorRequestId="2", RuleType="SYSTEM", DomainName="internal.example")

    listed = {one["DomainName"]: one for one in resolver.list_resolver_rules()["ResolverRules"]}

    assert set(listed) == {f"{NAME}.", "internal.example.", "."}
    assert (listed["."]["RuleType"], listed["."]["OwnerId"]) == ("RECURSIVE", "Route 53 Resolver")
    assert listed[f"{NAME}."] == resolver.get_resolver_rule(ResolverRuleId=rule)["ResolverRule"]
    assert listed[f"{NAME}."]["TargetIps"] == [{"Ip": "10.9.0.10", "Port": 53, "Protocol": "Do53"}]
    assert listed[f"{NAME}."]["Status"] == "COMPLETE"


def test_an_update_of_a_rule_is_in_force_when_it_is_done(aws: AwsFarEnd, resolver: Client, outbound: str) -> None:
    """It is UPDATING with its former targets, then COMPLETE with the new ones and its former endpoint."""
    rule = _rule(resolver, outbound)
    aws.control("POST", "paces", [{"action": "route53resolver:UpdateResolverRule", "seconds": 30}])
    config = {"TargetIps": [{"Ip": "10.9.0.11", "Port": 53}]}
    during = resolver.update_resolver_rule(ResolverRuleId=rule, Config=config)["ResolverRule"]

    aws.control("POST", "passed", {"seconds": 31})

    after = resolver.get_resolver_rule(ResolverRuleId=rule)["ResolverRule"]
    assert (during["Status"], during["TargetIps"][0]["Ip"]) == ("UPDATING", "10.9.0.10")
    assert (after["Status"], after["TargetIps"][0]["Ip"]) == ("COMPLETE", "10.9.0.11")
    assert after["ResolverEndpointId"] == outbound


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"ResolverEndpointId": "rslvr-out-none"}, "ResourceNotFoundException", id="no-such-endpoint"),
        pytest.param({"TargetIps": [{"Ip": "10.9.0.999"}]}, "InvalidParameterException", id="no-address"),
        pytest.param({"RuleType": "SYSTEM"}, "InvalidRequestException", id="system-with-targets"),
        pytest.param({"ResolverEndpointId": None}, "InvalidRequestException", id="forward-to-nobody"),
        pytest.param({"CreatorRequestId": "taken"}, "ResourceExistsException", id="same-request"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(resolver: Client, outbound: str, change: dict[str, Any], code: str) -> None:
    """The code is Resolver's, and no rule is there."""
    _rule(resolver, outbound, "taken.example", "taken")
    asked = {"CreatorRequestId": "1", "RuleType": "FORWARD", "DomainName": NAME, "TargetIps": TARGETS}
    asked = {**asked, "ResolverEndpointId": outbound, **change}

    with pytest.raises(ClientError) as refused:
        resolver.create_resolver_rule(**{key: value for key, value in asked.items() if value is not None})

    assert refused.value.response["Error"]["Code"] == code
    assert len(resolver.list_resolver_rules()["ResolverRules"]) == 2


def test_a_rule_goes_through_an_outbound_endpoint(
    resolver: Client, addresses: list[dict[str, str]], group_id: str
) -> None:
    """An inbound one is refused."""
    inbound = _endpoint(resolver, addresses, group_id, "INBOUND")

    with pytest.raises(resolver.exceptions.InvalidRequestException, match="is not an outbound endpoint"):
        _rule(resolver, inbound)


def test_an_association_becomes_complete_and_goes_in_its_time(
    aws: AwsFarEnd, resolver: Client, outbound: str, vpc_id: str
) -> None:
    """It is CREATING, COMPLETE, DELETING, and then not there; each VPC keeps the one that Resolver makes."""
    rule = _rule(resolver, outbound)
    aws.control("POST", "paces", [{"action": "route53resolver:*", "seconds": 30}])
    made = resolver.associate_resolver_rule(ResolverRuleId=rule, VPCId=vpc_id)["ResolverRuleAssociation"]
    seen = [made["Status"]]

    aws.control("POST", "passed", {"seconds": 31})
    asked = {"ResolverRuleAssociationId": made["Id"]}
    seen.append(resolver.get_resolver_rule_association(**asked)["ResolverRuleAssociation"]["Status"])
    resolver.disassociate_resolver_rule(ResolverRuleId=rule, VPCId=vpc_id)
    seen.append(resolver.get_resolver_rule_association(**asked)["ResolverRuleAssociation"]["Status"])
    aws.control("POST", "passed", {"seconds": 31})

    assert seen == ["CREATING", "COMPLETE", "DELETING"]
    with pytest.raises(resolver.exceptions.ResourceNotFoundException):
        resolver.get_resolver_rule_association(**asked)
    wanted = [{"Name": "VPCId", "Values": [vpc_id]}]
    left = resolver.list_resolver_rule_associations(Filters=wanted)["ResolverRuleAssociations"]
    assert [one["Name"] for one in left] == ["System Rule Association"]


def test_a_vpc_has_one_rule_for_a_name(resolver: Client, outbound: str, vpc_id: str) -> None:
    """A second rule for the same name is refused, and so are a VPC and an association that are not there."""
    first, second = _rule(resolver, outbound), _rule(resolver, outbound, NAME.upper(), "2")
    resolver.associate_resolver_rule(ResolverRuleId=first, VPCId=vpc_id)

    with pytest.raises(resolver.exceptions.InvalidRequestException, match=f"Conflict with resolver rule '{first}'"):
        resolver.associate_resolver_rule(ResolverRuleId=second, VPCId=vpc_id)
    with pytest.raises(resolver.exceptions.InvalidParameterException, match="vpc-none"):
        resolver.associate_resolver_rule(ResolverRuleId=second, VPCId="vpc-none")
    with pytest.raises(resolver.exceptions.ResourceNotFoundException, match=second):
        resolver.disassociate_resolver_rule(ResolverRuleId=second, VPCId=vpc_id)


def test_what_is_in_use_is_not_deleted(ec2: Client, resolver: Client, outbound: str, vpc_id: str) -> None:
    """Association, rule, endpoint: in this order all goes, the interfaces last."""
    rule = _rule(resolver, outbound)
    resolver.associate_resolver_rule(ResolverRuleId=rule, VPCId=vpc_id)
    with pytest.raises(resolver.exceptions.InvalidRequestException, match=rule):
        resolver.delete_resolver_endpoint(ResolverEndpointId=outbound)
    with pytest.raises(resolver.exceptions.ResourceInUseException):
        resolver.delete_resolver_rule(ResolverRuleId=rule)

    resolver.disassociate_resolver_rule(ResolverRuleId=rule, VPCId=vpc_id)
    gone = resolver.delete_resolver_rule(ResolverRuleId=rule)["ResolverRule"]["Status"]
    ended = resolver.delete_resolver_endpoint(ResolverEndpointId=outbound)["ResolverEndpoint"]["Status"]

    assert (gone, ended) == ("DELETING", "DELETING")
    with pytest.raises(resolver.exceptions.ResourceNotFoundException):
        _shown(resolver, outbound)
    assert _interfaces(ec2) == []


def test_what_is_being_created_is_not_deleted(
    aws: AwsFarEnd, resolver: Client, addresses: list[dict[str, str]], group_id: str
) -> None:
    """It is refused until the endpoint is operational."""
    aws.control("POST", "paces", [{"action": "route53resolver:CreateResolverEndpoint", "seconds": 90}])
    endpoint = _endpoint(resolver, addresses, group_id)

    with pytest.raises(resolver.exceptions.InvalidRequestException, match="while its status is CREATING"):
        resolver.delete_resolver_endpoint(ResolverEndpointId=endpoint)
    aws.control("POST", "passed", {"seconds": 91})

    assert resolver.delete_resolver_endpoint(ResolverEndpointId=endpoint)["ResolverEndpoint"]["Status"] == "DELETING"


def test_a_shared_rule_is_used_by_another_account(aws: AwsFarEnd, resolver: Client, outbound: str) -> None:
    """Once the other account has accepted RAM's invitation it sees the rule and associates it with its own VPC.

    The owner cannot delete it then.
    """
    rule = _rule(resolver, outbound)
    arn = resolver.get_resolver_rule(ResolverRuleId=rule)["ResolverRule"]["Arn"]
    guest = AwsCommandLine(aws.url, account=OTHER, region="eu-west-1")
    vpc = guest.aws("ec2", "CreateVpc", CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        guest.aws("route53resolver", "AssociateResolverRule", ResolverRuleId=rule, VPCId=vpc)

    aws.client("ram").create_resource_share(name="dns", principals=[OTHER], resourceArns=[arn])
    (invited,) = guest.aws("ram", "GetResourceShareInvitations")["resourceShareInvitations"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        guest.aws("route53resolver", "GetResolverRule", ResolverRuleId=rule)
    accepting = {"resourceShareInvitationArn": invited["resourceShareInvitationArn"]}
    guest.aws("ram", "AcceptResourceShareInvitation", **accepting)
    with pytest.raises(ClientError, match="ResourceShareInvitationAlreadyAcceptedException"):
        guest.aws("ram", "AcceptResourceShareInvitation", **accepting)
    seen = guest.aws("route53resolver", "GetResolverRule", ResolverRuleId=rule)["ResolverRule"]
    guest.aws("route53resolver", "AssociateResolverRule", ResolverRuleId=rule, VPCId=vpc)

    assert (seen["ShareStatus"], seen["OwnerId"]) == ("SHARED_WITH_ME", HOME)
    assert resolver.get_resolver_rule(ResolverRuleId=rule)["ResolverRule"]["ShareStatus"] == "SHARED_BY_ME"
    associated = guest.aws("route53resolver", "ListResolverRuleAssociations")["ResolverRuleAssociations"]
    assert (rule, vpc) in {(one["ResolverRuleId"], one["VPCId"]) for one in associated}
    mine = resolver.list_resolver_rule_associations()["ResolverRuleAssociations"]
    assert rule not in {one["ResolverRuleId"] for one in mine}
    with pytest.raises(resolver.exceptions.ResourceInUseException):
        resolver.delete_resolver_rule(ResolverRuleId=rule)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        guest.aws("route53resolver", "DeleteResolverRule", ResolverRuleId=rule)


@pytest.mark.parametrize(("account", "region"), [(OTHER, "eu-west-1"), (HOME, "us-east-1")], ids=["account", "region"])
def test_what_is_made_is_seen_in_its_account_and_region_alone(
    aws: AwsFarEnd, resolver: Client, outbound: str, account: str, region: str
) -> None:
    """Elsewhere there is no endpoint, and no rule but Resolver's own."""
    _rule(resolver, outbound)
    elsewhere = AwsCommandLine(aws.url, account=account, region=region)

    rules = elsewhere.aws("route53resolver", "ListResolverRules")["ResolverRules"]

    assert [one["DomainName"] for one in rules] == ["."]
    assert elsewhere.aws("route53resolver", "ListResolverEndpoints")["ResolverEndpoints"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        elsewhere.aws("route53resolver", "GetResolverEndpoint", ResolverEndpointId=outbound)


def test_lists_are_filtered_and_come_in_pages(resolver: Client, outbound: str) -> None:
    """Filters take both spellings; an unknown one and a token of nobody's are refused."""
    rules = {_rule(resolver, outbound, f"{number}.example", str(number)) for number in range(5)}

    first = resolver.list_resolver_rules(MaxResults=4)
    second = resolver.list_resolver_rules(MaxResults=4, NextToken=first["NextToken"])
    wanted = [{"Name": "TYPE", "Values": ["FORWARD"]}, {"Name": "DomainName", "Values": ["3.example."]}]
    filtered = resolver.list_resolver_rules(Filters=wanted)["ResolverRules"]

    assert (len(first["ResolverRules"]), len(second["ResolverRules"]), "NextToken" in second) == (4, 2, False)
    paged = {one["Id"] for one in (*first["ResolverRules"], *second["ResolverRules"])}
    assert paged > rules
    assert [one["DomainName"] for one in filtered] == ["3.example."]
    with pytest.raises(resolver.exceptions.InvalidParameterException, match="The filter 'Colour' is invalid"):
        resolver.list_resolver_rules(Filters=[{"Name": "Colour", "Values": ["red"]}])
    with pytest.raises(resolver.exceptions.InvalidNextTokenException):
        resolver.list_resolver_rules(NextToken="nobody")


def test_quotas_hold_until_they_are_raised(
    aws: AwsFarEnd, resolver: Client, addresses: list[dict[str, str]], group_id: str
) -> None:
    """The fifth endpoint is refused; Service Quotas tells why, and raises it when the request is granted."""
    quotas = aws.client("service-quotas")
    named = {"ServiceCode": "route53resolver", "QuotaCode": "L-4A669CC0"}
    anywhere = [{"SubnetId": one["SubnetId"]} for one in addresses]
    for request in "abcd":
        _endpoint(resolver, anywhere, group_id, request=request)

    with pytest.raises(resolver.exceptions.LimitExceededException, match="max-endpoints"):
        _endpoint(resolver, anywhere, group_id, request="e")
    before = quotas.get_service_quota(**named)["Quota"]["Value"]
    aws.control("POST", "paces", [{"action": "servicequotas:RequestServiceQuotaIncrease", "seconds": 60}])
    asked = quotas.request_service_quota_increase(**named, DesiredValue=5.0)["RequestedQuota"]["Status"]
    with pytest.raises(resolver.exceptions.LimitExceededException):
        _endpoint(resolver, anywhere, group_id, request="e")
    aws.control("POST", "passed", {"seconds": 61})
    listed = quotas.list_service_quotas(ServiceCode="route53resolver")["Quotas"]

    assert (before, asked) == (4.0, "PENDING")
    assert {one["QuotaCode"]: one["Value"] for one in listed}["L-4A669CC0"] == 5.0
    assert _endpoint(resolver, anywhere, group_id, request="e")


def test_resolver_throttles_in_its_own_words(aws: AwsFarEnd, resolver: Client) -> None:
    """Beyond the account's rate in the region it is ThrottlingException; in another region it is not."""
    aws.control("POST", "rates", [{"action": "route53resolver:*", "per_second": 0.001}])
    resolver.list_resolver_rules()

    with pytest.raises(resolver.exceptions.ThrottlingException, match="Rate exceeded"):
        resolver.list_resolver_rules()

    elsewhere = AwsCommandLine(aws.url, account=HOME, region="us-east-1")
    assert len(elsewhere.aws("route53resolver", "ListResolverRules")["ResolverRules"]) == 1


def test_endpoints_and_rules_bear_tags(resolver: Client, outbound: str) -> None:
    """Tags are put, listed and taken away."""
    arn = _shown(resolver, outbound)["Arn"]
    resolver.tag_resource(ResourceArn=arn, Tags=[{"Key": "dnsbot:plan", "Value": "1"}, {"Key": "a", "Value": "b"}])

    resolver.untag_resource(ResourceArn=arn, TagKeys=["a"])

    assert resolver.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "dnsbot:plan", "Value": "1"}]


def test_query_logs_are_motos_and_the_rest_is_not_implemented(resolver: Client) -> None:
    """What is about endpoints and rules never goes to moto, which would not find them."""
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:dns"
    made = resolver.create_resolver_query_log_config(Name="dns", DestinationArn=arn, CreatorRequestId="1")

    assert made["ResolverQueryLogConfig"]["Status"] == "CREATED"
    with pytest.raises(ClientError, match="does not implement route53resolver:UpdateResolverEndpoint"):
        resolver.update_resolver_endpoint(ResolverEndpointId="rslvr-in-1", Name="a")


def test_private_zones_belong_to_vpcs_and_accounts(aws: AwsFarEnd, vpc_id: str) -> None:
    """A zone is found by its VPC, with its records, and another account does not see it."""
    route53 = aws.client("route53")
    vpc = {"VPCRegion": "eu-west-1", "VPCId": vpc_id}
    zone = route53.create_hosted_zone(Name="corp.example", VPC=vpc, CallerReference="1")["HostedZone"]["Id"]
    record = {"Name": "db.corp.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.9"}]}
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
    guest = AwsCommandLine(aws.url, account=OTHER, region="eu-west-1")

    found = route53.list_hosted_zones_by_vpc(**vpc)["HostedZoneSummaries"]
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]

    assert [one["Name"] for one in found] == ["corp.example."]
    assert {"db.corp.example."} <= {one["Name"] for one in records}
    assert route53.get_hosted_zone(Id=zone)["VPCs"] == [vpc]
    assert guest.aws("route53", "ListHostedZones")["HostedZones"] == []
    assert "route53:ListHostedZonesByVPC" in aws.calls()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"StartTime": 900, "EndTime": 900}, "StartTime must be less than"),
        ({"MetricDataQueries": [{"Id": "Upper"}]}, "parameter id"),
        ({"MetricDataQueries": [{"Id": f"q{at}"} for at in range(501)]}, "MetricDataQueries must not have more than"),
    ],
    ids=["no time", "a bad id", "too many"],
)
def test_cloudwatch_refuses_what_it_cannot_answer(aws: AwsFarEnd, more: dict[str, Any], words: str) -> None:
    """As its API Reference says."""
    asked = {"MetricDataQueries": [{"Id": "q0"}], "StartTime": 0, "EndTime": 900, **more}

    with pytest.raises(ClientError, match=words):
        aws.client("cloudwatch").get_metric_data(**asked)


def test_an_endpoint_that_is_gone_sends_no_metrics(aws: AwsFarEnd, resolver: Client, outbound: str) -> None:
    """While it is there, its two interfaces are counted every five minutes."""
    named = {"Namespace": "AWS/Route53Resolver", "MetricName": "EndpointHealthyENICount"}
    metric = {**named, "Dimensions": [{"Name": "EndpointId", "Value": outbound}]}
    now = time.time() // 300 * 300
    asked = {"Id": "q0", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Minimum"}}

    def values() -> list[float]:
        found = aws.client("cloudwatch").get_metric_data(
            MetricDataQueries=[asked], StartTime=now - 300, EndTime=now + 600
        )
        return list(found["MetricDataResults"][0]["Values"])

    before = values()
    resolver.delete_resolver_endpoint(ResolverEndpointId=outbound)

    assert set(before) == {2.0}
    assert values() == []
