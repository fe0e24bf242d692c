"""The CoreDNS pods of a world, by what runs in them: a scenario may give them other labels and names."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.scenario import Operator


def coredns_pods(operator: Operator) -> list[dict[str, Any]]:
    """Return all pods whose first container is of CoreDNS's image."""
    return [pod for pod in operator.get("pods") if "/coredns:" in pod["spec"]["containers"][0]["image"]]
