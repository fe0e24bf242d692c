from __future__ import annotations

import http
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from operator import eq

import pytest

from bot.app import load_units
from bot.domain.deadline import Deadline
from bot.domain.permissions import KubernetesPermission, Use
from bot.domain.ports import Resource
from bot.errors import WriteFailed
from bot.report.permissions import ROLE_NAMES, Need, needs
from bot.sandbox.world.world import CLUSTER, PROBE_NAMESPACE
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
_EVERY = [need for need in needs(CATALOGUE) if isinstance(need.permission, KubernetesPermission)]
LOOKING = [need for need in _EVERY if need.use not in {Use.CHANGE, Use.PROBE}]
"""Every Kubernetes right of the reading identity: to read, to look names up, to see nodes. Probes' are elsewhere."""
CHANGING = [
    need
    for need in _EVERY
    if need.use is Use.CHANGE and isinstance(need.permission, KubernetesPermission) and not need.permission.handed_on
]
"""Every Kubernetes right of the writing identity but those that it holds to hand them on: stories show that it may."""


def _gathering(need: Need) -> set[str]:
    """Return the collectors that use a right."""
    return {unit for unit in need.units if unit in CATALOGUE.collectors}


def _all_of(collector: str) -> set[str]:
    """Return what a collector may look at, all of it: other collectors."""
    by_evidence = {one.evidence: name for name, one in CATALOGUE.collectors.items()}
    found, left = set[str](), [collector]
    while left:
        one = CATALOGUE.collectors[left.pop()]
        new = {by_evidence[kind] for kind in (*one.needs, *one.wants)} - found
        found |= new
        left += new
    return found


_INPUTS = {name: _all_of(name) for name in CATALOGUE.collectors}


def _are_apart(one: Need, other: Need) -> bool:
    """Return whether what one right gathers neither is gathered with the other nor looks at what that gathers."""
    ours, theirs = _gathering(one), _gathering(other)
    whole = [gathering | {each for name in gathering for each in _INPUTS[name]} for gathering in (ours, theirs)]
    return not ours & whole[1] and not theirs & whole[0]


def together(wanted: Sequence[Need]) -> list[tuple[Need, ...]]:
    """Return them in groups whose rights may be missed at once, and each still shows by itself."""
    groups: list[tuple[Need, ...]] = []
    for need in sorted(wanted, key=lambda one: -len(_gathering(one))):
        at = next((at for at, group in enumerate(groups) if all(_are_apart(need, one) for one in group)), None)
        if at is None:
            groups.append((need,))
        else:
            groups[at] += (need,)
    return groups


GROUPS = together(LOOKING)
HALVES = [tuple(CHANGING[half::2]) for half in range(2)]


def _right(need: Need) -> KubernetesPermission:
    assert isinstance(need.permission, KubernetesPermission)
    return need.permission


def _where_used(need: Need) -> KubernetesPermission:
    """Return the right where its role is bound: that of the node view by namespace, where its pods are."""
    return replace(_right(need), namespace=PROBE_NAMESPACE) if need.use is Use.NODE else _right(need)


def _named(group: Sequence[Need]) -> str:
    return "; ".join(need.permission.text for need in group)


_WRITER_ROLE = ROLE_NAMES[Use.CHANGE]
_ROLES = {Use.NODE: ROLE_NAMES[Use.NODE], Use.CHANGE: _WRITER_ROLE}
"""The one role that loses a right, by its use; else all that grant it."""


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


def _install(lab: RunningLab, documents: Sequence[Json], group: Sequence[Need], *, may: Mapping[str, bool]) -> None:
    """Put the roles and wait until the API server judges the identities that need the rights by them.

    `may`: by text of a right whether it is granted; by default it is.
    """
    lab.operator.apply(*documents)
    for need in group:
        wanted = may.get(need.permission.text, True)
        asked = writers(lab) if need.use is Use.CHANGE else sources(lab)
        eventually(partial(asked.may, _where_used(need), Deadline.after(10)), partial(eq, wanted), seconds=20)


def _twice(narrowed: Sequence[Json], group: Sequence[Need]) -> dict[str, bool]:
    """Return by right whether another rule grants it to the same identity all the same.

    What describes the API's kinds all may read who are known: Kubernetes' own role system:discovery, which it restores.
    """
    found = {}
    for need in group:
        if _right(need).is_path:
            found[need.permission.text] = True
            continue
        changes = need.use is Use.CHANGE
        own = [one for one in narrowed if (one["metadata"]["name"] == _WRITER_ROLE) is changes]
        found[need.permission.text] = _granted_elsewhere(own, _right(need))
    return found


def _without_all(group: Sequence[Need]) -> list[Json]:
    """Return the roles without these rights; those of two roles by the right's use: all or the one for it."""
    narrowed = role_documents()
    for need in group:
        narrowed = without(narrowed, _right(need), _ROLES.get(need.use, ""))
    return narrowed


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


def _is_missed(need: Need, used: set[tuple[str, str, str]], narrowed: Sequence[Json]) -> bool:
    """Return whether a call lies where the right reaches and no role that is left does.

    A command in a pod is one call, for which the API server asks for two verbs. What makes a pod on a node asks for all
    that this takes first, removing the pod included, which it does after the last evidence is gathered.
    """
    permission = _right(need)
    own = [one for one in narrowed if one["metadata"]["name"] != _WRITER_ROLE]
    return need.use is Use.NODE or any(
        resource == permission.resource
        and (verb == permission.verb or resource == "pods/exec")
        and permission.namespace in {"", namespace}
        and not _granted_elsewhere(own, replace(permission, namespace=namespace))
        for verb, resource, namespace in used
    )


