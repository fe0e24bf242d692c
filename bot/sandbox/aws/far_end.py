"""The simulated AWS as a child process, with its control routes as methods."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from typing import Any, TypeAlias

from bot.sandbox.running.far_end_process import FarEndProcess
from bot.sandbox.running.started import Started

Json: TypeAlias = Any
"""What a control route answers."""

Client: TypeAlias = Any
"""A boto3 client; its methods are made at run time."""

_CONTROL_SECONDS = 60.0


class AwsFarEnd(Started):
    """Runs `python -m bot.sandbox.aws` while the context lasts; `url` is its endpoint.

    Set `AWS_ENDPOINT_URL` to it, region eu-west-1, any keys. Account 123456789012.
    """

    def __init__(self, *, seed: int | None = None, latency_ms: int = 0, deny: Sequence[str] = ()) -> None:
        arguments = ["--latency-ms", str(latency_ms)]
        if seed is not None:
            arguments += ["--seed", str(seed)]
        if deny:
            arguments += ["--deny", *deny]
        self._process = FarEndProcess("bot.sandbox.aws", *arguments)
        self._clients: dict[str, Client] = {}
        self.url = ""

    def start(self) -> None:
        """Start the process and wait until it serves. Raises `FarEndError`."""
        self.url = self._process.start()

    def stop(self) -> None:
        """End the process."""
        self._process.stop()

    def control(self, method: str, route: str, document: object = None) -> Json:
        """Call a control route (`control_routes.py`, `ec2/seeding.py`): `control("POST", "latency", {"ms": 20})`."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/sandbox/{route}", data=body, method=method)  # http  # noqa: S310  # our own server
        with urllib.request.urlopen(request, timeout=_CONTROL_SECONDS) as answer:  # our own server  # noqa: S310  # our own server
            return json.load(answer)

    def client(self, service: str) -> Client:
        """Return a boto3 client that sends each call once, as any key of account 123456789012."""
        if service not in self._clients:
            import boto3  # noqa: PLC0415  # only tests and worlds need it; costs 0.1 s
            from botocore.config import Config  # noqa: PLC0415  # the same

            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name="eu-west-1",
                aws_access_key_id="AKIA" + "A" * 16,
                aws_secret_access_key="dummy",  # noqa: S106  # the far end checks no signature
                config=Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10),
            )
        return self._clients[service]

    def calls(self) -> list[str]:
        """Return the actions that arrived so far, in order, dry runs left out."""
        return [call["action"] for call in self.control("GET", "calls") if not call["dry_run"]]
