from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from bot.kubernetes.node_local_manifest import KINDS
from bot.kubernetes.object_schemas import ObjectSchema
from bot.sandbox.kubernetes.openapi import described
from tests.kubernetes.test_node_local_manifest import DOCUMENTS


def schema(kind: str) -> ObjectSchema:
    """Return what the sandbox's API server says of a kind."""
    resource = KINDS[kind]
    document = described(resource.group, resource.version)
    assert document is not None
    found = ObjectSchema.of(document, group=resource.group, version=resource.version, kind=kind)
    assert found is not None
    return found


SCHEMAS = {kind: schema(kind) for kind in KINDS}


def test_the_manifest_fits() -> None:
    """Every member of every object, by name and type."""
    assert {kind: SCHEMAS[kind].misfits(body) for kind, body in DOCUMENTS.items()} == dict.fromkeys(KINDS, ())


BROKEN: list[tuple[str, str, tuple[Any, ...], object, str]] = [
    ("a typing error", "DaemonSet", ("spec", "templates"), {}, "DaemonSet spec: Additional properties are not allowed"),
    ("a missing member", "DaemonSet", ("spec", "selector"), None, "DaemonSet spec: 'selector' is a required property"),
    ("a text for a number", "Service", ("spec", "ports", 0, "port"), "53", "spec.ports[0].port: '53' is not of"),
    ("an object for a list", "Service", ("spec", "ports"), {}, "Service spec.ports: {} is not of type 'array'"),
    ("a text for an object", "ConfigMap", ("metadata",), "x", "ConfigMap metadata: 'x' is not of type 'object'"),
    ("a number in the data", "ConfigMap", ("data", "Corefile"), 1, "ConfigMap data.Corefile: 1 is not of type"),
    ("a member of none", "ServiceAccount", ("spec",), {}, "ServiceAccount itself: Additional properties are"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "place", "value", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_what_the_api_would_refuse_is_named_with_its_place(
    kind: str, place: tuple[Any, ...], value: object, said: str
) -> None:
    """Unknown, missing and of another type."""
    document = deepcopy(DOCUMENTS[kind])
    inside = document
    for key in place[:-1]:
        inside = inside[key]
    if value is None:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value

    (found,) = SCHEMAS[kind].misfits(document)

    assert said in found


def test_only_what_a_kind_needs_is_kept_of_a_document() -> None:
    """Texts, defaults and other kinds' schemas are left; a kind that the server does not know has none."""
    document = described("", "v1")
    assert document is not None
    own = document["components"]["schemas"]["io.k8s.api.core.v1.ServiceAccount"]
    own["description"] = own["properties"]["metadata"]["description"] = "Long."

    found = ObjectSchema.of(document, group="", version="v1", kind="ServiceAccount")

    assert found is not None
    assert set(found.schemas) == {found.name, f"{found.name}.metadata"}
    assert found.schemas[found.name] == {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": f"#/components/schemas/{found.name}.metadata"}]},
            "automountServiceAccountToken": {"type": "boolean"},
        },
        "additionalProperties": False,
    }
    assert ObjectSchema.of(document, group="", version="v1", kind="Gadget") is None


@pytest.mark.parametrize(
    "document",
    [{}, {"components": {"schemas": {"A": {"x-kubernetes-group-version-kind": "x"}}}}],
    ids=["no schemas", "no kinds"],
)
def test_a_document_that_is_none_is_not_believed(document: Any) -> None:
    """It is an error, and no kind that the server does not know."""
    with pytest.raises((LookupError, TypeError)):
        ObjectSchema.of(document, group="", version="v1", kind="Service")


def test_a_schema_that_cannot_be_followed_is_an_error() -> None:
    """Nothing is said of an object then, and nothing is fetched."""
    broken = ObjectSchema(kind="Service", name="A", schemas={"A": {"properties": {"spec": {"$ref": "http://far/x"}}}})

    with pytest.raises(ValueError, match="schema of Service is not readable"):
        broken.misfits({"spec": {}})
