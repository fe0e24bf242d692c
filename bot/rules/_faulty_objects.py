"""The objects that several rules name as being at fault, as what was read of them tells. No rule itself."""

from __future__ import annotations

from collections.abc import Iterable

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalCache
from bot.domain.faulty_objects import FaultyObject, ObjectKind

COREDNS_ADDON = FaultyObject(kind=ObjectKind.ADDON, name="coredns")


def corefile_of(corefile: Corefile | None) -> tuple[FaultyObject, ...]:
    """Return the ConfigMap that holds the Corefile, and the add-on where that writes it."""
    if corefile is None or not corefile.exists:
        return ()
    named = FaultyObject(kind=ObjectKind.CONFIG_MAP, name=corefile.config_map, namespace=corefile.namespace)
    return (named, COREDNS_ADDON) if corefile.owned_by_addon else (named,)


def deployment_of(pods: CorednsPods) -> tuple[FaultyObject, ...]:
    """Return CoreDNS's Deployment."""
    if not pods.deployment_exists:
        return ()
    return (FaultyObject(kind=ObjectKind.DEPLOYMENT, name=pods.deployment, namespace=pods.namespace),)


def service_of(found: KubeDns) -> tuple[FaultyObject, ...]:
    """Return the DNS Service."""
    return (FaultyObject(kind=ObjectKind.SERVICE, name=found.name, namespace=found.namespace),) if found.name else ()


def caches_of(caches: Iterable[NodeLocalCache]) -> tuple[FaultyObject, ...]:
    """Return the ConfigMaps of NodeLocal DNSCaches."""
    places = (cache.config_map.removeprefix("ConfigMap ").partition("/") for cache in caches if cache.config_map)
    return tuple(
        FaultyObject(kind=ObjectKind.CONFIG_MAP, name=name, namespace=namespace) for namespace, _, name in places
    )
