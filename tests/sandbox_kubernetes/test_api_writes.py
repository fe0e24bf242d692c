from __future__ import annotations

import pytest

from bot.sandbox.kubernetes.patching import strategic_merge
from bot.sandbox.kubernetes.served_cluster import ServedCluster

SHOP = "/apis/apps/v1/namespaces/shop/deployments/shop"


def _two_containers(served: ServedCluster) -> None:
    extra = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}}
    assert served.patch(SHOP, extra)[0] == 200


def test_a_patch_of_one_container_keeps_its_sibling(served: ServedCluster) -> None:
    """Lists merge by their keys: container by name, variable by name."""
    _two_containers(served)
    change = {"name": "shop", "env": [{"name": "B", "value": "2"}]}
    _, body = served.patch(SHOP, {"spec": {"template": {"spec": {"containers": [change]}}}})
    containers = {item["name"]: item for item in body["spec"]["template"]["spec"]["containers"]}
    assert set(containers) == {"shop", "side"}
    assert containers["shop"]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert containers["shop"]["image"] == "shop:1"


def test_patch_delete_takes_one_item_out(served: ServedCluster) -> None:
    """`$patch: delete` removes by key, null removes a field."""
    _two_containers(served)
    removal = {"containers": [{"name": "side", "$patch": "delete"}]}
    _, body = served.patch(SHOP, {"metadata": {"labels": {"app": None}}, "spec": {"template": {"spec": removal}}})
    assert [item["name"] for item in body["spec"]["template"]["spec"]["containers"]] == ["shop"]
    assert "app" not in body["metadata"]["labels"]


