"""Whether CoreDNS starts with a Corefile, by what its grammar and its plugins take.

Held against CoreDNS itself by `lab/tests/test_corefiles_agree.py`. Where a plugin's options, a file or a variable are
not known the answer is open, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.dns.corefile.addresses import NoZone, addresses_of
from bot.dns.corefile.answering_plugins import ANSWERING
from bot.dns.corefile.changing_plugins import CHANGING
from bot.dns.corefile.plugin_words import PluginWords, Unsure
from bot.dns.corefile.reading import CorefileWords, NotTaken, WordsOfBlock
from bot.dns.corefile.serving_plugins import SERVING
from bot.dns.corefile.stanza import Check
from bot.dns.corefile.tree import CorefileAddress, CorefileRefusal, CorefileUnknown
from bot.dns.corefile.versions import Version, knows, still_knows
from bot.dns.corefile.words import Word

GRAMMARS: Mapping[str, Check] = {**SERVING, **CHANGING, **ANSWERING}
"""What each plugin takes, by its name."""
FURTHER = frozenset({
    *("azure", "clouddns", "dnstap", "dynupdate", "etcd", "geoip", "grpc", "grpc_server", "https", "https3"),
    *("k8s_external", "nomad", "on", "proxyproto", "quic", "route53", "shed", "siit", "tsig"),
})  # fmt: skip
"""Plugins of CoreDNS whose arguments are not described here."""
EXTERNAL = frozenset({
    *("ads", "alias", "alternate", "amazondns", "blocklist", "docker", "fallback", "fanout", "filter", "finalize"),
    *("git", "gslb", "idetcd", "ipecho", "ipset", "k8s_crd", "k8s_gateway", "kubenodes", "kubernetai", "lighthouse"),
    *("mdns", "meshname", "multicluster", "mysql", "netbox", "pdsql", "ratelimit", "records", "recursor", "redis"),
    *("redisc", "rrl", "tailscale", "unbound", "wgsd"),
})  # fmt: skip
"""Plugins that people build into a CoreDNS of their own (coredns.io/explugins)."""
_PORTS = 65_535


def check_reading(
    reading: CorefileWords, version: Version | None = None
) -> tuple[CorefileRefusal | None, tuple[CorefileUnknown, ...]]:
    """Return why CoreDNS refuses it, or None; and what was not known on the way.

    `version`: of that CoreDNS; None: the newest.
    """
    checking = _Checking(version=version, unknown=list(reading.unknown))
    if reading.refusal:
        return reading.refusal, tuple(checking.unknown)
    try:
        checking.check(reading)
    except NotTaken as caught:
        return caught.refusal, tuple(checking.unknown)
    return None, tuple(checking.unknown)


@dataclass(slots=True, kw_only=True)
class _Checking:
    version: Version | None
    unknown: list[CorefileUnknown]

    def check(self, reading: CorefileWords) -> None:
        for block in reading.blocks:
            for words in block.plugins:
                self._name(words[0])
        blocks = [block for block in reading.blocks if block.keys]
        addresses = [self._keys(block) for block in blocks]
        for block, served in zip(blocks, addresses, strict=True):
            self._plugins(block, served)
        _check_overlap(blocks, addresses)

    def _unsure(self, word: Word, reason: str, *, by_words: bool = False) -> None:
        self.unknown.append(CorefileUnknown(file=word.file, line=word.line, reason=reason, by_words=by_words))

    def _name(self, name: Word) -> None:
        if name.asks_environment:
            self._unsure(name, f"which plugin {name.text} stands for")
        elif name.text in EXTERNAL:
            self._unsure(name, f"whether this CoreDNS was built with the plugin {name.text}")
        elif name.text in GRAMMARS or name.text in FURTHER:
            known = knows(self.version, name.text)
            if known is False:
                raise NotTaken(name, f"Unknown directive '{name.text}'")
            if known is None:
                self._unsure(name, f"whether this CoreDNS knows the plugin {name.text}")
        elif still_knows(self.version, name.text):
            self._unsure(name, f"what plugin {name.text} takes")
        else:
            raise NotTaken(name, f"Unknown directive '{name.text}'")

    def _keys(self, block: WordsOfBlock) -> list[CorefileAddress]:
        found: list[CorefileAddress] = []
        for key in block.keys:
            if not _is_plain(key):
                self._unsure(key, f"which zone {key.text} stands for")
                continue
            try:
                found += addresses_of(key.text)
            except NoZone as error:
                raise NotTaken(key, str(error)) from None
            if not 0 <= found[-1].port <= _PORTS:
                raise NotTaken(key, f"invalid port {found[-1].port}")
        return found

    def _plugins(self, block: WordsOfBlock, served: list[CorefileAddress]) -> None:
        zones = [one.zone for one in served] if all(map(_is_plain, block.keys)) else None
        by_name: dict[str, list[Word]] = {}
        for words in block.plugins:
            by_name.setdefault(words[0].text, []).extend(words)
        for name, words in by_name.items():
            if name in FURTHER:
                self._unsure(words[0], f"what plugin {name} takes")
            if name not in GRAMMARS:
                continue
            try:
                GRAMMARS[name](PluginWords(name, words, zones, self.version))
            except Unsure as caught:
                self._unsure(caught.word or words[0], f"plugin {name}: {caught.reason}", by_words=caught.by_words)


def _is_plain(key: Word) -> bool:
    """Return whether a key is what it says: no variable, no escape in it."""
    return not key.asks_environment and "\\" not in key.text


def _check_overlap(blocks: Iterable[WordsOfBlock], addresses: Iterable[list[CorefileAddress]]) -> None:
    """Refuse a zone that two blocks serve at one address, or one of them at every address."""
    taken: dict[CorefileAddress, set[str]] = {}
    for block, served in zip(blocks, addresses, strict=True):
        names = {words[0].text for words in block.plugins}
        hosts = [word.text for words in block.plugins if words[0].text == "bind" for word in words[1:]] or [""]
        for one in served:
            others = taken.setdefault(one, set())
            if "view" in names or "{" in hosts:
                continue
            if any(host in others for host in hosts) or (others and ("" in others or hosts == [""])):
                key = block.keys[0]
                raise NotTaken(key, f"cannot serve {one.transport}://{one.zone}:{one.port} - it is already defined")
            others.update(hosts)
