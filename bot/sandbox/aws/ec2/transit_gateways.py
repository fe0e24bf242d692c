"""Transit gateways: a VPC's attachment with its life, the default route table, propagated and static routes.

A gateway of another account is seen by accounts that it is shared with by RAM. An attachment from there waits until the
gateway's owner accepts it, unless the gateway accepts by itself. What moto knows of attachments is one account's alone.
Sources: EC2 API Reference, CreateTransitGatewayVpcAttachment, AcceptTransitGatewayVpcAttachment,
SearchTransitGatewayRoutes; Transit Gateways Guide, "Transit gateway route tables". An account that is not the owner
does not see with which route table its attachment is associated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.moto_api._internal import mock_random

from bot.sandbox.aws.ec2.xml import XmlResult
from bot.sandbox.aws.life_cycle import Changes, LifeCycle, Phase
from bot.sandbox.aws.moto_access import MotoObject, add, filters, param, replace
from bot.sandbox.aws.resolver.held import guests

LIFE = LifeCycle(
    create=Phase(during="pending", after="available", failed="failed"),
    update=Phase(during="modifying", after="available", failed="failed"),
    delete=Phase(during="deleting", after="deleted", failed="failed"),
)


@dataclass(slots=True)
class _Lives:
    """Through what the attachments of this process go."""

    changes: Changes | None = None


_LIVES = _Lives()


@dataclass(slots=True, kw_only=True)
class _Held:
    """One attachment. It stands with the gateway, in the owner's account."""

    id: str
    gateway: MotoObject
    vpc_id: str
    account: str
    """The VPC's."""
    subnet_ids: list[str] = field(default_factory=list)
    state: str = ""


def live_through(changes: Changes) -> None:
    """Let attachments go through these changes: called when everything is empty."""
    _LIVES.changes = changes


def install_transit_gateways() -> None:
    """Replace moto's handling of attachments and of the routes of gateways."""
    replace(
        EC2Response,
        create_transit_gateway_vpc_attachment=_create,
        delete_transit_gateway_vpc_attachment=_delete,
        describe_transit_gateway_vpc_attachments=_describe_vpc_attachments,
        describe_transit_gateway_attachments=_describe_attachments,
        create_transit_gateway_route=_create_route,
        delete_transit_gateway_route=_delete_route,
        search_transit_gateway_routes=_search,
    )
    add(EC2Response, accept_transit_gateway_vpc_attachment=_accept)


def _of(owner: MotoObject) -> dict[str, _Held]:
    """Return the attachments of the gateways of one account in one region."""
    if not hasattr(owner, "sandbox_attachments"):
        owner.sandbox_attachments = {}
    held: dict[str, _Held] = owner.sandbox_attachments
    return held


def _begin(action: str, phase: Phase, held: _Held) -> None:
    assert _LIVES.changes is not None  # set when the service opens  # noqa: S101  # nothing is served before
    _LIVES.changes.begin(f"ec2:{action}", phase, lambda status, _: setattr(held, "state", status))


def _gateway(response: MotoObject, gateway_id: str) -> MotoObject:
    """Return a gateway of the caller's own, or one that is shared with it."""
    own = response.ec2_backend
    for account, regions in ec2_backends.items():
        gateway = regions[own.region_name].transit_gateways.get(gateway_id)
        if gateway is None:
            continue
        if account == own.account_id or own.account_id in guests(gateway.arn, account, own.region_name):
            return gateway
    raise EC2ClientError(
        "InvalidTransitGatewayID.NotFound", f"Transit Gateway {gateway_id} was deleted or does not exist."
    )


