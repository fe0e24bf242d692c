"""CoreDNS's configuration: ConfigMap `coredns` in kube-system (C10).

A running CoreDNS keeps an old configuration when the new one is bad, and dies of it at its next start.
Costs one API call. In a playbook: `{collector: corefile}`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from bot.dns.corefile import ServerBlock, parse_corefile
from bot.dns.timestamped import parse_time
from bot.domain.evidence import Collector, Look
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.errors import NotFound, SourceGarbled

NAMESPACE = "kube-system"
CONFIG_MAPS = Resource(plural="configmaps")
EKS_MANAGER = "eks"
"""Field manager of EKS add-ons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corefile:
    """The Corefile as it stands in the ConfigMap; not always what runs."""

    exists: bool
    text: str
    blocks: tuple[ServerBlock, ...]
    problem: str = ""
    """Where braces or quotes do not match: `this block is never closed`; empty: they do."""
    problem_line: int = 0
    """1-based."""
    changed_at: datetime | None = None
    """When its data last changed, from managedFields; None where they do not say."""
    managers: tuple[str, ...] = ()
    """Field managers of its data; `eks` is the EKS add-on, which writes its own back."""
    sha256: str = ""

    @property
    def owned_by_addon(self) -> bool:
        """Return whether the EKS add-on wrote its data."""
        return EKS_MANAGER in self.managers

    @property
    def root(self) -> ServerBlock | None:
        """The server block that takes every name no other block takes."""
        return next((block for block in self.blocks if block.serves_root), None)

    def line(self, number: int) -> str:
        """Return line `number`, 1-based, stripped; empty where there is none."""
        lines = self.text.split("\n")
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def forwards_only_elsewhere(self, upstream: str) -> bool:
        """Return whether `upstream` serves some zone of its own and not the names that pods ask outside."""
        named = {
            block.serves_root and plugin.arguments[0] == "."
            for block in self.blocks
            for plugin in block.plugins
            if plugin.name in {"forward", "proxy"} and upstream in _hosts(plugin.arguments[1:])
        }
        return named == {False}


def _hosts(targets: tuple[str, ...]) -> set[str]:
    """Return addresses without protocol, port and zone."""
    return {_host(target.split("://")[-1].split("%")[0]) for target in targets}


def _host(target: str) -> str:
    if target.startswith("["):
        return target[1:].split("]", maxsplit=1)[0]
    return target.split(":", maxsplit=1)[0] if target.count(":") == 1 else target


def collect(look: Look) -> Corefile:
    """Read the ConfigMap and take its Corefile apart."""
    try:
        found = look.cluster.get(CONFIG_MAPS, "coredns", namespace=NAMESPACE)
    except NotFound:
        return Corefile(exists=False, text="", blocks=())
    try:
        metadata = found["metadata"]
        text = (found.get("data") or {}).get("Corefile")
        changed_at, managers = _managed(metadata.get("managedFields") or [])
        if text is None:
            return Corefile(exists=False, text="", blocks=(), changed_at=changed_at, managers=managers)
        parsed = parse_corefile(text)
    except (KeyError, TypeError, AttributeError) as error:
        message = (
            f"Read ConfigMap {NAMESPACE}/coredns; the answer is not of the Kubernetes API ({error!r}). "
            "Look at what stands between the bot and the API server."
        )
        raise SourceGarbled(message) from error
    return Corefile(
        exists=True,
        text=text,
        blocks=parsed.blocks,
        problem=parsed.problem,
        problem_line=parsed.problem_line,
        changed_at=changed_at,
        managers=managers,
        sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
    )


def _managed(fields: list[RawObject]) -> tuple[datetime | None, tuple[str, ...]]:
    """Return when and by whom `data` was last set, as far as managedFields tell."""
    of_data = [one for one in fields if "f:data" in (one.get("fieldsV1") or {})]
    times = [at for one in of_data if (at := parse_time(str(one.get("time") or "")))]
    return max(times, default=None), tuple(sorted({str(one.get("manager") or "") for one in of_data}))


def summarise(found: Corefile) -> str:
    """Say which blocks there are and where the rest goes."""
    if not found.exists:
        return "no Corefile in ConfigMap kube-system/coredns"
    if found.problem:
        return f"Corefile line {found.problem_line}: {found.problem}"
    forward = found.root.plugin("forward") if found.root else None
    return f"{len(found.blocks)} server block(s)" + (
        f", forwards {' '.join(forward.arguments)}" if forward else ", no forward"
    )


COLLECTOR = Collector(
    name="corefile",
    title="CoreDNS configuration",
    evidence=Corefile,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=NAMESPACE,
            names=("coredns",),
            unlocks="the Corefile: which line is bad, where queries are forwarded",
        ),
    ),
)
