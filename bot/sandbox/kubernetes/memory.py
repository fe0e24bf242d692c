"""How much memory a container may hold (Kubernetes documentation, "Resource Management for Pods and Containers")."""

from __future__ import annotations

import re

from bot.sandbox.kubernetes.resources import Json

_QUANTITY = re.compile(r"^(\d{1,18}(?:\.\d{1,9})?)(m|k|[KMGT]i?)?$")
_FACTORS = {"": 1.0, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


def memory_limit(container: Json) -> int | None:
    """Return the bytes of a container's memory limit; None: it has none. Raises `ValueError` for no quantity."""
    said = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    if said is None:
        return None
    found = _QUANTITY.match(str(said))
    if found is None:
        raise ValueError(f"the memory limit {said!r} of the container {container['name']} is no quantity")
    return int(float(found[1]) * {**_FACTORS, **_BINARY}[found[2] or ""])
