"""Three VPCs that stand, each with a host, a resolver and Resolver endpoints, for one world after another."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.sandbox.aws.far_end import AwsFarEnd
from lab.aws_clients import AwsClients
from lab.errors import LabError
from lab.fabric import Fabric, FabricVpc
from lab.fuzz_names.asking import Reply, ask
from lab.fuzz_names.worlds import VPCS, NameWorld
from lab.fuzz_names.written import Written, vpc_cidr, write_world
from lab.namespaces import Run
from lab.resolver_endpoints import ResolverEndpoints, VpcWithEndpoints
from lab.vpc_filter import FilteredVpc, VpcFilter
from lab.vpc_resolver import ResolvedVpc

_HOST = 100
_SECONDS = 8.0
"""More than the resolvers themselves wait for one another."""


class StandingVpcs:
    """Stands while the context lasts, in a run of the lab, with an AWS of its own on this machine's loopback."""

    aws_url: str

    def __init__(self, run: Run, coredns: Path) -> None:
        self._aws, self._coredns = AwsFarEnd(), coredns
        cidrs = [vpc_cidr(number) for number in range(VPCS)]
        self._fabric = Fabric(run, [FabricVpc(name=str(number), cidr=cidr) for number, cidr in enumerate(cidrs)])
        for one, other in combinations(self._fabric.vpcs, 2):
            self._fabric.link(one, other)
        self._hosts = [wiring.attach_host("host", str(ip_network(wiring.cidr)[_HOST])) for wiring in self._fabric.vpcs]
        self._filters = [VpcFilter(wiring.netns) for wiring in self._fabric.vpcs]
        self._endpoints = [
            ResolverEndpoints(run, wiring, self._fabric.backbone, coredns) for wiring in self._fabric.vpcs
        ]

    def __enter__(self) -> Self:
        """Start AWS and the resolvers."""
        self._aws.start()
        self.aws_url = self._aws.url
        for wiring in self._fabric.vpcs:
            wiring.resolver.start(self._coredns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop AWS; the rest ends with the run."""
        self._aws.stop()

    def become(self, world: NameWorld) -> Written:
        """Write the world to AWS, and let packets, endpoints and names be as AWS then has them. Raises `LabError`."""
        self._aws.control("POST", "reset")
        written = write_world(self.aws_url, world)
        aws = AwsClients(self.aws_url)
        acts = []
        for place, vpc in enumerate(written.vpcs):
            wiring = self._fabric.vpcs[place]
            acts += [
                FilteredVpc(filter=self._filters[place], vpc=vpc).read(aws),
                VpcWithEndpoints(endpoints=self._endpoints[place], vpc=vpc).read(aws),
                ResolvedVpc(resolver=wiring.resolver, vpc=vpc, backbone=self._fabric.backbone).read(aws),
            ]
        for act in acts:
            act()
        return written

    def ask(self, questions: Sequence[Sequence[str]]) -> list[dict[str, Reply]]:
        """Ask in each VPC, from its host, the VPC's own resolver for these names."""
        if len(questions) != VPCS:
            raise LabError(f"there are {VPCS} VPCs, and questions for {len(questions)}")

        def asked(place: int) -> dict[str, Reply]:
            server = self._fabric.vpcs[place].resolver_address
            return ask(self._hosts[place], server, questions[place], seconds=_SECONDS)

        with ThreadPoolExecutor(VPCS) as pool:
            return list(pool.map(asked, range(VPCS)))
