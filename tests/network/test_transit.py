"""What a transit gateway does with packets between two VPCs, and what people may give where it drops them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from bot.network.model import Subnet
from bot.network.reachability import State
from bot.network.transit import Attachment, GatewayRoute, Transit, crossings

NEAR = Attachment(
    id="tgw-attach-near", gateway_id="tgw-1", vpc_id="vpc-near", state="available", subnet_ids=frozenset({"subnet-a"}),
    table_id="tgw-rtb-1", region="eu-west-1",
)  # fmt: skip
FAR = replace(NEAR, id="tgw-attach-far", vpc_id="vpc-far", table_id="tgw-rtb-2")
LEADS = GatewayRoute(destination=ip_network("10.2.0.0/16"), active=True, kind="vpc", resource_id="vpc-far")
ZONES = {"subnet-a": "a", "subnet-b": "b"}
TABLE = {"tgw-rtb-1": (LEADS,)}


def met(
    *attachments: Attachment, tables: dict[str, Any] | None = None, zone: str = "a"
) -> list[tuple[State, str, str]]:
    """Return what is in the way of a subnet's packets for 10.2.0.5 in vpc-far."""
    subnet = Subnet(id=f"subnet-{zone}", vpc_id="vpc-near", zone=zone, cidrs=(), route_table_id="rtb-1", routes=())
    transit = Transit(attachments=attachments, tables=TABLE if tables is None else tables)
    found = crossings(transit, "tgw-1", subnet, "vpc-far", ip_address("10.2.0.5"), ZONES)
    return [(one.state, one.text, one.command) for one in found]


def test_an_attachment_in_service_whose_table_leads_there_lets_packets_through() -> None:
    """Also while it is modified; the longest prefix decides."""
    wider = replace(LEADS, destination=ip_network("10.0.0.0/8"), resource_id="vpc-other")

    assert met(NEAR, FAR) == []
    assert met(replace(NEAR, state="modifying"), FAR, tables={"tgw-rtb-1": (wider, LEADS)}) == []


@pytest.mark.parametrize(
    ("attachments", "tables", "said", "command"),
    [
        (
            (FAR,), TABLE, "vpc-near has no attachment to tgw-1",
            (
                "create-transit-gateway-vpc-attachment --transit-gateway-id tgw-1 --vpc-id vpc-near "
                "--subnet-ids SUBNET_OF_EACH_ZONE --region eu-west-1"
            ),
        ),
        ((replace(NEAR, state="pendingAcceptance"),), TABLE, "is pendingAcceptance", "tgw-attach-near --region"),
        ((replace(NEAR, state="deleted"),), TABLE, "is deleted; expected available", ""),
        (
            (NEAR, FAR), {"tgw-rtb-1": ()}, "No route of route table tgw-rtb-1 of tgw-1 leads to 10.2.0.5",
            "--destination-cidr-block 10.2.0.5/32 --transit-gateway-attachment-id tgw-attach-far",
        ),
        ((NEAR,), {"tgw-rtb-1": ()}, "No route", "ATTACHMENT_OF_vpc-far"),
        ((NEAR, FAR), {"tgw-rtb-1": (replace(LEADS, active=False),)}, "(blackhole)", "replace-transit-gateway-route"),
    ],
    ids=["unattached", "not accepted", "deleted", "no route", "neither attached", "blackhole"],
)  # fmt: skip
def test_what_drops_packets_is_named_with_the_command_that_people_may_give(
    attachments: tuple[Attachment, ...], tables: Any, said: str, command: str
) -> None:
    """Networks are joined by people: the command is told, and never a step of a plan."""
    ((state, text, told),) = met(*attachments, tables=tables)

    assert state is State.BLOCKED
    assert said in text
    assert command in told
    assert bool(command) is bool(told)


def test_a_zone_without_a_subnet_of_the_attachment_is_not_taken_from() -> None:
    """Transit Gateways Guide: a subnet's packets are forwarded by an attachment in its own availability zone alone."""
    ((state, text, command),) = met(NEAR, FAR, zone="b")

    assert (state, "has no subnet in b" in text) == (State.BLOCKED, True)
    assert "--add-subnet-ids subnet-b" in command


@pytest.mark.parametrize(
    ("near", "tables", "said"),
    [
        (replace(NEAR, table_id=""), TABLE, "its owner alone sees that"),
        (NEAR, {}, "tgw-rtb-1 of tgw-1 were not read"),
        (NEAR, {"tgw-rtb-1": (replace(LEADS, kind="peering", resource_id="tgw-2"),)}, "leads to a peering attachment"),
        (
            NEAR,
            {"tgw-rtb-1": (replace(LEADS, resource_id="vpc-inspection"),)},
            "leads to vpc-inspection before vpc-far",
        ),
    ],
    ids=["association unseen", "table unread", "another gateway", "through appliances"],
)
def test_what_nobody_could_look_at_is_undecided(near: Attachment, tables: Any, said: str) -> None:
    """A gateway's routes are its owner's to see, and what lies behind a VPN or appliances nobody describes."""
    ((state, text, command),) = met(near, FAR, tables=tables)

    assert (state, command) == (State.UNDECIDED, "")
    assert said in text


def test_the_gateway_that_joins_two_vpcs_is_the_one_to_which_both_are_attached() -> None:
    """Attachments that are gone join nothing; one that waits for its acceptance is there."""
    waiting = replace(FAR, state="pendingAcceptance")

    assert Transit(attachments=(NEAR, waiting), tables={}).between("vpc-near", "vpc-far") == "tgw-1"
    assert Transit(attachments=(NEAR, replace(FAR, state="deleted")), tables={}).between("vpc-near", "vpc-far") == ""
