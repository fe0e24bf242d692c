from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.collectors import branch_pods
from bot.collectors.workload_pods import WorkloadPods
from bot.errors import AccessDenied
from bot.kubernetes.pods import Pod

BRANCH = {"annotations": {"vpc.amazonaws.com/pod-eni": "[]"}}


def policy(namespace: str) -> dict[str, Any]:
    """Return a SecurityGroupPolicy."""
    return {"metadata": {"namespace": namespace, "name": "own-groups"}, "spec": {}}


def test_pods_of_namespaces_with_a_policy_say_themselves_whether_they_hold_one(
    collect: Callable[..., Any], cluster: Any, pod: Any
) -> None:
    """Each namespace is read once; plain pods and pods that are over are left out, whatever a policy selects."""
    pods = [
        pod("pay-1", **BRANCH),
        pod("plain-1"),
        pod("job-1", phase="Succeeded", **BRANCH),
    ]
    reader = cluster(objects={"securitygrouppolicies": [policy("pay"), policy("pay")], "pods": pods})

    found = collect(branch_pods.COLLECTOR, reader)

    assert [one.name for one in found.pods] == ["pay-1"]
    assert reader.asked == ["securitygrouppolicies in ", "pods in pay"]
    assert branch_pods.COLLECTOR.summarise(found) == (
        "2 SecurityGroupPolicies; 1 pod with a branch interface, on 1 node"
    )


def test_an_application_pod_keeps_its_interface_when_its_policy_goes(
    collect: Callable[..., Any], cluster: Any, pod: Any
) -> None:
    """It is known from the application pods, once."""
    held = Pod.of(pod("pay-1", **BRANCH))
    workload = WorkloadPods(selector="app=pay", pods=(held, Pod.of(pod("plain-1"))))

    found = collect(branch_pods.COLLECTOR, cluster(), needed={WorkloadPods: workload})

    assert found.pods == (held,)


def test_a_namespace_that_may_not_be_read_is_a_gap(collect: Callable[..., Any], cluster: Any) -> None:
    """Its pods are not taken for none."""
    objects = {"securitygrouppolicies": [policy("pay")], "pods": AccessDenied("refused", grant="pods: list")}

    found = collect(branch_pods.COLLECTOR, cluster(objects=objects))

    assert [(gap.what, gap.grant) for gap in found.gaps] == [
        ("pods of namespace pay, which has a SecurityGroupPolicy", "pods: list")
    ]


def test_policies_that_may_not_be_listed_leave_nothing_to_say(collect: Callable[..., Any], cluster: Any) -> None:
    """No policy known is not no policy."""
    with pytest.raises(AccessDenied):
        collect(branch_pods.COLLECTOR, cluster(objects={"securitygrouppolicies": AccessDenied("no", grant="x")}))
