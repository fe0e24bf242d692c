"""The network's own calls to the AWS far end: they take no part in what tests inject and count."""

from __future__ import annotations

from typing import Any, TypeAlias

from bot.sandbox.aws.places import CalledPlace
from bot.sandbox.world.access_keys import DATA_PLANE, in_account

Clients: TypeAlias = dict[str, Any]
"""boto3 clients by service; their methods are made at run time."""

_SECONDS = 30


class PlaceCalls:
    """Reads one account in one region through the API."""

    def __init__(self, url: str, place: CalledPlace, clients: Clients) -> None:
        """`clients`: of this account and region, made as they are needed; they serve whoever reads the place next."""
        self.place = place
        self._url, self._clients = url, clients

    def call(self, service: str, operation: str, **asked: object) -> Any:  # noqa: ANN401  # boto3 has no types
        """Return one answer; `operation` as boto3 spells it."""
        return getattr(self._client(service), operation)(**asked)

    def pages(self, service: str, operation: str, member: str, **asked: object) -> list[Any]:
        """Return a member of all pages of a list."""
        pages = self._client(service).get_paginator(operation).paginate(**asked)
        return [item for page in pages for item in page[member]]

    def _client(self, service: str) -> Any:  # noqa: ANN401  # boto3 has no types
        if service not in self._clients:
            import boto3  # noqa: PLC0415  # slow to import and not always needed
            from botocore.config import Config  # noqa: PLC0415  # the same

            self._clients[service] = boto3.client(
                service,
                endpoint_url=self._url,
                region_name=self.place.region,
                aws_access_key_id=in_account(DATA_PLANE, self.place.account),
                aws_secret_access_key="none",  # noqa: S106  # nothing checks it
                config=Config(connect_timeout=2, read_timeout=_SECONDS, retries={"total_max_attempts": 1}),
            )
        return self._clients[service]
