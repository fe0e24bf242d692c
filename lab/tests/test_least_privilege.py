from __future__ import annotations

import http
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from bot.app import load_units
from bot.domain.deadline import Deadline
from bot.domain.permissions import KubernetesPermission, Use
from bot.domain.ports import Resource
from bot.errors import WriteFailed
from bot.report.permissions import Need, needs
from bot.sandbox.world.world import CLUSTER
from lab.bot_access import covers, role_documents, without
from lab.bot_clients import sources, writers
from lab.contract.far_end import Json, Wire, eventually
from lab.contract.real import wire_of
from lab.kubernetes_api import ApiRefused, KubernetesApi, path_of
from lab.observing import diagnose, problems
from lab.running import RunningLab
from lab.tests.tables import Tell

pytestmark = pytest.mark.timeout(300)
CATALOGUE = load_units()
LOOKING = [
    need
    for need in needs(CATALOGUE)
    if need.use in {Use.READ, Use.LOOK_UP} and isinstance(need.permission, KubernetesPermission)
]
"""Every Kubernetes right of the reading identity, one by one."""
CHANGING = [
    need for need in needs(CATALOGUE) if need.use is Use.CHANGE and isinstance(need.permission, KubernetesPermission)
]
"""Every Kubernetes right of the writing identity."""
_WRITER_ROLE = "dnsbot-write"


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


@pytest.fixture(scope="module")
def used(lab: RunningLab) -> set[tuple[str, str, str]]:
    """Return what a diagnosis with all rights reads: verb, resource and namespace ("" where it is none or all).

    A healthy world gives no reason to read some others.
    """
    _, report = diagnose(lab, *_about_one_pod(lab))
    calls = [call.partition(" in ") for evidence in report["evidence"] for call in evidence["calls"]]
    return {(*what.split()[:2], namespace) for what, _, namespace in calls if " " in what}


def _is_missed(permission: KubernetesPermission, used: set[tuple[str, str, str]], narrowed: Sequence[Json]) -> bool:
    """Return whether a call lies where the permission reaches and no role that is left does.

    A command in a pod is one call, for which the API server asks for two verbs.
    """
    return any(
        resource == permission.resource
        and (verb == permission.verb or resource == "pods/exec")
        and permission.namespace in {"", namespace}
        and not _granted_elsewhere(narrowed, replace(permission, namespace=namespace))
        for verb, resource, namespace in used
    )


def _blind(report: Json) -> set[str]:
    """Return the rules of which some evidence could not be gathered at all."""
    lost = {CATALOGUE.collectors[one["collector"]].evidence for one in report["evidence"] if one["gap"]}
    return {one["rule"] for one in report["findings"] if lost & _rests_on(one)}


def _rests_on(finding: Json) -> frozenset[type]:
    """Return what the verdict rests on: what a rule only wants shows nothing where there is nothing to check."""
    rule = CATALOGUE.rules[finding["rule"]]
    return frozenset(rule.needs) if finding["nothing_to_check"] else rule.rests_on


