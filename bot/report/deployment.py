"""The files of `deploy/` that are made from the units' declarations: IAM policies, RBAC roles and their bindings.

Reader, probers and writer are bound to groups of the same names. Inside EKS an AWS role is whoever its access entry
says: the entry of the reading role names the groups of all roles but the writer's, that of the writing role names this
one (EKS User Guide, "Create access entries"). A role that no unit needs has no file. The probe's is for clusters in
other networks, where the bot itself is not installed: it is no part of the chart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from bot.domain.permissions import Use
from bot.domain.places import PlaceKind
from bot.report.permissions import ROLE_NAMES, Need, cluster_roles, iam_policy

_BOUND_IN = {ROLE_NAMES[Use.NODE]: "kube-system"}
"""Roles that are bound in one namespace, although each cluster may choose which: `node_probe` of dnsbot.yaml."""

_POLICIES = {
    "iam-read.json": (False, PlaceKind.HOME),
    "iam-write.json": (True, PlaceKind.HOME),
    "iam-peer-read.json": (False, PlaceKind.PEER),
    "iam-peer-write.json": (True, PlaceKind.PEER),
}
"""Whether the role changes something, and at places of which kind. One for which nothing is declared is not made."""

_HEADER = "# Made from the units' declarations by `make docs`; a test compares. Do not edit.\n"
_API = "rbac.authorization.k8s.io"


def deployment_files(found: Iterable[Need]) -> Mapping[str, str]:
    """Return the texts of the made files by their paths within `deploy/`."""
    needs = tuple(found)
    roles = cluster_roles(needs)
    policies = {name: iam_policy(needs, change=change, place=place) for name, (change, place) in _POLICIES.items()}
    policies["iam-probe.json"] = iam_policy(needs, probe=True)
    files = {name: _json(policy) for name, policy in policies.items() if policy["Statement"]}
    for name in ROLE_NAMES.values():
        own = [role for role in roles if role["metadata"]["name"] == name]
        if not own:
            continue
        files[f"rbac/{name}.yaml"] = _HEADER + _yaml([*own, *(binding(role) for role in own)])
        if name != ROLE_NAMES[Use.PROBE]:
            files[f"chart/files/{name}.yaml"] = _HEADER + _yaml(own)
    return files


def binding(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return what binds a role to the group of its name."""
    name = role["metadata"]["name"]
    namespace = role["metadata"].get("namespace") or _BOUND_IN.get(name, "")
    return {
        "apiVersion": f"{_API}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"apiGroup": _API, "kind": role["kind"], "name": name},
        "subjects": [{"apiGroup": _API, "kind": "Group", "name": name}],
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _yaml(documents: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"---\n{yaml.safe_dump(dict(document), sort_keys=False)}" for document in documents)
