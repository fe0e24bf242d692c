from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.lookups import Client, ClientKind
from bot.kubernetes.owners import NOBODY, Owner, controller_of, owner_of_pod
from bot.kubernetes.pods import Container, Pod


def test_a_pod_with_all_that_the_api_says(pod: Any) -> None:
    """Where it runs, its DNS settings, its controller, and the container that was asked for with its state."""
    found = Pod.of(pod, container="app")

    assert found == Pod(
        namespace="shop",
        name="web-5d-x",
        uid="uid-1",
        node="node-1",
        ip="10.0.1.20",
        phase="Running",
        ready=True,
        created_at=datetime(2026, 11, 20, 8, 59, tzinfo=UTC),
        container=Container(
            name="app",
            image="registry/app:2",
            memory_limit="170Mi",
            readiness_path="/ready",
            ready=True,
            restarts=7,
            running_since=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
            last_terminated_reason="OOMKilled",
            last_exit_code=137,
            last_terminated_at=datetime(2026, 11, 20, 8, 59, 59, tzinfo=UTC),
        ),
        owner=Owner(kind="Deployment", name="web"),
        ready_since=datetime(2026, 11, 20, 9, 0, 10, tzinfo=UTC),
        service_account="web",
        dns_policy="None",
        host_network=True,
        nameservers=("10.9.9.9",),
        restarted_at="2026-11-19T08:00:00Z",
    )


@pytest.mark.parametrize(
    ("annotations", "requests", "on_host", "kind"),
    [
        pytest.param({}, {"cpu": "1"}, False, ClientKind.POD, id="plain"),
        pytest.param({"vpc.amazonaws.com/pod-eni": "[{}]"}, {}, False, ClientKind.BRANCH, id="has a branch interface"),
        pytest.param({}, {"vpc.amazonaws.com/pod-eni": "1"}, False, ClientKind.BRANCH, id="requests one"),
        pytest.param({}, {}, True, ClientKind.HOST, id="on the host's network"),
    ],
)
def test_what_kind_of_client_a_pod_is(
    pod: Any,
    annotations: dict[str, str],
    requests: dict[str, str],
    on_host: bool,  # noqa: FBT001  # one column of a table
    kind: ClientKind,
) -> None:
    """The VPC resource controller annotates the pod; its webhook adds the request to whatever container it finds."""
    pod["metadata"]["annotations"] = annotations
    pod["spec"]["hostNetwork"] = on_host
    pod["spec"]["containers"][0]["resources"] = {"requests": requests}

    assert Pod.of(pod).client == Client(node="node-1", kind=kind, pod="shop/web-5d-x")


def test_without_the_container_asked_for_it_is_the_first(pod: Any) -> None:
    """Injected sidecars may come first or last; a pod of one's own image has its container under another name."""
    assert Pod.of(pod, container="coredns").container.name == "proxy"
    assert Pod.of(pod).container.name == "proxy"


def test_a_pod_that_waits_for_a_node(pod: Any) -> None:
    """It has no node, no address and no container status, and the scheduler says why."""
    del pod["spec"]["nodeName"]
    pod["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}],
        "containerStatuses": None,
    }

    found = Pod.of(pod)

    assert (found.node, found.ip, found.ready, found.ready_since) == ("", "", False, None)
    assert found.unschedulable_message == "0/3 nodes are available"
    assert found.container == Container(name="proxy", image="registry/proxy:1")
    assert not found.container.has_run


def test_a_pod_that_is_being_deleted_is_not_ready(pod: Any) -> None:
    """Services hand it nothing more, while its condition still holds."""
    pod["metadata"]["deletionTimestamp"] = "2026-11-21T08:59:00Z"

    found = Pod.of(pod)

    assert (found.terminating, found.ready) == (True, False)
    assert found.ready_since == datetime(2026, 11, 20, 9, 0, 10, tzinfo=UTC)