def _doctor(lab: RunningLab) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "doctor", CLUSTER, "--config", str(lab.directory / "dnsbot.yaml")],
        env={**os.environ, **lab.environment, "DATABASE_URL": f"sqlite:///{lab.directory}/history.db"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize("need", LOOKING, ids=[need.permission.text for need in LOOKING])
def test_a_right_taken_away_is_named_and_costs_only_what_needs_it(
    lab: RunningLab, used: set[tuple[str, str, str]], tell: Tell, need: Need
) -> None:
    """The checks that need it are UNKNOWN and name it, all others run, nothing crashes, and doctor told so before.

    Where no check needs all of it, the report names it beside the evidence that it lacks.
    """
    permission = need.permission
    assert isinstance(permission, KubernetesPermission)
    documents = role_documents()
    narrowed = without(documents, permission)
    twice = _granted_elsewhere(narrowed, permission)
    _install(lab, narrowed, need, may=twice)
    try:
        code, report = diagnose(lab, *_about_one_pod(lab))
        _, told = _doctor(lab)
    finally:
        _install(lab, documents, need, may=True)

    unknown = {one["rule"]: one for one in report["coverage"]["unknown"]}
    cost = ", ".join(sorted(unknown)) or ("none: another rule grants it, too" if twice else "none")
    tell("right taken away, exit code of diagnose, checks that turned UNKNOWN", permission.text, code, cost)
    assert problems(report) == set()
    assert report["coverage"]["ran"] == report["coverage"]["total"] - len(unknown)
    assert unknown.keys() & CATALOGUE.rules.keys() <= set(need.disables)
    assert twice or f"{permission.text} is not granted" in told
    assert code == (3 if unknown else 0)
    assert _blind(report) <= unknown.keys()
    refused = {gap["grant"] for evidence in report["evidence"] for gap in evidence["gaps"]}
    named = {_anywhere(grant) for grant in (*refused, *(one["grant"] for one in unknown.values()))}
    missed = not twice and need.gathers and _is_missed(permission, used, narrowed)
    assert named == ({_anywhere(permission.text)} if missed else set()), report["coverage"]


def _anywhere(grant: str) -> str:
    """Return resource and verb of a right: the report names the place of the call, the role may reach farther."""
    return grant.partition(" in ")[0]


def _tried_on(api: KubernetesApi, permission: KubernetesPermission) -> Json:
    """Return an object that the right covers: one that it names, else one that no node runs."""
    group = f"apis/{permission.group}" if permission.group else "api"
    kinds = {one["name"]: one["kind"] for one in api.call("GET", f"/{group}/v1")["resources"]}
    labels = {"app": "tried"}
    name = permission.names[0] if permission.names else "tried"
    pod: Json = {"containers": [{"name": "idle", "image": "shop:1"}], "nodeSelector": {"nobody": "has-this"}}
    controlled: Json = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    made: Json = {
        "apiVersion": f"{permission.group}/v1".removeprefix("/"),
        "kind": kinds[permission.resource],
        "metadata": {"name": name, "namespace": _place(permission), "labels": labels},
    }
    if made["kind"] == "Pod":
        return {**made, "spec": pod}
    if made["kind"] == "Service":
        return {**made, "spec": {"ports": [{"port": 53}]}}
    return {**made, "spec": controlled} if permission.group == "apps" else made


_PATCHES: dict[str, Json] = {
    "": {"metadata": {"annotations": {"tried": "yes"}}},
    "ephemeralcontainers": {"spec": {"ephemeralContainers": [{"name": "tried", "image": "shop:1"}]}},
}
"""What the right to patch is tried with, by the part of the object."""


def _place(permission: KubernetesPermission) -> str:
    return permission.namespace or "default"


def _write(lab: RunningLab, permission: KubernetesPermission) -> None:
    """Use a right through the bot's own writer, and put what it was tried on as it was before."""
    api = lab.control_plane.api()
    document = _tried_on(api, permission)
    path, name = path_of(document), document["metadata"]["name"]
    writer, place = writers(lab).cluster(Deadline.after(20)), _place(permission)
    plural, _, subresource = permission.resource.partition("/")
    resource = Resource(plural=plural, group=permission.group)
    if permission.verb == "create":
        writer.create(resource, document, namespace=place, dry_run=True)
        return
    there = _get(api, path)
    made = there or api.apply(document)
    try:
        if permission.verb == "delete":
            writer.delete(resource, name, namespace=place, uid=made["metadata"]["uid"])
        else:
            writer.patch(resource, name, _PATCHES[subresource], namespace=place, subresource=subresource)
    finally:
        with suppress(ApiRefused):
            api.apply(there) if there else api.call("DELETE", path)


def _get(api: KubernetesApi, path: str) -> Json | None:
    try:
        found: Json = api.call("GET", path)
    except ApiRefused as refused:
        if refused.status != http.HTTPStatus.NOT_FOUND:
            raise
        return None
    return found


@pytest.mark.parametrize("need", CHANGING, ids=[need.permission.text for need in CHANGING])
def test_a_writing_right_taken_away_is_named_and_costs_only_its_fixes(lab: RunningLab, tell: Tell, need: Need) -> None:
    """Doctor names the right and its fixes, the writer's refusal names the right, and every other write goes on.

    A right that another rule grants, too, is not missed.
    """
    permission = need.permission
    assert isinstance(permission, KubernetesPermission)
    documents = role_documents()
    narrowed = without(documents, permission, _WRITER_ROLE)
    twice = _granted_elsewhere([one for one in narrowed if one["metadata"]["name"] == _WRITER_ROLE], permission)
    _install(lab, narrowed, need, may=twice)
    try:
        code, told = _doctor(lab)
        refusal = _refusal(lab, permission)
        for other in CHANGING:
            if other is not need:
                assert isinstance(other.permission, KubernetesPermission)
                _write(lab, other.permission)
    finally:
        _install(lab, documents, need, may=True)

    fixes = ", ".join(need.disables)
    cost = "none: another rule grants it, too" if twice else fixes
    tell("writing right taken away, exit code of doctor, fixes that cannot run", permission.text, code, cost)
    assert told.count("is not granted") == (0 if twice else 1)
    assert (refusal is None) == twice
    _write(lab, permission)
    if refusal is None:
        return
    assert code == 2
    assert f"{permission.text} is not granted\n{'':>14}  it may cost: {fixes}\n" in told
    assert str(refusal).endswith(f"Grant `{replace(permission, namespace=_place(permission)).text}`.")
    assert not refusal.ambiguous


def _refusal(lab: RunningLab, permission: KubernetesPermission) -> WriteFailed | None:
    """Return how a write that needs the right is refused, None where it is not."""
    try:
        _write(lab, permission)
    except WriteFailed as refused:
        return refused
    return None


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