def _create(response: MotoObject) -> ActionResult:
    own, vpc_id = response.ec2_backend, param(response, "VpcId")
    gateway = _gateway(response, param(response, "TransitGatewayId"))
    subnets = {subnet.id: subnet for subnet in own.describe_subnets() if subnet.vpc_id == vpc_id}
    wanted = param(response, "SubnetIds", [])
    if not wanted or not subnets.keys() >= set(wanted):
        raise EC2ClientError("InvalidSubnetID.NotFound", f"The subnets {wanted} are not those of VPC {vpc_id}")
    zones = [subnets[one].availability_zone for one in wanted]
    if len(set(zones)) < len(zones):
        raise EC2ClientError("DuplicateSubnetsInSameZone", "Duplicate subnets for the same Availability Zone")
    held = _of(gateway.ec2_backend)
    if any((one.vpc_id, one.gateway.id) == (vpc_id, gateway.id) and one.state != "deleted" for one in held.values()):
        raise EC2ClientError(
            "DuplicateTransitGatewayAttachment",
            f"{gateway.id} has non-deleted Transit Gateway Attachments with same VPC ID.",
        )
    made = _Held(
        id=f"tgw-attach-{mock_random.get_random_hex(17)}",
        gateway=gateway,
        vpc_id=vpc_id,
        account=own.account_id,
        subnet_ids=list(wanted),
    )
    held[made.id] = made
    own.transit_gateways.setdefault(gateway.id, gateway)  # so that its routes may lead there
    if own.account_id == gateway.ec2_backend.account_id or gateway.options["AutoAcceptSharedAttachments"] == "enable":
        _begin("CreateTransitGatewayVpcAttachment", LIFE.create, made)
    else:
        made.state = "pendingAcceptance"
    return XmlResult({"TransitGatewayVpcAttachment": _vpc_document(made)})


def _accept(response: MotoObject) -> ActionResult:
    found = _attachment(response, owned=True)
    if found.state != "pendingAcceptance":
        raise EC2ClientError("IncorrectState", f"{found.id} is in invalid state")
    _begin("AcceptTransitGatewayVpcAttachment", LIFE.create, found)
    return XmlResult({"TransitGatewayVpcAttachment": _vpc_document(found)})


def _delete(response: MotoObject) -> ActionResult:
    found = _attachment(response, owned=False)
    _begin("DeleteTransitGatewayVpcAttachment", LIFE.delete, found)
    return XmlResult({"TransitGatewayVpcAttachment": _vpc_document(found)})


def _attachment(response: MotoObject, *, owned: bool) -> _Held:
    """Return an attachment that the caller sees; `owned`: one to a gateway of its own."""
    number = param(response, "TransitGatewayAttachmentId")
    for one in _seen(response):
        if one.id == number and (not owned or _owner(one) == response.ec2_backend.account_id):
            return one
    raise EC2ClientError(
        "InvalidTransitGatewayAttachmentID.NotFound", f"The transitGatewayAttachment ID '{number}' does not exist."
    )


def _owner(held: _Held) -> str:
    return str(held.gateway.ec2_backend.account_id)


def _seen(response: MotoObject) -> Iterator[_Held]:
    """Yield the attachments of the caller's VPCs, and those to its gateways."""
    own = response.ec2_backend
    for regions in list(ec2_backends.values()):
        for one in _of(regions[own.region_name]).values():
            if own.account_id in {one.account, _owner(one)}:
                yield one


def _vpc_document(held: _Held) -> dict[str, Any]:
    return {
        "TransitGatewayAttachmentId": held.id,
        "TransitGatewayId": held.gateway.id,
        "VpcId": held.vpc_id,
        "VpcOwnerId": held.account,
        "State": held.state,
        "SubnetIds": list(held.subnet_ids),
    }


def _document(held: _Held, caller: str) -> dict[str, Any]:
    seen = caller == _owner(held) and held.state == "available"
    association = {"TransitGatewayRouteTableId": held.gateway.default_route_table.id, "State": "associated"}
    return {
        "TransitGatewayAttachmentId": held.id,
        "TransitGatewayId": held.gateway.id,
        "TransitGatewayOwnerId": _owner(held),
        "ResourceOwnerId": held.account,
        "ResourceType": "vpc",
        "ResourceId": held.vpc_id,
        "State": held.state,
        **({"Association": association} if seen else {}),
    }


def _describe_vpc_attachments(response: MotoObject) -> ActionResult:
    return XmlResult({"TransitGatewayVpcAttachments": [_vpc_document(one) for one in _asked(response)]})


def _describe_attachments(response: MotoObject) -> ActionResult:
    caller = response.ec2_backend.account_id
    return XmlResult({"TransitGatewayAttachments": [_document(one, caller) for one in _asked(response)]})


