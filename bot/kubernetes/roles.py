"""ClusterRoles, and to which ServiceAccounts ClusterRoleBindings give them.

Source: Kubernetes documentation, "Using RBAC Authorization".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_text, optional_texts, part, parts, text

_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which ClusterRole some ServiceAccounts have."""

    name: str
    role: str
    accounts: tuple[str, ...]
    """`NAMESPACE/NAME`."""

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the ClusterRoleBinding; other subjects than ServiceAccounts are left out."""
        accounts = [one for one in parts(answer, "subjects") if optional_text(one, "kind") == "ServiceAccount"]
        return cls(
            name=text(part(answer, "metadata"), "name"),
            role=optional_text(part(answer, "roleRef"), "name"),
            accounts=tuple(f"{optional_text(one, 'namespace')}/{text(one, 'name')}" for one in accounts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A ClusterRole."""

    name: str
    uid: str
    rules: str
    """JSON of its rules, in their order."""

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the ClusterRole."""
        metadata = part(answer, "metadata")
        return cls(
            name=text(metadata, "name"),
            uid=optional_text(metadata, "uid"),
            rules=json.dumps(list(parts(answer, "rules")), sort_keys=True),
        )

    def allows(self, verbs: Sequence[str], group: str, resource: str) -> bool:
        """Return whether it allows all of these verbs on every object of the resource."""
        held = {verb for rule in json.loads(self.rules) if _covers(rule, group, resource) for verb in rule["verbs"]}
        return _ANY in held or set(verbs) <= held


def _covers(rule: dict[str, Any], group: str, resource: str) -> bool:
    groups, resources = optional_texts(rule, "apiGroups"), optional_texts(rule, "resources")
    named = bool(optional_texts(rule, "resourceNames"))
    return not named and (group in groups or _ANY in groups) and (resource in resources or _ANY in resources)
