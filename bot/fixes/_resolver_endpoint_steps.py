"""Steps that make a Resolver endpoint with a security group of its own, and take both away (D3, D4); no fix itself.

A step makes one thing: the group, its rules, the endpoint. Each is found again by what only its plan bears: the
group's name and the rules' tag hold the plan's id, the endpoint's CreatorRequestId the plan's id and the step. Sources:
Route 53 API Reference, CreateResolverEndpoint, ListResolverEndpoints, DeleteResolverEndpoint; EC2 API Reference,
CreateSecurityGroup. Resolver makes the network interfaces with the rights of whoever calls it (IAM policy
AmazonRoute53ResolverFullAccess).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_networks import EndpointNetworks
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.made import Made
from bot.domain.peers import Peers
from bot.domain.permissions import AwsPermission
from bot.domain.phrases import count
from bot.domain.places import HOME, Place, PlaceKind
from bot.domain.plans import PlanCase, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, complete_with, failed_because, waiting_for
from bot.errors import UnitError
from bot.fixes import _security_group_requests as requests
from bot.fixes import _security_group_steps as groups
from bot.fixes import _settled_by_listing as settled_by_listing
from bot.fixes._endpoint_building import TRANSPORTS, NewEndpoint, Opening, described, group_prefix
from bot.network.model import Direction as Way

CREATE_ENDPOINT, DELETE_ENDPOINT = "create_endpoint", "delete_endpoint"
_CREATE_GROUP, _DELETE_GROUP = "create_group", "delete_group"
_OF_GROUPS = frozenset({"authorize", "revoke"})
SETTLES_WITHIN_SECONDS = 900
_HOURS_OF_30_DAYS = 720
_UNDER_WAY = frozenset({"CREATING", "UPDATING", "AUTO_RECOVERING"})
_DESCRIPTION = "DNS of a Route 53 Resolver endpoint, made by eks-dns-bot"


def making(fix: str, case: PlanCase, new: NewEndpoint) -> tuple[Step, ...]:
    """Return the steps that make an endpoint, the first at the place in the plan that comes next."""
    first = len(case.earlier)
    group: str | Made = new.left.id if new.left else Made(made_by_step=first, member="group_id")
    steps = [] if new.left else [_group_step(fix, case.plan_id, new)]
    before = groups.normalised(new.left_rules, new.left.id if new.left else "", Way.INGRESS)
    wanted = [rule for cidr in new.admits for rule in _dns(cidr) if rule not in before]
    if wanted:
        steps.append(
            groups.adding_step(fix, case.plan_id, group=group, wanted=wanted, before=before, place=new.site.place)
        )
    steps.append(_endpoint_step(fix, case.plan_id, new, group, first + len(steps)))
    return tuple(steps)


def opening(fix: str, case: PlanCase, found: Opening) -> Step:
    """Return the step that lets further networks' DNS in at the inbound endpoint that is there."""
    before = groups.normalised(found.rules, found.group_id, Way.INGRESS)
    wanted = [groups.wanted_rule(transport, cidr) for transport, cidr in found.missing]
    return groups.adding_step(
        fix, case.plan_id, group=found.group_id, wanted=[one for one in wanted if one not in before], before=before
    )


def billed(price: str, *made: NewEndpoint) -> str:
    """Say how many interfaces new endpoints have, which AWS bills, and what they cost where `price` says one's."""
    number = sum(len(one.subnets) for one in made)
    said = (
        f"AWS bills each of the {count(number, 'network interface')} of {count(len(made), 'new Resolver endpoint')} by "
        "the hour until the endpoint is deleted, and queries besides."
    )
    amount, _, currency = price.partition(" ")
    if not amount:
        return said
    hour = number * Decimal(amount)
    return (
        f"{said} At {price} an hour each (`resolver_interface_price`) the interfaces cost {_plain(hour)} {currency} an "
        f"hour, {_plain(hour * _HOURS_OF_30_DAYS)} {currency} in 30 days."
    )


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _dns(cidr: str) -> Iterator[dict[str, JsonValue]]:
    return (groups.wanted_rule(transport.value, cidr) for transport in TRANSPORTS)


