"""The network as a cluster elsewhere sees it: the VPC that it stands in, or the network on premises, is its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.sandbox.network.network import Network
from bot.sandbox.network.source import NetworkSource
from bot.sandbox.network.vpc import Entry, Group, Permission, Port, Vpc
from bot.sandbox.world.world import vpc_resolver

_EVERYBODY = Permission(protocol="-1", from_port=-1, to_port=-1, cidrs=("0.0.0.0/0",))
_OPEN = tuple(
    Entry(number=100, egress=egress, allow=True, protocol="-1", cidr="0.0.0.0/0", from_port=None, to_port=None)
    for egress in (True, False)
)
_ALL = "all"
"""The one subnet, and the one group, of a network on premises: nothing there is filtered."""


class SeenFrom:
    """A `NetworkSource` whose home is a VPC of another one's."""

    def __init__(self, inner: NetworkSource, vpc_id: str) -> None:
        self._inner, self._vpc_id = inner, vpc_id

    async def current(self) -> Network:
        """Return the network's state; without that VPC it is as it was."""
        network = await self._inner.current()
        own = network.vpc(self._vpc_id)
        if own is None:
            return network
        return replace(network, home=own, others=tuple(vpc for vpc in network.vpcs if vpc is not own))

    def forget(self) -> None:
        """Read everything anew at the next question."""
        self._inner.forget()


class OnPremises:
    """A `NetworkSource` whose home is a network on premises, joined to the VPCs that have a route to it.

    Its DNS server has the third address, as a VPC's resolver has; what it forwards, its people say.
    """

    def __init__(self, inner: NetworkSource, cidr: str, host: str, *, public_dns: bool) -> None:
        self._inner = inner
        ports = tuple(
            Port(
                id=f"host-{address}",
                instance_id="",
                subnet_id=_ALL,
                primary=address,
                secondary=(),
                prefixes=(),
                groups=frozenset({_ALL}),
            )
            for address in (vpc_resolver(cidr), host)
        )
        self._site = Vpc(
            id=f"on-premises-{cidr}",
            cidrs=(cidr,),
            public_dns=public_dns,
            ports=ports,
            groups={_ALL: Group(inbound=(_EVERYBODY,), outbound=(_EVERYBODY,))},
            acls={_ALL: _OPEN},
            forwards={},
        )

    def forward(self, name: str, targets: Sequence[str]) -> None:
        """Let its DNS server forward a name to these addresses; to none: no more."""
        forwards = {**(self._site.forwards or {}), name: tuple(targets)}
        self._site = replace(self._site, forwards={one: found for one, found in forwards.items() if found})

    async def current(self) -> Network:
        """Return the network's state, with this one as home."""
        network = await self._inner.current()
        return replace(network, home=self._site, others=network.vpcs)

    def forget(self) -> None:
        """Read everything anew at the next question."""
        self._inner.forget()
