"""Where files are: dnsbot.yaml, kubeconfigs, and what comes with the bot. Imports little: a shell waits for names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

DEFAULT_FILE = "dnsbot.yaml"
DEFAULT_KUBECONFIG = "~/.kube/config"
PACKAGE = Path(__file__).resolve().parents[1]


def settings_file(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """Return where dnsbot.yaml is looked for: `file`, else DNSBOT_CONFIG's, else ./dnsbot.yaml."""
    env = os.environ if environment is None else environment
    return file or Path(env.get("DNSBOT_CONFIG") or DEFAULT_FILE)


def kubeconfigs(environment: Mapping[str, str]) -> str:
    """Return which kubeconfigs there may be, as KUBECONFIG names them, or the one that kubectl takes without it."""
    return environment.get("KUBECONFIG") or DEFAULT_KUBECONFIG


def shipped(folder: str) -> Path:
    """Return where `playbooks`, `templates` or `migrations` are: beside the package, or inside the wheel."""
    inside = PACKAGE / "shipped" / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder
