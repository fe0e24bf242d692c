"""The objects whose state is a fault, as rules name them: of these people ask who changed them, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.places import HOME, Place


class ObjectKind(StrEnum):
    """What kind of object it is, as AWS and kubectl call it."""

    SECURITY_GROUP = "security group"
    NETWORK_ACL = "network ACL"
    VPC = "VPC"
    ADDON = "EKS add-on"
    RESOLVER_ENDPOINT = "Resolver endpoint"
    RESOLVER_RULE = "Resolver rule"
    CONFIG_MAP = "ConfigMap"
    SERVICE = "Service"
    DEPLOYMENT = "Deployment"
    DAEMON_SET = "DaemonSet"

    @property
    def in_kubernetes(self) -> bool:
        """Whether the Kubernetes API keeps it; else AWS does."""
        return self in _KUBERNETES


_KUBERNETES = frozenset({ObjectKind.CONFIG_MAP, ObjectKind.SERVICE, ObjectKind.DEPLOYMENT, ObjectKind.DAEMON_SET})


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyObject:
    """One object. Equal values are the same object."""

    kind: ObjectKind
    name: str
    """Its id at AWS: `sg-0aaa`; an add-on's or a Kubernetes object's name."""
    namespace: str = ""
    """Of a Kubernetes object."""
    place: Place = HOME
    """Where AWS keeps it."""
    parts: tuple[str, ...] = ()
    """What of it is at fault: of a network ACL the entries that close a way, `30 ingress`; of a security group the
    directions that lack a rule, `ingress`."""

    @property
    def title(self) -> str:
        """Return `security group sg-0aaa`, `ConfigMap kube-system/coredns`."""
        where = f"{self.namespace}/" if self.namespace else ""
        at = "" if self.place == HOME else f" at {self.place}"
        return f"{self.kind.value} {where}{self.name}{at}"
