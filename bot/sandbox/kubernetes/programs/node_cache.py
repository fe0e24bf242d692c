"""node-cache, the program of NodeLocal DNSCache: a CoreDNS that makes an interface and rules on its node (B1 to B3).

Written from kubernetes/dns, cmd/node-cache (main.go, app/cache_app.go, app/configmap.go) of 1.26: what it replaces in
its Corefile, in which order it lays what, and what of that it leaves behind when it ends in a hurry.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from bot.sandbox.kubernetes import dns_answers
from bot.sandbox.kubernetes.container_runs import ContainerRun, LogLine
from bot.sandbox.kubernetes.coredns_exposition import Counters, Shown, exposition, shows_metrics
from bot.sandbox.kubernetes.corefile import Block, CorefileError, Directive, parse
from bot.sandbox.kubernetes.node import Node
from bot.sandbox.kubernetes.program import Host, Process, Program, Query
from bot.sandbox.kubernetes.programs.coredns import (
    Upstreams,
    forwarded,
    hash_line,
    mounted_file,
    self_test_lines,
)
from bot.sandbox.kubernetes.resources import SERVICES
from bot.sandbox.network.packets import passes
from bot.sandbox.network.replies import Reply
from bot.sandbox.network.resolver import query

_COREFILE, _BASE = "/etc/Corefile", "Corefile.base"
_PORT = 53
_VERSION = "1.12.2"
"""Of the CoreDNS that it is built from."""
_UPSTREAM_SERVERS = "/etc/resolv.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the container's arguments say, with node-cache's own defaults."""

    local_ips: str
    """As given: a list with commas."""
    upstream_service: str
    interface: str
    makes_interface: bool
    makes_rules: bool

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of the interface and of the rules."""
        return tuple(self.local_ips.split(","))

    @property
    def invalid(self) -> str:
        """The first that is no address; empty: all are."""
        return next((one for one in self.addresses if not _is_address(one)), "")


def flags(host: Host) -> Flags:
    """Return the flags of the pod's container: `-name value` or `-name=value`, one dash or two."""
    words = [str(word) for word in host.pod["spec"]["containers"][0].get("args") or []]
    given = {name.lstrip("-"): value for name, value in pairwise(words) if name.startswith("-")}
    given |= {name.lstrip("-"): value for name, _, value in (word.partition("=") for word in words) if value}
    return Flags(
        local_ips=given.get("localip", ""),
        upstream_service=given.get("upstreamsvc", "kube-dns"),
        interface=given.get("interfacename", "nodelocaldns"),
        makes_interface=given.get("setupinterface", "true") != "false",
        makes_rules=given.get("setupiptables", "true") != "false",
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _filled(base: str, given: Flags, cluster_dns: str) -> str:
    """Return the Corefile that it writes from the template; other placeholders stay as they are."""
    return (
        base.replace("__PILLAR__UPSTREAM__SERVERS__", _UPSTREAM_SERVERS)
        .replace("__PILLAR__CLUSTER__DNS__", cluster_dns or "<nil>")
        .replace("__PILLAR__LOCAL__DNS__", given.local_ips.replace(",", " "))
        .replace("__PILLAR__DNS__SERVER__", "")
    )


def _template(host: Host) -> str:
    volumes = [volume["configMap"] for volume in host.pod["spec"].get("volumes") or [] if "configMap" in volume]
    return next((text for volume in volumes if (text := mounted_file(host, volume, _BASE))), "")


def _cluster_dns(host: Host, service: str) -> str:
    """Return the Service's address as the pod's environment has it; empty: it has none."""
    found = host.store.find(SERVICES, host.pod["metadata"]["namespace"], service)
    return str(found["spec"].get("clusterIP", "")) if found else ""


@dataclass(slots=True, kw_only=True)
class NodeCache(Process):
    """One node-cache process that serves."""

    given: Flags
    cluster_dns: str
    upstreams: Upstreams
    blocks: tuple[Block, ...]
    text: str
    """The Corefile that it last wrote."""
    counters: Counters = field(default_factory=Counters)

    def tick(self, host: Host, now: datetime) -> None:
        """Write the Corefile anew where its template has changed, and load that where it can."""
        text = _filled(_template(host), self.given, self.cluster_dns)
        if text == self.text:
            return
        self.text = text
        self.run.say(now, *_written(text), "[INFO] Reloading")
        try:
            self.blocks = parse(text, _COREFILE)
        except CorefileError as error:
            failed = f"Corefile changed but reload failed: starting with listener file descriptors: {error}"
            self.run.say(now, f"[ERROR] Restart failed: {error}", f"[ERROR] plugin/reload: {failed}")
            self.counters.failed_reloads += 1
            return
        self.run.say(now + timedelta(milliseconds=9), hash_line(text), "[INFO] Reloading complete")

    def answer(self, host: Host, query: Query) -> Reply:
        """Answer from upstream, by the server block that the name belongs to."""

        def upstream(forward: Directive, name: str) -> Reply:
            reply = forwarded(self.run, host, query, forward, self.upstreams.resolved(forward.arguments[1]), name)
            self.counters.forwarded(reply)
            return reply

        reply = dns_answers.coredns(host.store, self.blocks, query.name, upstream)
        self.counters.responses[reply.outcome.value] += 1
        return reply

    def page(self, host: Host, port: int, path: str, now: datetime) -> str | None:
        """Return the metrics, where a server block has the plugin `prometheus` on this port."""
        del host, now
        if path != "metrics" or not shows_metrics(self.blocks, port):
            return None
        return exposition(
            Shown(
                version=_VERSION,
                started=self.run.started,
                upstream=self.upstreams.upstream(self.blocks),
                responses=self.counters.responses,
                answers=self.counters.upstream,
                failed=self.counters.failed,
                hits=0,
                failed_reloads=self.counters.failed_reloads,
            )
        )

    def terminate(self, node: Node) -> None:
        """Remove the interface and the rules."""
        if self.given.makes_interface:
            node.interfaces.pop(self.given.interface, None)
        if self.given.makes_rules:
            node.untracked -= set(self.given.addresses)


def _written(text: str) -> tuple[str, ...]:
    updated = f"[INFO] Updated Corefile with 0 custom stubdomains and upstream servers {_UPSTREAM_SERVERS}"
    return updated, "[INFO] Using config file:", *text.splitlines()


def _rules(addresses: tuple[str, ...]) -> list[str]:
    """Return the rules of these addresses as the log names them."""
    found = []
    for address in addresses:
        to, back = f"-d {address} --dport {_PORT}", f"-s {address} --sport {_PORT}"
        for table, chain, match, target in (
            ("raw", "PREROUTING", to, "NOTRACK"),
            ("filter", "INPUT", to, "ACCEPT"),
            ("raw", "OUTPUT", back, "NOTRACK"),
            ("filter", "OUTPUT", back, "ACCEPT"),
            ("raw", "OUTPUT", to, "NOTRACK"),
        ):
            found += [f"{{{table} {chain} [-p {protocol} {match} -j {target}]}}" for protocol in ("tcp", "udp")]
    return found


def start(host: Host, now: datetime) -> Process:
    """Start node-cache: interface first, then CoreDNS, and the rules only once that serves."""
    given, run = flags(host), ContainerRun(started=now)
    run.say(now, "[INFO] Starting node-cache image: 1.26.4", f"[INFO] Using Corefile {_COREFILE}")
    if given.invalid:
        failed = f'Error parsing flags - invalid localip specified - "{given.invalid}", Exiting'
        return _ended(run, now, f"[FATAL] {failed}")
    cluster_dns = _cluster_dns(host, given.upstream_service)
    run.say(now, *([] if cluster_dns else [_no_service(given)]))
    text = _filled(_template(host), given, cluster_dns)
    run.say(now, *_written(text))
    if given.makes_interface:
        host.node.interfaces[given.interface] = frozenset(given.addresses)
        run.say(now, f"[INFO] Added interface - {given.interface}")
    at = now + timedelta(milliseconds=30)
    try:
        blocks = _taken(text)
        bound = _bound(host, blocks)
    except CorefileError as error:
        return _ended(run, at, str(error))
    upstreams = Upstreams.of(host)
    run.say(at, *(f"{zone} on {address}" for block in blocks for zone in block.zones for address in _binds(block)))
    run.say(at, hash_line(text), f"CoreDNS-{_VERSION}", "linux/amd64, go1.24.6, ")
    root = upstreams.upstream(blocks)
    if root in bound and any(block.find("loop") for block in blocks):
        return _ended(run, at + timedelta(milliseconds=70), _LOOP.format(address=root))
    if given.makes_rules:
        host.node.untracked |= set(given.addresses)
        later = now + timedelta(seconds=1)
        run.say(later, *(f"[INFO] Added back nodelocaldns rule - {rule}" for rule in _rules(given.addresses)))
    run.repeated = _self_test(host, run, upstreams, blocks)
    return NodeCache(
        run=run,
        bound=frozenset(bound),
        given=given,
        cluster_dns=cluster_dns,
        upstreams=upstreams,
        blocks=blocks,
        text=text,
    )


def _self_test(
    host: Host, run: ContainerRun, upstreams: Upstreams, blocks: tuple[Block, ...]
) -> Callable[[datetime], list[LogLine]] | None:
    """Return what the loop plugin's queries to the root block's server leave in the log; None: that answers them."""
    server, root = upstreams.upstream(blocks), next((one for one in blocks if one.serves("") == 0), None)
    forward = root.find("forward") if root else None
    if not server or forward is None or server in host.vpc.resolver_addresses:
        return None
    over_tcp = "force_tcp" in forward.properties
    flow = query(host.node_address, server, client_port=40000, protocol="tcp" if over_tcp else "udp")
    if passes(host.vpc, flow):
        return None
    return lambda until: self_test_lines(run.started, host.node_address, server, until, cached=True, over_tcp=over_tcp)


_LOOP = (
    '[FATAL] plugin/loop: Loop ({address}:41872 -> {address}:53) detected for zone ".", see '
    'https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 2282514487573236478.2316871446241378251."'
)


def _ended(run: ContainerRun, at: datetime, words: str) -> Process:
    run.say(at, words)
    run.ended, run.exit_code = at, 1
    return Process(run=run)


def _binds(block: Block) -> tuple[str, ...]:
    found = block.find("bind")
    return found.arguments if found else ()


def _taken(text: str) -> tuple[Block, ...]:
    """Return the server blocks, or raise `CorefileError` for a target of `forward` that is no server."""
    blocks = parse(text, _COREFILE)
    for found in filter(None, (block.find("forward") for block in blocks)):
        target = found.arguments[1]
        if not target.startswith("/") and not _is_address(target):
            raise CorefileError(f'plugin/forward: not an IP address or file: "{target}"')
    return blocks


def _bound(host: Host, blocks: tuple[Block, ...]) -> set[str]:
    """Return the addresses that it listens on: those it is told, else all of its node.

    Raises `CorefileError` with what it says where it cannot have one.
    """
    every = {host.node_address, *(one for held in host.node.interfaces.values() for one in held)}
    wanted = {address for block in blocks for address in (_binds(block) or every)}
    for address in sorted(wanted):
        why = "address already in use" if address in host.node.bound else ""
        if not host.node.holds(address) and address != host.node_address:
            why = "cannot assign requested address"
        if why:
            raise CorefileError(f"Listen: listen tcp {address}:{_PORT}: bind: {why}")
    return wanted


def _no_service(given: Flags) -> str:
    variable = f"${given.upstream_service.replace('-', '_').upper()}_SERVICE_HOST"
    named = f"Upstream service {given.upstream_service}, env {variable} ``"
    return f"[WARNING] Unable to lookup IP address of {named}"


PROGRAM = Program(name="node_cache", images=("/k8s-dns-node-cache",), start=start)
