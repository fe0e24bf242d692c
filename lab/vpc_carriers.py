"""Everything of a VPC that AWS's state decides: its packets, its Resolver endpoints, the names that it knows."""

from __future__ import annotations

from pathlib import Path

from lab.fabric import Fabric
from lab.following import Carrier
from lab.resolver_endpoints import ResolverEndpoints, VpcWithEndpoints
from lab.vpc_answers import VpcKey
from lab.vpc_filter import FilteredVpc, VpcFilter
from lab.vpc_resolver import ResolvedVpc
from lab.vpc_wiring import VpcWiring


def carriers_of(fabric: Fabric, wiring: VpcWiring, vpc: VpcKey, vpc_filter: VpcFilter, coredns: Path) -> list[Carrier]:
    """Return what carries it out, endpoints before the names that lead to them. `coredns`: the program's path."""
    endpoints = ResolverEndpoints(fabric.run, wiring, fabric.backbone, coredns)
    return [
        FilteredVpc(filter=vpc_filter, vpc=vpc),
        VpcWithEndpoints(endpoints=endpoints, vpc=vpc),
        ResolvedVpc(resolver=wiring.resolver, vpc=vpc, backbone=fabric.backbone),
    ]
