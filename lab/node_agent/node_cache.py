"""node-cache, the program of NodeLocal DNSCache, as the lab has it: the real CoreDNS, and what else that program lays.

An interface with the addresses, then CoreDNS with the filled Corefile, then the rules (kubernetes/dns,
cmd/node-cache/app/cache_app.go and configmap.go). The interface is one end of a veth pair, since a kernel without dummy
interfaces has that too; its name, addresses and routes are the same.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Self

from lab.errors import LabError
from lab.namespaces import ip, joined

COREFILE, BASE = "/etc/Corefile", "Corefile.base"
_PORT, _HEALTH_PORT = 53, 8080
_SERVED_SECONDS = 20.0
_LISTENING = "0A"
_SKIP, _ALLOW = "NodeLocal DNS Cache: skip conntrack", "NodeLocal DNS Cache: allow DNS traffic"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCache:
    """What its arguments say, with its own defaults."""

    addresses: tuple[str, ...]
    """Of the interface and of the rules."""
    upstream_service: str
    interface: str
    makes_interface: bool
    makes_rules: bool

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Self:
        """Read flags: `-name value` or `-name=value`, one dash or two."""
        given = {name.lstrip("-"): value for name, value in pairwise(arguments) if name.startswith("-")}
        parted = (word.partition("=") for word in arguments)
        given |= {name.lstrip("-"): value for name, equals, value in parted if equals}
        return cls(
            addresses=tuple(given.get("localip", "").split(",")),
            upstream_service=given.get("upstreamsvc", "kube-dns"),
            interface=given.get("interfacename", "nodelocaldns"),
            makes_interface=given.get("setupinterface", "true") != "false",
            makes_rules=given.get("setupiptables", "true") != "false",
        )

    def corefile(self, base: str, cluster_dns: str) -> str:
        """Return the Corefile that it writes from its template; other placeholders stay as they are."""
        return (
            base.replace("__PILLAR__UPSTREAM__SERVERS__", "/etc/resolv.conf")
            .replace("__PILLAR__CLUSTER__DNS__", cluster_dns or "<nil>")
            .replace("__PILLAR__LOCAL__DNS__", " ".join(self.addresses))
            .replace("__PILLAR__DNS__SERVER__", "")
        )

    def lay_interface(self, netns: str) -> None:
        """Make the interface anew with its addresses. Raises `LabError` where one is no address."""
        if self.makes_interface:
            self._remove_interface(netns)
            ip(
                netns,
                f"link add {self.interface} type veth peer name {self._other_end}",
                f"link set {self.interface} up",
                f"link set {self._other_end} up",
                *(f"address add {address}/32 dev {self.interface}" for address in self.addresses),
            )

    def lay_rules_when_served(self, netns: str, process: subprocess.Popen[bytes]) -> None:
        """Lay the rules of all addresses once CoreDNS runs, which serving one shows; none where it ends before."""
        end = time.monotonic() + _SERVED_SECONDS
        while self.makes_rules and process.poll() is None and time.monotonic() < end:
            if not _listened_at(netns).isdisjoint(self.addresses):
                self._change_rules(netns, "-A")
                return
            time.sleep(0.1)

    def remove(self, netns: str) -> None:
        """Take away interface and rules, as the program does when it is asked to end."""
        if self.makes_interface:
            self._remove_interface(netns)
        if self.makes_rules:
            self._change_rules(netns, "-D")

    @property
    def _other_end(self) -> str:
        return f"{self.interface[:13]}.p"

    def _remove_interface(self, netns: str) -> None:
        with joined(netns):
            subprocess.run(["ip", "link", "delete", self.interface], capture_output=True, check=False)  # noqa: S603, S607  # none is there the first time

    def _change_rules(self, netns: str, change: str) -> None:
        """Add (`-A`) the rules that are not there, or delete (`-D`) those that are."""
        with joined(netns):
            there = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout  # noqa: S607  # from the PATH
            wanted = [(table, rule) for table, rule in self._rules() if (f"-A {rule}" in there) is (change == "-D")]
            text = "".join(f"*{table}\n{change} {rule}\nCOMMIT\n" for table, rule in wanted)
            done = subprocess.run(
                ["iptables-restore", "--noflush"],  # noqa: S607  # from the PATH
                input=text,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            raise LabError(f"iptables-restore in {netns}: {done.stderr.strip()}")

    def _rules(self) -> Iterator[tuple[str, str]]:
        """Yield table and rule, as `iptables-save` prints it."""
        for address in self.addresses:
            there, back = f"-d {address}/32", f"-s {address}/32"
            for protocol in ("tcp", "udp"):
                asked, answered = (f"-p {protocol} -m {protocol} --{way}port {_PORT}" for way in "ds")
                yield "raw", _rule("PREROUTING", f"{there} {asked}", _SKIP, "NOTRACK")
                yield "filter", _rule("INPUT", f"{there} {asked}", _ALLOW, "ACCEPT")
                yield "raw", _rule("OUTPUT", f"{back} {answered}", _SKIP, "NOTRACK")
                yield "filter", _rule("OUTPUT", f"{back} {answered}", _ALLOW, "ACCEPT")
                yield "raw", _rule("OUTPUT", f"{there} {asked}", _SKIP, "NOTRACK")
            health = "-p tcp -m tcp"
            yield "raw", _rule("OUTPUT", f"{there} {health} --dport {_HEALTH_PORT}", _SKIP, "NOTRACK")
            yield "raw", _rule("OUTPUT", f"{back} {health} --sport {_HEALTH_PORT}", _SKIP, "NOTRACK")


def _rule(chain: str, match: str, comment: str, target: str) -> str:
    return f'{chain} {match} -m comment --comment "{comment}" -j {target}'


def _listened_at(netns: str) -> set[str]:
    """Return the IPv4 addresses at which something takes TCP connections for DNS (proc(5), /proc/net/tcp).

    To ask there would not tell: without the rules, a question to the ClusterIP is led to CoreDNS.
    """
    with joined(netns):
        rows = [line.split() for line in Path("/proc/thread-self/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    places = [row[1].split(":") for row in rows if row[3] == _LISTENING]
    return {str(IPv4Address(bytes.fromhex(host)[::-1])) for host, port in places if int(port, 16) == _PORT}
