"""Branch interfaces in AWS: EKS's VPC resource controller makes them on a trunk of the pod's node.

Source: EKS User Guide, "Assign security groups to individual Pods"; amazon-vpc-resource-controller-k8s, docs/sgp.
"""

from __future__ import annotations

import ipaddress
import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from bot.sandbox.world.access_keys import DATA_PLANE

ANNOTATION = "vpc.amazonaws.com/pod-eni"
"""On a pod: which interface it got, as JSON. Also what such a pod requests."""
_PREFIXES = 4096
"""So many addresses at a subnet's end are left to nodes' prefixes; half of a small subnet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchInterface:
    """An interface of a pod's own, with the members of the pod's annotation."""

    eniId: str  # noqa: N815  # as the annotation spells it
    privateIp: str  # noqa: N815  # the same
    vlanId: int  # noqa: N815  # the same
    subnetCidr: str  # noqa: N815  # the same

    @property
    def annotation(self) -> str:
        """The value of the pod's annotation."""
        return json.dumps([asdict(self)])


def address_of(annotations: Mapping[str, str] | None) -> str:
    """Return the address that a pod's annotation names; empty: it has none."""
    value = (annotations or {}).get(ANNOTATION)
    return str(json.loads(value)[0]["privateIp"]) if value else ""


class NoInterface(Exception):  # says what there is
    """AWS did not make a branch interface, or did not answer."""


class BranchMaker(Protocol):
    """Makes branch interfaces and takes them away. Its calls block, and raise `NoInterface`."""

    def create(self, instance_id: str, group_ids: Sequence[str]) -> BranchInterface:
        """Make a branch interface with these security groups on the trunk of an instance."""
        ...

    def remove(self, eni_id: str) -> None:
        """Delete one that it made."""
        ...

    def forget(self) -> None:
        """Forget what it made: AWS has been emptied."""
        ...


class AwsBranchMaker:
    """Works in the AWS far end at `url`. Thread-safe."""

    def __init__(self, url: str, *, region: str) -> None:
        self._url, self._region = url, region
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Forget what it made: AWS has been emptied."""
        self._trunks: dict[str, _Trunk] = {}
        self._given: Counter[str] = Counter()

    def create(self, instance_id: str, group_ids: Sequence[str]) -> BranchInterface:
        """Make one; the first of an instance makes its trunk as well."""
        with self._lock, _answered():
            trunk = self._trunks.get(instance_id) or self._trunk(instance_id)
            self._trunks[instance_id] = trunk
            trunk.vlans += 1
            made = self._interface(
                trunk.subnet,
                security_group_ids=list(group_ids),
                interface_type="branch",
                trunk_interface_id=trunk.id,
                vlan_id=trunk.vlans,
            )
        address, cidr = made["private_ip_address"], trunk.subnet["CidrBlock"]
        return BranchInterface(eniId=made["id"], privateIp=address, vlanId=trunk.vlans, subnetCidr=cidr)

    def remove(self, eni_id: str) -> None:
        """Delete one that it made."""
        with _answered():
            self._client().delete_network_interface(NetworkInterfaceId=eni_id)

    def _trunk(self, instance_id: str) -> _Trunk:
        """Make an instance's trunk, with the groups of its first interface."""
        client = self._client()
        instance = client.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        attached = sorted(instance["NetworkInterfaces"], key=lambda one: one["Attachment"]["DeviceIndex"])
        subnet = client.describe_subnets(SubnetIds=[attached[0]["SubnetId"]])["Subnets"][0]
        made = self._interface(
            subnet,
            security_group_ids=[group["GroupId"] for group in attached[0]["Groups"]],
            interface_type="trunk",
            description="aws-k8s-trunk-eni",
        )
        client.attach_network_interface(
            NetworkInterfaceId=made["id"], InstanceId=instance_id, DeviceIndex=len(attached)
        )
        return _Trunk(id=made["id"], subnet=subnet)

    def _interface(self, subnet: Mapping[str, Any], **wanted: object) -> dict[str, str]:
        """Make an interface with an address of its own, the last below those that nodes' prefixes are drawn from."""
        hosts = ipaddress.ip_network(subnet["CidrBlock"])
        self._given[subnet["SubnetId"]] += 1
        size = hosts.num_addresses
        number = size - min(_PREFIXES, size // 2) - self._given[subnet["SubnetId"]]
        asked = {"subnet_id": subnet["SubnetId"], "private_ip_address": str(hosts[number]), **wanted}
        body = json.dumps({"region": self._region, "interfaces": [asked]}).encode()
        request = urllib.request.Request(f"{self._url}/sandbox/interfaces", data=body, method="POST")  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # the same
            made: dict[str, str] = json.load(answer)["interfaces"][0]
        return made

    def _client(self) -> Any:  # noqa: ANN401  # boto3 has no types
        import boto3  # noqa: PLC0415  # slow to import and not always needed

        return boto3.client(
            "ec2",
            endpoint_url=self._url,
            region_name=self._region,
            aws_access_key_id=DATA_PLANE,
            aws_secret_access_key="none",  # noqa: S106  # nothing checks it
        )


@contextmanager
def _answered() -> Iterator[None]:
    import botocore.exceptions  # noqa: PLC0415  # boto3 is slow to import and not always needed

    try:
        yield
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError, LookupError) as error:
        raise NoInterface(str(error)) from error


@dataclass(slots=True, kw_only=True)
class _Trunk:
    """An instance's interface that branches are laid on."""

    id: str
    subnet: Mapping[str, Any]
    vlans: int = 0
