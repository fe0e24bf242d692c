"""kube-proxy's log lines: words and order of kube-proxy 1.36 at `--v=2` (klog, client-go 0.36's reflector).

As the real program writes them with the feature WatchListClient off; the list of its flags, which comes first, and what
it says about limits of the machine are left out. The version is that of the world's nodes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self, TypeAlias

from bot.sandbox.kubernetes.container_runs import LogLine, klog

Message: TypeAlias = tuple[str, str, str]
"""Severity, place in the source, text."""

_REFLECTOR = "k8s.io/client-go@v0.36.3/tools/cache/reflector.go:343"
_NODE_PORTS = (
    "nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. "
    "Consider using `--nodeport-addresses primary`"
)
_NO_CIDR = "Detect-local-mode set to ClusterCIDR, but no cluster CIDR specified for primary IP family"
_LOCALNET = (
    "Setting route_localnet=1 to allow node-ports on localhost; to change this either disable "
    "iptables.localhostNodePorts (--iptables-localhost-nodeports) or set nodePortAddresses (--nodeport-addresses) "
    "to filter loopback addresses"
)
_RETRY_SECONDS = 30.0
_NEWEST = 400
_TRACED_SECONDS = 10.0
"""client-go traces a list that took longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxier:
    """What is said by the part that lays the rules, in one of kube-proxy's modes."""

    starting: tuple[Message, ...]
    not_syncing: Message
    syncing: tuple[Message, ...]


