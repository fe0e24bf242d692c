"""The network as a cluster in another VPC sees it: that VPC is its own."""

from __future__ import annotations

from dataclasses import replace

from bot.sandbox.network.network import Network
from bot.sandbox.network.source import NetworkSource


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
