"""Keeps what the lab made of AWS's state as AWS has it now."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from bot.sandbox.aws.writes import writes_so_far
from lab.aws_clients import AwsClients
from lab.errors import LabError
from lab.namespaces import joined

_POLL_SECONDS = 0.4


class Carrier(Protocol):
    """Carries out a part of AWS's state: packets, names, endpoints of a VPC."""

    def read(self, aws: AwsClients) -> Callable[[], None]:
        """Read how AWS has it now, and return what lets it be so. Raises botocore's errors where AWS does not say.

        What is returned raises `LabError` where it fails.
        """
        ...


class Following:
    """Lets carriers follow the simulated AWS, from a thread of its own, while the context lasts.

    While a read fails the last state stands.
    """

    def __init__(self, carriers: Sequence[Carrier], *, aws_url: str, aws_netns: str) -> None:
        self._carriers, self._aws_url, self._netns = tuple(carriers), aws_url, aws_netns
        self._aws = AwsClients(aws_url)
        self._seen: int | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._failure: LabError | None = None
        self._thread = threading.Thread(target=self._follow, name="lab-following", daemon=True)

    def __enter__(self) -> Self:
        """Carry out the present state, then follow."""
        if not self.refresh():
            raise LabError(
                f"the simulated AWS at {self._aws_url} ({self._netns or 'this machine'}) did not say what it holds"
            )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop following; the state stays. Raises what made the following stop earlier, if anything did."""
        self._ended.set()
        self._thread.join()
        if self._failure and error is None:
            raise self._failure

    def look_again(self) -> bool:
        """Carry out the state of this moment, also where no logged call changed it; return whether it is in force."""
        with self._lock:
            self._seen = None
        return self.refresh()

    def refresh(self) -> bool:
        """Carry out the state of this moment; return whether it is in force. From any thread. Raises `LabError`."""
        if self._failure:
            raise self._failure
        import botocore.exceptions  # noqa: PLC0415  # slow to import

        unread = (
            botocore.exceptions.BotoCoreError,
            botocore.exceptions.ClientError,
            OSError,
            ValueError,
            LookupError,
        )
        with self._lock, joined(self._netns) if self._netns else contextlib.nullcontext():
            try:
                seen = writes_so_far(self._aws_url)
                if seen == self._seen:
                    return True
                acts = [carrier.read(self._aws) for carrier in self._carriers]
            except unread:
                return False
            for act in acts:
                act()
            self._seen = seen
        return True

    def _follow(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            try:
                self.refresh()
            except LabError as failure:
                self._failure = failure
                return