def _may_cost(group: Sequence[Need]) -> set[str]:
    """Return the rules that need what is lost, or are not healthy without it where they see nothing else."""
    lost = {gathering for need in group for gathering in _gathering(need)}
    blind = {CATALOGUE.collectors[name].evidence for name, inputs in _INPUTS.items() if lost & {name, *inputs}}
    return {rule.name for rule in CATALOGUE.rules.values() if blind & (rule.rests_on | frozenset(rule.decides_without))}


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


@pytest.mark.parametrize("group", GROUPS, ids=map(_named, GROUPS))
def test_rights_taken_away_are_named_and_cost_only_what_needs_them(
    lab: RunningLab, used: set[tuple[str, str, str]], tell: Tell, group: tuple[Need, ...]
) -> None:
    """The checks that need them are UNKNOWN and name them, all others run, nothing crashes, and doctor told so before.

    Where no check needs all of one, the report names it beside the evidence that it lacks. Several are taken away at
    once where nothing is gathered by two of them.
    """
    narrowed = _without_all(group)
    twice = _twice(narrowed, group)
    _install(lab, narrowed, group, may=twice)
    try:
        code, report = diagnose(lab, *_about_one_pod(lab))
        _, told = _doctor(lab)
    finally:
        _install(lab, role_documents(), group, may={})

    unknown = {one["rule"]: one for one in report["coverage"]["unknown"]}
    cost = ", ".join(sorted(unknown)) or "none"
    tell("rights taken away, exit code of diagnose, checks that turned UNKNOWN", _named(group), code, cost)
    assert problems(report) == set()
    assert report["coverage"]["ran"] == report["coverage"]["total"] - len(unknown)
    assert unknown.keys() & CATALOGUE.rules.keys() <= _may_cost(group)
    lost = [_where_used(need).text for need in group if not twice[need.permission.text]]
    assert [text for text in lost if f"{text} is not granted" not in told] == []
    assert code == (3 if unknown else 0)
    assert _blind(report) <= unknown.keys()
    refused = {gap["grant"] for evidence in report["evidence"] for gap in evidence["gaps"]}
    named = {_anywhere(grant) for grant in (*refused, *(one["grant"] for one in unknown.values())) if grant}
    missed = {
        _anywhere(need.permission.text)
        for need in group
        if not twice[need.permission.text] and need.gathers and _is_missed(need, used, narrowed)
    }
    assert named == missed, report["coverage"]


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
    if made["kind"] == "ClusterRole":
        return {**made, "rules": []}
    if made["kind"] == "ClusterRoleBinding":  # to a role that allows no more than whoever binds has
        own = {"apiGroup": permission.group, "kind": "ClusterRole", "name": _WRITER_ROLE}
        return {**made, "roleRef": own, "subjects": []}
    if made["kind"] == "Service":
        return {**made, "spec": {"ports": [{"port": 53}]}}
    return {**made, "spec": controlled} if permission.group == "apps" else made


_PATCHES: dict[str, Json] = {
    "": {"metadata": {"annotations": {"tried": "yes"}}},
    "ephemeralcontainers": {"spec": {"ephemeralContainers": [{"name": "tried", "image": "shop:1"}]}},
}
"""What the right to patch is tried with, by the part of the object."""


_IN_NO_NAMESPACE = frozenset({"clusterroles", "clusterrolebindings"})


def _place(permission: KubernetesPermission) -> str:
    return "" if permission.resource in _IN_NO_NAMESPACE else permission.namespace or "default"


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


@pytest.mark.parametrize("group", HALVES, ids=map(_named, HALVES))
def test_writing_rights_taken_away_are_named_and_cost_only_their_fixes(
    lab: RunningLab, tell: Tell, group: tuple[Need, ...]
) -> None:
    """Doctor names each right and its fixes, the writer's refusal names the right, and every other write goes on.

    A right that another rule grants, too, is not missed.
    """
    narrowed = _without_all(group)
    twice = _twice(narrowed, group)
    missed = [need for need in group if not twice[need.permission.text]]
    _install(lab, narrowed, group, may=twice)
    try:
        code, told = _doctor(lab)
        refusals = {need.permission.text: _refusal(lab, _right(need)) for need in missed}
        for other in CHANGING:
            if other not in missed:
                _write(lab, _right(other))
    finally:
        _install(lab, role_documents(), group, may={})

    tell("writing rights taken away, exit code of doctor, missed", _named(group), code, _named(missed))
    assert told.count("is not granted") == len(missed)
    assert code == 2
    for need in missed:
        permission, refusal = _right(need), refusals[need.permission.text]
        fixes = ", ".join(need.disables)
        _write(lab, permission)
        assert f"{permission.text} is not granted\n{'':>14}  it may cost: {fixes}\n" in told
        assert refusal is not None
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
        ("PUT", "/api/v1/namespaces/kube-system/configmaps/coredns"),
        ("PATCH", "/api/v1/namespaces/catalog/configmaps/coredns"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/dnsbot-write"),
        ("GET", "/api/v1/namespaces/catalog/pods/any/exec?command=id&stdout=true"),
        ("POST", "/api/v1/namespaces/default/pods"),
    ],
)
def test_the_writer_may_no_more_than_its_fixes_need(lab: RunningLab, method: str, path: str) -> None:
    """It neither reads configuration, nor changes any beside CoreDNS's, nor runs commands, nor changes roles."""
    kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"

    answer = wire_of(lab.control_plane).ask(method, path, {"metadata": {}}, token="writer-token", kind=kind)

    assert answer.refusal[:2] == (403, "Forbidden")
