from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus

import pytest

from bot.domain.deadline import Deadline
from bot.domain.ports import AwsReader
from bot.errors import (
    AccessDenied,
    EvidenceUnavailable,
    NotFound,
    SourceGarbled,
    SourceTimeout,
    SourceUnreachable,
    Unauthenticated,
    UnitError,
)
from tests.clients.conftest import Act, Open, Shared, drip_body, drip_headers, hang, no_http, reset, respond, truncate

HTML = "<!DOCTYPE html><html><body>Sign in</body></html>"
REQUEST_ID = "x-amzn-RequestId: 4c9c0a57"


def ec2(body: str, status: str = "200 OK") -> Act:
    """Answer as EC2 does, in XML."""
    return respond(status, f'<?xml version="1.0"?>{body}', content_type="text/xml;charset=UTF-8")


def vpcs(*ids: str, following: str = "") -> Act:
    """Answer with a page of VPCs."""
    items = "".join(f"<item><vpcId>{vpc}</vpcId></item>" for vpc in ids)
    token = f"<nextToken>{following}</nextToken>" if following else ""
    return ec2(f"<DescribeVpcsResponse><requestId>r</requestId><vpcSet>{items}</vpcSet>{token}</DescribeVpcsResponse>")


def ec2_error(code: str, message: str, status: int) -> Act:
    """Refuse as EC2 does."""
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    return ec2(f"{body}<RequestID>r</RequestID></Response>", f"{status} {HTTPStatus(status).phrase}")


def eks(body: object, status: str = "200 OK", *headers: str) -> Act:
    """Answer as EKS does, in JSON."""
    return respond(status, json.dumps(body), REQUEST_ID, *headers)


def eks_error(code: str, message: str, status: int) -> Act:
    """Refuse as EKS does."""
    return eks({"message": message}, f"{status} {HTTPStatus(status).phrase}", f"x-amzn-ErrorType: {code}")


def read_vpcs(reader: AwsReader) -> object:
    """Make a read over the XML protocol."""
    return reader.read("ec2", "DescribeVpcs")["Vpcs"]


def read_cluster(reader: AwsReader) -> object:
    """Make a read over the JSON protocol."""
    return reader.read("eks", "DescribeCluster", name="cluster-prod")["cluster"]


Read = Callable[[AwsReader], object]

ANY_PROTOCOL: list[tuple[str, Act, type[EvidenceUnavailable]]] = [
    ("hang", hang, SourceTimeout),
    ("drip of the body", drip_body, SourceTimeout),
    ("drip of the headers", drip_headers, SourceTimeout),
    ("reset", reset, SourceUnreachable),
    ("empty 200", respond("200 OK", "", content_type=""), SourceGarbled),
    ("empty 200 with a request id", respond("200 OK", "", REQUEST_ID), SourceGarbled),
    ("HTML 200", respond("200 OK", HTML, content_type="text/html"), SourceGarbled),
    ("HTML 200 with a request id", respond("200 OK", HTML, REQUEST_ID, content_type="text/html"), SourceGarbled),
    ("truncated", truncate, SourceGarbled),
    ("another protocol", no_http, SourceGarbled),
    ("bad gateway", respond("502 Bad Gateway", HTML, content_type="text/html"), SourceUnreachable),
]
OF_EC2: list[tuple[str, Act, type[EvidenceUnavailable]]] = [
    ("denied", ec2_error("UnauthorizedOperation", "You are not authorized", 403), AccessDenied),
    ("expired", ec2_error("RequestExpired", "Request has expired.", 400), Unauthenticated),
    ("unknown key", ec2_error("AuthFailure", "not able to validate", 401), Unauthenticated),
    ("absent", ec2_error("InvalidVpcID.NotFound", "The vpc ID does not exist", 400), NotFound),
    ("throttled", ec2_error("RequestLimitExceeded", "Request limit exceeded.", 503), SourceUnreachable),
    ("server error", ec2_error("InternalError", "An internal error has occurred", 500), SourceUnreachable),
    ("bad value", ec2_error("InvalidParameterValue", "vpc-id", 400), EvidenceUnavailable),
    ("no list", ec2("<DescribeVpcsResponse><requestId>r</requestId></DescribeVpcsResponse>"), SourceGarbled),
    ("cut XML", ec2("<DescribeVpcsResponse><requestId>r</requestId><vpcSet>"), SourceGarbled),
    ("no request id", ec2("<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>"), SourceGarbled),
]
OF_EKS: list[tuple[str, Act, type[EvidenceUnavailable]]] = [
    ("denied", eks_error("AccessDeniedException", "not authorized to perform", 403), AccessDenied),
    ("expired", eks_error("ExpiredTokenException", "The security token is expired", 403), Unauthenticated),
    ("absent", eks_error("ResourceNotFoundException", "No cluster found", 404), NotFound),
    ("throttled", eks_error("ThrottlingException", "Rate exceeded", 429), SourceUnreachable),
    ("no cluster", eks({}), SourceGarbled),
    ("a JSON array", respond("200 OK", "[]", REQUEST_ID), SourceGarbled),
    ("cut JSON", respond("200 OK", '{"cluster": {"name": "cl', REQUEST_ID), SourceGarbled),
]
CASES = [
    pytest.param(read, act, expected, id=f"{protocol}: {name}")
    for protocol, read, rows in (
        ("ec2", read_vpcs, ANY_PROTOCOL + OF_EC2),
        ("eks", read_cluster, ANY_PROTOCOL + OF_EKS),
    )
    for name, act, expected in rows
]


