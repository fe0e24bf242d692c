"""Which CoreDNS knows which plugin and which option of it.

From plugin.cfg and the plugins' sources of the releases in `_READ`; `proxy` went before them (release notes of 1.5.0).
"""

from __future__ import annotations

import re

Version = tuple[int, int, int]

NEWEST: Version = (1, 15, 0)
"""The release whose plugins the grammars describe."""
_READ: tuple[Version, ...] = (
    *((1, 6, 6), (1, 7, 0), (1, 8, 0), (1, 8, 4), (1, 8, 7), (1, 9, 3), (1, 9, 4), (1, 10, 0), (1, 10, 1), (1, 11, 1)),
    *((1, 11, 3), (1, 11, 4), (1, 12, 0), (1, 12, 1), (1, 12, 2), (1, 12, 4), (1, 13, 1), (1, 14, 1), NEWEST),
)
_SINCE: dict[Version, tuple[str, ...]] = {
    (1, 7, 0): ("dns64", "forward max_concurrent"),
    (1, 8, 0): ("trace datadog_analytics_rate",),
    (1, 8, 4): ("local", "minimal", "acl filter", "bind except"),
    (1, 8, 7): ("geoip", "header", "dns64 allow_ipv4"),
    (1, 9, 3): ("errors stacktrace",),
    (1, 9, 4): (
        *("tsig", "cache disable", "cache servfail", "header query", "header response"),
        *("trace zipkin_max_backlog_size", "trace zipkin_max_batch_size", "trace zipkin_max_batch_interval"),
    ),
    (1, 10, 0): ("view",),
    (1, 10, 1): ("timeouts", "acl drop", "cache keepttl", "loadbalance reload", "template ederror"),
    (1, 11, 4): ("forward next",),
    (1, 12, 0): ("multisocket",),
    (1, 12, 1): ("forward failfast_all_unhealthy_upstreams",),
    (1, 12, 2): ("quic", "file fallthrough", "kubernetes multicluster", "ready monitor"),
    (1, 12, 4): ("kubernetes startup_timeout", "loadbalance prefer"),
    (1, 13, 1): ("nomad", "forward failover"),
    (1, 14, 1): (
        *("grpc_server", "https", "https3", "forward max_connect_attempts", "forward max_idle_conns"),
        *("kubernetes apiserver_burst", "kubernetes apiserver_max_inflight", "kubernetes apiserver_qps"),
    ),
    NEWEST: (
        *("dynupdate", "proxyproto", "shed", "siit", "cache serve_stale_policy", "file reload_by_mtime"),
        *(
            "forward doh_method",
            "forward max_age",
            "forward next_on_nodata",
            "forward read_timeout",
            "forward resolver",
        ),
        *("forward source_address", "hosts fallthrough_unsupported", "kubernetes zonal", "local localhost_prefix"),
        *("prometheus runtime_metrics", "prometheus tls", "secondary catalog", "secondary fallthrough"),
        *("timeouts maxtcpqueries", "transfer source"),
    ),
}
"""By the first of those releases that knows them: plugins, and options behind their plugin's name."""
_FIRST = {name: version for version, names in _SINCE.items() for name in names}
_REMOVED: dict[str, tuple[Version, str]] = {
    "proxy": ((1, 5, 0), "write `forward` in its place, with the same arguments"),
    "federation": ((1, 7, 0), "delete the line"),
    "kubernetes upstream": ((1, 7, 0), "delete the line"),
    "kubernetes resyncperiod": ((1, 7, 0), "delete the line"),
}
"""The release that took it away, and what to do."""
IN_ITS_PLACE = {"proxy": "forward"}
"""A plugin that was taken away, and the one that takes its arguments."""
FORWARDS_IN_A_BLOCK: Version = (1, 10, 0)
"""From then on a server block may hold several `forward`."""
_VERSION = re.compile(r"\D{0,200}?(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\D|$)")


def version_of(image_tag: str) -> Version | None:
    """Return the version of a tag such as `v1.11.4-eksbuild.2`; None where it names none of CoreDNS 1."""
    match = _VERSION.match(image_tag)
    found = (int(match[1]), int(match[2]), int(match[3])) if match else None
    return found if found and found[0] == 1 else None


def spelt(version: Version) -> str:
    """Return `1.11.4`."""
    return ".".join(map(str, version))


def knows(version: Version | None, plugin: str, option: str = "") -> bool | None:
    """Return whether this release knows a plugin or option that the newest knows; None where that was not read.

    Without a version it is taken for the newest.
    """
    first = _FIRST.get(f"{plugin} {option}".strip())
    if first is None or version is None or version >= first:
        return True
    return False if version <= _READ[_READ.index(first) - 1] else None


def still_knows(version: Version | None, plugin: str, option: str = "") -> bool:
    """Return whether this release still knows what the newest does not."""
    removed = _REMOVED.get(f"{plugin} {option}".strip())
    return removed is not None and version is not None and version < removed[0]


def removal(word: str) -> str:
    """Say which release removed a plugin or an option, and what to do; empty where none did."""
    for name, (version, todo) in _REMOVED.items():
        if name.split()[-1] == word:
            return f"CoreDNS {spelt(version)} removed `{word}`: {todo}"
    return ""