def _group_step(fix: str, plan_id: str, new: NewEndpoint) -> Step:
    name, site = f"{group_prefix(new.direction)}{plan_id}", new.site
    return Step(
        fix=fix,
        action=_CREATE_GROUP,
        target=f"security group {name} in {site.vpc_id}",
        parameters={"name": name, "vpc_id": site.vpc_id},
        before={"groups": []},
        diff=(
            f"+ security group {name} in {site.vpc_id}, for the {new.direction.lower()} endpoint",
            "+ all traffic out",
        ),
        undo="Delete the group.",
        command=(
            f"aws ec2 create-security-group --group-name {name} --description '{_DESCRIPTION}' --vpc-id {site.vpc_id} "
            f"--region {site.region}"
        ),
        writer=WriterKind.AWS,
        place=site.place,
    )


def _endpoint_step(fix: str, plan_id: str, new: NewEndpoint, group: str | Made, index: int) -> Step:
    site, direction = new.site, new.direction.value
    creator = f"dnsbot-{plan_id}-{index + 1}"
    subnet_ids = [one.id for one in new.subnets]
    shown = f"<{group}>" if isinstance(group, Made) else group
    return Step(
        fix=fix,
        action=CREATE_ENDPOINT,
        target=f"{direction.lower()} Resolver endpoint in {site.vpc_id}",
        parameters={
            "creator": creator,
            "name": f"dnsbot-{plan_id}",
            "direction": direction,
            "vpc_id": site.vpc_id,
            "account": site.account,
            "region": site.region,
            "security_group_id": group.as_json() if isinstance(group, Made) else group,
            "subnet_ids": list(subnet_ids),
        },
        before={"made": []},
        diff=(
            f"+ {direction} endpoint in {site.vpc_id}, security group {group}",
            f"+ an address in each of {described(new.subnets)}; AWS draws them",
        ),
        undo="Delete the endpoint, with its interfaces.",
        command=(
            f"aws route53resolver create-resolver-endpoint --creator-request-id {creator} --direction {direction} "
            f"--security-group-ids {shown} --ip-addresses {' '.join(f'SubnetId={one}' for one in subnet_ids)} "
            f"--name dnsbot-{plan_id} --region {site.region}"
        ),
        writer=WriterKind.AWS,
        place=site.place,
        settles_within_seconds=SETTLES_WITHIN_SECONDS,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return what of the step's kind is there: the group of this name, its rules, endpoints that the step made."""
    if step.action in _OF_GROUPS:
        return groups.read(step, look)
    if step.action == _CREATE_GROUP:
        return {"groups": [str(row["GroupId"]) for row in _named(step, look.aws)]}
    if step.action == _DELETE_GROUP:
        return {"groups": [str(row["GroupId"]) for row in _identified(step, look.aws)]}
    if step.action == CREATE_ENDPOINT:
        return {"made": [str(row["Id"]) for row in _created(step, look.aws)]}
    return {"made": [str(row["Id"]) for row in _endpoint(step, look.aws, str(step.parameters["endpoint_id"]))]}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Make or take away one thing; return its id as `group_id` or `endpoint_id`, or the rules as the group steps do."""
    if step.action in _OF_GROUPS:
        return groups.apply(step, writing)
    acts = {
        _CREATE_GROUP: _create_group,
        _DELETE_GROUP: _delete_group,
        CREATE_ENDPOINT: _create_endpoint,
        DELETE_ENDPOINT: _delete_endpoint,
    }
    if step.action not in acts:
        message = f"{step.fix} knows no action {step.action!r}"
        raise UnitError(message)
    return acts[step.action](step, writing)


def _create_group(step: Step, writing: Writing) -> JsonObject:
    """Send it; an answer that was lost, or that it is there already, is settled by its name."""
    tags = [{"Key": requests.PLAN_TAG, "Value": writing.plan_id}]
    write = partial(
        writing.aws_writer.write,
        "ec2",
        "CreateSecurityGroup",
        GroupName=step.parameters["name"],
        Description=_DESCRIPTION,
        VpcId=step.parameters["vpc_id"],
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
    row = settled_by_listing.send(step, write, lambda: _named(step, writing.aws))
    return {"group_id": str(row["GroupId"])}


def _delete_group(step: Step, writing: Writing) -> JsonObject:
    if not _identified(step, writing.aws):
        return {"group_id": ""}
    writing.aws_writer.write("ec2", "DeleteSecurityGroup", GroupId=step.parameters["group_id"])
    return {"group_id": step.parameters["group_id"]}


def _create_endpoint(step: Step, writing: Writing) -> JsonObject:
    """Send it; an answer that was lost, or that it is there already, is settled by its CreatorRequestId."""
    subnet_ids: Any = step.parameters["subnet_ids"]
    write = partial(
        writing.aws_writer.write,
        "route53resolver",
        "CreateResolverEndpoint",
        CreatorRequestId=step.parameters["creator"],
        Name=step.parameters["name"],
        Direction=step.parameters["direction"],
        SecurityGroupIds=[step.parameters["security_group_id"]],
        IpAddresses=[{"SubnetId": one} for one in subnet_ids],
    )
    row = settled_by_listing.send(step, write, lambda: _created(step, writing.aws))
    return {"endpoint_id": str(row["Id"])}


def _delete_endpoint(step: Step, writing: Writing) -> JsonObject:
    endpoint_id = str(step.parameters["endpoint_id"])
    if not _endpoint(step, writing.aws, endpoint_id):
        return {"endpoint_id": ""}
    writing.aws_writer.write("route53resolver", "DeleteResolverEndpoint", ResolverEndpointId=endpoint_id)
    return {"endpoint_id": endpoint_id}


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether what was made can be used, an endpoint with its addresses as `targets`, or what went is gone."""
    if step.action in _OF_GROUPS:
        return COMPLETE
    if step.action == _CREATE_GROUP:
        return COMPLETE if _named(step, look.aws) else waiting_for(f"{effects.get('group_id')} is not listed yet")
    if step.action == _DELETE_GROUP:
        return waiting_for("the group is still listed") if _identified(step, look.aws) else COMPLETE
    rows = _endpoint(step, look.aws, str(effects.get("endpoint_id") or ""))
    if step.action == DELETE_ENDPOINT:
        return waiting_for(f"{rows[0]['Id']} is {rows[0]['Status']}") if rows else COMPLETE
    if not rows:
        return failed_because(f"{effects.get('endpoint_id')} is not there")
    number, status = str(rows[0]["Id"]), str(rows[0]["Status"])
    if status in _UNDER_WAY:
        return waiting_for(f"{number} is {status}")
    if status != "OPERATIONAL":
        return failed_because(f"{number} is {status}: {rows[0].get('StatusMessage') or 'AWS says no more'}")
    return complete_with({"targets": list(_addresses(look.aws, number))})


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that takes away exactly what `apply` reported as made."""
    if step.action in _OF_GROUPS:
        return groups.inverse(step, effects)
    if step.action == _CREATE_GROUP and effects.get("group_id"):
        number = str(effects["group_id"])
        return _taking_back(
            step,
            action=_DELETE_GROUP,
            target=f"security group {number} ({step.parameters['name']})",
            parameters={"group_id": number},
            before={"groups": [number]},
            diff=(f"- security group {number} ({step.parameters['name']})",),
            command=f"aws ec2 delete-security-group --group-id {number}",
        )
    if step.action == CREATE_ENDPOINT and effects.get("endpoint_id"):
        number = str(effects["endpoint_id"])
        return _taking_back(
            step,
            action=DELETE_ENDPOINT,
            target=f"{step.target} ({number})",
            parameters={"endpoint_id": number},
            before={"made": [number]},
            diff=(f"- {step.parameters['direction']} endpoint {number} in {step.parameters['vpc_id']}",),
            command=f"aws route53resolver delete-resolver-endpoint --resolver-endpoint-id {number}",
        )
    return None


def _taking_back(
    step: Step,
    *,
    action: str,
    target: str,
    parameters: JsonObject,
    before: JsonValue,
    diff: tuple[str, ...],
    command: str,
) -> Step:
    return Step(
        fix=step.fix,
        action=action,
        target=target,
        parameters=parameters,
        before=before,
        diff=diff,
        undo="",
        command=command,
        writer=WriterKind.AWS,
        place=step.place,
        settles_within_seconds=SETTLES_WITHIN_SECONDS,
    )


def found(step: Step, look: Reading, plan_id: str) -> JsonObject | None:
    """Return the effects of a step whose answer nobody saw, by what only its plan bears."""
    if step.action in _OF_GROUPS:
        return groups.found(step, look, plan_id)
    if step.action == _CREATE_GROUP:
        rows = _named(step, look.aws)
        return {"group_id": str(rows[0]["GroupId"])} if rows else None
    if step.action == CREATE_ENDPOINT:
        rows = _created(step, look.aws)
        return {"endpoint_id": str(rows[0]["Id"])} if rows else None
    return None


def _named(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    return _described(
        aws,
        {"Name": "group-name", "Values": [step.parameters["name"]]},
        {"Name": "vpc-id", "Values": [step.parameters["vpc_id"]]},
    )


def _identified(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    return _described(aws, {"Name": "group-id", "Values": [step.parameters["group_id"]]})


def _described(aws: AwsReader, *filters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    answer = aws.read("ec2", "DescribeSecurityGroups", Filters=list(filters))
    with reading("ec2:DescribeSecurityGroups"):
        return list(answer["SecurityGroups"])


def _created(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    filters = [{"Name": "CreatorRequestId", "Values": [step.parameters["creator"]]}]
    answer = aws.read("route53resolver", "ListResolverEndpoints", Filters=filters)
    with reading("route53resolver:ListResolverEndpoints"):
        return list(answer["ResolverEndpoints"])


def _endpoint(step: Step, aws: AwsReader, endpoint_id: str) -> list[Mapping[str, Any]]:
    """Return the endpoint from the list, empty where it is gone: GetResolverEndpoint tells that by an error."""
    del step
    answer = aws.read("route53resolver", "ListResolverEndpoints")
    with reading("route53resolver:ListResolverEndpoints"):
        return [row for row in answer["ResolverEndpoints"] if row["Id"] == endpoint_id]


def _addresses(aws: AwsReader, endpoint_id: str) -> list[str]:
    answer = aws.read("route53resolver", "ListResolverEndpointIpAddresses", ResolverEndpointId=endpoint_id)
    with reading("route53resolver:ListResolverEndpointIpAddresses"):
        return sorted(str(row["Ip"]) for row in answer["IpAddresses"] if row.get("Ip"))


_PLACES = tuple(f"arn:aws:ec2:*:*:{kind}/*" for kind in ("network-interface", "security-group", "subnet"))
_READ_BY_RESOLVER = (
    "DescribeAvailabilityZones",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
)
_ENDPOINTS = ("arn:aws:route53resolver:*:*:resolver-endpoint/*",)
_OURS = (("Null", f"aws:ResourceTag/{requests.PLAN_TAG}", ("false",)),)


def permissions(kind: PlaceKind) -> tuple[AwsPermission, ...]:
    """Return what these steps need at places of a kind."""
    wanted = (
        AwsPermission(action="ec2:DescribeSecurityGroups", unlocks="find the group that a plan made"),
        AwsPermission(
            action="ec2:CreateSecurityGroup",
            unlocks="give a Resolver endpoint a security group of its own",
            resources=("arn:aws:ec2:*:*:security-group/*", "arn:aws:ec2:*:*:vpc/*"),
        ),
        AwsPermission(
            action="ec2:DeleteSecurityGroup",
            unlocks="take away a group that a plan made",
            resources=("arn:aws:ec2:*:*:security-group/*",),
            conditions=_OURS,
        ),
        *(_by_resolver(one, _PLACES) for one in ("CreateNetworkInterface", "CreateNetworkInterfacePermission")),
        _by_resolver("DeleteNetworkInterface", _PLACES[:1]),
        *(_by_resolver(one) for one in _READ_BY_RESOLVER),
        AwsPermission(
            action="route53resolver:ListResolverEndpoints", unlocks="see whether an endpoint was made, and its status"
        ),
        AwsPermission(
            action="route53resolver:ListResolverEndpointIpAddresses", unlocks="see which addresses AWS drew for it"
        ),
        AwsPermission(
            action="route53resolver:CreateResolverEndpoint", unlocks="make a Resolver endpoint", resources=_ENDPOINTS
        ),
        AwsPermission(
            action="route53resolver:DeleteResolverEndpoint",
            unlocks="take away an endpoint that a plan made",
            resources=_ENDPOINTS,
        ),
        *requests.INGRESS_PERMISSIONS,
    )
    return tuple(replace(one, place=kind) for one in wanted)


def _by_resolver(operation: str, resources: tuple[str, ...] = ("*",)) -> AwsPermission:
    """Return what Resolver itself does in EC2, as whoever has it make or delete an endpoint."""
    return AwsPermission(
        action=f"ec2:{operation}",
        unlocks="let Resolver make and delete an endpoint's interfaces",
        resources=resources,
        by_service=True,
    )


def rehearsals_at_home(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return the writes in the cluster's own account, those of EC2 on what is there."""
    cluster, networks = evidence.get(EksCluster), evidence.get(EndpointNetworks)
    if not isinstance(cluster, EksCluster) or not cluster.vpc_id:
        return ()
    accounts = networks.accounts if isinstance(networks, EndpointNetworks) else ()
    made = [one for each in accounts if each.account == cluster.account for one in each.made]
    return (
        *requests.rehearsals(evidence, Way.INGRESS),
        _creating_group(cluster.vpc_id),
        *(_deleting_group(one.id) for one in made[:1]),
        *_resolvers(HOME),
    )


def rehearsals_at_peers(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return Resolver's writes at each peer, which take no dry run; those of EC2 are tried at home alone."""
    peers = evidence.get(Peers)
    entered = peers.entered if isinstance(peers, Peers) else ()
    return tuple(rehearsal for one in entered for rehearsal in _resolvers(one.place))


def _creating_group(vpc_id: str) -> Rehearsal:
    tags = [{"Key": requests.PLAN_TAG, "Value": "rehearsal"}]
    return Rehearsal(
        operation="CreateSecurityGroup",
        parameters={
            "GroupName": "dnsbot-rehearsal",
            "Description": _DESCRIPTION,
            "VpcId": vpc_id,
            "TagSpecifications": [{"ResourceType": "security-group", "Tags": tags}],
        },
        judges=("ec2:CreateSecurityGroup", "ec2:CreateTags"),
        target=vpc_id,
    )


def _deleting_group(group_id: str) -> Rehearsal:
    return Rehearsal(
        operation="DeleteSecurityGroup",
        parameters={"GroupId": group_id},
        judges=("ec2:DeleteSecurityGroup",),
        target=f"security group {group_id}",
    )


def _resolvers(place: Place) -> tuple[Rehearsal, ...]:
    return tuple(
        Rehearsal.without_dry_run(
            f"route53resolver:{operation}",
            *(f"ec2:{one}" for one in besides),
            target=f"Resolver endpoints at {place}",
            place=place,
        )
        for operation, besides in (
            (
                "CreateResolverEndpoint",
                ("CreateNetworkInterface", "CreateNetworkInterfacePermission", *_READ_BY_RESOLVER),
            ),
            ("DeleteResolverEndpoint", ("DeleteNetworkInterface",)),
        )
    )
