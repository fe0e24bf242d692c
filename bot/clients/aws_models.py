"""botocore's descriptions of AWS's services, read without what only people read.

A third of a description is documentation, and botocore keeps the order of members in a class that takes twice the
memory of a dict, which keeps it, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader, create_loader
from botocore.session import Session


class _LeanFiles(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    def _load_file(self, full_path: str, open_method: Callable[[str, str], Any]) -> Any:  # noqa: ANN401  # botocore's signature
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            return json.loads(file.read(), object_hook=_without_documentation)


def _without_documentation(described: dict[str, Any]) -> dict[str, Any]:
    """Drop a text of this name; a member that AWS calls so is an object."""
    if isinstance(described.get("documentation"), str):
        del described["documentation"]
    return described


def lean_models(session: Session) -> Loader:
    """Return what reads the descriptions for a session."""
    loader = create_loader(session.get_config_variable("data_path"))
    loader.file_loader = _LeanFiles()
    return loader
