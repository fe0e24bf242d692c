"""What an image of the world holds: its root file system and its program, from what this machine has.

The kinds follow the names of the sandbox's images: CoreDNS is the real program on an empty root, kube-proxy the real
one with iptables and conntrack; the VPC CNI has iptables, and so has NodeLocal DNSCache beside its CoreDNS;
`…-distroless` has no program but its own; `…-busybox` has busybox; all others have this machine's tools (dig, nslookup,
ip).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from lab.errors import LabError
from lab.node_agent.node_cache import COREFILE
from lab.programs import Programs

_BUSYBOX_COMMANDS = ("sh", "cat", "ls", "nslookup", "ping", "sleep", "wget")
_SBIN = "/usr/sbin"
_IPTABLES = "xtables-nft-multi"
_IPTABLES_COMMANDS = tuple(
    f"{family}{kind}{command}"
    for family in ("iptables", "ip6tables")
    for kind in ("", "-nft")
    for command in ("", "-save", "-restore")
)
_ASKING = 'IFS=,; while :; do dig +search +tries=1 +time=2 $ASKS >/dev/null 2>&1; sleep "$1"; done'
"""What an application does whose environment names what it asks for: dig knows search domains and ndots."""
_ENV = "/usr/bin/env"
"""It finds a program by its PATH, as a container runtime does."""
_SETTINGS = ("alternatives", "ld.so.cache", "passwd", "group")
"""Of /etc: tools find their libraries by them, and tcpdump the user that it becomes."""
_DEVICES = ("null", "zero", "random", "urandom")
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64")

Pairs: TypeAlias = tuple[tuple[str, str], ...]


class Contents(StrEnum):
    """What an image has on board."""

    COREDNS = "coredns"
    KUBE_PROXY = "kube-proxy"
    NODE_CACHE = "node-cache"
    VPC_CNI = "vpc-cni"
    TOOLS = "tools"
    BUSYBOX = "busybox"
    DISTROLESS = "distroless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A root file system and the program that the image starts."""

    mounts: Pairs
    """(place on the machine, place inside)"""
    links: Pairs
    """(place inside, target)"""
    program: str
    arguments: tuple[str, ...]


def contents(image: str) -> Contents:
    """Return what an image reference has on board."""
    if "/coredns" in image:
        return Contents.COREDNS
    if "/kube-proxy" in image:
        return Contents.KUBE_PROXY
    if "/k8s-dns-node-cache" in image:
        return Contents.NODE_CACHE
    if "/amazon-k8s-cni" in image:
        return Contents.VPC_CNI
    if "distroless" in image:
        return Contents.DISTROLESS
    return Contents.BUSYBOX if "busybox" in image else Contents.TOOLS


def root_of(
    image: str,
    arguments: Sequence[str],
    programs: Programs,
    *,
    command: Sequence[str] = (),
    asks_each_seconds: float = 0,
) -> Root:
    """Return the root of an image; `arguments` are the pod's own.

    Applications sleep, whatever their arguments; one of this machine's tools runs the `command` that its pod names.
    `asks_each_seconds`: after such a pause one that has dig looks up again what its environment names; 0: it does not.
    """
    has = contents(image)
    if has is Contents.COREDNS:
        own: Pairs = ((programs.path("coredns"), "/coredns"), ("/proc", "/proc"))
        return Root(mounts=own, links=(), program="/coredns", arguments=("coredns", *arguments))
    if has is Contents.KUBE_PROXY:
        mounts, links = _filter_tools("conntrack")
        own = (("/proc", "/proc"), ("/sys", "/sys"), (programs.path("kube-proxy"), "/kube-proxy"))
        return Root(mounts=(*mounts, *own), links=links, program="/kube-proxy", arguments=("kube-proxy", *arguments))
    if has is Contents.NODE_CACHE:
        mounts, links = _filter_tools()
        own = ((programs.path("coredns"), "/node-cache"), ("/proc", "/proc"))
        conf = ("node-cache", "-conf", COREFILE)  # what else it is told, the node's agent does
        return Root(mounts=(*mounts, *own), links=links, program="/node-cache", arguments=conf)
    mounts, links = _of_application(has)
    if has is Contents.TOOLS and command:
        return Root(mounts=mounts, links=links, program=_ENV, arguments=("env", *command))
    return Root(
        mounts=(*mounts, (_busybox(), "/application")),
        links=links,
        program="/application",
        arguments=_doing(has, asks_each_seconds),
    )


def _doing(has: Contents, asks_each_seconds: float) -> tuple[str, ...]:
    if has is Contents.TOOLS and asks_each_seconds:
        return ("sh", "-c", _ASKING, "application", f"{asks_each_seconds:g}")
    return ("sleep", "2147483647")


def _of_application(has: Contents) -> tuple[Pairs, Pairs]:
    if has is Contents.TOOLS:
        return _machine()
    if has is Contents.VPC_CNI:
        return _filter_tools()
    if has is Contents.BUSYBOX:
        links = tuple((f"/bin/{command}", "busybox") for command in _BUSYBOX_COMMANDS)
        return ((_busybox(), "/bin/busybox"), *_devices()), links
    return (), ()


def _machine() -> tuple[Pairs, Pairs]:
    """Return this machine's programs and libraries, with those of its settings that they read."""
    links = tuple((f"/{name}", f"usr/{name}") for name in _MERGED if Path(f"/{name}").is_symlink())
    mounts = [("/usr", "/usr"), *_devices()]
    mounts += [
        (f"/{name}", f"/{name}")
        for name in _MERGED
        if Path(f"/{name}").is_dir() and (f"/{name}", f"usr/{name}") not in links
    ]
    mounts += [(f"/etc/{name}", f"/etc/{name}") for name in _SETTINGS if Path(f"/etc/{name}").exists()]
    return tuple(mounts), links


def _filter_tools(*more: str) -> tuple[Pairs, Pairs]:
    """Return iptables as EKS's minimal images have it, with libraries, without a shell; `more`: further programs."""
    libraries = [name for name in _MERGED if name.startswith("lib") and Path(f"/usr/{name}").is_dir()]
    mounts = [(f"/usr/{name}", f"/usr/{name}") for name in libraries]
    mounts += [(f"{_SBIN}/{name}", f"{_SBIN}/{name}") for name in (_IPTABLES, *more)]
    links = [(f"/{name}", f"usr/{name}") for name in libraries]
    links += [(f"{_SBIN}/{name}", _IPTABLES) for name in _IPTABLES_COMMANDS]
    return (*mounts, *_devices()), tuple(links)


def _devices() -> Pairs:
    return tuple((f"/dev/{name}", f"/dev/{name}") for name in _DEVICES)


def _busybox() -> str:
    found = shutil.which("busybox", path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise LabError(
            "Applications of the lab sleep by busybox, which is not here. Install busybox-static (`make lab` does)."
        )
    return found