def _asked(response: MotoObject) -> Iterator[_Held]:
    wanted, ids = filters(response), param(response, "TransitGatewayAttachmentIds", [])
    for one in _seen(response):
        told = {
            "vpc-id": one.vpc_id,
            "resource-id": one.vpc_id,
            "state": one.state,
            "transit-gateway-id": one.gateway.id,
        }
        if set(wanted) - set(told):
            raise EC2ClientError("InvalidParameterValue", f"The filter {sorted(set(wanted) - set(told))} is invalid")
        if (not ids or one.id in ids) and all(told[name] in values for name, values in wanted.items()):
            yield one


def _table(response: MotoObject) -> MotoObject:
    """Return a route table of the caller's own gateways: nobody else may see it."""
    number = param(response, "TransitGatewayRouteTableId")
    table = response.ec2_backend.transit_gateways_route_tables.get(number)
    if table is None:
        raise EC2ClientError(
            "InvalidRouteTableID.NotFound", f"Transit Gateway Route Table {number} was deleted or does not exist."
        )
    return table


def _statics(table: MotoObject) -> dict[str, str]:
    """Return the static routes of a table: CIDR → attachment; empty: a blackhole."""
    if not hasattr(table, "sandbox_routes"):
        table.sandbox_routes = {}
    held: dict[str, str] = table.sandbox_routes
    return held


def _create_route(response: MotoObject) -> ActionResult:
    table, cidr = _table(response), param(response, "DestinationCidrBlock")
    number = param(response, "TransitGatewayAttachmentId") or ""
    if cidr in _statics(table):
        raise EC2ClientError(
            "RouteAlreadyExists", f"Route {cidr} already exists in Transit Gateway Route Table {table.id}."
        )
    if number:
        _attachment(response, owned=True)
    _statics(table)[cidr] = number
    return XmlResult({"Route": _route(response.ec2_backend, cidr, number)})


def _delete_route(response: MotoObject) -> ActionResult:
    table, cidr = _table(response), param(response, "DestinationCidrBlock")
    if cidr not in _statics(table):
        raise EC2ClientError("InvalidRoute.NotFound", f"Route {cidr} does not exist in {table.id}.")
    document = _route(response.ec2_backend, cidr, _statics(table).pop(cidr))
    return XmlResult({"Route": {**document, "State": "deleted"}})


def _route(owner: MotoObject, cidr: str, number: str) -> dict[str, Any]:
    held = _of(owner).get(number)
    led = held is not None and held.state == "available"
    to = {"ResourceId": held.vpc_id, "ResourceType": "vpc", "TransitGatewayAttachmentId": held.id} if held else None
    return {
        "DestinationCidrBlock": cidr,
        "Type": "static",
        "State": "active" if led else "blackhole",
        **({"TransitGatewayAttachments": [to]} if to else {}),
    }


def _search(response: MotoObject) -> ActionResult:
    table, wanted = _table(response), filters(response)
    rows = [_route(response.ec2_backend, cidr, number) for cidr, number in _statics(table).items()]
    rows += _propagated(table, {row["DestinationCidrBlock"] for row in rows})
    told = {"state": "State", "type": "Type"}
    if not wanted or set(wanted) - set(told):
        raise EC2ClientError("InvalidParameterValue", f"The filters {sorted(wanted)} are invalid")
    rows = [row for row in rows if all(row[told[name]] in values for name, values in wanted.items())]
    return XmlResult({"Routes": rows, "AdditionalRoutesAvailable": False})


def _propagated(table: MotoObject, static: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the routes that attachments propagate into a gateway's default table; a static one comes before."""
    for one in _of(table.ec2_backend).values():
        gateway = one.gateway
        if one.state != "available" or gateway.default_route_table.id != table.id:
            continue
        if gateway.options["DefaultRouteTablePropagation"] != "enable":
            continue
        vpc = ec2_backends[one.account][table.ec2_backend.region_name].vpcs[one.vpc_id]
        for block in vpc.get_cidr_block_association_set():
            if block["cidr_block"] not in static:
                yield {**_route(table.ec2_backend, block["cidr_block"], one.id), "Type": "propagated"}
