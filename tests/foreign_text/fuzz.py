"""`make fuzz`: a million inputs over all parsers and both logs, from a seed that is printed; ends with what broke.

An input breaks something where a parser raises what it does not promise, and where a line with [ERROR], [FATAL], klog's
E or F gets a class that is kept nowhere.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable

from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.corefile.plugin_words import Unsure
from bot.dns.klog import klog_line
from bot.dns.kube_proxy_log import KubeProxyLineKind, kube_proxy_line
from bot.errors import DnsBotError
from tests.foreign_text.parsers import Parser, parsers
from tests.foreign_text.texts import texts

REFUSALS = (ValueError, DnsBotError, Unsure)
"""What a parser may answer to a text that is none of its own."""
MILLION = 1_000_000
_ERROR = re.compile(r"^(?:[^\s\[]{1,60} ){0,2}\[(?:ERROR|FATAL)\] ")


def broken(text: str, found: Iterable[tuple[str, Parser]]) -> list[str]:
    """Return what this text breaks, in words."""
    said = []
    for name, parser in found:
        try:
            parser(text)
        except REFUSALS:
            continue
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a fault
            said.append(f"{name}: {type(error).__name__} on {text[:300]!r}")
    return said + lost(text)


def lost(text: str) -> list[str]:
    """Return the error lines of this text that have no class that is kept."""
    said = []
    for line in text.split("\n"):
        if _ERROR.match(line) and coredns_line(line).kind is CorednsLineKind.OTHER:
            said.append(f"CoreDNS's error line is counted nowhere: {line[:300]!r}")
        head = klog_line(line)
        if head and head.severity in "EF" and kube_proxy_line(line).kind is KubeProxyLineKind.OTHER:
            said.append(f"kube-proxy's error line is counted nowhere: {line[:300]!r}")
    return said


def main(number: int, seed: int) -> int:
    """Feed so many inputs, counting one text in one parser as one; print what broke; return 1 where something did."""
    found = sorted(parsers().items())
    began, said = time.monotonic(), list[str]()
    for text in texts(seed, -(-number // len(found))):
        said += broken(text, found)
    took = time.monotonic() - began
    print(f"{number} inputs over {len(found)} parsers, seed {seed}, {took:.0f} s: {len(said)} broken")  # noqa: T201
    print("\n".join(said[:50]))  # noqa: T201  # a command's output
    return 1 if said else 0


if __name__ == "__main__":
    wanted = [int(word) for word in sys.argv[1:3]]
    sys.exit(main(*(wanted + [MILLION, time.time_ns() % MILLION][len(wanted) :])))
