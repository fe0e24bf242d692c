"""Becomes a container's program: builds its root from mounts in a mount namespace of its own, enters it, executes.

`python -I -S launch.py SPEC`, inside the pod's network namespace (`ip netns exec` has made the mount namespace).
What is mounted is the machine's own, so it is read-only but for /proc: there kube-proxy sets its namespace's sysctls.
Source: mount(2), proc_pid_mountinfo(5), chroot(2), execve(2). Standard library alone: it starts with every container.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC = 1, 32, 4096, 16384
_KEPT_FLAGS = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
"""Flags of a mount that a remount would take away if it did not name them, as mountinfo spells them."""
_WRITABLE = "proc"
_LIBC = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: Path, kind: str, flags: int) -> None:
    if _LIBC.mount(source.encode(), str(target).encode(), kind.encode(), flags, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def _bind(root: Path, source: str, inside: str) -> None:
    target = root / inside.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(source).is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount(source, target, "none", _MS_BIND | _MS_REC)


def _protect(root: Path) -> None:
    """Make every mount below `root` read-only but those of `_WRITABLE`, the mounts that came along with one, too."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        words = line.split()
        place = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), words[4]))
        if root in place.parents and place.relative_to(root).parts[0] != _WRITABLE:
            kept = sum(_KEPT_FLAGS.get(option, 0) for option in words[5].split(","))
            _mount("none", place, "none", _MS_BIND | _MS_REMOUNT | _MS_RDONLY | kept)


def become(spec: dict[str, Any]) -> None:
    """Join the memory group, build the root, enter it and execute the program. Does not return."""
    if spec["memory_group"]:
        Path(spec["memory_group"]).write_text("0", encoding="ascii")  # this process
    root = Path(spec["root"])
    root.mkdir(parents=True, exist_ok=True)
    _mount("tmpfs", root, "tmpfs", 0)
    for folder in ("tmp", "run", "etc", "var", "root"):
        (root / folder).mkdir()
    for source, inside in spec["mounts"]:
        _bind(root, source, inside)
    _protect(root)
    for inside, target in spec["links"]:
        (root / inside.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (root / inside.lstrip("/")).symlink_to(target)
    os.chroot(root)
    os.chdir("/")
    os.execve(spec["program"], spec["arguments"], spec["environment"])  # noqa: S606  # this is what it is for


if __name__ == "__main__":
    become(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
