"""What an image of the world holds: its root file system and its program, from what this machine has.

The kinds follow the names of the sandbox's images: CoreDNS and kube-proxy are the real programs on an empty root;
`…-distroless` has no program but its own; `…-busybox` has busybox; all others have this machine's tools (dig, nslookup).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.errors import LabError
from lab.programs import Programs

_BUSYBOX_COMMANDS = ("sh", "cat", "ls", "nslookup", "ping", "sleep", "wget")
_DEVICES = ("null", "zero", "random", "urandom")
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64")


class Contents(StrEnum):
    """What an image has on board."""

    COREDNS = "coredns"
    KUBE_PROXY = "kube-proxy"
    TOOLS = "tools"
    BUSYBOX = "busybox"
    DISTROLESS = "distroless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A root file system and the program that the image starts."""

    mounts: tuple[tuple[str, str], ...]
    """(place on the machine, place inside)"""
    links: tuple[tuple[str, str], ...]
    """(place inside, target)"""
    program: str
    arguments: tuple[str, ...]


def contents(image: str) -> Contents:
    """Return what an image reference has on board."""
    if "/coredns" in image:
        return Contents.COREDNS
    if "/kube-proxy" in image:
        return Contents.KUBE_PROXY
    if "distroless" in image or "/amazon-k8s-cni" in image:
        return Contents.DISTROLESS
    return Contents.BUSYBOX if "busybox" in image else Contents.TOOLS


def root_of(image: str, arguments: Sequence[str], programs: Programs) -> Root:
    """Return the root of an image; `arguments` are the pod's own. Applications sleep, whatever their arguments."""
    has = contents(image)
    if has is Contents.COREDNS:
        mounts = ((programs.path("coredns"), "/coredns"),)
        return Root(mounts=mounts, links=(), program="/coredns", arguments=("coredns", *arguments))
    if has is Contents.KUBE_PROXY:
        mounts, links = _machine()
        mounts += (("/proc", "/proc"), ("/sys", "/sys"), (programs.path("kube-proxy"), "/kube-proxy"))
        return Root(mounts=mounts, links=links, program="/kube-proxy", arguments=("kube-proxy", *arguments))
    mounts, links = _machine() if has is Contents.TOOLS else ((), ())
    if has is Contents.BUSYBOX:
        links = tuple((f"/bin/{command}", "busybox") for command in _BUSYBOX_COMMANDS)
        mounts = ((_busybox(), "/bin/busybox"), *_devices())
    return Root(
        mounts=(*mounts, (_busybox(), "/application")),
        links=links,
        program="/application",
        arguments=("sleep", "2147483647"),
    )


def _machine() -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Return this machine's programs and libraries, without its settings."""
    links = tuple((f"/{name}", f"usr/{name}") for name in _MERGED if Path(f"/{name}").is_symlink())
    mounts = [("/usr", "/usr"), *_devices()]
    mounts += [
        (f"/{name}", f"/{name}")
        for name in _MERGED
        if Path(f"/{name}").is_dir() and (f"/{name}", f"usr/{name}") not in links
    ]
    mounts += [
        (f"/etc/{name}", f"/etc/{name}") for name in ("alternatives", "ld.so.cache") if Path(f"/etc/{name}").exists()
    ]
    return tuple(mounts), links


def _devices() -> tuple[tuple[str, str], ...]:
    return tuple((f"/dev/{name}", f"/dev/{name}") for name in _DEVICES)


def _busybox() -> str:
    found = shutil.which("busybox", path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise LabError(
            "Applications of the lab sleep by busybox, which is not here. Install busybox-static (`make lab` does)."
        )
    return found
