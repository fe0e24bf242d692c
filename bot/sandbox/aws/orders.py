"""What a world orders for calls: faults, paces, rates. Each names actions by a pattern, and some hold only so often."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Generic, Self, TypeVar


@dataclass(slots=True, kw_only=True)
class Order:
    """One order, about the calls that `action` matches: `ec2:DescribeVpcs`, `eks:*`, `*`."""

    action: str
    times: int | None = None
    """How often it still holds; None: always. Counts down."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the order that this JSON object describes, or raise ValueError."""
        known = [one.name for one in fields(cls)]
        if not isinstance(document, dict) or "action" not in document or set(document) - set(known):
            shown = sorted(document) if isinstance(document, dict) else document
            message = f"a {cls.__name__.lower()} has {', '.join(known)}; got {shown}"
            raise ValueError(message)
        return cls(**document)


O = TypeVar("O", bound=Order)  # noqa: E741  # an order


class Orders(Generic[O]):
    """The orders of one kind in force. Safe to use from several threads."""

    def __init__(self) -> None:
        self._orders: list[O] = []
        self._lock = threading.Lock()

    def replace(self, orders: Iterable[O]) -> None:
        """Put these in place of all others."""
        with self._lock:
            self._orders = list(orders)

    def take(self, action: str) -> O | None:
        """Return the first order for this action and count it down, or None."""
        with self._lock:
            for order in self._orders:
                if order.times != 0 and fnmatchcase(action, order.action):
                    if order.times is not None:
                        order.times -= 1
                    return order
        return None
