"""What a unit may call: declared by the unit, shown in docs/permissions.md, `doctor`, IAM and RBAC files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.domain.places import PlaceKind

_READS = ("Describe", "Get", "List", "Lookup", "Search")


class Use(StrEnum):
    """What a permission is used for; each has a role of its own."""

    READ = "read"
    LOOK_UP = "look up"
    NODE = "see nodes"
    PROBE = "look up from other networks"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AwsPermission:
    """One IAM action, for example `ec2:DescribeSecurityGroupRules`."""

    action: str
    unlocks: str = ""
    """What it is for, in a few words; shown in docs/permissions.md."""
    resources: tuple[str, ...] = ("*",)
    """ARN patterns that are enough; `*` where the action knows no resources (Service Authorization Reference)."""
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Further limits as (operator, key, values): `("StringEquals", "ec2:CreateAction", ("RunInstances",))`."""
    by_service: bool = False
    """An AWS service does it, with the rights of whoever has it change something: the writing role's, even a read."""
    place: PlaceKind = PlaceKind.HOME
    """Whose role needs it; what is called at home and at peers is declared for each."""
    without: str = ""
    """What is lost without it, in a few words, where units go on; empty: the table says what the declarers lose."""

    @property
    def text(self) -> str:
        """The action as IAM spells it, and where it is called if not in the cluster's own account."""
        return self.action if self.place is PlaceKind.HOME else f"{self.action} at {self.place.value}"

    @property
    def only_reads(self) -> bool:
        """Whether it reads by IAM's naming; the reading role has it then, whoever declares it."""
        return not self.by_service and self.action.partition(":")[2].startswith(_READS)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class KubernetesPermission:
    """One RBAC rule: a verb on a resource (with subresource, as `pods/log`)."""

    verb: str
    resource: str
    """One that begins with a slash is a path of the API server's own: a nonResourceURL (`/openapi/v3/*`)."""
    group: str = ""
    namespace: str = ""
    """Empty: all namespaces (a ClusterRole)."""
    names: tuple[str, ...] = ()
    """resourceNames; empty: any."""
    unlocks: str = ""
    follows_dns: bool = False
    """It is meant for the namespace of the cluster's DNS service; `namespace` is the usual one and is what is granted.

    Where DNS stands elsewhere the operator grants it there too; until then the API refuses it, and a gap names it.
    """
    without: str = ""
    """As of an AWS permission."""
    handed_on: bool = False
    """A change grants it to somebody else, and RBAC lets nobody grant what they do not hold: the writing role's, even
    a read."""
    of_probe_pods: bool = False
    """Whoever declares it, it is used in the namespace of `node_probe` with the credential that nodes are seen with."""
    in_probe_cluster: bool = False
    """It is needed in the cluster of another network from which names are looked up, and not in this one."""

    @property
    def is_path(self) -> bool:
        """Whether it is for a path of the API server's own, which is in no namespace."""
        return self.resource.startswith("/")

    @property
    def text(self) -> str:
        """The rule as a person would say it: `pods/log: get in namespace kube-system`."""
        if self.is_path:
            return f"{self.resource}: {self.verb}"
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        where = "in a probe's cluster" if self.in_probe_cluster else where
        return f"{resource}: {self.verb} {where}"

    @property
    def only_reads(self) -> bool:
        """Whether nothing runs or changes by it; `get` of pods/exec opens a stream, as `create` does."""
        return not self.handed_on and self.verb in {"get", "list"} and self.resource != "pods/exec"


Permission: TypeAlias = AwsPermission | KubernetesPermission
