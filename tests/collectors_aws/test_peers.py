from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors import peers
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.evidence import Gap
from bot.domain.peers import Peers
from bot.domain.places import HOME, Peer, Place
from bot.errors import AccessDenied, EvidenceUnavailable, NotFound
from tests.looking import TARGET, Ends, as_stored, collect_through

SHARED = Place(name="shared", region="eu-central-1", account="222233334444", vpc_id="vpc-0aaa")
NEAR = Place(name="near", region="eu-west-1", vpc_id="vpc-0bbb")
GRANT = "sts:AssumeRole on arn:aws:iam::222233334444:role/dnsbot-read"


def vpc(owner: str, *blocks: str, **more: Any) -> dict[str, Any]:
    """Return DescribeVpcs' answer for one VPC."""
    associations = [{"CidrBlock": block, "CidrBlockState": {"State": "associated"}} for block in blocks]
    return {"Vpcs": [{"OwnerId": owner, "CidrBlockAssociationSet": associations, **more}]}


@dataclass
class Account:
    """Answers at one place, as written down."""

    answer: Any
    asked: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def read(self, service: str, operation: str, **parameters: object) -> Any:
        """Answer, or raise the error in the answer's stead."""
        self.asked.append((f"{service}:{operation}", parameters))
        if isinstance(self.answer, EvidenceUnavailable):
            raise self.answer
        return self.answer


@dataclass(frozen=True, kw_only=True)
class Accounts(Ends):
    """Gives the reader of each place."""

    by_place: Mapping[Place, Account]

    def aws(self, deadline: Deadline, place: Place = HOME) -> Account:
        """See `Sources.aws`."""
        del deadline
        return self.by_place[place]


@pytest.fixture
def look_at() -> Callable[[Mapping[Place, Account]], tuple[Peers, tuple[str, ...]]]:
    """Return a function that collects from the accounts of these peers."""

    def collect(accounts: Mapping[Place, Account]) -> tuple[Peers, tuple[str, ...]]:
        target: ClusterTarget = replace(TARGET, peers=tuple(Peer(place=place) for place in accounts))
        found, calls = collect_through(peers.COLLECTOR, Accounts(by_place=accounts), target=target)
        assert isinstance(found, Peers)
        assert as_stored(found) == found
        return found, calls

    return collect


Collect = Callable[[Mapping[Place, Account]], tuple[Peers, tuple[str, ...]]]


def test_each_peer_is_what_its_own_account_says(look_at: Collect) -> None:
    """The VPC's owner and its blocks, asked for by the VPC's id as whoever reads there."""
    accounts = {
        SHARED: Account(vpc("222233334444", "10.1.0.0/16", "100.64.0.0/16")),
        NEAR: Account(vpc("111122223333", "10.2.0.0/16")),
    }

    found, calls = look_at(accounts)

    assert [(peer.place, peer.found, peer.cidrs) for peer in found.entered] == [
        (SHARED, SHARED, ("10.1.0.0/16", "100.64.0.0/16")),
        (NEAR, replace(NEAR, account="111122223333"), ("10.2.0.0/16",)),
    ]
    assert accounts[SHARED].asked == [("ec2:DescribeVpcs", {"VpcIds": ["vpc-0aaa"]})]
    assert sorted(calls) == ["ec2:DescribeVpcs at near", "ec2:DescribeVpcs at shared"]
    assert found.gaps == ()


def test_a_peer_that_refuses_the_role_is_one_gap_and_the_others_are_looked_at(look_at: Collect) -> None:
    """The gap names the peer and what to grant."""
    refused = AccessDenied("Cannot call sts:AssumeRole.", grant=GRANT)

    found, _ = look_at({SHARED: Account(refused), NEAR: Account(vpc("111122223333"))})

    assert [peer.place for peer in found.entered] == [NEAR]
    assert found.gaps == (Gap(what=str(SHARED), reason="Cannot call sts:AssumeRole.", grant=GRANT),)
    assert peers.summarise(found).startswith("1 of 2 peers could be looked at: peer near (vpc-0bbb, account 1111")


def test_a_vpc_that_is_not_there_says_what_to_check(look_at: Collect) -> None:
    """A wrong id, region or role looks the same to AWS."""
    found, _ = look_at({SHARED: Account(NotFound("InvalidVpcID.NotFound."))})

    assert found.gaps[0].reason == (
        "InvalidVpcID.NotFound. Check `vpc_id`, `region` and `role_arn` of this peer in dnsbot.yaml."
    )


@pytest.mark.parametrize("answer", [{}, {"Vpcs": []}, {"Vpcs": [{}]}], ids=["empty", "no VPC", "no owner"])
def test_an_answer_that_does_not_say_whose_it_is_is_a_gap(look_at: Collect, answer: dict[str, Any]) -> None:
    """Nothing is concluded from it."""
    found, _ = look_at({SHARED: Account(answer)})

    assert found.entered == ()
    assert "the answer" in found.gaps[0].reason


def test_only_blocks_in_use_count(look_at: Collect) -> None:
    """A block whose association failed holds no address; IPv6 blocks do."""
    failed = {"CidrBlock": "10.9.0.0/16", "CidrBlockState": {"State": "failed"}}
    answer = vpc(
        "222233334444",
        Ipv6CidrBlockAssociationSet=[{"Ipv6CidrBlock": "2001:db8::/56", "Ipv6CidrBlockState": {"State": "associated"}}],
    )
    answer["Vpcs"][0]["CidrBlockAssociationSet"].append(failed)

    found, _ = look_at({SHARED: Account(answer)})

    assert found.entered[0].cidrs == ("2001:db8::/56",)


def test_without_peers_nothing_is_asked(look_at: Collect) -> None:
    """No call, and nothing missing."""
    assert look_at({}) == (Peers(peers=()), ())
