from __future__ import annotations

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.editing import edit_config, find, take_from_role, write_corefile
from bot.sandbox.world.scenario import OperatingError


def test_an_operator_edits_what_is_there_and_is_told_what_is_not(running: RunningWorld) -> None:
    """One key, one role and nothing beside them changes; a name that nobody has is an error with the names that are."""
    running.restart(scenario="healthy", seed=1, nodes=2)
    operator = running.operator
    metadata = {"name": "two-keys", "namespace": "kube-system"}
    operator.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1", "b": "2"}})

    write_corefile(operator, ".:53 {\n    errors\n}\n")
    edit_config(operator, "two-keys", "a", lambda text: f"{text}, changed")
    take_from_role(operator, "system:coredns", "endpointslices")

    assert find(operator, "configmaps", "coredns", namespace="kube-system")["data"]["Corefile"].startswith(".:53")
    edited = find(operator, "configmaps", "two-keys", namespace="kube-system")
    assert edited["data"] == {"a": "1, changed", "b": "2"}
    role = find(operator, "clusterroles.rbac.authorization.k8s.io", "system:coredns")
    granted = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert granted == {"endpoints", "services", "pods", "namespaces"}
    with pytest.raises(OperatingError, match="no corends among the configmaps of kube-system: coredns, kube-proxy"):
        find(operator, "configmaps", "corends", namespace="kube-system")
    with pytest.raises(OperatingError, match="no kube-prox among"):
        operator.rollout_restart("daemonsets.apps", "kube-prox", namespace="kube-system")
