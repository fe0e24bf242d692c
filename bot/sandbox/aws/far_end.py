"""The simulated AWS as a child process, with its control routes as methods."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias

Json: TypeAlias = Any
"""What a control route answers."""

Client: TypeAlias = Any
"""A boto3 client; its methods are made at run time."""

_CONTROL_SECONDS = 60.0
_STOP_SECONDS = 10.0


class AwsFarEnd:
    """Runs `python -m bot.sandbox.aws` while the context lasts; `url` is its endpoint.

    Set `AWS_ENDPOINT_URL` to it, region eu-west-1, any keys. Account 123456789012.
    """

    def __init__(self, *, seed: int | None = None, latency_ms: int = 0, deny: Sequence[str] = ()) -> None:
        self._arguments = [sys.executable, "-m", "bot.sandbox.aws", "--latency-ms", str(latency_ms)]
        if seed is not None:
            self._arguments += ["--seed", str(seed)]
        if deny:
            self._arguments += ["--deny", *deny]
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Client] = {}
        self.url = ""

    def __enter__(self) -> Self:
        """Start the process and wait until it serves."""
        self._process = subprocess.Popen(  # our own module  # noqa: S603  # our own module
            self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if self._process.stdout is None:
            raise AssertionError  # a pipe was asked for
        line = self._process.stdout.readline()
        if not line:
            message = f"the simulated AWS ended with status {self._process.wait()} before it served"
            raise RuntimeError(message)
        self.url = json.loads(line)["url"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The child process, while the context lasts."""
        if self._process is None:
            message = "the simulated AWS has not been started"
            raise RuntimeError(message)
        return self._process

    def control(self, method: str, route: str, document: object = None) -> Json:
        """Call a control route (`control.py`, `seeding.py`): `control("POST", "latency", {"ms": 20})`."""
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
