from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from bot.app import load_units
from bot.domain.deadline import Deadline
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.errors import WriteFailed
from bot.report.permissions import Need, Use, needs
from bot.sandbox.world import CLUSTER
from lab.bot_access import covers, role_documents, without
from lab.bot_clients import sources, writers
from lab.contract.far_end import Json, Wire, eventually
from lab.contract.real import wire_of
from lab.kubernetes_api import ApiRefused, path_of
from lab.observing import diagnose, problems
from lab.running import RunningLab
from lab.tests.tables import Tell

pytestmark = pytest.mark.timeout(300)
LOOKING = [
    need
    for need in needs(load_units())
    if need.use in {Use.READ, Use.LOOK_UP} and isinstance(need.permission, KubernetesPermission)
]
"""Every Kubernetes right of the reading identity, one by one."""
CHANGING = [
    need for need in needs(load_units()) if need.use is Use.CHANGE and isinstance(need.permission, KubernetesPermission)
]
"""Every Kubernetes right of the writing identity."""
BINDING = "cluster_binding"
"""Which cluster this is: without that nothing is proposed, and every check says so."""
ONLY_WITH_POD = "pods: get in all namespaces"
NOT_IN_A_HEALTHY_WORLD = {
    "events: list in namespace kube-system": "tells why pods find no place; here all have one",
    "replicasets.apps: list in all namespaces": "tells what to restart after a fix; nothing is proposed here",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """Return a healthy lab, in whose API server exactly the roles of `deploy/` stand."""
    with RunningLab() as running:
        yield running


def _reaches(document: Json, permission: KubernetesPermission) -> bool:
    namespace: str = document["metadata"].get("namespace", "")
    return namespace in {"", permission.namespace}


def _granted_elsewhere(documents: Sequence[Json], permission: KubernetesPermission) -> bool:
    return any(
        _reaches(document, permission) and any(covers(rule, permission) for rule in document.get("rules") or [])
        for document in documents
    )


def _install(lab: RunningLab, documents: Sequence[Json], need: Need, *, may: bool) -> None:
    """Put the roles and wait until the API server judges the identity that needs the right by them."""
    permission = need.permission
    assert isinstance(permission, KubernetesPermission)
    lab.operator.apply(*documents)
    asked = writers(lab) if need.use is Use.CHANGE else sources(lab)
    eventually(lambda: asked.may(permission, Deadline.after(10)), lambda answer: answer is may, seconds=20)


def _about_one_pod(lab: RunningLab) -> tuple[str, str]:
    pod = lab.operator.get("pods", namespace="catalog")[0]["metadata"]
    return "--pod", f"{pod['namespace']}/{pod['name']}"


def _doctor(lab: RunningLab) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "doctor", CLUSTER, "--config", str(lab.directory / "dnsbot.yaml")],
        env={**os.environ, **lab.environment, "DATABASE_URL": f"sqlite:///{lab.directory}/history.db"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize("need", LOOKING, ids=[need.permission.text for need in LOOKING])
def test_a_right_taken_away_is_named_and_costs_only_what_needs_it(lab: RunningLab, tell: Tell, need: Need) -> None:
    """The checks that need it are UNKNOWN and name it, all others run, nothing crashes, and doctor told so before."""
    permission = need.permission
    assert isinstance(permission, KubernetesPermission)
    documents = role_documents()
    narrowed = without(documents, permission)
    twice = _granted_elsewhere(narrowed, permission)
    _install(lab, narrowed, need, may=twice)
    try:
        code, report = diagnose(lab, *(_about_one_pod(lab) if permission.text == ONLY_WITH_POD else ()))
        _, told = _doctor(lab)
    finally:
        _install(lab, documents, need, may=True)

    unknown = {one["rule"]: one for one in report["coverage"]["unknown"]}
    cost = ", ".join(sorted(unknown)) or ("none: another rule grants it, too" if twice else "none")
    tell("right taken away, exit code of diagnose, checks that turned UNKNOWN", permission.text, code, cost)
    assert problems(report) == set()
    assert report["coverage"]["ran"] == report["coverage"]["total"] - len(unknown)
    assert unknown.keys() - {BINDING} <= set(need.disables)
    assert twice or f"{permission.text} is not granted" in told
    if twice or permission.text in NOT_IN_A_HEALTHY_WORLD or not need.gathers:
        assert (code, unknown) == (0, {})
        return
    assert code == 3
    assert unknown
    assert {_anywhere(one["grant"]) for one in unknown.values()} == {_anywhere(permission.text)}, unknown


def _anywhere(grant: str) -> str:
    """Return resource and verb of a right: the report names the place of the call, the role may reach farther."""
    return grant.partition(" in ")[0]


KINDS = {"pods": "Pod", "deployments": "Deployment", "daemonsets": "DaemonSet", "statefulsets": "StatefulSet"}
PLACE = "default"


def _idle(resource: str) -> Json:
    """Return an object of this kind that no node runs."""
    labels = {"app": "tried"}
    metadata = {"name": "tried", "namespace": PLACE, "labels": labels}
    pod = {"containers": [{"name": "idle", "image": "shop:1"}], "nodeSelector": {"nobody": "has-this"}}
    if resource == "pods":
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return {"apiVersion": "apps/v1", "kind": KINDS[resource], "metadata": metadata, "spec": spec}


def _write(lab: RunningLab, permission: KubernetesPermission) -> None:
    """Use a right through the bot's own writer, on an object that is there for that alone."""
    api, document = lab.control_plane.api(), _idle(permission.resource)
    made = api.apply(document)
    writer = writers(lab).cluster(Deadline.after(20))
    resource = Resource(plural=permission.resource, group=permission.group)
    try:
        if permission.verb == "delete":
            writer.delete(resource, "tried", namespace=PLACE, uid=made["metadata"]["uid"])
        else:
            writer.patch(resource, "tried", {"metadata": {"annotations": {"tried": "yes"}}}, namespace=PLACE)
    finally:
        with suppress(ApiRefused):
            api.call("DELETE", path_of(document))


@pytest.mark.parametrize("need", CHANGING, ids=[need.permission.text for need in CHANGING])
def test_a_writing_right_taken_away_is_named_and_costs_only_its_fixes(lab: RunningLab, tell: Tell, need: Need) -> None:
    """Doctor names the right and its fixes, the writer's refusal names the right, and every other write goes on."""
    permission = need.permission
    assert isinstance(permission, KubernetesPermission)
    documents = role_documents()
    _install(lab, without(documents, permission), need, may=False)
    try:
        code, told = _doctor(lab)
        with pytest.raises(WriteFailed) as refused:
            _write(lab, permission)
        for other in CHANGING:
            if other is not need:
                assert isinstance(other.permission, KubernetesPermission)
                _write(lab, other.permission)
    finally:
        _install(lab, documents, need, may=True)

    fixes = ", ".join(need.disables)
    tell("writing right taken away, exit code of doctor, fixes that cannot run", permission.text, code, fixes)
    assert code == 2
    assert f"{permission.text} is not granted\n{'':>14}  it may cost: {fixes}\n" in told
    assert told.count("is not granted") == 1
    assert str(refused.value).endswith(f"Grant `{replace(permission, namespace=PLACE).text}`.")
    assert not refused.value.ambiguous
    _write(lab, permission)


WRITES: list[tuple[str, str, Json | None]] = [
    ("POST", "/api/v1/namespaces/kube-system/configmaps", {"metadata": {"name": "x"}}),
    ("PATCH", "/api/v1/namespaces/kube-system/configmaps/coredns", {"data": {"Corefile": ""}}),
    ("PUT", "/api/v1/namespaces/kube-system/configmaps/coredns", {"metadata": {"name": "coredns"}}),
    ("DELETE", "/api/v1/namespaces/kube-system/configmaps/coredns", None),
    ("DELETE", "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns", None),
    ("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "x"}}),
    ("PATCH", "/apis/apps/v1/namespaces/catalog/deployments/catalog", {"spec": {"replicas": 0}}),
    ("PATCH", "/apis/apps/v1/namespaces/catalog/deployments/catalog/scale", {"spec": {"replicas": 0}}),
    ("PATCH", "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy", {"metadata": {"labels": {"x": "y"}}}),
    ("PATCH", "/api/v1/nodes/any", {"spec": {"unschedulable": True}}),
    ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/dnsbot-read", {"rules": []}),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {"metadata": {"name": "x"}}),
    ("POST", "/api/v1/namespaces/kube-system/serviceaccounts/coredns/token", {}),
    ("POST", "/api/v1/namespaces/kube-system/pods/any/eviction", {}),
    ("GET", "/api/v1/secrets", None),
]


@pytest.mark.parametrize("token", ["reader-token", "prober-token"], ids=["reader", "prober"])
@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=[f"{row[0]} {row[1]}" for row in WRITES])
def test_looking_credentials_cannot_write(
    lab: RunningLab, token: str, method: str, path: str, body: Json | None
) -> None:
    """Tried against the real API server: each write, and reading secrets, is a 403."""
    wire: Wire = wire_of(lab.control_plane)
    kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"

    answer = wire.ask(method, path, body, token=token, kind=kind)

    assert answer.refusal[:2] == (403, "Forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/kube-system/configmaps/coredns"),
        ("PATCH", "/api/v1/namespaces/kube-system/configmaps/coredns"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/dnsbot-write"),
        ("GET", "/api/v1/namespaces/catalog/pods/any/exec?command=id&stdout=true"),
        ("POST", "/api/v1/namespaces/default/pods"),
    ],
)
def test_the_writer_may_no_more_than_its_fixes_need(lab: RunningLab, method: str, path: str) -> None:
    """Its credential neither reads configuration, nor runs commands, nor changes roles."""
    kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"

    answer = wire_of(lab.control_plane).ask(method, path, {"metadata": {}}, token="writer-token", kind=kind)

    assert answer.refusal[:2] == (403, "Forbidden")
