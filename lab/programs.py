"""Where the programs of the lab are: built once from `lab/tools` into a cache folder, then found there."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

_BUILD = Path(__file__).parent / "tools" / "build"
_NAMES = (
    *("etcd", "coredns", "corefile-check"),
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubectl"),
)
_FROM_DEBIAN = {
    "ip": "iproute2",
    "nft": "nftables",
    "iptables-nft": "iptables",
    "dig": "dnsutils",
    "conntrack": "conntrack",
    "tcpdump": "tcpdump",
    "sysctl": "procps",
    "busybox": "busybox-static",
}
"""Programs of the machine that the lab uses, with the Debian package of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The folder that holds the built programs."""

    folder: Path

    def path(self, name: str) -> str:
        """Return the path of a built program, such as `kube-apiserver`. Raises `LabError`."""
        found = self.folder / name
        if not found.is_file():
            raise LabError(f"{name} is not in {self.folder}. Run `make lab-tools`.")
        return str(found)


def built_programs() -> Programs:
    """Build what is missing (some ten minutes once, nothing afterwards) and return the folder.

    What the build prints goes to this process's standard error. Raises `LabError` when it fails.
    """
    done = subprocess.run([str(_BUILD)], stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603  # our own script
    if done.returncode:
        raise LabError(f"{_BUILD} ended with {done.returncode}; the cause stands above. Try `make lab-tools`.")
    programs = Programs(folder=Path(done.stdout.strip()))
    for name in _NAMES:
        programs.path(name)
    return programs


def require_packages() -> None:
    """Raise `LabError` where this machine lacks a program; the text names the Debian packages."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    missing = sorted(package for name, package in _FROM_DEBIAN.items() if shutil.which(name, path=path) is None)
    if missing:
        names = " ".join(missing)
        raise LabError(f"The lab needs programs of {names}. Install them: apt-get install {names}")
