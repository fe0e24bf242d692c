"""What the owners of a cluster do with its VPC CNI: take it over from EKS, and set its enforcing mode."""

from __future__ import annotations

from bot.sandbox.world.editing import Json, edit_pod_template
from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.world import CLUSTER

ADDON = "vpc-cni"
_NAME, _NAMESPACE = "aws-node", "kube-system"
MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"


def take_over(operator: Operator) -> None:
    """Let the cluster's owners run it themselves from now on; the add-on goes, aws-node stays as it is."""
    operator.aws("eks", "DeleteAddon", clusterName=CLUSTER, addonName=ADDON, preserve=True)


def set_enforcing_mode(operator: Operator, mode: str) -> None:
    """`kubectl set env daemonset aws-node -n kube-system POD_SECURITY_GROUP_ENFORCING_MODE=…`."""

    def changed(template: Json) -> Json:
        containers = [
            {**one, "env": [{"name": MODE, "value": mode}, *_others(one)]} if one["name"] == _NAME else one
            for one in template["spec"]["containers"]
        ]
        return {**template, "spec": {**template["spec"], "containers": containers}}

    edit_pod_template(operator, "daemonsets.apps", _NAME, changed, namespace=_NAMESPACE)


def _others(container: Json) -> list[Json]:
    return [variable for variable in container.get("env") or [] if variable["name"] != MODE]
