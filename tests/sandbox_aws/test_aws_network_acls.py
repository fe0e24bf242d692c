from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import Client


@pytest.fixture
def acl_id(ec2: Client, vpc_id: str) -> str:
    """Return a custom ACL without entries of its own."""
    return str(ec2.create_network_acl(VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"])


def entry(acl_id: str, number: int, **changes: Any) -> dict[str, Any]:
    """Return the request for an entry that lets udp/53 in from 10.0.1.0/24."""
    return {
        "NetworkAclId": acl_id,
        "RuleNumber": number,
        "Egress": False,
        "Protocol": "17",
        "RuleAction": "allow",
        "CidrBlock": "10.0.1.0/24",
        "PortRange": {"From": 53, "To": 53},
        **changes,
    }


def entries_of(ec2: Client, acl_id: str) -> list[tuple[int, bool, str]]:
    """Return number, egress and action of each entry."""
    (acl,) = ec2.describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"]
    return [(one["RuleNumber"], one["Egress"], one["RuleAction"]) for one in acl["Entries"]]


def test_a_custom_acl_shows_the_closing_deny(ec2: Client, acl_id: str) -> None:
    """A new ACL denies everything in both directions with the entry 32767."""
    assert entries_of(ec2, acl_id) == [(32767, True, "deny"), (32767, False, "deny")]


def test_entries_are_shown_in_number_order(ec2: Client, acl_id: str) -> None:
    """The order of creation does not matter."""
    for number in (200, 90, 150):
        ec2.create_network_acl_entry(**entry(acl_id, number))

    assert [number for number, egress, _ in entries_of(ec2, acl_id) if not egress] == [90, 150, 200, 32767]


def test_a_number_is_taken_once_a_direction(ec2: Client, acl_id: str) -> None:
    """The same number again is NetworkAclEntryAlreadyExists; the other direction has its own numbers."""
    ec2.create_network_acl_entry(**entry(acl_id, 100))

    ec2.create_network_acl_entry(**entry(acl_id, 100, Egress=True))

    with pytest.raises(ClientError, match="NetworkAclEntryAlreadyExists"):
        ec2.create_network_acl_entry(**entry(acl_id, 100, CidrBlock="10.0.2.0/24"))


def test_twenty_entries_a_direction(ec2: Client, acl_id: str) -> None:
    """The closing deny does not count; the 21st entry is refused."""
    for number in range(1, 21):
        ec2.create_network_acl_entry(**entry(acl_id, number))

    with pytest.raises(ClientError, match="NetworkAclEntryLimitExceeded"):
        ec2.create_network_acl_entry(**entry(acl_id, 21))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RuleNumber": 32767}, "InvalidParameterValue"),
        ({"RuleNumber": 0}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.1.0/33"}, "InvalidParameterValue"),
        ({"NetworkAclId": "acl-0123456789abcdef0"}, "InvalidNetworkAclID.NotFound"),
    ],
    ids=["closing-deny", "zero", "malformed-cidr", "unknown-acl"],
)
def test_a_wrong_entry_is_refused_with_the_code_of_aws(
    ec2: Client, acl_id: str, change: dict[str, Any], code: str
) -> None:
    """Numbers are 1 to 32766, CIDRs well formed, the ACL known."""
    with pytest.raises(ClientError) as refused:
        ec2.create_network_acl_entry(**{**entry(acl_id, 100), **change})

    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("number", [100, 32767], ids=["absent", "closing-deny"])
def test_only_existing_entries_can_be_deleted(ec2: Client, acl_id: str, number: int) -> None:
    """An absent entry is InvalidNetworkAclEntry.NotFound, and the closing deny cannot be deleted."""
    with pytest.raises(ClientError, match=r"InvalidNetworkAclEntry\.NotFound"):
        ec2.delete_network_acl_entry(NetworkAclId=acl_id, RuleNumber=number, Egress=False)


def test_a_subnet_moves_to_another_acl(ec2: Client, acl_id: str, subnet_ids: tuple[str, str]) -> None:
    """Replacing the association moves the subnet; an unknown association is refused."""
    filters = [{"Name": "association.subnet-id", "Values": [subnet_ids[0]]}]
    (default,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    (association,) = [one for one in default["Associations"] if one["SubnetId"] == subnet_ids[0]]

    ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl_id)

    (now,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    assert now["NetworkAclId"] == acl_id
    with pytest.raises(ClientError, match=r"InvalidAssociationID\.NotFound"):
        ec2.replace_network_acl_association(AssociationId="aclassoc-0123456789abcdef0", NetworkAclId=acl_id)


def test_protocol_names_become_numbers(ec2: Client, acl_id: str) -> None:
    """A protocol given by name is stored as its number, as AWS shows it."""
    ec2.create_network_acl_entry(**entry(acl_id, 100, Protocol="tcp"))

    (acl,) = ec2.describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"]
    (shown,) = [one for one in acl["Entries"] if one["RuleNumber"] == 100]
    assert (shown["Protocol"], shown["PortRange"]) == ("6", {"From": 53, "To": 53})
