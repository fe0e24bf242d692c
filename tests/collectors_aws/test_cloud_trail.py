"""Who changed what is at fault: from CloudTrail's answers, in the shapes that the User Guide's examples have."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors import cloud_trail
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.who_changed import CloudTrail
from bot.errors import AccessDenied
from tests.looking import NOW, Ends, collect_through

GROUP = FaultyObject(kind=ObjectKind.SECURITY_GROUP, name="sg-0aaaaaaaa", parts=("ingress",))
ACL = FaultyObject(kind=ObjectKind.NETWORK_ACL, name="acl-0aaaaaaa", parts=("30 ingress",))
ADDON = FaultyObject(kind=ObjectKind.ADDON, name="vpc-cni")
ENDPOINT = FaultyObject(kind=ObjectKind.RESOLVER_ENDPOINT, name="rslvr-in-0a")
ALICE = {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/admin/alice"}
DNS = {
    "ipPermissions": {
        "items": [{"ipProtocol": "udp", "fromPort": 53, "toPort": 53, "groups": {"items": [{"groupId": "sg-1"}]}}]
    }
}


def event(name: str, asked: dict[str, Any], *, minutes: int = 10, who: object = ALICE, **more: str) -> dict[str, Any]:
    """Return an event as `LookupEvents` answers it, from so many minutes before."""
    document = {"userIdentity": who, "requestParameters": asked, **more}
    at = NOW - timedelta(minutes=minutes)
    return {"EventName": name, "EventTime": at, "Username": "alice", "CloudTrailEvent": json.dumps(document)}


class Trail:
    """Answers lookups by the attribute's value; whatever else is looked up has no event."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, []  # type: ignore[var-annotated]

    def read(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Answer, and keep what was asked; one attribute a call is all that CloudTrail takes."""
        assert (service, operation) == ("cloudtrail", "LookupEvents")
        (attribute,) = parameters["LookupAttributes"]
        self.asked.append((attribute["AttributeKey"], attribute["AttributeValue"]))
        assert (parameters["StartTime"], parameters["EndTime"]) == (NOW - timedelta(days=90), NOW)
        found = self.answers.get(attribute["AttributeValue"], [])
        if isinstance(found, Exception):
            raise found
        return {"Events": found}


def asked_about(trail: Trail, *objects: FaultyObject) -> CloudTrail:
    """Return what the collector finds about these objects."""
    found, _ = collect_through(cloud_trail.COLLECTOR, Ends(aws_reader=trail), parameters={"objects": objects})
    assert isinstance(found, CloudTrail)
    return found


def test_what_a_group_lost_comes_before_what_it_was_given() -> None:
    """The newest three are kept, a rule taken away in the direction that lacks one first; refused calls are none."""
    events = [
        event("AuthorizeSecurityGroupIngress", DNS, minutes=1, errorCode="Client.UnauthorizedOperation"),
        event("AuthorizeSecurityGroupIngress", {}, minutes=2),
        event("CreateTags", {}, minutes=3),
        event("RevokeSecurityGroupEgress", {}, minutes=4),
        event("RevokeSecurityGroupIngress", DNS, minutes=5),
        event("CreateSecurityGroup", {"groupName": "nodes"}, minutes=90),
    ]

    (found,) = asked_about(Trail(**{GROUP.name: events}), GROUP).objects

    assert [(one.event, one.fits) for one in found.changes] == [
        ("RevokeSecurityGroupIngress", True),
        ("AuthorizeSecurityGroupIngress", False),
        ("RevokeSecurityGroupEgress", False),
    ]
    first = found.changes[0]
    assert (first.at, first.by, first.asked) == (
        NOW - timedelta(minutes=5),
        "assumed-role/admin/alice",
        "udp/53 from sg-1",
    )
    assert (found.more, found.gap) == (1, None)


def test_a_rule_that_was_taken_away_by_its_id_is_named_by_it() -> None:
    """Such a call says nothing of ports and sources."""
    by_id = {"groupId": GROUP.name, "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-0a"}]}}

    (found,) = asked_about(Trail(**{GROUP.name: [event("RevokeSecurityGroupIngress", by_id)]}), GROUP).objects

    assert [one.asked for one in found.changes] == ["rule sgr-0a"]


def test_an_acls_closing_entry_comes_first() -> None:
    """The event about entry 30 inbound, with what it says, before newer ones about other entries."""
    ports = {"from": 53, "to": 53}
    closing = {"ruleNumber": 30, "egress": False, "ruleAction": "deny", "aclProtocol": "17", "portRange": ports}
    events = [
        event("CreateNetworkAclEntry", {**closing, "ruleNumber": 30, "egress": True}, minutes=1),
        event("ReplaceNetworkAclEntry", {**closing, "cidrBlock": "10.0.0.0/16"}, minutes=9),
    ]

    (found,) = asked_about(Trail(**{ACL.name: events}), ACL).objects

    assert found.changes[0].fits
    assert found.changes[0].asked == "entry 30 inbound: deny protocol 17 ports 53-53 10.0.0.0/16"
    assert not found.changes[1].fits


def test_an_addons_events_are_those_of_this_cluster_and_this_addon() -> None:
    """They name no resource, so they are looked for by event name; the same add-on of another cluster is left out."""
    wanted = {"name": "cluster-prod", "addonName": "vpc-cni", "configurationValues": "{}"}
    events = [
        event("UpdateAddon", {**wanted, "name": "cluster-dev"}),
        event("UpdateAddon", {**wanted, "addonName": "coredns"}),
        event("UpdateAddon", wanted, who={"type": "AWSService", "invokedBy": "eks.amazonaws.com"}),
    ]
    trail = Trail(UpdateAddon=events)

    (found,) = asked_about(trail, ADDON).objects

    assert trail.asked == [("EventName", "UpdateAddon")]
    assert [(one.by, one.asked) for one in found.changes] == [
        ("alice by way of eks.amazonaws.com", "configurationValues {}")
    ]


def test_names_of_events_are_tried_until_one_is_found() -> None:
    """Of an endpoint nobody can tell beforehand which call changed it; an event of another endpoint is none of it."""
    trail = Trail(
        DisassociateResolverEndpointIpAddress=[event("…", {"resolverEndpointId": "rslvr-in-0b"})],
        UpdateResolverEndpoint=[event("UpdateResolverEndpoint", {"resolverEndpointId": "rslvr-in-0a", "name": "x"})],
    )

    (found,) = asked_about(trail, ENDPOINT).objects

    assert [value for _, value in trail.asked] == ["DisassociateResolverEndpointIpAddress", "UpdateResolverEndpoint"]
    assert [(one.event, one.asked) for one in found.changes] == [("UpdateResolverEndpoint", "name x")]


def test_nothing_found_is_kept_with_the_time_that_was_looked_at() -> None:
    """No event is no change and no gap: the 90 days before the diagnosis, and nobody named."""
    found = asked_about(Trail(), GROUP)

    assert (found.objects[0].changes, found.objects[0].gap, found.gaps) == ((), None, ())
    assert (found.since, found.until) == (NOW - timedelta(days=90), NOW)


def test_fifty_events_may_not_be_all() -> None:
    """Where a page is full and holds nothing of this add-on, older events were not read."""
    events = [event("UpdateAddon", {"name": "cluster-dev", "addonName": "vpc-cni"})] * 50

    (found,) = asked_about(Trail(UpdateAddon=events), ADDON).objects

    assert found.only_newest
    assert found.changes == ()


@pytest.mark.parametrize(
    ("answer", "reason", "grant"),
    [
        (
            AccessDenied("not authorized", grant="cloudtrail:LookupEvents"),
            "not authorized",
            "cloudtrail:LookupEvents",
        ),
        ([{"EventName": "RevokeSecurityGroupIngress"}], "cloudtrail:LookupEvents answered, but the answer lacks", ""),
        (
            [{**event("RevokeSecurityGroupIngress", {}), "CloudTrailEvent": "<html>"}],
            "cloudtrail:LookupEvents answered, but the answer is not readable",
            "",
        ),
        (
            [{**event("RevokeSecurityGroupIngress", {}), "CloudTrailEvent": "[]"}],
            "cloudtrail:LookupEvents answered, but the answer is not readable",
            "",
        ),
    ],
    ids=["refused", "no-event-text", "no-json", "no-object"],
)
def test_what_could_not_be_looked_at_is_a_gap_of_its_object(answer: Any, reason: str, grant: str) -> None:
    """One object's trouble is not another's: the ACL's changes are there."""
    acl_event = event("CreateNetworkAclEntry", {"ruleNumber": 30})
    found = asked_about(Trail(**{GROUP.name: answer, ACL.name: [acl_event]}), GROUP, ACL)

    group, acl = found.objects
    assert group.gap is not None
    assert group.gap.reason.startswith(reason)
    assert group.gap.grant == grant
    assert found.gaps == (group.gap,)
    assert len(acl.changes) == 1


def test_more_objects_than_are_asked_about_are_named() -> None:
    """At two calls a second a finding with dozens of groups must not hold a report up."""
    groups = [FaultyObject(kind=ObjectKind.SECURITY_GROUP, name=f"sg-{number}") for number in range(6)]
    trail = Trail()

    found = asked_about(trail, *groups)

    assert len(trail.asked) == 4
    assert [gap.what for gap in found.gaps] == ["changes of security group sg-4", "changes of security group sg-5"]
    assert "4 objects are, and 6 are at fault" in found.gaps[0].reason


def test_a_caller_without_an_arn_is_named_as_the_event_names_it() -> None:
    """An identity that is missing leaves the user's name; without that, nobody is named."""
    rows = [event("RevokeSecurityGroupIngress", {}, who=None), event("RevokeSecurityGroupIngress", {}, who=None)]
    del rows[1]["Username"]

    (found,) = asked_about(Trail(**{GROUP.name: rows}), GROUP).objects

    assert [one.by for one in found.changes] == ["alice", "somebody whom the event does not name"]


def test_times_are_utc() -> None:
    """Botocore gives the machine's own zone."""
    row = {**event("RevokeSecurityGroupIngress", {}), "EventTime": datetime.fromisoformat("2026-11-20T10:00:00+01:00")}

    (found,) = asked_about(Trail(**{GROUP.name: [row]}), GROUP).objects

    assert found.changes[0].at == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
