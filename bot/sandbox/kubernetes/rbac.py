"""RBAC for service accounts: ClusterRoles bound by ClusterRoleBindings (page "Using RBAC Authorization")."""

from __future__ import annotations

from bot.sandbox.kubernetes.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, Json
from bot.sandbox.kubernetes.store import Store


def _allows(rule: Json, verb: str, group: str, resource: str) -> bool:
    return all(
        "*" in values or wanted in values
        for values, wanted in (
            (rule.get("verbs") or [], verb),
            (rule.get("apiGroups") or [], group),
            (rule.get("resources") or [], resource),
        )
    )


def may(store: Store, account: str, verb: str, group: str, resource: str) -> bool:
    """Return whether `kube-system/ACCOUNT` may do this in all namespaces."""
    for binding in store.unordered(CLUSTER_ROLE_BINDINGS):
        names = {subject["name"] for subject in binding.get("subjects") or [] if subject["kind"] == "ServiceAccount"}
        if account not in names:
            continue
        role = store.find(CLUSTER_ROLES, "", binding["roleRef"]["name"])
        if role and any(_allows(rule, verb, group, resource) for rule in role.get("rules") or []):
            return True
    return False
