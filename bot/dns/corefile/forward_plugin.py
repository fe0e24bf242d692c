"""What CoreDNS's plugin `forward` takes (plugin/forward/setup.go)."""

from __future__ import annotations

from datetime import timedelta

from bot.dns.corefile.addresses import NoZone, is_domain_name, split_transport, split_zones
from bot.dns.corefile.kinds import (
    address,
    address_and_port,
    anything,
    duration,
    integer,
    is_address,
    member,
    one_of,
    split_host_port,
    unsigned,
    without_zone,
)
from bot.dns.corefile.names import RCODES
from bot.dns.corefile.plugin_words import PluginWords, Unsure
from bot.dns.corefile.stanza import Check, argument, bare, each, line, take_options
from bot.dns.corefile.versions import FORWARDS_IN_A_BLOCK

_NOTHING = timedelta()
_UPSTREAMS = 15
"""So many servers a forward may name."""
_NO_DESTINATION = ("grpc", "https3", "unix")


def _health_check(words: PluginWords) -> None:
    argument(duration(_NOTHING))(words)
    while words.next_argument():
        if words.value == "domain":
            argument(_domain)(words)
        elif words.value != "no_rec":
            words.refuse(f"health_check: unknown option {words.value}")


def _domain(text: str) -> None:
    if not is_domain_name(text):
        raise ValueError(f"health_check: invalid domain name {text}")


def _not_success(text: str) -> None:
    member(RCODES, upper=True)(text)
    if text.upper() == "NOERROR":
        raise ValueError("NoError cannot be used in failover")


def _tls(words: PluginWords) -> None:
    if words.next_argument():
        line(anything, anything, optional=2)(words)
        raise Unsure("what the files of `tls` hold")


_OPTIONS: dict[str, Check] = {
    "except": line(anything, rest=anything),
    "max_fails": argument(unsigned(32)),
    "max_connect_attempts": argument(unsigned(32)),
    "health_check": _health_check,
    "force_tcp": bare,
    "prefer_udp": bare,
    "tls": _tls,
    "tls_servername": argument(anything),
    "expire": argument(duration(_NOTHING)),
    "max_age": argument(duration(_NOTHING)),
    "max_idle_conns": argument(integer(0)),
    "read_timeout": argument(duration(above=_NOTHING)),
    "doh_method": argument(one_of("POST", "GET")),
    "policy": argument(one_of("random", "round_robin", "sequential")),
    "max_concurrent": argument(integer(0)),
    "next": line(member(RCODES, upper=True), rest=member(RCODES, upper=True)),
    "next_on_nodata": bare,
    "failfast_all_unhealthy_upstreams": line(),
    "failover": line(_not_success, rest=_not_success),
    "resolver": line(address_and_port, rest=address_and_port),
    "source_address": argument(address),
}


def forward(words: PluginWords) -> None:
    """Take the plugin: a zone, servers, options."""
    several = words.version is None or words.version >= FORWARDS_IN_A_BLOCK
    for _ in each(words, once=not several):
        _zone(words)
        targets = words.remaining()
        if not targets:
            words.wrong_count()
        seen = take_options(words, _OPTIONS)
        for target in targets:
            _target(words, target)
        if len(targets) > _UPSTREAMS and len({*targets}) == len(targets):
            words.refuse(f"more than {_UPSTREAMS} TOs configured: {len(targets)}")
        if "max_age" in seen:
            raise Unsure("whether max_age is less than expire", by_words=True)
        if "tls_servername" in seen and any("%" in target for target in targets):
            raise Unsure("which TLS server name holds", by_words=True)


def _zone(words: PluginWords) -> None:
    if not words.next_argument():
        words.wrong_count()
    try:
        split_zones(split_transport(words.value)[1])
    except NoZone:
        words.refuse(f"unable to normalize '{words.value}'")


def _target(words: PluginWords, target: str) -> None:
    """Take a server: an address, or the node's resolv.conf, which names some wherever a pod has one."""
    transport, host = split_transport(target)
    if not host:
        words.refuse(f"invalid address: {target!r}")
    if transport in _NO_DESTINATION:
        words.refuse(f"'{transport}' is not supported as a destination protocol in forward: {target}")
    if transport == "https" and "/" in host:
        words.refuse(f"paths are not allowed in HTTPS upstream addresses: {target}")
    try:
        plain, _ = split_host_port(host)
    except ValueError:
        plain = host.strip("[]")
    if not is_address(without_zone(plain)) and target != "/etc/resolv.conf":
        raise Unsure(f"which addresses {target} stands for")
