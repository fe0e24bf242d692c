"""A network on premises: routed beside the VPCs, with a host and a real Unbound that its people configure.

Nothing in it filters packets. Its Unbound has the third address, as a VPC's resolver has, forwards everything to the
public DNS of this network, and guards against rebinding (unbound.conf(5), `private-address`), until it is told more.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from bot.sandbox.world.world import WorldSite
from lab.coredns import CoreDns
from lab.corefiles import resolver_files
from lab.errors import LabError
from lab.namespaces import Run
from lab.vpc_names import VpcNames
from lab.vpc_wiring import VpcWiring

_PUBLIC_DNS = "127.0.0.53"
_SERVES = "start of service"
_SECONDS = 20.0
_PAUSE_SECONDS = 0.02
_CONFIGURATION = """\
server:
    interface: {address}
    outgoing-interface: {address}
    access-control: 0.0.0.0/0 allow
    private-address: 10.0.0.0/8
    private-address: 192.168.0.0/16
    do-ip6: no
    do-daemonize: no
    do-not-query-localhost: no
    module-config: "iterator"
    num-threads: 1
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    verbosity: 1
forward-zone:
    name: "."
    forward-addr: {public}
include: "{told}"
"""


class OnPremises:
    """One network. `start` lets its servers serve."""

    wiring: VpcWiring
    """Its host is `host`; to be linked with the VPCs that a VPN joins it with."""
    host: str
    """Full name of its host's namespace."""

    def __init__(self, run: Run, site: WorldSite) -> None:
        self._run, self.site = run, site
        self.wiring = VpcWiring(run, site.name, site.cidr)
        self.host = self.wiring.attach_host("host", site.host)
        self._public = CoreDns(run, f"public-dns-{site.name}", self.wiring.netns)
        self._folder = run.directory / f"unbound-{site.name}"
        self._folder.mkdir()
        self._unbound: subprocess.Popen[Any] | None = None

    @property
    def server(self) -> str:
        """The address of its Unbound."""
        return self.wiring.resolver_address

    def start(self, coredns: Path, *, public_dns: bool) -> None:
        """Start public DNS (`coredns`: the program's path), which may be closed, and Unbound."""
        files = resolver_files(VpcNames(public=public_dns), [_PUBLIC_DNS], self._public.folder, str)
        self._public.write(files)
        self._public.start(coredns)
        self.tell("")

    def tell(self, text: str) -> None:
        """Let Unbound include this text instead of the former one. Raises `LabError` where it does not take it."""
        told, log = self._folder / "told.conf", self._folder / "log"
        told.write_text(text, encoding="utf-8")
        configuration = self._folder / "unbound.conf"
        configuration.write_text(
            _CONFIGURATION.format(address=self.server, folder=self._folder, public=_PUBLIC_DNS, told=told),
            encoding="utf-8",
        )
        if self._unbound is not None:
            self._unbound.terminate()
            self._unbound.wait()
        with log.open("wb") as output:
            self._unbound = self._run.run_in(
                self.wiring.netns, ["unbound", "-d", "-p", "-c", str(configuration)], stdout=output, stderr=output
            )
        until = time.monotonic() + _SECONDS
        while _SERVES not in (said := log.read_text(errors="replace")):
            if self._unbound.poll() is not None or time.monotonic() > until:
                raise LabError(f"Unbound of {self.site.name} does not serve; its log ends: {said[-400:]}")
            time.sleep(_PAUSE_SECONDS)
