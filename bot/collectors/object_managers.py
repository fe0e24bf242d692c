"""Which client last set what is at fault in Kubernetes, and when: the managedFields of the objects.

Asked only once rules have named the objects. managedFields name clients (`kubectl-edit`, `helm`, `eks`), never a
person, and keep no older value. Costs one API call an object. In a playbook: `{collector: object_managers}` asks about
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bot.collectors._at_fault import AtFaultParameters, ask_about_each
from bot.domain.evidence import Collector, Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.ports import Resource
from bot.domain.reading import reading
from bot.domain.views import View
from bot.domain.who_changed import ManagedObject, ObjectManagers
from bot.kubernetes.managed_fields import clients_of
from bot.kubernetes.resources import CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, KUBE_SYSTEM, SERVICES

_KINDS: Mapping[ObjectKind, tuple[Resource, str]] = {
    ObjectKind.CONFIG_MAP: (CONFIG_MAPS, "data"),
    ObjectKind.SERVICE: (SERVICES, "spec"),
    ObjectKind.DEPLOYMENT: (DEPLOYMENTS, "spec"),
    ObjectKind.DAEMON_SET: (DAEMON_SETS, "spec"),
}
"""The resource, and the member that holds what people set."""


def collect(look: View) -> ObjectManagers:
    """Read each object."""
    found = ask_about_each(look, partial(_managed, look), _unread, what="managedFields")
    return ObjectManagers(objects=found, gaps=tuple(one.gap for one in found if one.gap is not None))


def _managed(look: View, one: FaultyObject) -> ManagedObject:
    resource, member = _KINDS[one.kind]
    answer = look.cluster.get(resource, one.name, namespace=one.namespace)
    with reading(f"get {one.title}"):
        return ManagedObject(object=one, member=member, clients=clients_of(answer, member))


def _unread(one: FaultyObject, gap: Gap) -> ManagedObject:
    return ManagedObject(object=one, member=_KINDS[one.kind][1], clients=(), gap=gap)


def summarise(found: ObjectManagers) -> str:
    """Say of how many objects the managedFields name a client."""
    if not found.objects:
        return "no object of Kubernetes was at fault, so none was asked about"
    named = sum(bool(one.clients) for one in found.objects)
    return f"managedFields of {named} of {count(len(found.objects), 'object')} name a client"


def _read(resource: Resource) -> KubernetesPermission:
    return KubernetesPermission(
        verb="get",
        resource=resource.plural,
        group=resource.group,
        namespace=KUBE_SYSTEM,
        unlocks="say which client last set what is at fault, and when",
        follows_dns=True,
    )


COLLECTOR = Collector(
    name="object_managers",
    title="managedFields of what is at fault",
    evidence=ObjectManagers,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=tuple(_read(resource) for resource, _ in _KINDS.values()),
    parameters=AtFaultParameters,
    deadline_seconds=5.0,
)
