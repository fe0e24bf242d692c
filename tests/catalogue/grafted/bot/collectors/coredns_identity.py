"""Under which name each CoreDNS pod answers: the plugin `nsid` (RFC 5001), which Corefiles leave out by default.

Why it matters to DNS: where some answers are wrong, their NSID says which pod gave them. Costs no API call beyond the
Corefile's. In a playbook: `{collector: coredns_identity}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.corefile import Corefile
from bot.domain.evidence import Collector
from bot.domain.views import View
from bot.errors import EvidenceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsIdentity:
    """What CoreDNS writes into the NSID of its answers."""

    name: str
    """The same for all pods; empty: each pod's host name (CoreDNS manual, plugin nsid)."""


def collect(look: View) -> CorednsIdentity:
    """Find the plugin in the root block."""
    root = look.need(Corefile).root
    plugin = root.plugin("nsid") if root else None
    if plugin is None:
        raise EvidenceUnavailable("CoreDNS does not say who answers: its Corefile has no nsid.")
    return CorednsIdentity(name=" ".join(plugin.arguments))


def summarise(evidence: CorednsIdentity) -> str:
    """Say what the pods call themselves."""
    return f"every pod answers as {evidence.name}" if evidence.name else "each pod answers under its own name"


COLLECTOR = Collector(
    name="coredns_identity",
    title="who of CoreDNS answers",
    evidence=CorednsIdentity,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(),
    needs=(Corefile,),
)
