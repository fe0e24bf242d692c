"""What the API server takes for the objects of NodeLocal DNSCache's manifest, in its own words (B2).

Two documents of 2.4 MB together, so they are read only where the manifest may be proposed: pods are told to ask a
link-local address, and no NodeLocal DNSCache is there. What the four kinds need of them is kept, some 60 kB. Needs get
on `/openapi/v3/*`, which the API server's own role system:discovery gives to all who are known, unless that was taken
away. In a playbook: `{collector: manifest_schemas}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.node_local_dns import NodeLocalDns
from bot.dns.node_local_corefile import is_link_local
from bot.domain.evidence import Collector
from bot.domain.json_values import JsonObject
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.ports import OPENAPI
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import SourceGarbled
from bot.kubernetes.node_local_manifest import KINDS
from bot.kubernetes.object_schemas import ObjectSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSchemas:
    """What the API server says of the manifest's kinds."""

    asked: bool
    """Whether it was asked: not where nothing is to be installed."""
    schemas: tuple[ObjectSchema, ...] = ()
    """Of the kinds that it knows."""

    def misfits(self, body: JsonObject) -> tuple[str, ...]:
        """Return what of an object the API server has no place for. Raises `SourceGarbled` as `ObjectSchema` does."""
        kind = str(body.get("kind", ""))
        own = next((one for one in self.schemas if one.kind == kind), None)
        if own is None:
            return (f"{kind}: the API server knows no such kind",)
        try:
            return own.misfits(body)
        except ValueError as error:
            raise SourceGarbled(f"The API server's OpenAPI cannot be checked against: {error}.") from error


def collect(look: View) -> ManifestSchemas:
    """Read what describes each kind of the manifest, once a group and version."""
    told = {server for one in look.need(LookupMatrix).resolvers if one.uses_cluster_dns for server in one.nameservers}
    if look.need(NodeLocalDns).caches or not any(map(is_link_local, told)):
        return ManifestSchemas(asked=False)
    documents = {(one.group, one.version): one for one in KINDS.values()}
    said = {which: look.cluster.schemas(resource) for which, resource in documents.items()}
    with reading(f"get {OPENAPI}"):
        found = [
            ObjectSchema.of(said[one.group, one.version], group=one.group, version=one.version, kind=kind)
            for kind, one in KINDS.items()
        ]
    return ManifestSchemas(asked=True, schemas=tuple(one for one in found if one is not None))


def summarise(found: ManifestSchemas) -> str:
    """Say of how many kinds there is a schema."""
    if not found.asked:
        return "not read: nobody asked to install NodeLocal DNSCache"
    return f"the API server describes {len(found.schemas)} of {count(len(KINDS), 'kind')} of NodeLocal DNSCache"


COLLECTOR = Collector(
    name="manifest_schemas",
    title="The API's schemas of NodeLocal DNSCache's objects",
    evidence=ManifestSchemas,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource=OPENAPI,
            unlocks="check NodeLocal DNSCache's manifest before it is shown (B2)",
            without="`install_node_local_dns` says that its manifest was not checked before it is tried",
        ),
    ),
    needs=(NodeLocalDns, LookupMatrix),
)
