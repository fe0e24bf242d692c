"""What the bot is given in the lab: its kubeconfig, and exactly the roles of `deploy/rbac` in the real API server."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from bot.domain.permissions import KubernetesPermission
from bot.sandbox.running.bot_files import configuration, write_probe_kubeconfigs
from bot.sandbox.running.probes import StandingProbe
from bot.sandbox.world.world import CLUSTER, PROBE_NAMESPACE, World
from lab.control_plane import ADMIN, READER, WRITER, ControlPlane
from lab.errors import LabError
from lab.kubernetes_api import Json

_NODE_ROLE = "dnsbot-node"
_ROLES = Path(__file__).parents[1] / "deploy" / "rbac"


def role_documents() -> list[Json]:
    """Return the objects of `deploy/rbac`."""
    return [
        document
        for path in sorted(_ROLES.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document
    ]


def probing_documents() -> list[Json]:
    """Return what binds the role to see nodes by in `node_probe`'s namespace, too, as the chart can."""
    found = [one for one in role_documents() if (one["kind"], one["metadata"]["name"]) == ("RoleBinding", _NODE_ROLE)]
    return [{**one, "metadata": {**one["metadata"], "namespace": PROBE_NAMESPACE}} for one in found]


def without(documents: Sequence[Json], permission: KubernetesPermission, role: str = "") -> list[Json]:
    """Return the roles without one verb, in the rule of the role that reaches as far as the permission does.

    `role` names the one role that loses it; empty: all that have it. Raises `LabError` where no such rule grants it.
    """
    narrowed = copy.deepcopy(list(documents))
    for document in narrowed:
        if role and document["metadata"]["name"] != role:
            continue
        if document["metadata"].get("namespace", "") == permission.namespace and "rules" in document:
            for rule in document["rules"]:
                if covers(rule, permission):
                    rule["verbs"].remove(permission.verb)
            document["rules"] = [rule for rule in document["rules"] if rule["verbs"]]
    if narrowed == documents:
        raise LabError(f"nothing in {_ROLES} grants `{permission.text}`, so it cannot be taken away")
    return narrowed


def covers(rule: Json, permission: KubernetesPermission) -> bool:
    """Return whether a rule of a role grants the permission, for every object that it names."""
    named = set(rule.get("resourceNames") or ())
    return bool(
        permission.resource in (rule.get("nonResourceURLs") or rule["resources"])
        and (permission.is_path or permission.group in rule["apiGroups"])
        and permission.verb in rule["verbs"]
        and (not named or (permission.names and named >= set(permission.names)))
    )


def write_bot_files(
    directory: Path,
    control_plane: ControlPlane,
    world: World,
    *,
    public_resolution: str,
    probes: Mapping[str, StandingProbe],
) -> None:
    """Write the bot's files as in the sandbox, with what opens the real API server, and `admin.yaml` for kubectl.

    `probes` are what looks names up in other networks, by the networks' names.
    """
    text = control_plane.kubeconfig((CLUSTER, READER), (f"{CLUSTER}-write", WRITER))
    (directory / "kubeconfig.yaml").write_text(text, encoding="utf-8")
    (directory / "admin.yaml").write_text(control_plane.kubeconfig(("admin", ADMIN)), encoding="utf-8")
    write_probe_kubeconfigs(directory, probes)
    told = configuration(directory, world.neighbours, public_resolution, probes, world.on_premises)
    (directory / "dnsbot.yaml").write_text(told, encoding="utf-8")