_WAITS = "until Services and Endpoints have been received from master"
_SYNCED: Message = ("I", "proxier.go:662", '"SyncProxyRules complete" ipFamily="IPv4" elapsed="42.197825ms"')
PROXIERS: Mapping[str, Proxier] = {
    "iptables": Proxier(
        starting=(
            ("I", "server_linux.go:137", '"Using iptables Proxier"'),
            ("I", "proxier.go:241", f'"{_LOCALNET}" ipFamily="IPv4"'),
            ("I", "proxier.go:264", '"Using iptables mark for masquerade" ipFamily="IPv4" mark="0x00004000"'),
            (
                "I",
                "proxier.go:308",
                '"Iptables sync params" ipFamily="IPv4" minSyncPeriod="1s" syncPeriod="30s" maxSyncPeriod="1h0m0s"',
            ),
            ("I", "proxier.go:318", '"Iptables supports --random-fully" ipFamily="IPv4"'),
        ),
        not_syncing=("I", "proxier.go:644", f'"Not syncing iptables {_WAITS}" ipFamily="IPv4"'),
        syncing=(("I", "proxier.go:668", '"Syncing iptables rules" ipFamily="IPv4" fullSync=true'), _SYNCED),
    ),
    "ipvs": Proxier(
        starting=(
            ("I", "server_linux.go:194", '"Using ipvs Proxier"'),
            ("I", "proxier.go:348", '"Record nodeIP and family" ipFamily="IPv4" nodeIP="127.0.0.1" family="IPv4"'),
            ("I", "proxier.go:351", '"IPVS scheduler not specified, use rr by default" ipFamily="IPv4"'),
            (
                "I",
                "proxier.go:402",
                '"ipvs sync params" ipFamily="IPv4" minSyncPeriod="1s" syncPeriod="30s" maxSyncPeriod="1h0m0s"',
            ),
        ),
        not_syncing=("I", "proxier.go:680", f'"Not syncing ipvs rules {_WAITS}" ipFamily="IPv4"'),
        syncing=(),
    ),
    "nftables": Proxier(
        starting=(
            ("I", "server_linux.go:254", '"Using nftables Proxier"'),
            ("I", "proxier.go:236", '"Using nftables mark for masquerade" ipFamily="IPv4" mark="0x00004000"'),
            (
                "I",
                "proxier.go:274",
                '"NFTables sync params" ipFamily="IPv4" minSyncPeriod="1s" syncPeriod="30s" maxSyncPeriod="1h0m0s"',
            ),
        ),
        not_syncing=("I", "proxier.go:1068", f'"Not syncing nftables {_WAITS}" ipFamily="IPv4"'),
        syncing=(
            ("I", "proxier.go:1094", '"Syncing nftables rules" ipFamily="IPv4" fullSync=true'),
            ("I", "proxier.go:1088", '"SyncProxyRules complete" ipFamily="IPv4" elapsed="31.902114ms"'),
        ),
    ),
}
"""By mode. Lines of ipvs mode that need more than `--v=2` are left out."""
WAITING_FOR_NODE: Message = ("I", "shared_informer.go:402", '"Waiting for caches to sync"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message. Its head is written when somebody reads it: until then time may be put back."""

    at: datetime
    message: Message

    def line(self) -> LogLine:
        """Return it as it stands in the log."""
        severity, place, text = self.message
        return LogLine(at=self.at, text=klog(severity, self.at, place, text))

    def earlier(self, elapsed: timedelta) -> Self:
        """Return it so much earlier."""
        return replace(self, at=self.at - elapsed)


def populated(kind: str) -> Message:
    """Say that a list came."""
    return "I", "reflector.go:507", f'"Caches populated" type="{kind}" reflector="{_REFLECTOR}"'


def synced(controller: str) -> Message:
    """Say that a controller has what it waited for."""
    return "I", "shared_informer.go:388", f'"Caches are synced" controller="{controller}"'


def with_node(address: str, proxier: Proxier) -> list[Message]:
    """Return what comes once the process has read its own Node, in order."""
    return [
        ("I", "shared_informer.go:409", '"Caches are synced"'),
        ("I", "server.go:228", f'"Successfully retrieved NodeIPs" NodeIPs=["{address}"]'),
        (
            "E",
            "server.go:265",
            f'"Kube-proxy configuration may be incomplete or incorrect" err="{_NODE_PORTS}"',
        ),
        ("I", "server_linux.go:114", '"Kernel support disabled for family" ipFamily="IPv6"'),
        ("I", "server.go:276", '"kube-proxy running in single-stack mode" ipFamily="IPv4"'),
        (
            "I",
            "server_linux.go:312",
            f'"{_NO_CIDR}" ipFamily="IPv4" clusterCIDRs=null',
        ),
        *proxier.starting,
        ("I", "server.go:539", '"Version info" version="v1.32.9-eks-113cf36"'),
        ("I", "server.go:541", '"Golang settings" GOGC="" GOMAXPROCS="" GOTRACEBACK=""'),
        ("I", "config.go:200", '"Starting service config controller"'),
        _waiting("service config"),
        ("I", "config.go:106", '"Starting endpoint slice config controller"'),
        _waiting("endpoint slice config"),
        ("I", "config.go:403", '"Starting serviceCIDR config controller"'),
        _waiting("serviceCIDR config"),
        proxier.not_syncing,
        ("I", "config.go:309", '"Starting node config controller"'),
        _waiting("node config"),
        synced("node config"),
    ]


def event_refused(node: str) -> Message:
    """Say that the event of the start may not be written; the event is shown without its dates."""
    error = (
        'events.events.k8s.io is forbidden: User "system:serviceaccount:kube-system:kube-proxy" cannot create resource '
        '"events" in API group "events.k8s.io" in the namespace "default"'
    )
    event = (
        f"&Event{{ObjectMeta:{{{node}.18ea15b10d2e69ec  default    0}},ReportingController:kube-proxy,"
        f"Action:StartKubeProxy,Reason:Starting,Regarding:{{Node  {node}  v1  }},Type:Normal}}"
    )
    text = f'"Server rejected event (will not retry!)" err={json.dumps(error)} event="{event}"'
    return "E", "event_broadcaster.go:270", text


def refused(prefix: str, since: datetime, until: datetime) -> list[LogLine]:
    """Return what comes with each try to write rules that iptables-restore refuses: every 30 s, at most the newest."""
    error = (
        f"exit status 2: iptables-restore v1.8.9 (nf_tables): interface name `{prefix}+' must be shorter than IFNAMSIZ"
    )
    lines: list[LogLine] = []
    at = since
    while at <= until:
        text = f'"Failed to execute iptables-restore" err={json.dumps(error)} ipFamily="IPv4"'
        lines.append(LogLine(at=at, text=klog("E", at, "proxier.go:1404", text)))
        again = '"Sync failed" ipFamily="IPv4" retryingTime="30s"'
        lines.append(LogLine(at=at, text=klog("I", at, "proxier.go:679", again)))
        at += timedelta(seconds=_RETRY_SECONDS)
    return lines[-_NEWEST:]


def _waiting(controller: str) -> Message:
    return "I", "shared_informer.go:381", f'"Waiting for caches to sync" controller="{controller}"'


def failed(kind: str, error: str, asked: datetime, answered: datetime) -> list[LogLine]:
    """Return the lines of one list that failed; a long one leaves a trace before them."""
    quoted = json.dumps(f"failed to list {kind}: {error}")
    text = f'"Failed to watch" err={quoted} logger="UnhandledError" reflector="{_REFLECTOR}" type="{kind}"'
    lines = [LogLine(at=answered, text=klog("E", answered, "reflector.go:227", text))]
    seconds = (answered - asked).total_seconds()
    return lines if seconds < _TRACED_SECONDS else [*_traced(error, asked, answered, seconds), *lines]


def _traced(error: str, asked: datetime, answered: datetime, seconds: float) -> list[LogLine]:
    name = f"Trace[{zlib.crc32(f'{error}{asked:%M%S}'.encode()) % 2**31}]"
    took = f"{seconds * 1000:.0f}ms"
    head = (
        f'{name}: "Reflector ListAndWatch" name:{_REFLECTOR} ({asked:%d-%b-%Y} {_milliseconds(asked)}) '
        f"(total time: {took}):"
    )
    return [
        LogLine(at=answered, text=klog("I", answered, "trace.go:236", head)),
        LogLine(at=answered, text=f'{name}: ---"Objects listed" error:{error} {took} ({_milliseconds(answered)})'),
        LogLine(at=answered, text=f"{name}: [{seconds:.9f}s] [{seconds:.9f}s] END"),
    ]


def _milliseconds(at: datetime) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
