"""EKS's add-on manager in the cluster: it keeps the variables of aws-node as the add-on vpc-cni is configured.

It changes what the configuration sets or no longer sets, and nothing else; what others set it does not touch, and EKS
decides whether that is a conflict (EKS User Guide, "Determine fields you can customize for Amazon EKS add-ons").
"""

from __future__ import annotations

from bot.sandbox.kubernetes.resources import DAEMON_SETS, Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.cluster_addons import AddonSource

_ADDON, _NAMESPACE, _NAME = "vpc-cni", "kube-system", "aws-node"


class AddonManager:
    """Follows the add-on. Without a source there is none."""

    def __init__(self, store: Store, source: AddonSource | None) -> None:
        self._store, self._source = store, source
        self._applied: dict[str, str] = {}
        self._by_others: dict[str, str] = {}
        self._untold = False

    def changed(self, current: Json | None, document: Json) -> None:
        """Notice which variables somebody else has changed in the DaemonSet."""
        metadata = document["metadata"]
        if current is None or (metadata.get("namespace"), metadata["name"]) != (_NAMESPACE, _NAME):
            return
        before, after = _variables(current), _variables(document)
        changed = {name: after.get(name, "") for name in before | after if before.get(name) != after.get(name)}
        self._by_others |= changed
        self._untold = self._untold or bool(changed)

    async def turn(self) -> None:
        """Tell EKS what others changed, and give the DaemonSet what the add-on's configuration wants."""
        if self._source is None:
            return
        if self._untold:
            self._untold = not await self._source.tell(_ADDON, self._by_others)
        wanted = await self._source.variables(_ADDON)
        held = self._store.find(DAEMON_SETS, _NAMESPACE, _NAME)
        if wanted is None or held is None or wanted == self._applied:
            return
        changes = {**dict.fromkeys(self._applied.keys() - wanted.keys()), **wanted}
        self._applied = dict(wanted)
        self._by_others = {name: value for name, value in self._by_others.items() if name not in changes}
        self._untold = True
        self._store.put(DAEMON_SETS, _with(held, changes))


def _container(document: Json) -> Json:
    containers = document["spec"]["template"]["spec"]["containers"]
    return next((one for one in containers if one["name"] == _NAME), containers[0])


def _variables(document: Json) -> dict[str, str]:
    return {one["name"]: str(one.get("value", "")) for one in _container(document).get("env") or []}


def _with(document: Json, changes: dict[str, str | None]) -> Json:
    """Return the DaemonSet with these variables; None takes one away."""
    own = _container(document)
    kept = [one for one in own.get("env") or [] if one["name"] not in changes]
    added = [{"name": name, "value": value} for name, value in changes.items() if value is not None]
    template = document["spec"]["template"]
    containers = [{**one, "env": [*kept, *added]} if one is own else one for one in template["spec"]["containers"]]
    template = {**template, "spec": {**template["spec"], "containers": containers}}
    return {**document, "spec": {**document["spec"], "template": template}}
