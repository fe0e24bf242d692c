"""What the bot is given in the lab: its kubeconfig, and exactly the roles of `deploy/rbac` in the real API server."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from bot.sandbox.bot_files import configuration
from bot.sandbox.world import CLUSTER
from lab.control_plane import ADMIN, READER, WRITER, ControlPlane
from lab.errors import LabError
from lab.kubernetes_api import Json

_ROLES = Path(__file__).parents[1] / "deploy" / "rbac"


def role_documents(deny: Sequence[str] = ()) -> list[Json]:
    """Return the objects of `deploy/rbac`, without what is denied: `list pods`, `create pods/exec`, `get pods/log`.

    Raises `LabError` where nothing grants what is to be denied.
    """
    documents = [
        document
        for path in sorted(_ROLES.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document
    ]
    for call in deny:
        verb, _, resource = call.partition(" ")
        narrowed = [_without(document, verb, resource) for document in documents]
        if narrowed == documents:
            raise LabError(f"nothing in {_ROLES} grants {call!r}, so it cannot be taken away")
        documents = narrowed
    return documents


def _without(document: Json, verb: str, resource: str) -> Json:
    if "rules" not in document:
        return document
    made = copy.deepcopy(document)
    made["rules"] = [rule for found in made["rules"] for rule in _narrowed(found, verb, resource)]
    return made


def _narrowed(rule: Json, verb: str, resource: str) -> Iterator[Json]:
    """Yield the rule without one verb on one resource."""
    if resource not in rule["resources"] or verb not in rule["verbs"]:
        yield rule
        return
    others = [name for name in rule["resources"] if name != resource]
    if others:
        yield {**rule, "resources": others}
    verbs = [name for name in rule["verbs"] if name != verb]
    if verbs:
        yield {**rule, "resources": [resource], "verbs": verbs}


def write_bot_files(directory: Path, control_plane: ControlPlane) -> None:
    """Write `kubeconfig.yaml` and `dnsbot.yaml` as in the sandbox, and `admin.yaml` for kubectl."""
    text = control_plane.kubeconfig((CLUSTER, READER), (f"{CLUSTER}-write", WRITER))
    (directory / "kubeconfig.yaml").write_text(text, encoding="utf-8")
    (directory / "admin.yaml").write_text(control_plane.kubeconfig(("admin", ADMIN)), encoding="utf-8")
    (directory / "dnsbot.yaml").write_text(configuration(directory), encoding="utf-8")