@pytest.mark.parametrize(("read", "act", "expected"), CASES)
def test_every_failure_has_its_class_and_ends_in_time(
    read: Read, act: Act, expected: type[EvidenceUnavailable], shared: Shared, took: Callable[[], float]
) -> None:
    """A failing AWS ends a read by its deadline, in the class named for who must act; `{}` never passes."""
    shared.play(act)
    opened = took()

    with pytest.raises(expected) as raised:
        read(shared.sources.aws(Deadline.after(2)))

    assert raised.type is expected
    assert "ec2:DescribeVpcs" in raised.value.reason or "eks:DescribeCluster" in raised.value.reason
    assert took() - opened < 10


def test_denied_names_the_grant(shared: Shared) -> None:
    """The grant is the IAM action."""
    reader = shared.played(ec2_error("UnauthorizedOperation", "no", 403)).aws(Deadline.after(30))

    with pytest.raises(AccessDenied) as raised:
        reader.read("ec2", "DescribeNetworkAcls")

    assert raised.value.grant == "ec2:DescribeNetworkAcls"


@pytest.mark.parametrize("operation", ["AuthorizeSecurityGroupIngress", "describe_vpcs", "DeleteVpc", "CreateTags"])
def test_a_reader_refuses_what_is_no_read(operation: str, shared: Shared) -> None:
    """Nothing is sent for an operation that does not describe, get or list."""
    far_end = shared.play(vpcs())

    with pytest.raises(UnitError, match="is no read"):
        shared.sources.aws(Deadline.after(30)).read("ec2", operation)

    assert far_end.requests == []


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        pytest.param("ec2", "DescribeNothing", {}, id="operation"),
        pytest.param("nothing", "DescribeVpcs", {}, id="service"),
        pytest.param("ec2", "DescribeVpcs", {"VpcIdz": ["vpc-1"]}, id="parameter"),
    ],
)
def test_a_malformed_call_is_our_mistake(
    service: str, operation: str, parameters: dict[str, object], shared: Shared
) -> None:
    """What botocore itself refuses is no far end's failure."""
    with pytest.raises(UnitError):
        shared.played(vpcs()).aws(Deadline.after(30)).read(service, operation, **parameters)


def test_all_pages_are_joined(shared: Shared) -> None:
    """List members of all pages, in order."""
    far_end = shared.play(vpcs("vpc-1", "vpc-2", following="t"), vpcs("vpc-3"))

    found = shared.sources.aws(Deadline.after(30)).read("ec2", "DescribeVpcs")

    assert [vpc["VpcId"] for vpc in found["Vpcs"]] == ["vpc-1", "vpc-2", "vpc-3"]
    assert b"NextToken=t" in far_end.requests[1]
    assert "ResponseMetadata" not in found


def test_a_garbled_page_spoils_the_list(shared: Shared) -> None:
    """Half a list is not a list."""
    garbled = ec2("<DescribeVpcsResponse><requestId>r</requestId></DescribeVpcsResponse>")
    shared.play(vpcs("vpc-1", following="t"), garbled)

    with pytest.raises(SourceGarbled, match="without `Vpcs`"):
        shared.sources.aws(Deadline.after(30)).read("ec2", "DescribeVpcs")


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(ec2_error("RequestLimitExceeded", "slow down", 503), id="throttled"),
        pytest.param(ec2_error("InternalError", "oops", 500), id="server error"),
        pytest.param(reset, id="reset"),
    ],
)
def test_a_passing_failure_is_tried_again(first: Act, shared: Shared) -> None:
    """Throttling, server errors and lost connections pass."""
    far_end = shared.play(first, vpcs("vpc-1"))

    found = shared.sources.aws(Deadline.after(30)).read("ec2", "DescribeVpcs")

    assert len(found["Vpcs"]) == 1
    assert len(far_end.requests) == 2


