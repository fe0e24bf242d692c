"""Resolver endpoints as hosts of their VPC: an inbound one answers at its addresses, an outbound one asks from them.

So groups, ACLs, routes and peerings decide about an endpoint's packets as about any other's. An outbound endpoint
itself is asked by way of the backbone, by the resolver of whichever VPC a rule holds for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.aws_clients import AwsClients
from lab.backbone import Backbone
from lab.coredns import CoreDns
from lab.corefiles import endpoint_files
from lab.namespaces import Run
from lab.vpc_answers import VpcKey
from lab.vpc_names import EndpointNames, read_endpoints
from lab.vpc_wiring import VpcWiring


class ResolverEndpoints:
    """The endpoints of one VPC. None stands at first."""

    def __init__(self, run: Run, wiring: VpcWiring, backbone: Backbone, coredns: Path) -> None:
        """`coredns`: the program's path."""
        self._run, self._wiring, self._backbone, self._program = run, wiring, backbone, coredns
        self._standing: dict[str, tuple[tuple[str, ...], CoreDns]] = {}

    def stand(self, endpoints: Iterable[EndpointNames]) -> None:
        """Let these endpoints stand, and no others. Raises `LabError` where one cannot."""
        wanted = {each.id: each for each in endpoints}
        for gone in [each for each, (held, _) in self._standing.items() if _addresses(wanted.get(each)) != held]:
            self._standing.pop(gone)
            self._wiring.detach_namespace(gone)
        for each in wanted.values():
            files = endpoint_files(each, self._wiring.resolver_address, self._backbone.address_of(each.id))
            if each.id in self._standing:
                self._standing[each.id][1].write(files)
            else:
                self._begin(each, files)

    def _begin(self, endpoint: EndpointNames, files: dict[str, str]) -> None:
        netns = self._run.netns(endpoint.id)
        self._wiring.attach_namespace(endpoint.id, netns, endpoint.addresses)
        self._backbone.attach(endpoint.id, netns)
        coredns = CoreDns(self._run, netns, netns)
        coredns.write(files)
        coredns.start(self._program)
        self._standing[endpoint.id] = (endpoint.addresses, coredns)


def _addresses(endpoint: EndpointNames | None) -> tuple[str, ...]:
    return endpoint.addresses if endpoint else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcWithEndpoints:
    """A VPC in which endpoints may stand."""

    endpoints: ResolverEndpoints
    vpc: VpcKey

    def read(self, aws: AwsClients) -> Callable[[], None]:
        """Read which endpoints AWS has in the VPC now; what is returned lets them stand."""
        return partial(self.endpoints.stand, read_endpoints(aws, self.vpc))
