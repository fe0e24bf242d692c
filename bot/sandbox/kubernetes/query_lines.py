"""What the plugin `log` writes for a query, in CoreDNS's usual format (plugin/log, `{common}`; C12).

[INFO] 192.168.3.71:33238 - 36534 "A IN amazon.com.default.svc.cluster.local. udp 54 false 512" NXDOMAIN qr,aa,rd …
"""

from __future__ import annotations

import random

from bot.sandbox.kubernetes.corefile import Block
from bot.sandbox.network.packets import EPHEMERAL
from bot.sandbox.network.replies import SILENT, Outcome, Reply

_HEADER, _QUESTION = 12, 4
_RECORD, _SOA = 14, 93
"""Bytes of an A record behind its name, and of the SOA record with which NXDOMAIN comes."""
_SECONDS = {Outcome.ANSWER: 0.0002, Outcome.NXDOMAIN: 0.0001, Outcome.SERVFAIL: 4.0007}


def query_lines(blocks: tuple[Block, ...], client: str, name: str, protocol: str, reply: Reply) -> list[str]:
    """Return the line of one query, if the block that takes it logs: in the plain form, for every name and answer."""
    block = max(blocks, key=lambda candidate: candidate.serves(name), default=None)
    plugin = block.find("log") if block and block.serves(name) >= 0 else None
    if plugin is None or plugin.arguments or plugin.properties:
        return []
    return [_line(client, name, protocol, reply)]


def _line(client: str, name: str, protocol: str, reply: Reply) -> str:
    asked = f"{name.rstrip('.').lower()}."
    numbers = random.Random(f"{client}{asked}{protocol}")  # noqa: S311  # repeats with the query, no secret
    size = _HEADER + len(asked) + 1 + _QUESTION
    remote = f"{f'[{client}]' if ':' in client else client}:{numbers.randint(*EPHEMERAL)}"
    head = f'[INFO] {remote} - {numbers.randint(1, 65535)} "A IN {asked} {protocol} {size} false 512"'
    seconds = _SECONDS.get(reply.outcome, 0.0001) + numbers.random() / 10_000
    if reply.outcome in SILENT or (reply.outcome is Outcome.SERVFAIL and reply.recursion):
        return f"{head} NOERROR - 0 {seconds:.9f}s"  # the errors plugin answers for it, after the line is written
    flags = "qr,aa,rd" if reply.authoritative else "qr,rd,ra"
    held = len(reply.addresses) * (len(asked) + 1 + _RECORD)
    size += _SOA if reply.outcome is Outcome.NXDOMAIN else held
    return f"{head} {reply.outcome.value} {flags} {size} {seconds:.9f}s"
