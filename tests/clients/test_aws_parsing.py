from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from botocore.parsers import EC2QueryParser
from botocore.session import Session
from botocore.utils import parse_timestamp

from bot.clients.answers import Answer
from bot.clients.aws_parsing import LeanParsers, moment
from bot.errors import SourceGarbled

NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
INTERFACE = """
    <item><networkInterfaceId>eni-1</networkInterfaceId><description/><status>in-use</status>
      <sourceDestCheck>true</sourceDestCheck>
      <groupSet><item><groupId>sg-1</groupId><groupName>nodes</groupName></item>
        <item><groupId>sg-2</groupId></item></groupSet>
      <attachment><attachTime>2026-01-02T03:04:05.000Z</attachTime><deviceIndex>0</deviceIndex>
        <instanceId>i-1</instanceId></attachment>
      <privateIpAddressesSet>
        <item><privateIpAddress>10.0.0.1</privateIpAddress><primary>true</primary></item></privateIpAddressesSet>
      <ipv6AddressesSet/><ofTomorrow><what>nobody knows</what></ofTomorrow>
      <tagSet><item><key>Name</key><value>a</value></item></tagSet></item>
"""
BLOCKS = "".join(
    f"<cidrBlockAssociationSet><item><cidrBlock>{block}</cidrBlock></item></cidrBlockAssociationSet>"
    for block in ("10.0.0.0/16", "10.1.0.0/16")
)
RULE = (
    "<item><isEgress>false</isEgress><fromPort>-1</fromPort>"
    "<referencedGroupInfo><groupId>sg-1</groupId></referencedGroupInfo></item>"
)
BODIES = {
    "nested lists, numbers, times, what is empty and what is unknown": (
        "DescribeNetworkInterfaces",
        f"<networkInterfaceSet>{INTERFACE * 2}</networkInterfaceSet><nextToken>t</nextToken>",
    ),
    "an empty list": ("DescribeNetworkInterfaces", "<networkInterfaceSet/>"),
    "no list": ("DescribeNetworkInterfaces", ""),
    "ports": ("DescribeSecurityGroupRules", f"<securityGroupRuleSet>{RULE}</securityGroupRuleSet>"),
    "a member that comes twice": ("DescribeVpcs", f"<vpcSet><item>{BLOCKS}</item></vpcSet>"),
}


@cache
def operation(name: str) -> Any:
    """Return EC2's model of an operation."""
    return Session().get_service_model("ec2").operation_model(name)


def both(name: str, inside: str, namespace: str = NAMESPACE) -> tuple[Any, Any]:
    """Return what our parser and botocore's make of an answer."""
    body = f"<{name}Response {namespace}><requestId>r</requestId>{inside}</{name}Response>".encode()
    answer = {"status_code": 200, "headers": {}, "body": body}
    shape = operation(name).output_shape
    return LeanParsers().create_parser("ec2").parse(answer, shape), EC2QueryParser().parse(answer, shape)


@pytest.mark.parametrize("namespace", [NAMESPACE, ""], ids=["with EC2's namespace", "without"])
@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_an_answer_of_ec2_is_read_as_botocore_reads_it(body: tuple[str, str], namespace: str) -> None:
    """Shorter, and nothing else."""
    ours, botocores = both(*body, namespace)

    assert ours == botocores


def test_a_member_that_the_answer_lacks_is_garbled_at_any_depth() -> None:
    """What is indexed and is not there is no absence, and the operation is named."""
    ours, _ = both("DescribeNetworkInterfaces", f"<networkInterfaceSet>{INTERFACE}</networkInterfaceSet>")

    with pytest.raises(SourceGarbled, match="ec2:DescribeNetworkInterfaces answered without `AttachmentId`"):
        ours["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]


def test_what_botocore_read_for_us_is_an_answer_too() -> None:
    """A repeated member goes the long way, and what comes out is as strict."""
    ours, _ = both(*BODIES["a member that comes twice"])

    assert isinstance(ours["Vpcs"][0]["CidrBlockAssociationSet"][0], Answer)


def test_equal_texts_of_an_answer_are_one_object() -> None:
    """Three thousand interfaces name one subnet: it is kept once."""
    ours, _ = both("DescribeNetworkInterfaces", f"<networkInterfaceSet>{INTERFACE * 2}</networkInterfaceSet>")

    first, second = ours["NetworkInterfaces"]
    assert first["NetworkInterfaceId"] is second["NetworkInterfaceId"]


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-02T03:04:05.000Z",
        "2026-01-02T03:04:05Z",
        "Fri, 02 Jan 2026 03:04:05 GMT",
        "1767323045",
        1767323045,
        "20260102T030405Z",
    ],
)
def test_a_time_is_the_one_that_botocore_reads(written: str | float) -> None:
    """Whatever way a service writes it."""
    assert moment(written) == parse_timestamp(written) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert moment(written).utcoffset() == timedelta(0)


def test_what_is_no_time_is_refused_as_botocore_refuses_it() -> None:
    """An unreadable time is not left out."""
    with pytest.raises(ValueError, match="Invalid timestamp"):
        moment("2026-13-45T00:00:00Z")