def test_a_stale_resource_version_is_a_409(served: ServedCluster) -> None:
    """Nobody overwrites what they have not seen; nothing is changed."""
    seen = served.get(SHOP)["metadata"]["resourceVersion"]
    served.patch(SHOP, {"metadata": {"annotations": {"by": "another"}}})
    mine = {"metadata": {"resourceVersion": seen, "annotations": {"by": "me"}}}
    status, body = served.patch(SHOP, mine)
    assert (status, body["reason"]) == (409, "Conflict")
    assert body["message"] == (
        'Operation cannot be fulfilled on deployments.apps "shop": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert served.get(SHOP)["metadata"]["annotations"] == {"by": "another"}


def test_the_current_resource_version_is_taken(served: ServedCluster) -> None:
    """The precondition passes when nobody wrote in between, and the version moves on."""
    seen = served.get(SHOP)["metadata"]["resourceVersion"]
    status, body = served.patch(SHOP, {"metadata": {"resourceVersion": seen, "annotations": {"by": "me"}}})
    assert status == 200
    assert body["metadata"]["resourceVersion"] != seen


def test_another_uid_is_a_422(served: ServedCluster) -> None:
    """A patch meant for a former object of the same name is refused."""
    status, body = served.patch(SHOP, {"metadata": {"uid": "0000", "labels": {"a": "b"}}})
    assert (status, body["reason"]) == (422, "Invalid")


def test_generation_counts_changes_of_the_spec_alone(served: ServedCluster) -> None:
    """A label leaves the generation as it is."""
    before = served.get(SHOP)["metadata"]["generation"]
    _, labelled = served.patch(SHOP, {"metadata": {"labels": {"a": "b"}}})
    _, scaled = served.patch(SHOP, {"spec": {"replicas": 3}})
    assert (labelled["metadata"]["generation"], scaled["metadata"]["generation"]) == (before, before + 1)


def test_a_dry_run_changes_nothing(served: ServedCluster) -> None:
    """dryRun=All answers with the result and keeps the object."""
    _, body = served.patch(f"{SHOP}?dryRun=All", {"spec": {"replicas": 9}})
    assert body["spec"]["replicas"] == 9
    assert served.get(SHOP)["spec"]["replicas"] == 2


@pytest.mark.parametrize("kind", ["application/json-patch+json", "application/apply-patch+yaml"])
def test_other_patch_types_are_a_501(served: ServedCluster, kind: str) -> None:
    """A patch that is not understood is refused."""
    assert served.ask("PATCH", SHOP, {}, Content_Type=kind)[0] == 501


def test_an_unknown_directive_is_a_501(served: ServedCluster) -> None:
    """A strategic-merge directive that is not understood is refused."""
    assert served.patch(SHOP, {"spec": {"$retainKeys": ["replicas"]}})[0] == 501


@pytest.mark.parametrize("precondition", [{"uid": "0000"}, {"resourceVersion": "1"}], ids=["uid", "version"])
def test_delete_holds_its_preconditions(served: ServedCluster, precondition: dict[str, str]) -> None:
    """A pod that was recreated in between is not deleted."""
    pod = served.pods(namespace="shop")[0]["metadata"]
    path = f"/api/v1/namespaces/shop/pods/{pod['name']}"
    status, body = served.ask("DELETE", path, {"preconditions": precondition}, token="writer-token")
    assert (status, body["reason"]) == (409, "Conflict")
    assert "does not match" in body["message"]
    assert "deletionTimestamp" not in served.get(path)["metadata"]


def test_a_deleted_pod_goes_and_another_comes(served: ServedCluster) -> None:
    """Delete marks the pod, the kubelet ends it, its ReplicaSet makes a new one."""
    pod = served.pods(namespace="shop")[0]["metadata"]
    path = f"/api/v1/namespaces/shop/pods/{pod['name']}"
    status, body = served.ask("DELETE", path, {"preconditions": {"uid": pod["uid"]}}, token="writer-token")
    assert status == 200
    assert body["metadata"]["deletionTimestamp"]
    served.settle()
    assert served.ask("GET", path)[0] == 404
    assert [item["status"]["phase"] for item in served.pods(namespace="shop")] == ["Running", "Running"]


def test_a_new_template_replaces_pods_and_keeps_enough(served: ServedCluster) -> None:
    """A rollout restart makes a new ReplicaSet; at no moment are fewer pods ready than the strategy allows."""
    old = {pod["metadata"]["uid"] for pod in served.pods(namespace="shop")}
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T09:00:00Z"}
    served.patch(SHOP, {"spec": {"template": {"metadata": {"annotations": stamp}}}}, token="writer-token")
    least = 2
    for _ in range(30):
        served.turn()
        least = min(least, served.get(SHOP)["status"].get("readyReplicas", 0))
    status = served.get(SHOP)["status"]
    assert least == 2
    assert (status["updatedReplicas"], status["readyReplicas"], status["replicas"]) == (2, 2, 2)
    assert status["observedGeneration"] == served.get(SHOP)["metadata"]["generation"]
    assert not old & {pod["metadata"]["uid"] for pod in served.pods(namespace="shop")}
    assert len(served.get("/apis/apps/v1/namespaces/shop/replicasets")["items"]) == 2


def test_a_daemon_set_rolls_one_node_after_the_other(served: ServedCluster) -> None:
    """Each node gets its new pod, never two nodes at once."""
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
    old = {pod["metadata"]["uid"] for pod in served.pods("k8s-app=kube-proxy")}
    served.patch(path, {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}})
    most = 0
    for _ in range(30):
        served.turn()
        most = max(most, served.get(path)["status"]["numberUnavailable"])
    assert most == 1
    pods = served.pods("k8s-app=kube-proxy")
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["node-a", "node-b"]
    assert not old & {pod["metadata"]["uid"] for pod in pods}


def test_a_stateful_set_comes_in_order(served: ServedCluster) -> None:
    """Pods are named by ordinal and replaced from the highest down."""
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db:1"}]}}
    metadata = {"name": "db", "namespace": "shop"}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "db"}}, "template": template}
    served.put({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec})
    served.settle()
    old = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in served.pods("app=db")}
    assert sorted(old) == ["db-0", "db-1"]
    change = {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}}
    served.patch("/apis/apps/v1/namespaces/shop/statefulsets/db", change)
    served.settle()
    new = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in served.pods("app=db")}
    assert sorted(new) == ["db-0", "db-1"]
    assert not set(old.values()) & set(new.values())


def test_a_map_that_replaces_nothing_is_left_out() -> None:
    """As the real server does (strategicpatch, removeDirectives): there is nothing that it could replace."""
    patch = {"spec": {"affinity": {"$patch": "replace", "nodeAffinity": {}}, "replicas": 3}}

    assert strategic_merge({"spec": {"replicas": 2}}, patch) == {"spec": {"replicas": 3}}
    assert strategic_merge({"spec": {"affinity": {"podAffinity": {}}}}, patch)["spec"]["affinity"] == {
        "nodeAffinity": {}
    }
