"""What a DNS server on premises must be told so that it asks the inbound endpoint for one name (D6).

Texts for BIND (`zone` of type forward), dnsmasq (`server=/NAME/ADDRESS`), Unbound (`forward-zone`) and Windows DNS
(conditional forwarder). Unbound and dnsmasq may drop private addresses in answers as a guard against rebinding; their
texts except this name from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from bot.dns.host_names import valid_host_name


class ForwarderSoftware(StrEnum):
    """A DNS server's software, as people call it."""

    BIND = "BIND"
    UNBOUND = "Unbound"
    DNSMASQ = "dnsmasq"
    WINDOWS_DNS = "Windows DNS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderText:
    """What one kind of server is told."""

    software: ForwarderSoftware
    file_name: str
    """Under which the text is handed out."""
    text: str
    """Whole lines; what begins with `#` is for people."""


def forwarder_texts(name: str, addresses: Sequence[str]) -> tuple[ForwarderText, ...]:
    """Return the texts by which queries for `name` alone go to `addresses`, port 53.

    Raises `ValueError` for a name that is no host name, for no address and for one that is none.
    """
    host = name.rstrip(".").lower()
    if not valid_host_name(host):
        raise ValueError(f"{name!r} is no host name")
    targets = [str(ip_address(one)) for one in addresses]
    if not targets:
        raise ValueError(f"no address is given to which queries for {host} would go")
    return (
        _text(ForwarderSoftware.BIND, "bind.conf", _bind(host, targets), host),
        _text(ForwarderSoftware.UNBOUND, "unbound.conf", _unbound(host, targets), host),
        _text(ForwarderSoftware.DNSMASQ, "dnsmasq.conf", _dnsmasq(host, targets), host),
        _text(ForwarderSoftware.WINDOWS_DNS, "windows-dns.ps1", _windows(host, targets), host),
    )


def _text(software: ForwarderSoftware, file_name: str, lines: Sequence[str], host: str) -> ForwarderText:
    told = f"# {software}: ask the Resolver inbound endpoint for {host}, and for no other name."
    return ForwarderText(software=software, file_name=file_name, text="\n".join((told, *lines, "")))


def _bind(host: str, targets: Sequence[str]) -> list[str]:
    hops = " ".join(f"{one};" for one in targets)
    return [f'zone "{host}" {{', "    type forward;", "    forward only;", f"    forwarders {{ {hops} }};", "};"]


def _unbound(host: str, targets: Sequence[str]) -> list[str]:
    own = ["server:", f'    private-domain: "{host}"', "forward-zone:", f'    name: "{host}"']
    return [*own, *(f"    forward-addr: {one}" for one in targets), "    forward-first: no"]


def _dnsmasq(host: str, targets: Sequence[str]) -> list[str]:
    return [*(f"server=/{host}/{one}" for one in targets), f"rebind-domain-ok=/{host}/"]


def _windows(host: str, targets: Sequence[str]) -> list[str]:
    return [f'Add-DnsServerConditionalForwarderZone -Name "{host}" -MasterServers {",".join(targets)}']
