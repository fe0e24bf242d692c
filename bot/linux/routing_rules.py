"""`ip rule`: which routing table the kernel asks for a packet, in the order of priorities (B6, B8).

Reads `ip -json rule` of iproute2, and the plain text that it, older versions and busybox print. Source: ip-rule(8);
iproute2, ip/iprule.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import SourceGarbled
from bot.linux.printed import is_json, json_rows, unreadable, whole_lines

SHOW_RULES = ("ip", "-json", "rule")
SHOW_RULES_PLAINLY = ("ip", "rule")

_COMMAND = "ip rule"
_PRIORITY = re.compile(r"^(\d{1,10}):\s")
_ACTIONS = frozenset({"blackhole", "unreachable", "prohibit", "nop", "masquerade", "nat"})
_TABLE_NAMES = {"255": "local", "254": "main", "253": "default"}
ALL = "all"
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  # how iproute2's "0" reads; nothing is bound


def table_name(table: str) -> str:
    """Return the name that iproute2 has for a table; busybox and nodes without /etc/iproute2 print the number."""
    return _TABLE_NAMES.get(table, table)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """One rule: packets that match all that it names are looked up in its table."""

    priority: int
    source: str = ALL
    """Address or prefix of the packet's source; `all`."""
    destination: str = ALL
    incoming_interface: str = ""
    """Only packets that came in by this interface; empty: from anywhere, the node's own included."""
    outgoing_interface: str = ""
    mark: str = ""
    """`0x80/0x80`; empty: whatever the mark."""
    table: str = ""
    """`local`, `main`, `101`; empty: the rule leads to no table (`action`)."""
    action: str = ""
    """`unreachable`, `blackhole`, `goto 32766`, …; empty: a lookup."""
    inverted: bool = False
    """Packets that do not match (`not`)."""
    further: str = ""
    """What else it asks for (`ipproto tcp`, `dport 53`), as printed."""

    @property
    def text(self) -> str:
        """As `ip rule` prints it: `10: from all iif vlan.eth.1 lookup 101`."""
        words = ["not"] if self.inverted else []
        words += ["from", self.source]
        words += ["to", self.destination] if self.destination != ALL else []
        words += ["fwmark", self.mark] if self.mark else []
        words += ["iif", self.incoming_interface] if self.incoming_interface else []
        words += ["oif", self.outgoing_interface] if self.outgoing_interface else []
        words += [self.further] if self.further else []
        words += ["lookup", self.table] if self.table else []
        words += [self.action] if self.action else []
        return f"{self.priority}: {' '.join(words)}"


def parse_routing_rules(text: str) -> tuple[RoutingRule, ...]:
    """Return the rules by priority. Raises `SourceGarbled` for a text that is cut, empty or none of these."""
    found = _of_json(text) if is_json(text) else tuple(_of_line(line) for line in whole_lines(text, _COMMAND))
    if not found:
        raise SourceGarbled(f"`{_COMMAND}` printed no rule, and every kernel has at least those of local and main.")
    return tuple(sorted(found, key=lambda rule: rule.priority))


_KNOWN = frozenset({"priority", "src", "srclen", "dst", "dstlen", "iif", "iif_detached", "oif", "oif_detached"}) | {
    "fwmark",
    "fwmask",
    "table",
    "action",
    "goto",
    "not",
    "protocol",
    "unresolved",
}


def _of_json(text: str) -> tuple[RoutingRule, ...]:
    try:
        return tuple(_of_row(row) for row in json_rows(text, f"{_COMMAND} -json"))
    except (LookupError, TypeError, ValueError) as error:
        raise SourceGarbled(f"`{_COMMAND}` printed a rule that is not understood ({error!r}).") from error


def _of_row(row: Mapping[str, Any]) -> RoutingRule:
    mark = str(row.get("fwmark", ""))
    action = f"goto {row['goto']}" if "goto" in row else str(row.get("action", ""))
    further = [f"{key} {value}" for key, value in sorted(row.items()) if key not in _KNOWN]
    return RoutingRule(
        priority=int(row["priority"]),
        source=_prefix(row, "src"),
        destination=_prefix(row, "dst"),
        incoming_interface=str(row.get("iif", "")),
        outgoing_interface=str(row.get("oif", "")),
        mark=f"{mark}/{row['fwmask']}" if mark and "fwmask" in row else mark,
        table=table_name(str(row["table"])) if "table" in row else "",
        action="" if "table" in row else action,
        inverted="not" in row,
        further=" ".join(further),
    )


def _prefix(row: Mapping[str, Any], key: str) -> str:
    address, length = str(row.get(key) or ALL), row.get(f"{key}len")
    if length is None:
        return address
    return f"{_EVERY_ADDRESS if address == '0' else address}/{length}"


def _of_line(line: str) -> RoutingRule:
    numbered = _PRIORITY.match(line)
    if numbered is None:
        raise unreadable(_COMMAND, line)
    words = line[numbered.end() :].replace("[detached]", "").split()
    inverted = words[:1] == ["not"]
    found, further = _named(words[inverted:])
    if "from" not in found or not {"lookup", "table", "action"} & found.keys():
        raise unreadable(_COMMAND, line)
    return RoutingRule(
        priority=int(numbered[1]),
        source=found["from"],
        destination=found.get("to", ALL),
        incoming_interface=found.get("iif", ""),
        outgoing_interface=found.get("oif", ""),
        mark=found.get("fwmark", ""),
        table="" if "action" in found else table_name(found.get("lookup", found.get("table", ""))),
        action=found.get("action", ""),
        inverted=inverted,
        further=" ".join(further),
    )


def _named(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return what the rule names, by keyword, and what else it says."""
    found: dict[str, str] = {}
    further: list[str] = []
    at = 0
    while at < len(words):
        word, value = words[at], words[at + 1] if at + 1 < len(words) else ""
        if word in _ACTIONS:
            found["action"] = word
            at += 1
            continue
        if word == "goto":
            found["action"] = f"goto {value}"
        elif word in {"from", "to", "iif", "oif", "fwmark", "lookup", "table"} and value:
            found[word] = value
        elif word not in {"proto", "protocol"}:
            further += [word, value]
        at += 2
    return found, further
