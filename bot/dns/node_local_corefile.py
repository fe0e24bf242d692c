"""NodeLocal DNSCache's Corefile: which placeholders stay in it, on which addresses it listens, whom it asks (B2).

node-cache writes the Corefile that runs from a template and replaces some placeholders itself; their literals in the
ConfigMap are normal. Others stay as they are, and so do all of them where another program reads the file. Source:
kubernetes/dns, cmd/node-cache/app/configmap.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from bot.dns.corefile.parsing import parse_corefile
from bot.dns.corefile.tree import DNS, ServerBlock

NO_SERVICE = "<nil>"
"""What node-cache writes where the environment names no address of its upstream Service."""
NOT_READ = "?"
"""In its place where that Service could not be read."""
RESOLV_CONF = "/etc/resolv.conf"
METRICS_PORT = 9153
"""Of CoreDNS's plugin `prometheus`, where it names none; node-local-dns's manifest names 9253."""
_PLACEHOLDER = re.compile(r"__PILLAR__[A-Z_]{1,60}__")
_LOCAL, _SERVER = "__PILLAR__LOCAL__DNS__", "__PILLAR__DNS__SERVER__"
_CLUSTER, _UPSTREAM = "__PILLAR__CLUSTER__DNS__", "__PILLAR__UPSTREAM__SERVERS__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """Where one server block sends what it does not know."""

    zones: tuple[str, ...]
    targets: tuple[str, ...]
    """Addresses, or `/etc/resolv.conf`."""
    force_tcp: bool
    line: int

    @property
    def serves_root(self) -> bool:
        """Whether it takes the names that no other block takes."""
        return "." in self.zones


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalCorefile:
    """What the Corefile says once node-cache has written it."""

    binds: tuple[str, ...]
    """Addresses that it is told to listen on, each once; with a block that names none, all of the node's."""
    binds_everything: bool
    """Some block for plain DNS names no address."""
    zones: tuple[str, ...]
    forwards: tuple[Forwarding, ...]
    left: tuple[str, ...]
    """Placeholders that stay, each once with its line: `__PILLAR__DNS__DOMAIN__ in line 1`."""
    refused: str = ""
    """Where the grammar ends."""
    metrics_port: int = 0
    """Where its plugin `prometheus` shows what all server blocks count; 0: some block counts nothing, or elsewhere."""


def is_link_local(address: str) -> bool:
    """Return whether this is an address that never leaves a host or its link (169.254.0.0/16, fe80::/10)."""
    try:
        return ip_address(address.partition("%")[0]).is_link_local
    except ValueError:
        return False


def is_address(word: str) -> bool:
    """Return whether this is an IP address."""
    try:
        ip_address(word.partition("%")[0])
    except ValueError:
        return False
    return True


def filled(template: str, local_addresses: Sequence[str], cluster_dns: str) -> str:
    """Return the Corefile that node-cache writes from this template."""
    return (
        template.replace(_UPSTREAM, RESOLV_CONF)
        .replace(_CLUSTER, cluster_dns)
        .replace(_LOCAL, " ".join(local_addresses))
        .replace(_SERVER, "")
    )


def placeholders(text: str) -> tuple[str, ...]:
    """Return the placeholders in a text, each once, with the first line that holds it."""
    found: dict[str, int] = {}
    for at, line in enumerate(text.split("\n"), start=1):
        for word in _PLACEHOLDER.findall(line.partition("#")[0]):
            found.setdefault(word, at)
    return tuple(f"{word} in line {line}" for word, line in found.items())


def read_node_local_corefile(text: str) -> NodeLocalCorefile:
    """Return what a Corefile says of listening and forwarding. Total."""
    parsed = parse_corefile(text)
    blocks = [block for block in parsed.blocks if _plain(block)]
    return NodeLocalCorefile(
        binds=tuple(dict.fromkeys(address for block in blocks for address in _binds(block))),
        binds_everything=any(not _binds(block) for block in blocks),
        zones=tuple(dict.fromkeys(zone for block in blocks for zone in _zones(block))),
        forwards=tuple(
            Forwarding(
                zones=_zones(block),
                targets=plugin.arguments[1:],
                force_tcp=plugin.option("force_tcp") is not None,
                line=plugin.line,
            )
            for block in blocks
            for plugin in block.plugins
            if plugin.name == "forward"
        ),
        left=placeholders(text),
        refused=parsed.refusal.message if parsed.refusal else "",
        metrics_port=_metrics_port(blocks),
    )


def _metrics_port(blocks: Sequence[ServerBlock]) -> int:
    """Return the one port at which all blocks count, that of the plugin's documentation where it names none."""
    shown = {_counted_at(block) for block in blocks}
    return shown.pop() if len(shown) == 1 else 0


def _counted_at(block: ServerBlock) -> int:
    plugin = next((one for one in block.plugins if one.name == "prometheus"), None)
    if plugin is None:
        return 0
    named = plugin.arguments[0].rpartition(":")[2] if plugin.arguments else str(METRICS_PORT)
    return int(named) if named.isdecimal() and len(named) <= len("65535") else 0


def _plain(block: ServerBlock) -> bool:
    """Return whether pods' queries may reach this block; one whose keys are no zones counts, too."""
    return not block.addresses or any(one.transport == DNS for one in block.addresses)


def _zones(block: ServerBlock) -> tuple[str, ...]:
    named = tuple(one.zone for one in block.addresses if one.transport == DNS)
    return named or block.keys


def _binds(block: ServerBlock) -> tuple[str, ...]:
    return tuple(address for plugin in block.plugins if plugin.name == "bind" for address in plugin.arguments)
