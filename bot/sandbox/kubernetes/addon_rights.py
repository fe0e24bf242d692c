"""Whether EKS's add-on manager may change what add-ons consist of: by RBAC, as the user `eks:addon-manager`.

EKS makes the ClusterRoleBinding with the cluster. Where it is gone the cluster goes on, and EKS manages no add-on any
more (EKS User Guide, "Default Amazon EKS created Kubernetes roles and users").
"""

from __future__ import annotations

from bot.sandbox.kubernetes.rbac import user_may
from bot.sandbox.kubernetes.resources import DAEMON_SETS, DEPLOYMENTS, ResourceType
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.cluster_addons import AddonSource

_USER = "eks:addon-manager"
_OBJECTS: dict[str, tuple[ResourceType, str]] = {
    "coredns": (DEPLOYMENTS, "coredns"),
    "kube-proxy": (DAEMON_SETS, "kube-proxy"),
    "vpc-cni": (DAEMON_SETS, "aws-node"),
}


class AddonRights:
    """Follows the manager's rights and tells EKS where they are gone. Without a source there is no manager."""

    def __init__(self, store: Store, source: AddonSource | None) -> None:
        self._store, self._source = store, source
        self._told: dict[str, str] = {}
        self._given = False
        """Whether it has ever had them: before that the cluster is still being made."""

    async def turn(self) -> bool:
        """Return whether the manager may do its work now."""
        if self._source is None:
            return True
        refusals = {addon: self._refusal(kind, name) for addon, (kind, name) in _OBJECTS.items()}
        self._given = self._given or not any(refusals.values())
        if not self._given:
            return True
        for addon, refusal in refusals.items():
            if refusal != self._told.get(addon, "") and await self._source.refused(addon, refusal):
                self._told[addon] = refusal
        return not any(refusals.values())

    def _refusal(self, kind: ResourceType, name: str) -> str:
        """Return what the API server answers the manager; empty: it lets it."""
        if user_may(self._store, _USER, "patch", kind.group, kind.plural):
            return ""
        return (
            f'{kind.plural}.{kind.group} "{name}" is forbidden: User "{_USER}" cannot patch resource "{kind.plural}" '
            f'in API group "{kind.group}" in the namespace "kube-system"'
        )
