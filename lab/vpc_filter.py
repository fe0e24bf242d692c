"""A VPC's packet filter: loads the compiled table at once, and counts.

Beside the compiled table stands one that only counts port 53 by pair, after the filter, and is never replaced:
queries and answers that got through. A third keeps other VPCs from the VPC's own resolver, which answers inside only,
and lets it have 1,024 packets a second from each network interface (VPC User Guide, "Amazon DNS quotas").
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab.aws_clients import AwsClients
from lab.errors import LabError
from lab.fabric import LINK
from lab.namespaces import joined
from lab.vpc_answers import VpcAnswers, VpcKey, read_answers
from lab.vpc_ruleset import PASSED, REFUSED, STAGES, TABLE, Options, Stage, compile_ruleset, refusal

RESOLVER_PACKETS_PER_SECOND = 1024
"""From one network interface to the VPC's own resolver."""
_LIMIT = f"limit rate over {RESOLVER_PACKETS_PER_SECOND}/second burst 128 packets"
"""So many packets at once are no rate yet."""
_TRAFFIC = """\
table ip traffic {
  set queries { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 65535; counter; }
  set answers { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 65535; counter; }
  set arrived { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 65535; counter; }
  chain prerouting {
    type filter hook prerouting priority filter; policy accept;
    meta l4proto { tcp, udp } th dport 53 update @arrived { ip saddr . ip daddr . meta l4proto }
  }
  chain forward {
    type filter hook forward priority filter + 10; policy accept;
    meta l4proto { tcp, udp } th dport 53 update @queries { ip saddr . ip daddr . meta l4proto }
    meta l4proto { tcp, udp } th sport 53 update @answers { ip daddr . ip saddr . meta l4proto }
  }
}
"""
_BORDER = f"""\
table ip border {{
  set senders {{ type ifname; flags dynamic; size 1024; }}
  counter beyond {{ }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "{LINK}*" drop
    iifname "lo" accept
    meta l4proto {{ tcp, udp }} th dport 53 add @senders {{ iifname {_LIMIT} }} counter name beyond drop
  }}
}}
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
    """The filter of one VPC. Until the first `apply` everything passes."""

    def __init__(self, netns: str) -> None:
        """`netns`: full name of the namespace that routes the VPC."""
        self._netns = netns
        self._before: dict[str, int] = {}
        self._lock = threading.Lock()
        self._nft("-f", "-", text=_TRAFFIC + _BORDER)

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

    def arrived(self) -> Mapping[tuple[str, str, str], int]:
        """Return packets to port 53 that came in, by (client, server, udp or tcp), whatever became of them."""
        return self._pairs("arrived")

    def answers(self) -> Mapping[tuple[str, str, str], int]:
        """Return packets from port 53 that got through, by (client, server, udp or tcp), the client being the asker."""
        return self._pairs("answers")

    def beyond_resolver_limit(self) -> int:
        """Return how many packets the VPC's resolver did not get, since one interface sent too many."""
        listed = json.loads(self._nft("-j", "list", "counter", "ip", "border", "beyond"))["nftables"]
        return int(next(item["counter"]["packets"] for item in listed if "counter" in item))

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredVpc:
    """A VPC whose packets go through a filter."""

    filter: VpcFilter
    vpc: VpcKey

    def read(self, aws: AwsClients) -> Callable[[], None]:
        """Read how AWS has the VPC now; what is returned lets the filter be so."""
        return partial(self.filter.apply, read_answers(aws, self.vpc))