def test_a_container_that_waits_after_its_end(pod: Any) -> None:
    """The present state says what it waits for, the last state how it ended."""
    status = pod["status"]["containerStatuses"][1]
    status["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}

    found = Pod.of(pod, container="app").container

    assert (found.waiting_reason, found.waiting_message) == ("CrashLoopBackOff", "back-off 5m0s")
    assert (found.running_since, found.last_terminated_reason) == (None, "OOMKilled")
    assert found.has_run


def test_a_container_that_has_just_ended(pod: Any) -> None:
    """Its present state is the newer end."""
    status = pod["status"]["containerStatuses"][1]
    status["state"] = {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": "2026-11-21T08:59:00Z"}}

    found = Pod.of(pod, container="app").container

    assert (found.last_terminated_reason, found.last_exit_code) == ("Error", 1)


@pytest.mark.parametrize(
    ("references", "labels", "expected"),
    [
        ([], {}, NOBODY),
        ([{"kind": "Node", "name": "n"}], {}, NOBODY),
        (
            [{"kind": "StatefulSet", "name": "db", "uid": "u", "controller": True}],
            {},
            Owner(kind="StatefulSet", name="db", uid="u"),
        ),
        (
            [{"kind": "ReplicaSet", "name": "web-5d", "uid": "u", "controller": True}],
            {"pod-template-hash": "5d"},
            Owner(kind="Deployment", name="web"),
        ),
        (
            [{"kind": "ReplicaSet", "name": "web-5d", "uid": "u", "controller": True}],
            {"pod-template-hash": "77"},
            Owner(kind="ReplicaSet", name="web-5d", uid="u"),
        ),
        (
            [{"kind": "ReplicaSet", "name": "web-", "uid": "u", "controller": True}],
            {},
            Owner(kind="ReplicaSet", name="web-", uid="u"),
        ),
    ],
    ids=["bare", "no controller", "StatefulSet", "Deployment's hash", "another hash", "no hash"],
)
def test_a_pod_tells_who_controls_it(references: Any, labels: dict[str, str], expected: Owner) -> None:
    """A Deployment is named only where the hash proves it; a ReplicaSet may belong to anybody."""
    answer = {"metadata": {"ownerReferences": references, "labels": labels}}

    assert owner_of_pod(answer) == expected


def test_a_replica_set_tells_its_own_controller(pod: Any) -> None:
    """The controller of any object is the reference that says so, not the first one."""
    pod["metadata"]["ownerReferences"].insert(0, {"kind": "Node", "name": "n"})

    assert controller_of(pod) == Owner(kind="ReplicaSet", name="web-5d", uid="uid-rs")


@pytest.mark.parametrize(
    ("policy", "on_host", "elsewhere"),
    [
        ("ClusterFirst", False, True),
        (None, False, True),
        ("ClusterFirstWithHostNet", True, True),
        ("Default", False, False),
        ("None", False, False),
    ],
)
def test_who_gets_the_cluster_dns_address(
    pod: Any,
    policy: str | None,
    on_host: bool,  # noqa: FBT001  # one column of a table
    elsewhere: bool,  # noqa: FBT001  # one column of a table
) -> None:
    """On the host's network ClusterFirst means the node's own resolver; a policy that nobody set is ClusterFirst."""
    pod["spec"]["dnsPolicy"] = policy

    assert Pod.of(pod).uses_cluster_dns is on_host
    del pod["spec"]["hostNetwork"]
    assert Pod.of(pod).uses_cluster_dns is elsewhere


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}, "ImagePullBackOff: no such image"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, "CrashLoopBackOff"),
        ({"terminated": {"reason": "Error", "exitCode": 1}}, "Running, not ready, last ended: Error"),
        ({"running": {}}, "Running, not ready, last ended: OOMKilled"),
    ],
    ids=["waits and says why", "waits", "has ended", "was started again"],
)
def test_why_a_pod_is_not_ready(pod: Any, state: dict[str, Any], expected: str) -> None:
    """What its container waits for comes before how it last ended."""
    pod["status"]["containerStatuses"][1]["state"] = state

    assert Pod.of(pod, container="app").why_not_ready == expected
