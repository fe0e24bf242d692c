"""Knows the network as it is now: read from the AWS far end, through its ordinary API, or given by a test.

The state is read again only after something may have changed there. While a read fails, the last state stands.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Protocol

from bot.sandbox.aws.places import called_places
from bot.sandbox.aws.writes import writes_so_far
from bot.sandbox.network.aws_calls import Clients, PlaceCalls
from bot.sandbox.network.aws_names import read_endpoints, read_filters, read_rules, read_zones
from bot.sandbox.network.aws_profiles import read_profiles
from bot.sandbox.network.aws_vpcs import read_cluster_vpc, read_peerings, read_transits, read_vpcs
from bot.sandbox.network.network import Network
from bot.sandbox.network.vpc import Vpc

_TRUSTED_SECONDS = 0.05
"""For this long nobody asks whether anything changed: 20 pods x 12 lookups ask once a batch, not 240 times."""
_UNREAD = -1


class NetworkSource(Protocol):
    """Knows the network as it is now."""

    async def current(self) -> Network:
        """Return its state."""
        ...

    def forget(self) -> None:
        """Read everything anew at the next question."""
        ...


class FixedNetwork:
    """A network that only its owner changes; for tests."""

    def __init__(self, home: Vpc) -> None:
        self.network = Network(home=home)

    @property
    def home(self) -> Vpc:
        """The cluster's VPC."""
        return self.network.home

    @home.setter
    def home(self, vpc: Vpc) -> None:
        self.network = replace(self.network, home=vpc)

    async def current(self) -> Network:
        """Return the value."""
        return self.network

    def forget(self) -> None:
        """Do nothing."""


class AwsNetwork:
    """Reads the AWS far end at `url`. `home` is the VPC of this cluster, of that account and region."""

    def __init__(self, url: str, *, cluster: str, account: str, region: str) -> None:
        self._url, self._cluster, self._home = url, cluster, (account, region)
        self._clients: dict[tuple[str, str], Clients] = {}
        self._network = Network(home=Vpc())
        self._seen = _UNREAD
        self._asked_at = 0.0
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """Read everything anew at the next question."""
        self._seen, self._asked_at = _UNREAD, 0.0

    async def current(self) -> Network:
        """Return the state of the network, read again if something may have changed since."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= _TRUSTED_SECONDS:
                await asyncio.to_thread(self._refresh)
            return self._network

    def _refresh(self) -> None:
        writes = writes_so_far(self._url)
        if writes != self._seen:
            import botocore.exceptions  # noqa: PLC0415  # boto3 is slow to import and not always needed

            try:
                self._network = self._read()
                self._seen = writes
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, LookupError):
                pass
        self._asked_at = time.monotonic()

    def _read(self) -> Network:
        places = [
            PlaceCalls(self._url, place, self._clients.setdefault((place.account, place.region), {}))
            for place in called_places(self._url)
        ]
        ec2 = [calls for calls in places if "ec2" in calls.place.services]
        resolvers = [calls for calls in places if "route53resolver" in calls.place.services]
        at_home = next((calls for calls in ec2 if (calls.place.account, calls.place.region) == self._home), None)
        brought = read_profiles(calls for calls in places if "route53profiles" in calls.place.services)
        home_id = read_cluster_vpc(at_home, self._cluster) if at_home and "eks" in at_home.place.services else ""
        vpcs = [vpc for calls in ec2 for vpc in read_vpcs(calls)]
        return Network(
            home=next((vpc for vpc in vpcs if vpc.id == home_id), Vpc()),
            others=tuple(vpc for vpc in vpcs if vpc.id != home_id),
            peerings=tuple({peering.id: peering for calls in ec2 for peering in read_peerings(calls)}.values()),
            transits=tuple(transit for calls in ec2 for transit in read_transits(calls, vpcs)),
            zones=read_zones((calls for calls in places if "route53" in calls.place.services), brought),
            rules=read_rules(resolvers, brought),
            endpoints=tuple(endpoint for calls in resolvers for endpoint in read_endpoints(calls)),
            filters={vpc_id: found for calls in resolvers for vpc_id, found in read_filters(calls, brought).items()},
        )
