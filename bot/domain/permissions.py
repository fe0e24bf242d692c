"""What a unit may call: declared by the unit, shown in README, `doctor`, IAM and RBAC files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AwsPermission:
    """One IAM action, for example `ec2:DescribeSecurityGroupRules`."""

    action: str
    unlocks: str = ""
    """What it is for, in a few words; shown in the README's table."""
    resources: tuple[str, ...] = ("*",)
    """ARN patterns that are enough; `*` where the action knows no resources (Service Authorization Reference)."""
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Further limits as (operator, key, values): `("StringEquals", "ec2:CreateAction", ("RunInstances",))`."""

    @property
    def text(self) -> str:
        """The action as IAM spells it."""
        return self.action


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class KubernetesPermission:
    """One RBAC rule: a verb on a resource (with subresource, as `pods/log`)."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    """Empty: all namespaces (a ClusterRole)."""
    names: tuple[str, ...] = ()
    """resourceNames; empty: any."""
    unlocks: str = ""

    @property
    def text(self) -> str:
        """The rule as a person would say it: `pods/log: get in namespace kube-system`."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        return f"{resource}: {self.verb} {where}"


Permission: TypeAlias = AwsPermission | KubernetesPermission
