"""Add-ons of this cluster in EKS: what EKS wants of their objects, and what it is told that others changed in them.

Source: EKS User Guide, "Determine fields you can customize for Amazon EKS add-ons".
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import yaml

from bot.sandbox.aws.places import CalledPlace
from bot.sandbox.aws.writes import writes_so_far
from bot.sandbox.network.aws_calls import PlaceCalls

Variables: TypeAlias = Mapping[str, str]
"""Variables of an add-on's container by name."""
Configuration: TypeAlias = Mapping[str, Any]
"""What an add-on's `configurationValues` say."""

_TRUSTED_SECONDS = 0.05
_UNREAD = -1
_SECONDS = 10.0


class AddonSource(Protocol):
    """Knows the add-ons as EKS has them now."""

    async def variables(self, addon: str) -> Variables | None:
        """Return the variables that an add-on's configuration sets; None: there is no such add-on, or EKS is away."""
        ...

    async def configuration(self, addon: str) -> Configuration | None:
        """Return what an add-on is configured with; None: there is no such add-on, or EKS is away."""
        ...

    async def tell(self, addon: str, changed: Variables) -> bool:
        """Say which variables others than EKS have set in the add-on's objects; False where EKS is away."""
        ...

    async def refused(self, addon: str, message: str) -> bool:
        """Say that the cluster refuses EKS what it does for an add-on; empty: no more. False where EKS is away."""
        ...

    def forget(self) -> None:
        """Read everything anew at the next question."""
        ...


class AwsAddons:
    """Asks the AWS far end at `url` about one cluster, again only after something may have changed there."""

    def __init__(self, url: str, *, cluster: str, account: str, region: str) -> None:
        self._url, self._cluster = url, cluster
        self._calls = PlaceCalls(url, CalledPlace(account=account, region=region, services=frozenset({"eks"})), {})
        self.forget()

    def forget(self) -> None:
        """Read everything anew at the next question."""
        self._seen, self._asked_at = _UNREAD, 0.0
        self._known: dict[str, Configuration | None] = {}

    async def variables(self, addon: str) -> Variables | None:
        found = await self.configuration(addon)
        return None if found is None else dict(found.get("env") or {})

    async def configuration(self, addon: str) -> Configuration | None:
        if addon not in self._known or time.monotonic() - self._asked_at >= _TRUSTED_SECONDS:
            await asyncio.to_thread(self._refresh, addon)
            self._asked_at = time.monotonic()
        return self._known.get(addon)

    async def tell(self, addon: str, changed: Variables) -> bool:
        return await asyncio.to_thread(self._tell, f"{addon}/changed-by-others", dict(changed))

    async def refused(self, addon: str, message: str) -> bool:
        return await asyncio.to_thread(self._tell, f"{addon}/refused", {"message": message})

    def _refresh(self, addon: str) -> None:
        writes = writes_so_far(self._url)
        if writes == self._seen and addon in self._known:
            return
        for name in sorted({*self._known, addon}):
            if not self._describe(name):
                return
        self._seen = writes

    def _describe(self, addon: str) -> bool:
        """Read one add-on; return whether EKS answered."""
        import botocore.exceptions  # noqa: PLC0415  # boto3 is slow to import and not always needed

        try:
            found = self._calls.call("eks", "describe_addon", clusterName=self._cluster, addonName=addon)["addon"]
            self._known[addon] = yaml.safe_load(found.get("configurationValues", "")) or {}
        except botocore.exceptions.ClientError:
            self._known[addon] = None
        except botocore.exceptions.BotoCoreError:
            return False
        return True

    def _tell(self, what: str, document: dict[str, str]) -> bool:
        route = f"{self._url}/sandbox/eks/clusters/{self._cluster}/addons/{what}"
        request = urllib.request.Request(route, data=json.dumps(document).encode(), method="PUT")  # noqa: S310  # loopback
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310  # the same
                return True
        except OSError:
            return False
