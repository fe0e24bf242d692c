"""botocore's descriptions of AWS's services, read without what only people read.

A third of a description is documentation, and botocore keeps the order of members in a class that takes twice the
memory of a dict, which keeps it, too. Before it reads one it looks into the folders of all 440 services for which have
such a file, anew for each kind of file: a thirtieth of what a small diagnosis costs. Here the folder of the one that is
asked for tells. One reading serves all sessions of the process: hundreds of clusters have one each, and reading was two
thirds of the first light look at each.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import JSONFileLoader, Loader, create_loader, instance_cache
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


class _OneFolder(Loader):  # type: ignore[misc]  # botocore has no types
    """Takes every folder for a service until it is asked for, and says then what botocore would have said."""

    @instance_cache  # type: ignore[untyped-decorator]  # the same
    def list_available_services(self, type_name: str) -> list[str]:
        del type_name
        paths = filter(os.path.isdir, self.search_paths)
        return sorted({entry.name for path in paths for entry in os.scandir(path) if entry.is_dir()})

    def determine_latest_version(self, service_name: str, type_name: str) -> str:
        try:
            found: str = super().determine_latest_version(service_name, type_name)
        except DataNotFoundError as error:
            known = ", ".join(self.list_available_services(type_name))
            raise UnknownServiceError(service_name=service_name, known_service_names=known) from error
        return found


class _Shared:
    """A loader that one thread asks at a time: what hundreds would read at once is read once, and kept."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # botocore has no types
        found = getattr(self._loader, name)
        return partial(self._alone, found) if callable(found) else found

    def _alone(self, method: Callable[..., Any], *arguments: object, **named: object) -> Any:  # noqa: ANN401  # the same
        with self._lock:
            return method(*arguments, **named)


def lean_models(session: Session) -> _Shared:
    """Return what reads the descriptions for a session, and for every other that looks for them at the same paths."""
    return _reader(session.get_config_variable("data_path") or "")


@cache
def _reader(paths: str) -> _Shared:
    usual = create_loader(paths or None)
    return _Shared(
        _OneFolder(extra_search_paths=usual.search_paths, file_loader=_LeanFiles(), include_default_search_paths=False)
    )
