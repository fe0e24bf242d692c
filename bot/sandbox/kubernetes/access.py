"""Bearer tokens and what each may do."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.kubernetes.refusals import unauthorized
from bot.sandbox.kubernetes.resources import STORED
from bot.sandbox.world.world import PROBE_NAMESPACE

_READ = frozenset({"get", "list"})
_READABLE = frozenset(kind.plural for kind in STORED)
_SUBRESOURCES = frozenset({"pods/log", "pods/exec", "pods/proxy"})
_MADE = frozenset({("create", "pods"), ("delete", "pods")})
"""What seeing nodes through pods of one's own takes."""
_REVIEW = "selfsubjectaccessreviews"
_PATCHED = frozenset(
    {"deployments", "daemonsets", "statefulsets", "configmaps", "services", "networkpolicies"}
    | {"pods/ephemeralcontainers"}
)

_INSTALLED = frozenset(
    {"serviceaccounts", "services", "configmaps", "daemonsets", "clusterroles", "clusterrolebindings"}
    | {"networkpolicies"}
)
"""What the writer creates and deletes of its own: a DaemonSet with what belongs to it, a role and its binding, a
NetworkPolicy."""
_HANDED_ON = frozenset({("list", "endpointslices"), ("watch", "endpointslices")})
"""What the writer holds in order to grant it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who a token stands for."""

    name: str
    role: str
    """reader, writer or admin."""

    def may(self, verb: str, resource: str, namespace: str = "") -> bool:
        """Return whether the role allows the verb on `plural` or `plural/subresource` there."""
        if self.role == "admin" or (resource == _REVIEW and verb == "create"):
            return True
        if verb in _READ:
            return resource in _READABLE or (self.role == "reader" and resource in _SUBRESOURCES)
        if self.role == "reader":
            seeing_nodes = namespace == PROBE_NAMESPACE and (verb, resource) in _MADE
            return seeing_nodes or (verb, resource) == ("create", "pods/exec")
        if (verb in {"create", "delete"} and resource in _INSTALLED) or (verb, resource) in _HANDED_ON:
            return True
        return (verb == "patch" and resource in _PATCHED) or (verb, resource) == ("delete", "pods")


TOKENS = {
    "reader-token": User(name="dnsbot-reader", role="reader"),
    "writer-token": User(name="dnsbot-writer", role="writer"),
    "admin-token": User(name="kubernetes-admin", role="admin"),
}


def user_of(authorization: str) -> User:
    """Return the user of an Authorization header; refuses with 401 what is no known bearer token."""
    scheme, _, token = authorization.partition(" ")
    user = TOKENS.get(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise unauthorized()
    return user
