from __future__ import annotations

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster


def _config(name: str, **labels: str) -> dict[str, object]:
    metadata = {
        "name": name,
        "namespace": "shop",
        "labels": {key.replace("_", "-"): value for key, value in labels.items()},
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", ["a", "b", "c"]),
        ("tier=web", ["a"]),
        ("tier==web", ["a"]),
        ("tier!=web", ["b", "c"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c"]),
        ("tier%20in%20(web,db)", ["a", "b"]),
        ("tier%20notin%20(web)", ["b", "c"]),
        ("tier,zone=x", ["b"]),
    ],
)
def test_label_selectors_choose_as_documented(bare: ServedCluster, selector: str, names: list[str]) -> None:
    """Every form of the page "Labels and Selectors" is applied by the server."""
    bare.put(_config("a", tier="web"), _config("b", tier="db", zone="x"), _config("c"))
    found = bare.get(f"/api/v1/namespaces/shop/configmaps?labelSelector={selector}")
    assert [item["metadata"]["name"] for item in found["items"]] == names


def test_a_broken_label_selector_is_a_400(bare: ServedCluster) -> None:
    """What is no selector is refused, not taken as matching everything."""
    status, body = bare.ask("GET", "/api/v1/configmaps?labelSelector=a%20like%20b")
    assert (status, body["reason"]) == (400, "BadRequest")


def test_field_selectors_choose_pods_of_one_node(served: ServedCluster) -> None:
    """`spec.nodeName` and its negation divide the pods."""
    everything = len(served.pods())
    here = served.get("/api/v1/pods?fieldSelector=spec.nodeName=node-a")["items"]
    there = served.get("/api/v1/pods?fieldSelector=spec.nodeName!=node-a")["items"]
    assert {item["spec"]["nodeName"] for item in here} == {"node-a"}
    assert len(here) + len(there) == everything


def test_an_unsupported_field_is_a_400_in_the_servers_words(bare: ServedCluster) -> None:
    """A field that pods do not index is named."""
    status, body = bare.ask("GET", "/api/v1/pods?fieldSelector=spec.containers=x")
    assert status == 400
    assert body["message"] == "field label not supported: spec.containers"


def test_pages_show_one_moment(bare: ServedCluster) -> None:
    """An object that comes between two pages does not appear in the second."""
    bare.put(*(_config(name) for name in ("a", "b", "d")))
    first = bare.get("/api/v1/configmaps?limit=2")
    bare.put(_config("c"))
    second = bare.get(f"/api/v1/configmaps?limit=2&continue={first['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in first["items"] + second["items"]] == ["a", "b", "d"]
    assert first["metadata"]["remainingItemCount"] == 1
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


def test_an_unknown_page_is_expired(bare: ServedCluster) -> None:
    """A continue token of another time is a 410, as after etcd's compaction."""
    bare.put(_config("a"), _config("b"))
    token = bare.get("/api/v1/configmaps?limit=1")["metadata"]["continue"]
    bare.ask("POST", "/sandbox/reset")
    for number in range(2, 70):
        bare.put(_config("a", n=str(number)), _config("b"))
        bare.get("/api/v1/configmaps?limit=1")
    status, body = bare.ask("GET", f"/api/v1/configmaps?limit=1&continue={token}")
    assert (status, body["reason"]) == (410, "Expired")


def test_items_of_a_list_bear_no_kind(bare: ServedCluster) -> None:
    """As from the real server, kind and apiVersion stand on the list alone."""
    bare.put(_config("a"))
    found = bare.get("/api/v1/configmaps")
    assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
    assert not {"kind", "apiVersion"} & set(found["items"][0])


def test_a_missing_object_is_a_404_with_details(bare: ServedCluster) -> None:
    """The Status names resource, group and name."""
    status, body = bare.ask("GET", "/apis/apps/v1/namespaces/shop/deployments/none")
    assert status == 404
    assert body["message"] == 'deployments.apps "none" not found'
    assert body["details"] == {"kind": "deployments", "name": "none", "group": "apps"}


def test_an_unknown_token_is_a_401(bare: ServedCluster) -> None:
    """To an unknown bearer token nothing is answered."""
    status, body = bare.ask("GET", "/api/v1/pods", token="stolen-token")
    assert (status, body["message"], body["reason"]) == (401, "Unauthorized", "Unauthorized")


def test_a_reader_that_writes_is_a_403_in_the_servers_words(served: ServedCluster) -> None:
    """The reader's token deletes nothing, and the message says user, verb, resource and namespace."""
    name = served.pods(namespace="shop")[0]["metadata"]["name"]
    status, body = served.ask("DELETE", f"/api/v1/namespaces/shop/pods/{name}", token="reader-token")
    assert (status, body["reason"]) == (403, "Forbidden")
    assert body["message"] == (
        f'pods "{name}" is forbidden: User "dnsbot-reader" cannot delete resource "pods" in API group "" '
        'in the namespace "shop"'
    )


def test_a_denied_list_is_a_403_at_the_cluster_scope(bare: ServedCluster) -> None:
    """`deny` refuses as RBAC does."""
    bare.ask("POST", "/sandbox/deny", {"actions": ["list endpointslices"]})
    status, body = bare.ask("GET", "/apis/discovery.k8s.io/v1/endpointslices", token="reader-token")
    assert status == 403
    assert body["message"] == (
        'endpointslices.discovery.k8s.io is forbidden: User "dnsbot-reader" cannot list resource "endpointslices" '
        'in API group "discovery.k8s.io" at the cluster scope'
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/secrets"),
        ("GET", "/apis/batch/v1/jobs"),
        ("GET", "/apis"),
        ("GET", "/api/v1/pods?watch=true"),
        ("GET", "/api/v1/pods?sendInitialEvents=true"),
        ("GET", "/apis/apps/v1/namespaces/a/deployments/b/scale"),
        ("POST", "/api/v1/nodes"),
        ("PUT", "/api/v1/namespaces/shop/configmaps/a"),
        ("DELETE", "/api/v1/namespaces/shop/pods"),
    ],
)
def test_what_it_does_not_know_is_a_501(bare: ServedCluster, method: str, path: str) -> None:
    """Nothing unknown is answered with 200."""
    status, body = bare.ask(method, path)
    assert (status, body["reason"]) == (501, "NotImplemented")


def test_another_representation_is_a_501(bare: ServedCluster) -> None:
    """A Table is refused rather than answered with a plain list."""
    status, _ = bare.ask("GET", "/api/v1/pods", Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert status == 501


@pytest.mark.parametrize(
    ("token", "verb", "resource", "subresource", "allowed"),
    [
        ("reader-token", "list", "pods", "", True),
        ("reader-token", "create", "pods", "exec", True),
        ("reader-token", "delete", "pods", "", False),
        ("writer-token", "delete", "pods", "", True),
        ("writer-token", "create", "pods", "exec", False),
        ("writer-token", "patch", "deployments", "", True),
    ],
)
def test_an_access_review_says_what_the_token_may(  # one row of a table
    bare: ServedCluster,
    token: str,
    verb: str,
    resource: str,
    subresource: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    """SelfSubjectAccessReview agrees with what the server then does."""
    attributes = {"verb": verb, "resource": resource, "subresource": subresource, "namespace": "shop"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status, body = bare.ask("POST", path, {"spec": {"resourceAttributes": attributes}}, token=token)
    assert (status, body["status"]["allowed"]) == (201, allowed)
