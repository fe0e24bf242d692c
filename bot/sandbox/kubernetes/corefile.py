"""What CoreDNS makes of a Corefile: blocks and directives, or the error it dies of.

The sets of directives and properties are CoreDNS 1.11's (plugin.cfg and each plugin's README).
"""

from __future__ import annotations

from dataclasses import dataclass

PATH = "/etc/coredns/Corefile"
DIRECTIVES = frozenset(
    [
        "acl",
        "any",
        "auto",
        "autopath",
        "azure",
        "bind",
        "bufsize",
        "cache",
        "cancel",
        "chaos",
        "clouddns",
        "debug",
        "dns64",
        "dnssec",
        "dnstap",
        "erratic",
        "errors",
        "etcd",
        "file",
        "forward",
        "geoip",
        "grpc",
        "header",
        "health",
        "hosts",
        "import",
        "k8s_external",
        "kubernetes",
        "local",
        "loadbalance",
        "log",
        "loop",
        "metadata",
        "minimal",
        "nsid",
        "pprof",
        "prometheus",
        "ready",
        "reload",
        "rewrite",
        "root",
        "route53",
        "secondary",
        "sign",
        "template",
        "timeouts",
        "tls",
        "trace",
        "transfer",
        "tsig",
        "view",
        "whoami",
    ]
)
PROPERTIES = {
    "kubernetes": frozenset(
        [
            "endpoint",
            "tls",
            "kubeconfig",
            "namespaces",
            "namespace_labels",
            "labels",
            "pods",
            "endpoint_pod_names",
            "ttl",
            "noendpoints",
            "fallthrough",
            "ignore",
            "startup_timeout",
            "apiserver_qps",
            "apiserver_burst",
            "apiserver_max_inflight",
        ]
    ),
    "forward": frozenset(
        [
            "except",
            "force_tcp",
            "prefer_udp",
            "expire",
            "max_fails",
            "tls",
            "tls_servername",
            "policy",
            "health_check",
            "max_concurrent",
            "next",
            "failfast_all_unhealthy_upstreams",
        ]
    ),
    "health": frozenset({"lameduck"}),
    "cache": frozenset(["success", "denial", "prefetch", "serve_stale", "servfail", "disable", "keepttl"]),
    "errors": frozenset({"consolidate", "stacktrace"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """One line of a server block."""

    name: str
    arguments: tuple[str, ...]
    properties: tuple[str, ...] = ()
    """Names of the lines in its own block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A server block: `zones { … }`."""

    zones: tuple[str, ...]
    directives: tuple[Directive, ...]

    def find(self, name: str) -> Directive | None:
        """Return the first directive of this name."""
        return next((directive for directive in self.directives if directive.name == name), None)

    def serves(self, name: str) -> int:
        """Return how many labels of `name` the best matching zone covers, or -1."""
        return max((_depth(name, zone) for zone in self.zones), default=-1)


class CorefileError(Exception):
    """CoreDNS does not start with this Corefile; the text is the line that it prints."""


def _depth(name: str, zone: str) -> int:
    zone = zone.split(":", maxsplit=1)[0].strip(".")
    name = name.strip(".").lower()
    if not zone:
        return 0
    return zone.count(".") + 1 if name == zone or name.endswith(f".{zone}") else -1


class _Reader:
    """Walks the lines of a Corefile."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.lines = [(number, line.split("#")[0].split()) for number, line in enumerate(text.splitlines(), start=1)]
        self.lines = [(number, words) for number, words in self.lines if words]
        self.at = 0

    def next(self, opened: int) -> tuple[int, list[str]]:
        if self.at >= len(self.lines):
            raise self.refusal(opened, "Unexpected EOF")
        self.at += 1
        return self.lines[self.at - 1]

    def refusal(self, line: int, message: str, plugin: str = "") -> CorefileError:
        start = f"plugin/{plugin}: " if plugin else ""
        return CorefileError(f"{start}{self.path}:{line} - Error during parsing: {message}")


def _properties(reader: _Reader, directive: str, opened: int) -> tuple[str, ...]:
    named: list[str] = []
    allowed = PROPERTIES.get(directive)
    depth = 1
    while depth:
        line, words = reader.next(opened)
        if words == ["}"]:
            depth -= 1
            continue
        if depth == 1 and allowed is not None and words[0] not in allowed:
            raise reader.refusal(line, f"unknown property '{words[0]}'", directive)
        named += words[:1] if depth == 1 else []
        depth += words[-1] == "{"
    return tuple(named)


def _block(reader: _Reader) -> Block:
    opened, words = reader.next(0)
    if words[-1] != "{":
        raise reader.refusal(opened, f"Unexpected token '{words[-1]}', expecting '{{'")
    directives: list[Directive] = []
    while True:
        line, found = reader.next(opened)
        if found == ["}"]:
            return Block(zones=tuple(word.strip(",") for word in words[:-1]), directives=tuple(directives))
        if found[0] not in DIRECTIVES:
            raise reader.refusal(line, f"Unknown directive '{found[0]}'")
        has_block = found[-1] == "{"
        arguments = tuple(found[1:-1] if has_block else found[1:])
        properties = _properties(reader, found[0], line) if has_block else ()
        directives.append(Directive(name=found[0], arguments=arguments, properties=properties))


def parse(text: str, path: str = PATH) -> tuple[Block, ...]:
    """Return the server blocks, or raise `CorefileError` with the line that CoreDNS would print."""
    reader = _Reader(text, path)
    blocks = []
    while reader.at < len(reader.lines):
        blocks.append(_block(reader))
    return tuple(blocks)
