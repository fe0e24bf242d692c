"""Amounts of memory as Kubernetes writes them: `170Mi`, `1G`, `128974848`, `129e6`.

Source: Kubernetes documentation, "Quantity". The client library reads them, too, and costs half a second to import.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

MEBIBYTE = 1024**2
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {letter: 1000**power for power, letter in enumerate("kMGTPE", start=1)} | {"": 1, "m": Decimal("0.001")}
_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3})|([KMGTPE]i|[kMGTPE]|m|))", re.ASCII)


def in_bytes(quantity: str) -> int:
    """Return an amount of memory in whole bytes, rounded up. Raises `ValueError` for what is no quantity."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        raise ValueError(f"{quantity!r} is no quantity of memory, as 170Mi is")
    number, exponent, suffix = found.groups()
    factor = Decimal(10) ** int(exponent) if exponent else Decimal((_BINARY | _DECIMAL)[suffix or ""])
    return math.ceil(Decimal(number) * factor)


def same_amount(one: str, other: str) -> bool:
    """Return whether two texts say the same amount, `1Gi` and `1024Mi`; what cannot be read is itself alone."""
    try:
        return in_bytes(one) == in_bytes(other)
    except ValueError:
        return one == other
