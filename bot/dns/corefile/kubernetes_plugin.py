"""What CoreDNS's plugin `kubernetes` takes (plugin/kubernetes/setup.go)."""

from __future__ import annotations

import re

from bot.dns.corefile.addresses import origins
from bot.dns.corefile.kinds import anything, decimal, duration, integer, one_of
from bot.dns.corefile.plugin_words import PluginWords, Unsure
from bot.dns.corefile.stanza import Check, each, eat, line, loose, take_options

_REVERSE = (".in-addr.arpa.", ".ip6.arpa.")
_SELECTOR = re.compile(r"[a-z0-9]{1,63}(?:=[a-z0-9]{1,63})?(?:,[a-z0-9]{1,63}(?:=[a-z0-9]{1,63})?){0,20}")


def _selector(words: PluginWords) -> None:
    found = " ".join(words.remaining())
    if not found:
        words.wrong_count()
    if not _SELECTOR.fullmatch(found):
        raise Unsure(f"whether {found[:60]} is a label selector", by_words=True)


def _kubeconfig(words: PluginWords) -> None:
    line(anything, anything, optional=1)(words)
    raise Unsure("what the kubeconfig holds")


def _endpoint(words: PluginWords) -> None:
    line(anything, rest=anything)(words)
    raise Unsure("whether the API server's `endpoint` is a URL", by_words=True)


def _tls(words: PluginWords) -> None:
    line(anything, anything, anything)(words)
    raise Unsure("what the files of `tls` hold")


def _ignore(words: PluginWords) -> None:
    if words.remaining()[:1] not in ([], ["empty_service"]):
        words.refuse("unable to parse ignore value")


_OPTIONS: dict[str, Check] = {
    "endpoint_pod_names": line(),
    "pods": line(one_of("disabled", "insecure", "verified")),
    "namespaces": line(anything, rest=anything),
    "endpoint": _endpoint,
    "tls": _tls,
    "labels": _selector,
    "namespace_labels": _selector,
    "fallthrough": eat,
    "ttl": loose(integer(0, 3600), least=1),
    "noendpoints": line(),
    "zonal": line(),
    "ignore": _ignore,
    "kubeconfig": _kubeconfig,
    "startup_timeout": loose(duration(), least=1),
    "apiserver_qps": line(decimal(0, 3e38)),
    "apiserver_burst": line(integer(0)),
    "apiserver_max_inflight": line(integer(0)),
}


def kubernetes(words: PluginWords) -> None:
    """Take the plugin; its zones are those of its arguments, else its server block's."""
    for _ in each(words, once=True):
        arguments = words.remaining()
        zones = origins(arguments) if arguments else words.zones
        if all(zone.endswith(_REVERSE) for zone in zones):
            words.refuse("non-reverse zone name must be used")

        def multicluster(inner: PluginWords, zones: tuple[str, ...] = zones) -> None:
            if set(origins(inner.remaining())) - set(zones):
                raise Unsure("whether the multicluster zones are served", by_words=True)

        seen = take_options(words, {**_OPTIONS, "multicluster": multicluster})
        if {"namespaces", "namespace_labels"} <= {*seen}:
            words.refuse("namespaces and namespace_labels cannot both be set")
        if {"zonal", "noendpoints"} <= {*seen}:
            words.refuse("zonal requires the endpoint cache; remove noendpoints")
