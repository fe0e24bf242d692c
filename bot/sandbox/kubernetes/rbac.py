"""RBAC for service accounts and users: ClusterRoles bound by ClusterRoleBindings (page "Using RBAC Authorization")."""

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
    return _may(store, ("ServiceAccount", account), verb, group, resource)


def user_may(store: Store, user: str, verb: str, group: str, resource: str) -> bool:
    """Return whether a user may do this in all namespaces."""
    return _may(store, ("User", user), verb, group, resource)


def _may(store: Store, who: tuple[str, str], verb: str, group: str, resource: str) -> bool:
    for binding in store.unordered(CLUSTER_ROLE_BINDINGS):
        if who not in {(subject["kind"], subject["name"]) for subject in binding.get("subjects") or []}:
            continue
        role = store.find(CLUSTER_ROLES, "", binding["roleRef"]["name"])
        if role and any(_allows(rule, verb, group, resource) for rule in role.get("rules") or []):
            return True
    return False
