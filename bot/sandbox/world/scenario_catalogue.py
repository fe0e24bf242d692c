"""Finds the scenarios: every module of `scenarios` exports one, and its name is its file name.

Beside it a module may export a look-alike: `network-acl-look-alike` breaks nothing.
"""

from __future__ import annotations

import importlib
import pkgutil

from bot.domain.phrases import nearest
from bot.errors import ConfigurationError, UnitError
from bot.sandbox import scenarios
from bot.sandbox.world.scenario import Scenario

_LOOK_ALIKE = "-look-alike"


def all_scenarios() -> tuple[Scenario, ...]:
    """Return all scenarios by name, without the look-alikes."""
    return tuple(scenario for scenario in _exported() if not scenario.name.endswith(_LOOK_ALIKE))


def all_look_alikes() -> tuple[Scenario, ...]:
    """Return the look-alikes by name."""
    return tuple(scenario for scenario in _exported() if scenario.name.endswith(_LOOK_ALIKE))


def look_alike_of(name: str) -> str:
    """Return the name that the look-alike of a scenario has."""
    return f"{name}{_LOOK_ALIKE}"


def _exported() -> tuple[Scenario, ...]:
    found: list[Scenario] = []
    for module in pkgutil.iter_modules(scenarios.__path__):
        loaded = importlib.import_module(f"{scenarios.__name__}.{module.name}")
        scenario = getattr(loaded, "SCENARIO", None)
        if not isinstance(scenario, Scenario) or scenario.name.replace("-", "_") != module.name:
            message = f"{loaded.__name__} must export SCENARIO, named {module.name.replace('_', '-')!r}"
            raise UnitError(message)
        found.append(scenario)
        look_alike = getattr(loaded, "LOOK_ALIKE", None)
        if look_alike is not None:
            if not isinstance(look_alike, Scenario) or look_alike.name != look_alike_of(scenario.name):
                message = f"LOOK_ALIKE of {loaded.__name__} must be a Scenario named {look_alike_of(scenario.name)}"
                raise UnitError(message)
            found.append(look_alike)
    return tuple(sorted(found, key=lambda scenario: scenario.name))


def find_scenario(name: str) -> Scenario:
    """Return the scenario of this name, or raise `ConfigurationError` with the nearest names."""
    known = {scenario.name: scenario for scenario in _exported()}
    if name not in known:
        raise ConfigurationError(f"There is no scenario {name!r}. {nearest(name, known, 'scenario')}")
    return known[name]
