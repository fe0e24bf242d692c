"""Units: one file each in a folder, found by walking it. A unit's name is its file's name.

Whatever is wrong with a file stops the start: nothing is skipped, except modules whose name begins with an underscore.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Protocol, TypeVar

from bot.errors import UnitError


class Named(Protocol):
    """What bears a name."""

    @property
    def name(self) -> str:
        """The unit's name."""
        ...


U = TypeVar("U", bound=Named)


def walk_units(package: ModuleType, constant: str, kind: type[U]) -> dict[str, U]:
    """Return by name what every module of `package` exports as `constant`, in the order of the names.

    Raises `UnitError` when a module cannot be imported, exports no `constant` of this kind, or one of another name
    than its file's.
    """
    units: dict[str, U] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        if module.name.startswith("_"):
            continue
        path = f"{package.__name__}.{module.name}"
        try:
            loaded = importlib.import_module(path)
        except (ImportError, SyntaxError) as error:
            raise UnitError(f"{path} cannot be imported: {error}") from error
        unit = vars(loaded).get(constant)
        if not isinstance(unit, kind):
            raise UnitError(f"{path} exports no {constant} that is a {kind.__name__}; a unit's module must.")
        if unit.name != module.name:
            raise UnitError(f"{path}: {constant}.name is {unit.name!r}; it must be the file's name, {module.name!r}.")
        units[unit.name] = unit
    return units
