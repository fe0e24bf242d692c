"""Instances and network interfaces: groups of each interface apart, secondary addresses, delegated prefixes, branches.

Sources: EC2 API Reference, NetworkInterface, Instance, ModifyNetworkInterfaceAttribute; EKS User Guide, "Assign
security groups to individual pods".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses import EC2Response
from moto.ec2.utils import generic_filter

from bot.sandbox.aws.ec2.documents import instance_document, interface_document
from bot.sandbox.aws.ec2.groups import known_groups
from bot.sandbox.aws.ec2.paging import not_with_ids, page_of
from bot.sandbox.aws.ec2.xml import XmlResult
from bot.sandbox.aws.moto_access import MotoObject, filters, param, replace

_INTERFACE_KINDS = {None, "interface", "efa", "branch", "trunk"}


def install_interfaces() -> None:
    """Replace moto's handling of interfaces and instances."""
    replace(
        NetworkInterface,
        group_set=property(lambda eni: eni._group_set),  # moto's own field  # noqa: SLF001  # moto's own field
        get_filter_value=_more_filters(NetworkInterface.get_filter_value),
    )
    replace(
        EC2Backend,
        modify_network_interface_attribute=_modify_interface,
        modify_instance_security_groups=_modify_instance_groups,
    )
    replace(
        EC2Response,
        create_network_interface=_create_with_prefixes(EC2Response.create_network_interface),
        describe_network_interfaces=_describe_interfaces,
        describe_instances=_describe_instances,
    )


def _more_filters(original: Callable[..., Any]) -> Callable[..., Any]:
    def value(eni: MotoObject, filter_name: str, method_name: str | None = None) -> MotoObject:
        if filter_name in {"addresses.private-ip-address", "private-ip-address"}:
            return [address["PrivateIpAddress"] for address in eni.private_ip_addresses]
        if filter_name in {"interface-type", "status"}:
            return getattr(eni, filter_name.replace("-", "_"))
        if filter_name == "requester-managed":
            return str(eni.requester_managed).lower()
        if filter_name.startswith("tag:"):
            return eni.ec2_backend.tags.get(eni.id, {}).get(filter_name[4:])
        return original(eni, filter_name, method_name)

    return value


def _modify_interface(
    backend: MotoObject,
    eni_id: str,
    group_ids: list[str],
    source_dest_check: bool | None = None,  # noqa: FBT001  # moto's signature
    description: str | None = None,
) -> None:
    eni = backend.get_network_interface(eni_id)
    groups = known_groups(backend, group_ids)
    if groups:
        eni._group_set = groups  # moto's own field  # noqa: SLF001  # moto's own field
        if eni.instance and eni.device_index == 0:
            eni.instance.security_groups = groups
    if source_dest_check is not None:
        eni.source_dest_check = source_dest_check
    if description:
        eni.description = description


def _modify_instance_groups(backend: MotoObject, instance_id: str, new_group_id_list: list[str]) -> MotoObject:
    """Change the groups of the instance's primary interface, which is what the instance's groups are."""
    instance = backend.get_instance(instance_id)
    instance.security_groups = known_groups(backend, new_group_id_list)
    instance.nics[0]._group_set = instance.security_groups  # moto's own field  # noqa: SLF001  # moto's own field
    return instance


def _create_with_prefixes(create: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    def create_whole(response: MotoObject) -> ActionResult:
        kind = param(response, "InterfaceType")
        if kind not in _INTERFACE_KINDS:
            raise EC2ClientError("InvalidParameterValue", f"Value ({kind}) for parameter interfaceType is invalid.")
        if param(response, "Ipv4PrefixCount") or param(response, "Ipv6Prefixes"):
            raise NotImplementedError("CreateNetworkInterface with Ipv4PrefixCount or Ipv6Prefixes")
        known_groups(response.ec2_backend, param(response, "Groups", []))
        result: MotoObject = create(response).result
        eni = result["NetworkInterface"]
        eni.interface_type = kind or "interface"
        eni.sandbox_prefixes = [one["Ipv4Prefix"] for one in param(response, "Ipv4Prefixes", [])]
        return XmlResult({"NetworkInterface": interface_document(eni)})

    return create_whole


def _describe_interfaces(response: MotoObject) -> ActionResult:
    not_with_ids(response, "NetworkInterfaceIds", "networkInterfaceIds")
    backend = response.ec2_backend
    ids = param(response, "NetworkInterfaceIds", [])
    for eni_id in ids:
        if eni_id not in backend.enis:
            raise EC2ClientError(
                "InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{eni_id}' does not exist"
            )
    enis = [backend.enis[eni_id] for eni_id in ids] if ids else list(backend.enis.values())
    enis = generic_filter(filters(response), enis)
    page, token = page_of(response, enis)
    return XmlResult({"NetworkInterfaces": [interface_document(eni) for eni in page], "NextToken": token})


def _describe_instances(response: MotoObject) -> ActionResult:
    not_with_ids(response, "InstanceIds", "instancesSet")
    backend = response.ec2_backend
    ids = param(response, "InstanceIds", [])
    wanted = filters(response)
    if ids:
        reservations = backend.get_reservations_by_instance_ids(ids, filters=wanted)
    else:
        reservations = backend.describe_instances(filters=wanted)
    flat = [(one, instance) for one in reservations for instance in one.instances]
    page, token = page_of(response, flat)
    documents: dict[str, dict[str, Any]] = {}
    for reservation, instance in page:
        document = documents.setdefault(
            reservation.id,
            {"ReservationId": reservation.id, "OwnerId": backend.account_id, "Groups": [], "Instances": []},
        )
        document["Instances"].append(instance_document(instance))
    return XmlResult({"Reservations": list(documents.values()), "NextToken": token})
