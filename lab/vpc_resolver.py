"""The VPC's own DNS resolver: a real CoreDNS inside the fabric, which neither groups nor ACLs filter.

It answers public names, instances' private names (`ip-10-0-1-5.eu-west-1.compute.internal`) and the names it is given.
Source: VPC User Guide, "Understand Amazon DNS": base + 2 of the VPC's CIDR, and 169.254.169.253.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.namespaces import Run, joined

LINK_LOCAL = "169.254.169.253"
_START_SECONDS = 20.0
_PORT = 53
_QUERY = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06amazon\x03com\x00\x00\x01\x00\x01"
"""A query for the A records of amazon.com (RFC 1035)."""

_COREFILE = """\
.:53 {{
    bind {addresses}
    template IN A {{
        match ^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.].*compute[.]internal[.]$
        answer "{{{{ .Name }}}} 60 IN A {{{{ .Group.a }}}}.{{{{ .Group.b }}}}.{{{{ .Group.c }}}}.{{{{ .Group.d }}}}"
        fallthrough
    }}
    template IN ANY {{
        match [.](local|internal|invalid|test|localhost|example|corp|lan)[.]$
        match ^[^.]*[.]$
        match [.][^.]*[0-9][^.]*[.]$
        rcode NXDOMAIN
        fallthrough
    }}
    template IN A {{
        answer "{{{{ .Name }}}} 60 IN A 54.239.28.85"
        answer "{{{{ .Name }}}} 60 IN A 52.94.236.248"
        answer "{{{{ .Name }}}} 60 IN A 205.251.242.103"
    }}
    template IN ANY {{
        rcode NOERROR
    }}
    errors
}}
"""

_NAMED = """\
{name}:53 {{
    bind {addresses}
    hosts {{
{lines}
        ttl 60
    }}
}}
"""


class VpcResolver:
    """Runs from `start` to the end of the run, or until `stop`."""

    def __init__(self, run: Run, netns: str, addresses: tuple[str, ...]) -> None:
        self._run, self._netns, self._addresses = run, netns, addresses
        self._corefile = run.directory / "vpc-resolver.Corefile"
        self._process: subprocess.Popen[Any] | None = None
        self.name_hosts({})

    def name_hosts(self, names: Mapping[str, Iterable[str]]) -> None:
        """Answer these names, and no others of this kind, with these addresses (an EKS endpoint's private name).

        A resolver that runs already reads them some time later: CoreDNS reloads beside its answering.
        """
        listen = " ".join(self._addresses)
        text = _COREFILE.format(addresses=listen)
        for name, addresses in sorted(names.items()):
            lines = "\n".join(f"        {address} {name}" for address in addresses)
            text += _NAMED.format(name=name, addresses=listen, lines=lines)
        self._corefile.write_text(text)
        if self._process is not None:
            self._process.send_signal(signal.SIGUSR1)  # CoreDNS reloads

    def start(self, coredns: Path) -> None:
        """Start `coredns` (the program's path) and wait until it answers."""
        log = self._run.directory / "vpc-resolver.log"
        with log.open("wb") as output:
            self._process = self._run.run_in(
                self._netns, [str(coredns), "-conf", str(self._corefile)], stdout=output, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise LabError(f"the VPC resolver ({coredns}) does not answer; its log ends: {log.read_text()[-400:]}")

    def stop(self) -> None:
        """End it: every look-up of it fails from now on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with joined(self._netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.2)
            try:
                asking.sendto(_QUERY, (self._addresses[0], _PORT))
                return len(asking.recv(512)) > len(_QUERY)
            except OSError:
                time.sleep(0.02)
                return False
