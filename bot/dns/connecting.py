"""A TLS connection by curl: argument list and what it prints (curl's manual, "EXIT CODES")."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from bot.dns.host_names import valid_host_name
from bot.domain.network_lookups import Contact
from bot.domain.ports import ExecResult

_NOT_CONNECTED, _TIMED_OUT = 7, 28
_MAX_DETAIL = 200


def curl_arguments(name: str, address: str) -> tuple[str, ...]:
    """Return the argument list that connects to an address as `name`. Raises `ValueError` for what is none."""
    found = ip_address(address)
    host = name.rstrip(".")
    if not valid_host_name(host) or "%" in address:
        raise ValueError(f"{name!r} at {address!r} is nothing to connect to: a host name and an IP address are wanted")
    at = f"[{found}]" if isinstance(found, IPv6Address) else str(found)
    quiet = ("--silent", "--show-error", "--insecure", "--noproxy", "*", "--output", "/dev/null")
    limits = ("--connect-timeout", "3", "--max-time", "5")
    return (
        "curl", *quiet, *limits, "--write-out", "%{http_code}", "--resolve", f"{host}:443:{at}", f"https://{host}/livez",
    )  # fmt: skip


def read_curl(result: ExecResult) -> tuple[Contact, str]:
    """Return what came of the connection and what curl said. An HTTP status, 401 too, is an answer of the API's."""
    status = result.text().strip()
    if result.exit_code == 0 and status.isdigit() and int(status):
        return Contact.REACHED, f"HTTP {status}"
    said = " ".join(result.complaint.split())[:_MAX_DETAIL] or f"curl ended with {result.exit_code}"
    if result.exit_code == _TIMED_OUT:
        return Contact.TIMED_OUT, said
    if result.exit_code == _NOT_CONNECTED and "refused" in said:
        return Contact.REFUSED, said
    return Contact.FAILED, said
