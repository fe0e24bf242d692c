"""Which files an `import` takes in (coredns/caddy, caddyfile/parse.go; Go's path/filepath.Glob)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

Folders = Mapping[str, Mapping[str, str]]
"""Folders whose whole content is known, by absolute path: the text of each file by its name."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a pattern names."""

    files: tuple[tuple[str, str], ...] = ()
    """Path and text of each, in the order they are taken in."""
    refused: str = ""
    """Why CoreDNS ends with it; empty: it does not."""
    unread: str = ""
    """Why it is not known which files these are, or what they hold."""


def imported(pattern: str, importing: str, folders: Folders) -> Found:
    """Return what `pattern` names where it stands in the file `importing`."""
    path = pattern if pattern.startswith("/") else posixpath.join(posixpath.dirname(importing), pattern)
    path = posixpath.normpath(path)
    if path.count("*") > 1 or path.count("?") > 1 or ("[" in path and "]" in path):
        return Found(refused=f"Glob pattern may only contain one wildcard (*), but has others: {path}")
    folder, name = posixpath.split(path)
    if folder not in folders or re.search(r"[*?\[\\]", folder):
        return Found(unread=f"`import {pattern}`: {path} was not read")
    if not re.search(r"[*?\[\]]", name):
        if name not in folders[folder]:
            return Found(refused=f"File to import not found: {pattern}")
        return Found(files=((path, folders[folder][name]),))
    if re.search(r"[\[\]\\]", name):
        return Found(unread=f"`import {pattern}`: such a pattern is not followed")
    matcher = re.compile(re.escape(name).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
    return Found(
        files=tuple(
            (posixpath.join(folder, one), text)
            for one, text in sorted(folders[folder].items())
            if matcher.fullmatch(one)
        )
    )
