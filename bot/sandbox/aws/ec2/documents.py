"""Instances and interfaces as EC2 shows them, as documents with the API's member names."""

from __future__ import annotations

from typing import Any

from bot.sandbox.aws.moto_access import MotoObject


def interface_document(eni: MotoObject) -> dict[str, Any]:
    """Return an interface as DescribeNetworkInterfaces shows it."""
    backend = eni.ec2_backend
    return {
        "NetworkInterfaceId": eni.id,
        "InterfaceType": eni.interface_type,
        "Status": eni.status,
        "Description": eni.description,
        "OwnerId": backend.account_id,
        "RequesterManaged": eni.requester_managed,
        "RequesterId": eni.requester_id if eni.requester_managed else None,
        "SubnetId": eni.subnet.id,
        "VpcId": eni.subnet.vpc_id,
        "AvailabilityZone": eni.subnet.availability_zone,
        "MacAddress": eni.mac_address,
        "PrivateIpAddress": eni.private_ip_address,
        "PrivateDnsName": getattr(eni, "private_dns_name", None),
        "PrivateIpAddresses": _addresses(eni),
        "Ipv6Addresses": [{"Ipv6Address": address} for address in eni.ipv6_addresses],
        "Ipv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in getattr(eni, "sandbox_prefixes", [])],
        "SourceDestCheck": eni.source_dest_check,
        "Groups": _groups(eni),
        "Attachment": _attachment(eni, shows_instance=True),
        "TagSet": _tags(backend, eni.id),
    }


def instance_document(instance: MotoObject) -> dict[str, Any]:
    """Return an instance as DescribeInstances shows it. Its groups are those of its primary interface."""
    interfaces = sorted(instance.nics.items())
    primary = instance.nics.get(0)
    subnet = primary.subnet if primary else None
    return {
        "InstanceId": instance.id,
        "ImageId": instance.image_id,
        "InstanceType": instance.instance_type,
        "AmiLaunchIndex": instance.ami_launch_index,
        "LaunchTime": instance.launch_time,
        "Placement": {"AvailabilityZone": instance.availability_zone, "Tenancy": "default"},
        "State": {"Code": instance.state_code, "Name": instance.state},
        "PrivateDnsName": instance.private_dns_name if primary else "",
        "PrivateIpAddress": primary.private_ip_address if primary else None,
        "SubnetId": subnet.id if subnet else None,
        "VpcId": subnet.vpc_id if subnet else None,
        "Architecture": instance.architecture,
        "SourceDestCheck": instance.source_dest_check,
        "SecurityGroups": _groups(primary) if primary else [],
        "NetworkInterfaces": [_instance_interface(eni) for _, eni in interfaces],
        "Tags": _tags(instance.ec2_backend, instance.id),
    }


def _instance_interface(eni: MotoObject) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": eni.id,
        "InterfaceType": eni.interface_type,
        "Status": eni.status,
        "Description": eni.description,
        "OwnerId": eni.ec2_backend.account_id,
        "SubnetId": eni.subnet.id,
        "VpcId": eni.subnet.vpc_id,
        "MacAddress": eni.mac_address,
        "PrivateIpAddress": eni.private_ip_address,
        "PrivateIpAddresses": _addresses(eni),
        "Ipv6Addresses": [{"Ipv6Address": address} for address in eni.ipv6_addresses],
        "Ipv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in getattr(eni, "sandbox_prefixes", [])],
        "SourceDestCheck": eni.source_dest_check,
        "Groups": _groups(eni),
        "Attachment": _attachment(eni, shows_instance=False),
    }


def _addresses(eni: MotoObject) -> list[dict[str, Any]]:
    return [
        {
            "PrivateIpAddress": address["PrivateIpAddress"],
            "Primary": address["PrivateIpAddress"] == eni.private_ip_address,
        }
        for address in eni.private_ip_addresses
    ]


def _groups(eni: MotoObject) -> list[dict[str, str]]:
    return [{"GroupId": group.id, "GroupName": group.name} for group in eni.group_set]


def _attachment(eni: MotoObject, *, shows_instance: bool) -> dict[str, Any] | None:
    if not eni.attachment_id or eni.instance is None:
        return None
    document = {
        "AttachmentId": eni.attachment_id,
        "AttachTime": eni.attach_time,
        "DeleteOnTermination": bool(eni.delete_on_termination),
        "DeviceIndex": eni.device_index,
        "NetworkCardIndex": 0,
        "Status": "attached",
    }
    if shows_instance:
        document |= {"InstanceId": eni.instance.id, "InstanceOwnerId": eni.ec2_backend.account_id}
    return document


def _tags(backend: MotoObject, resource_id: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in backend.tags.get(resource_id, {}).items()]
