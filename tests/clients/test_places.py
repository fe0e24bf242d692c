from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from bot.clients.connection import ClusterConnection, Roles
from bot.clients.sources import ClusterSources, open_sources, open_writers
from bot.domain.deadline import Deadline
from bot.domain.places import HOME, Peer, Place
from bot.errors import AccessDenied, SourceTimeout, UnitError, WriteFailed
from tests.clients.conftest import TARGET, FarEnd, Serve, hang
from tests.clients.test_credentials import DENIED, DONE, VPCS, assumed, key_of

READER = "arn:aws:iam::222233334444:role/dnsbot-peer-read"
WRITER = "arn:aws:iam::222233334444:role/dnsbot-peer-write"
SHARED = Place(name="shared", region="eu-central-1", account="222233334444", vpc_id="vpc-0aaa")
NEAR = Place(name="near", region="eu-west-3", account="111122223333", vpc_id="vpc-0bbb")
CONNECTION = ClusterConnection(
    target=replace(TARGET, peers=(Peer(place=SHARED, aws_writer=True), Peer(place=NEAR))),
    role_arn="arn:aws:iam::111122223333:role/dnsbot-read",
    writer_role_arn="arn:aws:iam::111122223333:role/dnsbot-write",
    peer_roles={SHARED: Roles(reader=READER, writer=WRITER), NEAR: Roles()},
)


def region_of(far_end: FarEnd, at: int) -> str:
    """Return the region that a request is signed for."""
    return far_end.requests[at].split(b"Credential=")[1].split(b"/")[2].decode()


def read(sources: ClusterSources, place: Place, seconds: float = 60) -> None:
    """Read something there."""
    sources.aws(Deadline.after(seconds), place).read("ec2", "DescribeVpcs")


@pytest.fixture
def opened(serve: Serve, aws_at: Callable[[str], None]) -> Iterator[Callable[..., tuple[FarEnd, ClusterSources]]]:
    """Return a function that opens the sources over a far end with a script."""
    sources: list[ClusterSources] = []

    def open_over(*script: object) -> tuple[FarEnd, ClusterSources]:
        far_end = serve(*script)
        aws_at(far_end.url)
        sources.append(open_sources(CONNECTION))
        return far_end, sources[-1]

    yield open_over
    for one in sources:
        one.close()


def test_each_place_is_read_as_its_role_in_its_region(
    opened: Callable[..., tuple[FarEnd, ClusterSources]],
) -> None:
    """Two accounts, two roles, one AssumeRole each; roles are assumed in the cluster's region."""
    far_end, sources = opened(assumed("ASIAHOME"), VPCS, assumed("ASIAPEER"), VPCS)

    for place in (HOME, SHARED, SHARED):
        read(sources, place)

    assert b"role%2Fdnsbot-read&" in far_end.requests[0]
    assert b"role%2Fdnsbot-peer-read&" in far_end.requests[2]
    assert [(key_of(far_end, at), region_of(far_end, at)) for at in range(5)] == [
        ("dummy", "eu-west-1"),
        ("ASIAHOME", "eu-west-1"),
        ("dummy", "eu-west-1"),
        ("ASIAPEER", "eu-central-1"),
        ("ASIAPEER", "eu-central-1"),
    ]
    assert all(b"RoleSessionName=dnsbot-read" in far_end.requests[at] for at in (0, 2))


def test_a_peer_without_a_role_is_read_as_the_cluster_is(
    opened: Callable[..., tuple[FarEnd, ClusterSources]],
) -> None:
    """One identity, two regions: the role is assumed once."""
    far_end, sources = opened(assumed("ASIAHOME"), VPCS)

    for place in (HOME, NEAR):
        read(sources, place)

    assert [(key_of(far_end, at), region_of(far_end, at)) for at in range(3)] == [
        ("dummy", "eu-west-1"),
        ("ASIAHOME", "eu-west-1"),
        ("ASIAHOME", "eu-west-3"),
    ]


def test_nothing_is_assumed_before_it_is_used(opened: Callable[..., tuple[FarEnd, ClusterSources]]) -> None:
    """To open a reader of a place is no call."""
    far_end, sources = opened(assumed("ASIAHOME"))

    sources.aws(Deadline.after(30), SHARED)

    assert far_end.requests == []


def test_a_peer_that_refuses_the_role_costs_the_other_places_nothing(
    opened: Callable[..., tuple[FarEnd, ClusterSources]],
) -> None:
    """The error names the role, what to grant, and the trust policy; the cluster's own place is read all the same."""
    _, sources = opened(DENIED, assumed("ASIAHOME"), VPCS)

    with pytest.raises(AccessDenied) as raised:
        read(sources, SHARED)
    read(sources, HOME)

    assert raised.value.grant == f"sts:AssumeRole on {READER}"
    assert f"Cannot call sts:AssumeRole on {READER}" in raised.value.reason
    assert "trust policy" in raised.value.reason


def test_a_role_that_is_not_answered_for_in_time_is_named(
    opened: Callable[..., tuple[FarEnd, ClusterSources]],
) -> None:
    """What was tried is to assume the role, not the read behind it."""
    _, sources = opened(DENIED, hang)

    with pytest.raises(AccessDenied):
        read(sources, SHARED)
    with pytest.raises(SourceTimeout, match=f"sts:AssumeRole on {READER}"):
        read(sources, SHARED, 1)


def test_a_place_of_another_cluster_is_not_asked(opened: Callable[..., tuple[FarEnd, ClusterSources]]) -> None:
    """A place is the whole of it: a name that now leads to another VPC is none of ours."""
    far_end, sources = opened(assumed("ASIAPEER"))

    with pytest.raises(UnitError, match="no such place"):
        read(sources, replace(SHARED, vpc_id="vpc-0ccc"))
    assert far_end.requests == []


def test_writes_go_to_the_place_as_its_writer(serve: Serve, aws_at: Callable[[str], None]) -> None:
    """The peer's writer role, under the plan's name, in the peer's region; no other role is assumed."""
    far_end = serve(assumed("ASIAWRITER"), DONE)
    aws_at(far_end.url)

    with closing(open_writers(replace(CONNECTION, kubeconfig="k.yaml"), plan_id="7")) as writers:
        writers.aws(Deadline.after(30), SHARED).write("ec2", "CreateTags", Resources=["sg-1"], Tags=[])

    assert b"dnsbot-peer-write" in far_end.requests[0]
    assert b"RoleSessionName=dnsbot-7" in far_end.requests[0]
    assert (key_of(far_end, 1), region_of(far_end, 1)) == ("ASIAWRITER", "eu-central-1")
    assert len(far_end.requests) == 2


def test_a_place_without_a_writer_is_never_written_as_another() -> None:
    """The cluster's own writer does not stand in, and the error says whose setting is missing."""
    with (
        closing(open_writers(replace(CONNECTION, kubeconfig="k.yaml"))) as writers,
        pytest.raises(WriteFailed, match=r"peer near .*Set `writer_role_arn` for this peer"),
    ):
        writers.aws(Deadline.after(1), NEAR)
