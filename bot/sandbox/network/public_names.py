"""What public DNS answers where no account of the world holds the zone: any plausible name has addresses."""

from __future__ import annotations

import ipaddress
import zlib

from bot.sandbox.network.replies import Outcome, Reply

_NEVER_PUBLIC = frozenset({"local", "internal", "invalid", "test", "localhost", "example", "corp", "lan"})


def public_answer(name: str) -> Reply:
    """Return what a VPC's resolver answers for public names and for instances' private names."""
    labels = name.rstrip(".").lower().split(".")
    if labels[-2:] == ["compute", "internal"] and labels[0].startswith("ip-"):
        address = labels[0].removeprefix("ip-").replace("-", ".")
        return Reply(outcome=Outcome.ANSWER, addresses=(address,), recursion=True, ttl_seconds=60)
    if len(labels) < 2 or labels[-1] in _NEVER_PUBLIC or not labels[-1].isalpha():  # noqa: PLR2004  # NAME.TLD
        return Reply(outcome=Outcome.NXDOMAIN, recursion=True)
    spread = zlib.crc32(".".join(labels).encode())
    addresses = tuple(str(ipaddress.ip_address(0x36_EF_00_00 + (spread + step) % 0xFFFF)) for step in range(3))
    return Reply(outcome=Outcome.ANSWER, addresses=addresses, recursion=True, ttl_seconds=60)
