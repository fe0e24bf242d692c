"""`kubectl edit` in an operator's hands: find an object by its name, change it, put it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bot.sandbox.world.scenario import OperatingError, Operator

Json: TypeAlias = dict[str, Any]


def find(operator: Operator, resource: str, name: str, *, namespace: str = "") -> Json:
    """Return the object of this name, or raise `OperatingError`."""
    found = operator.get(resource, namespace=namespace)
    for item in found:
        if item["metadata"]["name"] == name:
            return item
    names = ", ".join(item["metadata"]["name"] for item in found) or "none"
    raise OperatingError(f"there is no {name} among the {resource} of {namespace or 'the cluster'}: {names}")


def edit(
    operator: Operator, resource: str, name: str, change: Callable[[Json], Mapping[str, Any]], *, namespace: str = ""
) -> None:
    """Put what `change` makes of the object of this name in its place."""
    operator.apply(change(find(operator, resource, name, namespace=namespace)))


def edit_config(operator: Operator, name: str, key: str, change: Callable[[str], str]) -> None:
    """Change the text of one key of a ConfigMap in kube-system."""

    def changed(config: Json) -> Json:
        return {**config, "data": {**config["data"], key: change(config["data"][key])}}

    edit(operator, "configmaps", name, changed, namespace="kube-system")


def write_corefile(operator: Operator, corefile: str) -> None:
    """Put this Corefile in place of the one that is there; the running pods load it when `reload` looks."""
    edit_config(operator, "coredns", "Corefile", lambda _: corefile)


def edit_pod_template(
    operator: Operator, resource: str, name: str, change: Callable[[Json], Json], *, namespace: str
) -> None:
    """Change the pod template of a workload, which makes its controller replace the pods."""

    def changed(workload: Json) -> Json:
        return {**workload, "spec": {**workload["spec"], "template": change(workload["spec"]["template"])}}

    edit(operator, resource, name, changed, namespace=namespace)


def annotated(template: Json, key: str, value: str) -> Json:
    """Return the pod template with this annotation."""
    metadata = template["metadata"]
    return {**template, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), key: value}}}


def take_from_role(operator: Operator, role: str, *resources: str) -> None:
    """Remove these resources from every rule of a ClusterRole."""

    def changed(found: Json) -> Json:
        kept = [{**rule, "resources": [one for one in rule["resources"] if one not in resources]}
                for rule in found["rules"]]  # fmt: skip
        return {**found, "rules": [rule for rule in kept if rule["resources"]]}

    edit(operator, "clusterroles.rbac.authorization.k8s.io", role, changed)
