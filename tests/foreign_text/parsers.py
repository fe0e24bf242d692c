"""Every parser of the tree: functions of the pure packages that need one text and nothing else, found by walking."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from types import ModuleType

import bot.dns
import bot.domain
import bot.kubernetes
import bot.linux
import bot.network

Parser = Callable[[str], object]
PURE: tuple[ModuleType, ...] = (bot.dns, bot.domain, bot.kubernetes, bot.linux, bot.network)


def parsers() -> dict[str, Parser]:
    """Return each public function that needs one argument, a text, by its full name."""
    found: dict[str, Parser] = {}
    for package in PURE:
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ == info.name and not name.startswith("_") and _takes_a_text(function):
                    found[f"{info.name}.{name}"] = function
    return found


def _takes_a_text(function: Callable[..., object]) -> bool:
    needed = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.default is inspect.Parameter.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    if len(needed) != 1 or needed[0].kind is inspect.Parameter.KEYWORD_ONLY:
        return False
    return needed[0].annotation in (str, "str")
