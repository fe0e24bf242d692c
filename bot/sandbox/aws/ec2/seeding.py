"""Things that AWS itself creates, and that no ordinary API call of ours could: through control routes.

POST /sandbox/instances   {"account"?, "region"?, "instances": [{"instance_type", "image_id"?, "tags": {…},
                            "interfaces": [
                            {"subnet_id", "private_ip_address"?, "secondary_private_ip_addresses": […],
                             "ipv4_prefixes": […], "ipv6_addresses": […], "security_group_ids": […],
                             "description"?, "interface_type"? ("interface"|"trunk"), "tags"?: {…}}, …]}, …]}
    nodes as an Auto Scaling group launches them; the interface's place in the list is its device index
    → {"instances": [{"instance_id", "private_dns_name", "interfaces": [{"id", "private_ip_address"}, …]}, …]}
POST /sandbox/interfaces  {"account"?, "region"?, "interfaces": [{… as above, "interface_type": "branch",
                            "trunk_interface_id"?, "vlan_id"?}, …]}
    interfaces that AWS's controllers create: a branch interface gets the VPC resource controller's description and
    tags (`vpcresources.k8s.aws/trunk-eni-id`, `vpcresources.k8s.aws/vlan-id`); it is in use, with no attachment
    → {"interfaces": [{"id", "private_ip_address"}, …]}
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from moto.ec2.models import ec2_backends

from bot.sandbox.aws.ec2.groups import known_groups
from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.world.world import ACCOUNT, REGION

_IMAGE = "ami-0e5a1b2c3d4e5f607"


def seed_instances(document: dict[str, Any]) -> dict[str, Any]:
    """Launch instances with all their interfaces and return their ids."""
    backend = ec2_backends[document.get("account", ACCOUNT)][document.get("region", REGION)]
    return {"instances": [_instance(backend, wanted) for wanted in document["instances"]]}


def seed_interfaces(document: dict[str, Any]) -> dict[str, Any]:
    """Create interfaces that no instance shows, and return their ids."""
    backend = ec2_backends[document.get("account", ACCOUNT)][document.get("region", REGION)]
    created = [_interface(backend, wanted) for wanted in document["interfaces"]]
    for eni, wanted in zip(created, document["interfaces"], strict=True):
        eni.requester_managed = bool(wanted.get("requester_managed", False))
        if wanted.get("interface_type") == "branch":
            eni.status = "in-use"
            eni.description = wanted.get("description") or "aws-k8s-branch-eni"
            eni.add_tags(
                {
                    "eks:eni:owner": "eks-vpc-resource-controller",
                    "vpcresources.k8s.aws/trunk-eni-id": str(wanted.get("trunk_interface_id", "")),
                    "vpcresources.k8s.aws/vlan-id": str(wanted.get("vlan_id", 1)),
                }
            )
    return {"interfaces": [_shown(eni) for eni in created]}


def _instance(backend: MotoObject, wanted: dict[str, Any]) -> dict[str, Any]:
    created = [_interface(backend, interface) for interface in wanted["interfaces"]]
    reservation = backend.run_instances(
        wanted.get("image_id", _IMAGE),
        1,
        None,
        [],
        instance_type=wanted.get("instance_type", "m5.large"),
        is_instance_type_default=True,
        region_name=backend.region_name,
        nics=[{"NetworkInterfaceId": eni.id, "DeviceIndex": index} for index, eni in enumerate(created)],
        subnet_id=created[0].subnet.id,
        private_ip=created[0].private_ip_address,
        associate_public_ip=False,
        security_group_ids=list(wanted["interfaces"][0]["security_group_ids"]),
        block_device_mappings=[],
        tags={"instance": wanted.get("tags", {})},
    )
    instance = reservation.instances[0]
    for eni in created:
        eni.delete_on_termination = True
    return {
        "instance_id": instance.id,
        "private_dns_name": instance.private_dns_name,
        "interfaces": [_shown(eni) for eni in created],
    }


def _interface(backend: MotoObject, wanted: dict[str, Any]) -> MotoObject:
    groups = [group.id for group in known_groups(backend, list(wanted["security_group_ids"]))]
    secondary = wanted.get("secondary_private_ip_addresses", [])
    subnet = backend.get_subnet(wanted["subnet_id"])
    for address in filter(None, (wanted.get("private_ip_address"), *secondary)):
        if ip_address(address) not in ip_network(subnet.cidr_block):
            message = f"{address} is not in subnet {subnet.id} ({subnet.cidr_block})"
            raise ValueError(message)
    eni = backend.create_network_interface(
        subnet,
        wanted.get("private_ip_address"),
        group_ids=groups,
        description=wanted.get("description", ""),
        tags=wanted.get("tags"),
        ipv6_addresses=list(wanted.get("ipv6_addresses", [])),
    )
    eni.private_ip_addresses.extend({"Primary": False, "PrivateIpAddress": address} for address in secondary)
    eni.interface_type = wanted.get("interface_type", "interface")
    eni.sandbox_prefixes = list(wanted.get("ipv4_prefixes", []))
    return eni


def _shown(eni: MotoObject) -> dict[str, str]:
    return {"id": eni.id, "private_ip_address": eni.private_ip_address}
