"""`nft list table`: kube-proxy's nftables mode. Its table holds one map from ClusterIP and port to a chain.

Source: nft(8); kubernetes, pkg/proxy/nftables/proxier.go (table `kube-proxy`, map `service-ips`, chains
`service-HASH-NAMESPACE/NAME/PROTOCOL/PORT` and `endpoint-HASH-…__ADDRESS/PORT`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.errors import SourceGarbled
from bot.linux.printed import whole_lines
from bot.linux.service_rules import ServiceRule

LIST_KUBE_PROXY = ("nft", "list", "table", "ip", "kube-proxy")
LIST_KUBE_PROXY_OF_IPV6 = ("nft", "list", "table", "ip6", "kube-proxy")

_TABLE = re.compile(r"^table (ip6?|inet) (\S+) \{$")
_BLOCK = re.compile(r"^(chain|map|set|flowtable) (\S+) \{$")
_ELEMENT = re.compile(
    r"(?<![0-9a-fA-F.:])([0-9a-fA-F.:]{2,45}) \. (tcp|udp|sctp) \. (\d{1,5})(?: comment \"[^\"]{0,256}\")? : "
    r"goto ([^\s,}]{1,256})"
)
_TO_ENDPOINT = re.compile(r"\bgoto (endpoint-[^\s,}]{1,256})")
_DNAT = re.compile(r"\bdnat (?:ip6? )?to (\S{1,64})")
_NAMED = re.compile(r"^service-[0-9A-Z]{1,20}-([^/]{1,64})/([^/]{1,64})/(?:tcp|udp|sctp)/(.{0,16})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    kind: str
    name: str
    body: str


def parse_nft_services(text: str) -> tuple[ServiceRule, ...]:
    """Return what kube-proxy's table leads ClusterIPs to. Raises `SourceGarbled` for a text that is cut or no table."""
    blocks = list(_blocks(whole_lines(text, "nft list table")))
    chains = {block.name: block.body for block in blocks if block.kind == "chain"}
    ips = next((block.body for block in blocks if (block.kind, block.name) == ("map", "service-ips")), None)
    if ips is None:
        raise SourceGarbled("kube-proxy's table of nftables has no map `service-ips`; nothing is concluded from it.")
    return tuple(
        ServiceRule(
            address=found[1],
            protocol=found[2],
            port=int(found[3]),
            name=_name(found[4]),
            backends=tuple(_backends(chains, found[4])),
        )
        for found in _ELEMENT.finditer(ips)
    )


def _blocks(lines: list[str]) -> Iterator[_Block]:
    if not lines or _TABLE.match(lines[0].strip()) is None or lines[-1].rstrip() != "}":
        raise SourceGarbled("What `nft list table` printed is no whole table; nothing is concluded from it.")
    kind, name, body, depth = "", "", "", 0
    for line in lines[1:-1]:
        stripped = line.strip()
        begun = _BLOCK.match(stripped)
        if not depth and begun is not None:
            kind, name, body, depth = begun[1], begun[2], "", 1
            continue
        depth += stripped.count("{") - stripped.count("}")
        if depth < 0:
            raise SourceGarbled("What `nft list table` printed has brackets that do not match; it is not judged.")
        if depth == 0 and kind:
            yield _Block(kind=kind, name=name, body=body)
            kind = ""
        body += f"{stripped} "
    if depth:
        raise SourceGarbled(f"What `nft list table` printed ends within {kind} {name}: it is cut, and is not judged.")


def _backends(chains: dict[str, str], chain: str) -> Iterator[str]:
    for found in _TO_ENDPOINT.finditer(chains.get(chain, "")):
        leads = _DNAT.search(chains.get(found[1], ""))
        if leads is not None:
            yield leads[1]


def _name(chain: str) -> str:
    named = _NAMED.match(chain)
    return f"{named[1]}/{named[2]}:{named[3]}" if named else ""
