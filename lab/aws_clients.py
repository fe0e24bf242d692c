"""The network's own clients of the simulated AWS, one for each service, account and region."""

from __future__ import annotations

from typing import Any, TypeAlias

from bot.sandbox.aws.places import called_places
from bot.sandbox.world.access_keys import DATA_PLANE, in_account

Client: TypeAlias = Any
"""A boto3 client; its methods are made at run time."""

_SECONDS = 10.0


class AwsClients:
    """Makes clients as they are needed. Call it in a thread that is joined to where the simulated AWS listens."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[tuple[str, str, str], Client] = {}

    def called(self, service: str) -> list[tuple[str, str]]:
        """Return the accounts and regions in which anybody has called a service; elsewhere it holds nothing."""
        return [(place.account, place.region) for place in called_places(self.url) if service in place.services]

    def client(self, service: str, account: str, region: str) -> Client:
        """Return the client; its calls take no part in what tests inject and count."""
        key = (service, account, region)
        if key not in self._clients:
            import boto3  # noqa: PLC0415  # slow to import
            from botocore.config import Config  # noqa: PLC0415  # the same

            self._clients[key] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=in_account(DATA_PLANE, account),
                aws_secret_access_key="none",  # noqa: S106  # nothing checks it
                config=Config(connect_timeout=2, read_timeout=_SECONDS, retries={"total_max_attempts": 1}),
            )
        return self._clients[key]


def rows(client: Client, operation: str, member: str, **asked: object) -> list[Any]:
    """Return what all pages of a list have under `member`."""
    return [row for page in client.get_paginator(operation).paginate(**asked) for row in page[member]]
