"""Commands, buttons and modals: one file each, found by walking the folder; a malformed one stops the start."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from bot.errors import UnitError
from bot.slack.places import Asked, Pressed, Submitted

if TYPE_CHECKING:
    from bot.slack.bench import Bench

NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Exported as `COMMAND` by a module of the same name: `/dns-NAME`, and `@dnsbot NAME`."""

    name: str
    usage: str
    """Arguments as help shows them: `CLUSTER [PLAYBOOK…]`."""
    purpose: str
    """One sentence for help."""
    run: Callable[[Asked, Bench], None]
    """Called in a job, after Slack was answered. `DnsBotError` is shown to the asker alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Exported as `BUTTON` by a module of the same name, which is its action_id."""

    name: str
    run: Callable[[Pressed, Bench], None]
    """Called in a job, after Slack was answered. `DnsBotError` is shown to whoever pressed, alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """Exported as `VIEW` by a module of the same name, which is its callback_id."""

    name: str
    check: Callable[[Mapping[str, str]], Mapping[str, str]]
    """Fields by action_id in, complaints by action_id out; empty when all is well. No I/O: it runs before the ack."""
    run: Callable[[Submitted, Bench], None]


U = TypeVar("U", Command, Button, Modal)


def units(package: ModuleType, constant: str, kind: type[U]) -> tuple[U, ...]:
    """Return the units of a folder, sorted by name.

    Raises `UnitError` when a module cannot be imported, exports no `constant` of this kind, or is
    named otherwise than its file.
    """
    found = []
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        path = f"{package.__name__}.{module.name}"
        try:
            loaded = importlib.import_module(path)
        except (ImportError, SyntaxError) as error:
            raise UnitError(f"{path} cannot be imported: {error}") from error
        unit = getattr(loaded, constant, None)
        if not isinstance(unit, kind):
            raise UnitError(f"{path} exports no {constant} that is a {kind.__name__}")
        if unit.name != module.name or not NAME.fullmatch(unit.name):
            raise UnitError(f"{path}: {constant}.name is {unit.name!r}; it must be the file's name, {module.name!r}")
        found.append(unit)
    return tuple(found)
