"""Every compiled pattern of the tree, and texts made from a pattern's own parts to try it with."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]  # the tree of a pattern stands in no public place
from types import ModuleType
from typing import Any

import bot

_CALLS = frozenset({"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"})
_CLASSES = {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a", "CATEGORY_NOT_SPACE": "x"}
_MOST_TIMES = 6


def patterns() -> dict[str, re.Pattern[str]]:
    """Return each pattern by where it stands: held by a module, or written inside a function."""
    found: dict[re.Pattern[str], str] = {}
    for info in pkgutil.walk_packages(bot.__path__, "bot."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            for number, pattern in enumerate(_held(value)):
                found.setdefault(pattern, f"{info.name}.{name}" + (f"#{number}" if number else ""))
        for line, text in _written(module):
            found.setdefault(re.compile(text), f"{info.name}:{line}")
    return {name: pattern for pattern, name in found.items()}


def _held(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _held(one)
    elif isinstance(value, tuple | list | set | frozenset):
        for one in value:
            yield from _held(one)


def _written(module: ModuleType) -> Iterator[tuple[int, str]]:
    if vars(module).get("re") is not re:  # every worker of the suite walks all modules to name the tests
        return
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _CALLS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            yield node.lineno, node.args[0].value


def seeds(pattern: re.Pattern[str], number: int) -> list[str]:
    """Return short texts: the pattern's own matches, their prefixes, their characters, and mixes of all these."""
    chance = random.Random(pattern.pattern)  # noqa: S311  # no secret
    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    matches = list(dict.fromkeys(_sample(tree, chance) for _ in range(8)))
    prefixes = [
        text[:at] for text in matches[:4] for at in sorted({1, 2, 3, 4, 6, len(text) // 2, len(text) - 1}) if at > 0
    ]
    characters = list(dict.fromkeys("".join(matches)))
    parts = [part for part in dict.fromkeys([*matches, *prefixes, *characters]) if part]
    mixes = ["".join(chance.choices(parts, k=chance.randint(2, 5))) for _ in range(number)]
    chosen = chance.sample(parts, min(len(parts), number))
    return [*chosen, *mixes]


def _sample(tree: Any, chance: random.Random) -> str:  # the standard library's own, untyped
    return "".join(_one(str(code), argument, chance) for code, argument in tree)


def _one(code: str, argument: Any, chance: random.Random) -> str:
    made = _NODES.get(code)
    return made(argument, chance) if made else ""


def _repeated(argument: Any, chance: random.Random) -> str:
    least, most, inner = argument
    times = chance.randint(least, max(least, min(int(most), least + _MOST_TIMES)))
    return "".join(_sample(inner, chance) for _ in range(times))


def _member(choices: Any, chance: random.Random) -> str:  # the standard library's own, untyped
    if str(choices[0][0]) == "NEGATE":
        excluded = {chr(argument) for code, argument in choices[1:] if str(code) == "LITERAL"}
        return chance.choice([one for one in "az-.0 :/" if one not in excluded] or ["~"])
    code, argument = chance.choice(choices)
    if str(code) == "RANGE":
        return chr(chance.randint(argument[0], min(argument[1], argument[0] + 25)))
    return _CLASSES.get(str(argument), "-") if str(code) == "CATEGORY" else chr(argument)


_NODES: Mapping[str, Callable[[Any, random.Random], str]] = {
    "LITERAL": lambda argument, _: chr(argument),
    "NOT_LITERAL": lambda _, __: "y",
    "ANY": lambda _, __: "y",
    "IN": _member,
    "MAX_REPEAT": _repeated,
    "MIN_REPEAT": _repeated,
    "POSSESSIVE_REPEAT": _repeated,
    "SUBPATTERN": lambda argument, chance: _sample(argument[3], chance),
    "ATOMIC_GROUP": _sample,
    "BRANCH": lambda argument, chance: _sample(chance.choice(argument[1]), chance),
    "ASSERT": lambda argument, chance: _sample(argument[1], chance) if argument[0] > 0 else "",
}
"""By the name of a node in a pattern's tree: a text that it matches; what is not here takes no room."""
