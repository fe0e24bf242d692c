"""Names for a shell to complete: read quickly, without judging what they are read from, and without an error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from bot.settings.files import PACKAGE, kubeconfigs, settings_file, shipped

LOOK_ALIKE = "-look-alike"


def cluster_names(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the clusters of dnsbot.yaml; where there is none, the contexts of the kubeconfig."""
    file = settings_file(environment=environment)
    if file.exists():
        return sorted(map(str, _mapping(_read(file).get("clusters"))))
    return context_names(environment)


def context_names(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the contexts of the kubeconfig."""
    files = [Path(path).expanduser() for path in kubeconfigs(environment).split(os.pathsep) if path]
    return sorted({name for file in files for name in _contexts(_read(file))})


def playbook_names() -> list[str]:
    """Return the playbooks that come with the bot."""
    return sorted(file.stem for file in shipped("playbooks").glob("*.yaml"))


def scenario_names() -> list[str]:
    """Return the sandbox's scenarios, and their look-alikes."""
    files = (PACKAGE / "sandbox" / "scenarios").glob("[!_]*.py")
    return sorted(name for file in files for name in _scenarios(file.stem.replace("_", "-")))


def _scenarios(name: str) -> Sequence[str]:
    return (name,) if name.startswith("healthy") else (name, f"{name}{LOOK_ALIKE}")


def _contexts(document: Mapping[str, Any]) -> Iterator[str]:
    written = document.get("contexts")
    for one in written if isinstance(written, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("name"), str):
            yield one["name"]


def _read(file: Path) -> Mapping[str, Any]:
    with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
        return _mapping(yaml.safe_load(file.read_text(encoding="utf-8")))
    return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
