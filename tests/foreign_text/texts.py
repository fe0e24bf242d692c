"""Texts for parsers: lines and files as programs print them, cut, joined and altered at random from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from bot.dns.coredns_wordings import ENDS_THE_START
from bot.dns.coredns_wordings import KNOWN as COREDNS_KNOWN
from bot.dns.kube_proxy_wordings import ENDS_THE_PROCESS, RULES_NOT_WRITTEN
from bot.dns.kube_proxy_wordings import KNOWN as KUBE_PROXY_KNOWN

CASES = Path(__file__).parent.parent / "cases" / "cases.jsonl"
HEADS = (
    *("", "[ERROR] ", "[FATAL] ", "[INFO] ", "[ERROR] plugin/errors: 2 a. A: ", "[ERROR] plugin/kubernetes: "),
    *("plugin/x: ", "2026-11-21T08:58:00.123456789Z ", '{"time":"2026-11-21T08:58:00Z","level":"ERROR","msg":"'),
    *("E1121 08:58:00.1 1 proxier.go:7] ", "F1121 08:58:00.1 1 server.go:1] ", "I1121 08:58:00.1 1 a.go:1] "),
    *("nameserver ", "search ", ".:53 {\n", "import ", ";; ->>HEADER<<- opcode: QUERY, status: ", "arn:aws:eks:"),
    *("10.0.0.", "fd00::"),
)
ODD = (*"\x00\ufeff\ud800é\u2028\t\"'\\{}[%$:/-0", "\r\n", "](", "{$A}", "9" * 30)


def samples() -> list[str]:
    """Return what real programs were seen to print, and each wording of the tables."""
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    told = [str(entry["text"]) for case in cases for entry in case["evidence"] if entry["role"] == "input"]
    tables = (COREDNS_KNOWN, ENDS_THE_START, KUBE_PROXY_KNOWN, ENDS_THE_PROCESS, RULES_NOT_WRITTEN)
    return [*told, *(wording.words for table in tables for wording in table)]


def texts(seed: int, number: int) -> Iterator[str]:
    """Return so many texts; the same seed gives the same ones."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    known = samples()
    for _ in range(number):
        yield "".join(_piece(chance, known) for _ in range(chance.randint(1, 4)))


def _piece(chance: random.Random, known: list[str]) -> str:
    kind = chance.random()
    if kind < 0.2:
        return chance.choice(HEADS)
    if kind < 0.35:
        odd: str = chance.choice(ODD)
        return odd * chance.choice((1, 1, 2, 40))
    if kind < 0.45:
        return "".join(chr(chance.randint(1, 0x2FF)) for _ in range(chance.randint(1, 30)))
    text = chance.choice(known)
    begin = chance.randrange(len(text))
    return text[begin : begin + chance.randint(1, 200)] if chance.random() < 0.5 else text[:400]
