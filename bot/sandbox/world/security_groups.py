"""What an operator writes into security groups: who is admitted, and by which permission."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.scenario import Operator


def from_group(source: str, protocol: str, first: int | None = None, last: int | None = None) -> dict[str, Any]:
    """Return the permission for another group's members: a port, a range of ports, or without one all of a protocol."""
    ports = {} if first is None else {"FromPort": first, "ToPort": first if last is None else last}
    return {"IpProtocol": protocol, **ports, "UserIdGroupPairs": [{"GroupId": source}]}


def from_cidr(cidr: str, protocol: str, port: int) -> dict[str, Any]:
    """Return the permission for a block of addresses and a port."""
    return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}


def all_but_api(group: str) -> list[dict[str, Any]]:
    """Return permissions for a group's own members: everything but tcp 443, where the control plane listens."""
    kept = (("udp", 0, 65535), ("tcp", 0, 442), ("tcp", 444, 65535))
    return [from_group(group, protocol, first, last) for protocol, first, last in kept]


def admit(operator: Operator, group: str, *permissions: dict[str, Any]) -> None:
    """Add inbound permissions to a group."""
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=list(permissions))


def revoke(operator: Operator, group: str, *permissions: dict[str, Any]) -> None:
    """Take inbound permissions from a group."""
    operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=list(permissions))
