"""Inbound and outbound endpoints: at least two addresses in subnets of one VPC, each an interface with their groups.

Source: Route 53 API Reference, CreateResolverEndpoint; messages as moto has them or as the AWS CLI's manual shows them.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from moto.ec2.models import ec2_backends
from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.endpoint_metrics import Measured
from bot.sandbox.aws.life_cycle import LifeCycle, Phase
from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.aws.quotas import ENDPOINTS
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.resolver.checks import check
from bot.sandbox.aws.resolver.held import Document, Endpoint, Held, invalid, not_found, refuse_moving, traced
from bot.sandbox.aws.resolver.listing import listed
from bot.sandbox.aws.service import Cloud, Operation, ServiceError

LIFE = LifeCycle(
    create=Phase(during="CREATING", after="OPERATIONAL", failed="ACTION_NEEDED"),
    update=Phase(during="UPDATING", after="OPERATIONAL", failed="ACTION_NEEDED"),
    delete=Phase(during="DELETING", after="", failed="ACTION_NEEDED"),
)
_RESERVED = 4
"""AWS keeps the first four addresses of a subnet, and the last (VPC User Guide, "Subnet CIDR blocks")."""
_FILTERS = ("CreatorRequestId", "Direction", "HostVPCId", "IpAddressCount", "Name", "SecurityGroupIds", "Status")
_WORDS = {
    "CREATING": "Creating the Resolver Endpoint",
    "UPDATING": "Updating the Resolver Endpoint",
    "DELETING": "Deleting ResolverEndpoint.",
}
_ADDRESS_STATUS = {"CREATING": "CREATING", "ACTION_NEEDED": "FAILED_CREATION", "DELETING": "DELETING"}


class Endpoints:
    """The operations on endpoints."""

    def __init__(self, cloud: Cloud, held: Held) -> None:
        self._clock, self._changes, self._quotas, self._held = cloud.clock, cloud.changes, cloud.quotas, held
        self._metrics = cloud.metrics.endpoints

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "CreateResolverEndpoint": self._create,
            "GetResolverEndpoint": self._get,
            "ListResolverEndpoints": self._list,
            "DeleteResolverEndpoint": self._delete,
            "ListResolverEndpointIpAddresses": self._list_addresses,
        }

    def _create(self, call: Call, asked: Asked) -> Document:
        check(("creatorRequestId", asked["CreatorRequestId"]), ("direction", asked["Direction"]))
        check(("ipAddresses", asked["IpAddresses"]), ("name", asked.get("Name")))
        place = self._held.of(call)
        if any(one.document["CreatorRequestId"] == asked["CreatorRequestId"] for one in place.endpoints.values()):
            message = f"Resolver endpoint with creator request ID '{asked['CreatorRequestId']}' already exists"
            raise ServiceError("ResourceExistsException", message)
        if len(place.endpoints) >= self._quotas.of(call.account, call.region, ENDPOINTS):
            raise ServiceError("LimitExceededException", f"Account '{call.account}' has exceeded 'max-endpoints'")
        vpc_id = _checked_vpc(call, asked)
        direction = "in" if asked["Direction"] == "INBOUND" else "out"
        endpoint_id = f"rslvr-{direction}-{mock_random.get_random_hex(17)}"
        arn = f"arn:aws:route53resolver:{call.region}:{call.account}:resolver-endpoint/{endpoint_id}"
        now = self._clock.stamp_text()
        document: Document = {
            "Id": endpoint_id,
            "Arn": arn,
            "CreatorRequestId": asked["CreatorRequestId"],
            "SecurityGroupIds": asked["SecurityGroupIds"],
            "Direction": asked["Direction"],
            "IpAddressCount": len(asked["IpAddresses"]),
            "HostVPCId": vpc_id,
            "ResolverEndpointType": asked.get("ResolverEndpointType", "IPV4"),
            "Protocols": asked.get("Protocols", ["Do53"]),
            "CreationTime": now,
            "ModificationTime": now,
            **({"Name": asked["Name"]} if "Name" in asked else {}),
        }
        endpoint = Endpoint(document=document, addresses=[], interface_ids=[])
        for wanted in asked["IpAddresses"]:
            self._add_address(call, endpoint, wanted)
        place.endpoints[endpoint_id] = endpoint
        place.tags[arn] = {tag["Key"]: tag["Value"] for tag in asked.get("Tags", [])}
        self._metrics[call.account, call.region, endpoint_id] = Measured(
            inbound=direction == "in", interfaces=len(endpoint.addresses), since=self._clock.now()
        )
        self._changes.begin(call.action, LIFE.create, lambda *said: self._become(endpoint, *said))
        return {"ResolverEndpoint": document}

    def _add_address(self, call: Call, endpoint: Endpoint, wanted: Asked) -> None:
        backend: MotoObject = ec2_backends[call.account][call.region]
        number, subnet = f"rni-{mock_random.get_random_hex(17)}", backend.get_subnet(wanted["SubnetId"])
        eni = backend.create_network_interface(
            subnet,
            wanted.get("Ip"),
            group_ids=endpoint.document["SecurityGroupIds"],
            description=f"Route 53 Resolver: {endpoint.document['Id']}:{number}",
        )
        eni.requester_managed, eni.status = True, "in-use"
        now = self._clock.stamp_text()
        endpoint.interface_ids.append(eni.id)
        endpoint.addresses.append(
            {"IpId": number, "SubnetId": wanted["SubnetId"], "Ip": eni.private_ip_address}
            | {"CreationTime": now, "ModificationTime": now}
        )

    def _become(self, endpoint: Endpoint, status: str, message: str) -> None:
        words = message or (traced(_WORDS[status]) if status in _WORDS else "This Resolver Endpoint is operational.")
        endpoint.document.update(Status=status, StatusMessage=words, ModificationTime=self._clock.stamp_text())
        for address in endpoint.addresses:
            address["Status"] = _ADDRESS_STATUS.get(status, "ATTACHED")
            address["StatusMessage"] = message or "This IP address is operational."

    def _get(self, call: Call, asked: Asked) -> Document:
        return {"ResolverEndpoint": self._held.endpoint(call, asked["ResolverEndpointId"]).document}

    def _list(self, call: Call, asked: Asked) -> Document:
        documents = [endpoint.document for endpoint in self._held.of(call).endpoints.values()]
        return listed("ResolverEndpoints", documents, asked, filters=_FILTERS)

    def _list_addresses(self, call: Call, asked: Asked) -> Document:
        return listed("IpAddresses", self._held.endpoint(call, asked["ResolverEndpointId"]).addresses, asked)

    def _delete(self, call: Call, asked: Asked) -> Document:
        endpoint_id = asked["ResolverEndpointId"]
        endpoint, place = self._held.endpoint(call, endpoint_id), self._held.of(call)
        refuse_moving(endpoint.document, "resolver endpoint")
        rules = [rule["Id"] for rule in place.rules.values() if rule.get("ResolverEndpointId") == endpoint_id]
        if rules:
            raise invalid(
                f"Cannot delete resolver endpoint unless its related resolver rules are deleted.  The following rules "
                f"still exist for this resolver endpoint:  {','.join(rules)}"
            )

        def gone() -> None:
            for interface in endpoint.interface_ids:
                ec2_backends[call.account][call.region].delete_network_interface(interface)
            del place.endpoints[endpoint_id]
            del self._metrics[call.account, call.region, endpoint_id]
            place.tags.pop(endpoint.document["Arn"], None)

        self._changes.begin(call.action, LIFE.delete, lambda *said: self._become(endpoint, *said), gone)
        return {"ResolverEndpoint": endpoint.document}


def _checked_vpc(call: Call, asked: Asked) -> str:
    """Return the VPC of the subnets asked for; refuses what is not there, not free or not in one VPC."""
    backend: MotoObject = ec2_backends[call.account][call.region]
    subnets = {subnet.id: subnet for subnet in backend.describe_subnets()}
    for wanted in asked["IpAddresses"]:
        if wanted["SubnetId"] not in subnets:
            message = f"The subnet ID '{wanted['SubnetId']}' does not exist"
            raise ServiceError("InvalidParameterException", message)
        if wanted.get("Ip"):
            _check_address(backend, subnets[wanted["SubnetId"]], wanted["Ip"])
    groups = {number: group for held in backend.groups.values() for number, group in held.items()}
    for number in asked["SecurityGroupIds"]:
        if number not in groups:
            raise not_found(f"The security group '{number}' does not exist")
    vpcs = {subnets[wanted["SubnetId"]].vpc_id for wanted in asked["IpAddresses"]}
    vpcs |= {groups[number].vpc_id for number in asked["SecurityGroupIds"]}
    if len(vpcs) > 1:
        raise invalid(f"The subnets and security groups of a resolver endpoint belong to one VPC; got {sorted(vpcs)}.")
    return str(vpcs.pop())


def _check_address(backend: MotoObject, subnet: MotoObject, address: str) -> None:
    network = ip_network(subnet.cidr_block)
    place = int(ip_address(address)) - int(network.network_address)
    if not _RESERVED <= place < network.num_addresses - 1:
        raise invalid(f"IP address '{address}' is either not in subnet '{subnet.id}' CIDR range or is reserved")
    taken = {
        one["PrivateIpAddress"]
        for eni in backend.enis.values()
        if eni.subnet.id == subnet.id
        for one in eni.private_ip_addresses
    }
    if address in taken:
        message = f"The IP address '{address}' in subnet '{subnet.id}' is already in use"
        raise ServiceError("ResourceExistsException", message)
