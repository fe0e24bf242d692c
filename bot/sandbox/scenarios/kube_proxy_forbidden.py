"""kube-proxy may not read EndpointSlices: its log shows 403 (C4)."""

from __future__ import annotations

from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import World


def _acts(_world: World, operator: Operator) -> None:
    roles = operator.get("clusterroles.rbac.authorization.k8s.io")
    role = next(item for item in roles if item["metadata"]["name"] == "system:node-proxier")
    rules = [rule for rule in role["rules"] if "endpointslices" not in rule["resources"]]
    operator.apply({**role, "rules": rules})
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")


SCENARIO = Scenario(
    name="kube-proxy-forbidden",
    title="kube-proxy may not read EndpointSlices",
    story=(
        "An operator replaced the ClusterRole system:node-proxier by an old one without endpointslices and restarted "
        "kube-proxy. The rules that were laid before stay on the nodes, so names still resolve."
    ),
    root_cause="kube_proxy_forbidden",
    acts=_acts,
)
