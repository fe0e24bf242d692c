"""The fabric's packet filter: loads the compiled table at once, follows the AWS state, and counts.

Beside the compiled table stands one that only counts port 53 by pair, after the filter, and is never replaced:
queries and answers that got through.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lab.errors import LabError
from lab.namespaces import joined
from lab.vpc_answers import VpcAnswers, ec2_client, read_answers, writes_so_far
from lab.vpc_ruleset import PASSED, REFUSED, STAGES, TABLE, Options, Stage, compile_ruleset, refusal

_POLL_SECONDS = 0.4
_TRAFFIC = """\
table ip traffic {
  set queries { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 65535; counter; }
  set answers { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 65535; counter; }
  chain forward {
    type filter hook forward priority filter + 10; policy accept;
    meta l4proto { tcp, udp } th dport 53 update @queries { ip saddr . ip daddr . meta l4proto }
    meta l4proto { tcp, udp } th sport 53 update @answers { ip daddr . ip saddr . meta l4proto }
  }
}
"""


@dataclass(frozen=True, slots=True, order=True)
class Refused:
    """A flow that was refused: a query's packets, or (client and server as in the query) its answer's."""

    client: str
    client_port: int
    server: str
    protocol: str
    """udp or tcp."""
    stage: Stage
    entry: int
    """Number of the ACL entry; 0 for groups."""


class VpcFilter:
    """The filter of one fabric namespace. Until the first `apply` everything passes."""

    def __init__(self, fabric_netns: str) -> None:
        self._netns = fabric_netns
        self._before: dict[str, int] = {}
        self._lock = threading.Lock()
        self._nft("-f", "-", text=_TRAFFIC)

    def apply(self, answers: VpcAnswers, options: Options | None = None) -> None:
        """Replace the table in one transaction. Established connections stay established, as in AWS."""
        text = compile_ruleset(answers, options)
        with self._lock:
            if self._before:
                self._before = self._counted()
            self._nft("-f", "-", text=text)
            self._before = self._before or dict.fromkeys((*STAGES, PASSED), 0)

    def counters(self) -> Mapping[str, int]:
        """Return packets refused by stage, and `passed`, since the first `apply`."""
        with self._lock:
            return self._counted() if self._before else {}

    def queries(self) -> Mapping[tuple[str, str, str], int]:
        """Return packets to port 53 that got through, by (client, server, udp or tcp)."""
        return self._pairs("queries")

    def answers(self) -> Mapping[tuple[str, str, str], int]:
        """Return packets from port 53 that got through, by (client, server, udp or tcp), the client being the asker."""
        return self._pairs("answers")

    def refused(self) -> frozenset[Refused]:
        """Return the flows refused since the last `apply` with `Options(per_flow=True)`."""
        listed = json.loads(self._nft("-j", "list", "sets", "table", "ip", TABLE))["nftables"]
        sets = [item["set"] for item in listed if "set" in item and item["set"]["name"].startswith(REFUSED)]
        return frozenset(
            _refused(refusal(held["name"]), element["concat"]) for held in sets for element in held.get("elem", [])
        )

    def _counted(self) -> dict[str, int]:
        listed = json.loads(self._nft("-j", "list", "counters", "table", "ip", TABLE))["nftables"]
        now = {item["counter"]["name"]: item["counter"]["packets"] for item in listed if "counter" in item}
        return {name: self._before.get(name, 0) + int(count) for name, count in now.items()}

    def _pairs(self, name: str) -> dict[tuple[str, str, str], int]:
        found = {}
        for element in self._elements("traffic", name):
            client, server, protocol = element["elem"]["val"]["concat"]
            found[client, server, protocol] = int(element["elem"]["counter"]["packets"])
        return found

    def _elements(self, table: str, name: str) -> list[Any]:
        listed = json.loads(self._nft("-j", "list", "set", "ip", table, name))["nftables"]
        return next(item["set"] for item in listed if "set" in item).get("elem", [])  # type: ignore[no-any-return]  # JSON

    def _nft(self, *arguments: str, text: str = "") -> str:
        with joined(self._netns):
            done = subprocess.run(["nft", *arguments], input=text, text=True, capture_output=True, check=False)  # noqa: S603, S607  # our own arguments, from the PATH
        if done.returncode:
            raise LabError(f"nft {' '.join(arguments)} in {self._netns}: {done.stderr.strip()[:800]}")
        return done.stdout


def _refused(where: tuple[Stage, int], flow: list[Any]) -> Refused:
    source, destination, protocol, source_port, destination_port = flow
    if where[0] in {Stage.SERVER_SUBNET_OUT, Stage.CLIENT_SUBNET_IN}:
        return Refused(destination, int(destination_port), source, protocol, *where)
    return Refused(source, int(source_port), destination, protocol, *where)


class FollowingFilter:
    """Keeps a filter as the simulated AWS has it, from a thread of its own, while the context lasts.

    While a read fails the last state stands.
    """

    def __init__(self, vpc_filter: VpcFilter, *, aws_url: str, aws_netns: str, region: str) -> None:
        self._filter, self._aws_url, self._netns, self._region = vpc_filter, aws_url, aws_netns, region
        self._seen: tuple[int, str] | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ec2: Any = None
        self._failure: LabError | None = None
        self._thread = threading.Thread(target=self._follow, name="vpc-filter", daemon=True)

    def __enter__(self) -> Self:
        """Apply the present state, then follow."""
        if not self.refresh():
            raise LabError(
                f"the simulated AWS at {self._aws_url} ({self._netns or 'this machine'}) gave no VPC to filter"
            )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop following; the table stays. Raises what made the following stop earlier, if anything did."""
        self._ended.set()
        self._thread.join()
        if self._failure and error is None:
            raise self._failure

    def refresh(self) -> bool:
        """Apply the state of this moment; return whether it is in force. From any thread. Raises `LabError`."""
        if self._failure:
            raise self._failure
        import botocore.exceptions  # noqa: PLC0415  # slow to import

        with self._lock, joined(self._netns) if self._netns else contextlib.nullcontext():
            try:
                seen = writes_so_far(self._aws_url)
                if seen == self._seen:
                    return True
                self._ec2 = self._ec2 or ec2_client(self._aws_url, self._region)
                answers = read_answers(self._ec2)
            except (
                botocore.exceptions.BotoCoreError,
                botocore.exceptions.ClientError,
                OSError,
                ValueError,
                LookupError,
            ):
                return False
            self._filter.apply(answers)
            self._seen = seen
        return True

    def _follow(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            try:
                self.refresh()
            except LabError as failure:
                self._failure = failure
                return