def test_a_lasting_failure_is_sent_four_times_at_most(shared: Shared) -> None:
    """Retries are few, whatever the deadline."""
    far_end = shared.play(ec2_error("InternalError", "oops", 500))

    with pytest.raises(SourceUnreachable):
        shared.sources.aws(Deadline.after(20)).read("ec2", "DescribeVpcs")

    assert len(far_end.requests) == 4


def test_a_missing_nested_member_is_garbled(shared: Shared) -> None:
    """Indexing what is not there is an error for the report, at any depth."""
    found = shared.played(vpcs("vpc-1")).aws(Deadline.after(30)).read("ec2", "DescribeVpcs")

    with pytest.raises(SourceGarbled, match="without `DhcpOptionsId`"):
        found["Vpcs"][0]["DhcpOptionsId"]


def test_own_name_look_up_that_fails_says_so(open_at: Open) -> None:
    """The bot's own DNS is told apart from AWS."""
    reader = open_at("http://ec2.region.invalid").aws(Deadline.after(30))

    with pytest.raises(SourceUnreachable, match="the bot's own name lookup"):
        reader.read("ec2", "DescribeVpcs")


def list_ids(reader: AwsReader) -> Sequence[str]:
    """List VPCs as their ids."""
    return reader.list("ec2", "DescribeVpcs", "Vpcs", lambda vpc: str(vpc["VpcId"]))


def test_items_of_all_pages_become_values(shared: Shared) -> None:
    """Pages follow the token, and are asked for in a size that one page's memory bears."""
    far_end = shared.play(vpcs("vpc-1", "vpc-2", following="token"), vpcs("vpc-3"))

    found = list_ids(shared.sources.aws(Deadline.after(30)))

    assert found == ["vpc-1", "vpc-2", "vpc-3"]
    assert [b"MaxResults=500" in request for request in far_end.requests] == [True, True]
    assert b"NextToken=token" in far_end.requests[1]


@pytest.mark.parametrize(("act", "expected"), [row[1:] for row in OF_EC2], ids=[row[0] for row in OF_EC2])
def test_a_list_fails_as_a_read_does(shared: Shared, act: Act, expected: type[EvidenceUnavailable]) -> None:
    """Each failure has its class, and names the call."""
    with pytest.raises(expected, match="ec2:DescribeVpcs"):
        list_ids(shared.played(act).aws(Deadline.after(2)))


def test_what_reading_an_item_raises_is_the_readers_own(shared: Shared) -> None:
    """It is no failure of AWS; whoever reads knows what to say of it."""

    def read(_: object) -> str:
        raise ValueError("not what I know")

    with pytest.raises(ValueError, match="not what I know"):
        shared.played(vpcs("vpc-1")).aws(Deadline.after(30)).list("ec2", "DescribeVpcs", "Vpcs", read)


def test_only_a_reading_operation_is_listed(shared: Shared) -> None:
    """Nothing is sent for another."""
    far_end = shared.play(vpcs())

    with pytest.raises(UnitError, match="is no read"):
        shared.sources.aws(Deadline.after(30)).list("ec2", "DeleteVpc", "Vpcs", dict)

    assert far_end.requests == []


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["v" * 3_000_000], r"larger than \d+ bytes, after others of its pages"),
        (["v,,,,"] * 12_000, r"of more than \d+ parts, after others of its pages"),
    ],
    ids=["long", "dense"],
)
def test_pages_that_are_held_whole_are_bounded_together(shared: Shared, ids: list[str], told: str) -> None:
    """However small each is; as a list that becomes values they are read on."""
    pages = [vpcs(*ids, following=f"t{number}") for number in range(4)]
    reader = shared.played(*pages, vpcs()).aws(Deadline.after(30))

    with pytest.raises(SourceGarbled, match=f"ec2:DescribeVpcs: the answer is {told}. It was cut off there"):
        reader.read("ec2", "DescribeVpcs")
    kept = shared.played(*pages, vpcs()).aws(Deadline.after(30)).list("ec2", "DescribeVpcs", "Vpcs", lambda _: None)

    assert len(kept) == 4 * len(ids)
