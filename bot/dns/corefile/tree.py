"""What a Corefile says, as values: server blocks, their addresses, their plugins; what in it is not known."""

from __future__ import annotations

from dataclasses import dataclass

DNS = "dns"
"""The transport of plain DNS, udp and tcp: what pods ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileAddress:
    """One zone that a server block serves, at one port."""

    zone: str
    """Lower case, with its last dot; `.` is the root."""
    port: int
    transport: str = DNS
    """dns, tls, quic, grpc, https or https3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileOption:
    """One line of a plugin's own block."""

    words: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefilePlugin:
    """One plugin with its arguments and its own block."""

    name: str
    arguments: tuple[str, ...]
    options: tuple[CorefileOption, ...]
    """Of its own block, line by line. A block inside it stands among the words, with its braces."""
    line: int
    """1-based, in `file`."""
    file: str = ""
    begin: int = 0
    end: int = 0
    """Its place in the file's text, from its name to its last word or brace: what a splice takes out."""

    def option(self, name: str) -> CorefileOption | None:
        """Return the first option of this name."""
        return next((option for option in self.options if option.words[0] == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBlock:
    """One server block."""

    keys: tuple[str, ...]
    """As written: `.:53`, `tls://corp.example:853`, `10.0.0.0/16`."""
    addresses: tuple[CorefileAddress, ...]
    """What the keys name; none for a key that an environment variable makes or that is no zone."""
    plugins: tuple[CorefilePlugin, ...]
    """In the order they are written, those of imported snippets and files in the import's place."""
    line: int
    """1-based, of its first key, in `file`."""
    file: str = ""
    opens_at: int = 0
    """Behind its opening brace, or behind its keys where it has none: what is spliced in there is its first line."""
    closes_at: int = 0
    """Before its closing brace; without braces, the end of its last word."""
    unread: tuple[str, ...] = ()
    """Why it may hold plugins that are not listed: each a file that was not read or a variable that is not known."""

    @property
    def serves_root(self) -> bool:
        """Whether plain DNS asks this block what no other block takes."""
        return any(address.zone == "." and address.transport == DNS for address in self.addresses)

    def plugin(self, name: str) -> CorefilePlugin | None:
        """Return the first plugin of this name."""
        return next((plugin for plugin in self.plugins if plugin.name == name), None)

    def has(self, name: str) -> bool | None:
        """Return whether the block uses this plugin; None where what was not read may hold it."""
        if self.plugin(name):
            return True
        return None if self.unread else False


def root_block(blocks: tuple[ServerBlock, ...]) -> ServerBlock | None:
    """Return the block that pods' queries reach: plain DNS for every name, on port 53 before any other port."""
    roots = [block for block in blocks if block.serves_root]
    on_53 = (block for block in roots if any(one.zone == "." and one.port == 53 for one in block.addresses))  # noqa: PLR2004  # DNS's port
    return next(on_53, roots[0] if roots else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileRefusal:
    """Why CoreDNS does not start with this Corefile."""

    file: str
    line: int
    """1-based; 0 where no line is to blame."""
    message: str
    plugin: str = ""
    """The plugin that refuses its words; empty for the grammar itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileUnknown:
    """Something that decides what the Corefile says and was not read."""

    file: str
    line: int
    reason: str
    by_words: bool = False
    """Whether CoreDNS itself would tell by the words alone: no file, network, variable or build decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedCorefile:
    """What a Corefile holds."""

    blocks: tuple[ServerBlock, ...]
    refusal: CorefileRefusal | None = None
    """Where the grammar ends; the blocks before it are listed."""
    unknown: tuple[CorefileUnknown, ...] = ()
    snippets: tuple[str, ...] = ()
    """The names of the snippets it defines."""
