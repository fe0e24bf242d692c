"""The interfaces by which EKS reaches into a world's VPC, and the subnets in which they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.sandbox.world.scenario import AwsHands
from bot.sandbox.world.world import CLUSTER, World, WorldSubnet


def control_plane_interfaces(hands: AwsHands, vpc_id: str) -> list[Mapping[str, Any]]:
    """Return the interfaces that EKS made for the control plane, as EC2 shows them."""
    named = [
        {"Name": "vpc-id", "Values": [vpc_id]},
        {"Name": "description", "Values": [f"Amazon EKS {CLUSTER}"]},
    ]
    found: list[Mapping[str, Any]] = hands.aws("ec2", "DescribeNetworkInterfaces", Filters=named)["NetworkInterfaces"]
    return found


def control_plane_subnets(hands: AwsHands, world: World) -> list[WorldSubnet]:
    """Return the private subnets in which such an interface stands, in the order in which the seed drew them."""
    held = {one["SubnetId"] for one in control_plane_interfaces(hands, world.home.id)}
    return [subnet for subnet in world.home.subnets if subnet.id in held]
