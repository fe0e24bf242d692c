"""The files of `deploy/` that are made from the units' declarations: IAM policies, RBAC roles and their bindings.

Reader, prober and writer are bound to groups of the same names. Inside EKS an AWS role is whoever its access entry
says: the entry of the reading role names the first two groups, that of the writing role the third (EKS User Guide,
"Create access entries").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from bot.report.permissions import Need, cluster_roles, iam_policy

GROUPS = ("dnsbot-read", "dnsbot-look-up", "dnsbot-write")
"""Names of the roles, of the groups they are bound to, and of their files."""

_HEADER = "# Made from the units' declarations by `make docs`; a test compares. Do not edit.\n"
_API = "rbac.authorization.k8s.io"


def deployment_files(found: Iterable[Need]) -> Mapping[str, str]:
    """Return the texts of the made files by their paths within `deploy/`."""
    needs = tuple(found)
    roles = cluster_roles(needs)
    files = {
        "iam-read.json": _json(iam_policy(needs, change=False)),
        "iam-write.json": _json(iam_policy(needs, change=True)),
    }
    for name in GROUPS:
        own = [role for role in roles if role["metadata"]["name"] == name]
        files[f"rbac/{name}.yaml"] = _HEADER + _yaml([*own, *(binding(role) for role in own)])
        files[f"chart/files/{name}.yaml"] = _HEADER + _yaml(own)
    return files


def binding(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return what binds a role to the group of its name."""
    name = role["metadata"]["name"]
    return {
        "apiVersion": f"{_API}/v1",
        "kind": f"{role['kind']}Binding",
        "metadata": dict(role["metadata"]),
        "roleRef": {"apiGroup": _API, "kind": role["kind"], "name": name},
        "subjects": [{"apiGroup": _API, "kind": "Group", "name": name}],
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _yaml(documents: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"---\n{yaml.safe_dump(dict(document), sort_keys=False)}" for document in documents)
