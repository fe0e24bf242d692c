"""A VPC's own DNS resolver: a real CoreDNS where the VPC is routed, which neither groups nor ACLs filter.

It answers public names, instances' private names and what AWS holds for the VPC: private zones, Resolver rules, the
names of EKS endpoints. It stands at base + 2 of the VPC's CIDR and at 169.254.169.253 (VPC User Guide, "Understand
Amazon DNS").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.aws_clients import AwsClients
from lab.backbone import Backbone
from lab.coredns import CoreDns
from lab.corefiles import resolver_files
from lab.namespaces import Run
from lab.vpc_answers import VpcKey
from lab.vpc_names import VpcNames, read_names

LINK_LOCAL = "169.254.169.253"


class VpcResolver:
    """Runs from `start` to the end of the run, or until `stop`. It knows no more than public names at first."""

    def __init__(self, run: Run, name: str, netns: str, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses
        self._coredns = CoreDns(run, f"resolver-{name}", netns)
        self.know(VpcNames())

    def know(self, names: VpcNames, address_of: Callable[[str], str] = str) -> None:
        """Answer these names from now on. `address_of` tells where an outbound endpoint is asked."""
        self._coredns.write(resolver_files(names, self._addresses, self._coredns.folder, address_of))

    def start(self, coredns: Path) -> None:
        """Start `coredns` (the program's path) and wait until it serves."""
        self._coredns.start(coredns)

    def stop(self) -> None:
        """End it: every lookup of it fails from now on."""
        self._coredns.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedVpc:
    """A VPC that a resolver answers for."""

    resolver: VpcResolver
    vpc: VpcKey
    backbone: Backbone

    def read(self, aws: AwsClients) -> Callable[[], None]:
        """Read what AWS holds of names for the VPC now; what is returned lets the resolver know it."""
        return partial(self.resolver.know, read_names(aws, self.vpc), self.backbone.address_of)
