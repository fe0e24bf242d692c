from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from bot.dns.node_local_corefile import filled, read_node_local_corefile
from bot.kubernetes.node_local_dns import NodeLocalSetup
from bot.kubernetes.node_local_manifest import NodeLocalManifest, unknown_to_the_api

MANIFEST = NodeLocalManifest(
    namespace="kube-system",
    local_address="169.254.20.10",
    cluster_ip="172.20.0.10",
    domain="example.internal",
    selector={"k8s-app": "kube-dns"},
    image="node-cache:1",
    plan_id="plan1",
)
DOCUMENTS: dict[str, Any] = {str(body["kind"]): body for _, body in MANIFEST.objects()}


def test_what_is_rendered_is_read_back_as_node_local_dns() -> None:
    """Addresses, domain, upstream Service and template fit one another, and no placeholder is left over."""
    setup = NodeLocalSetup.of(DOCUMENTS["DaemonSet"])
    assert setup is not None
    corefile = DOCUMENTS["ConfigMap"]["data"][setup.source[1]]

    read = read_node_local_corefile(filled(corefile, setup.flags.local_addresses, "172.20.9.9"))

    assert setup.source == ("node-local-dns", "Corefile")
    assert setup.flags.local_addresses == read.binds == ("169.254.20.10", "172.20.0.10")
    assert setup.flags.upstream_service == DOCUMENTS["Service"]["metadata"]["name"]
    assert read.zones == ("example.internal.", "in-addr.arpa.", "ip6.arpa.", ".")
    assert (read.left, read.refused) == ((), "")
    assert [one.force_tcp for one in read.forwards] == [True, True, True, False]


def test_the_manifest_is_known_to_the_api() -> None:
    """Every member of every object, by name and type."""
    assert [unknown_to_the_api(body) for _, body in MANIFEST.objects()] == [(), (), (), ()]


BROKEN: list[tuple[str, str, tuple[Any, ...], object, str]] = [
    ("a typing error", "DaemonSet", ("spec", "templates"), {}, "DaemonSet.spec.templates: is not known"),
    ("a missing member", "DaemonSet", ("spec", "selector"), None, "DaemonSet.spec.selector: is missing"),
    ("a text for a number", "Service", ("spec", "ports", 0, "port"), "53", "ports[0].port: is of type str, not int"),
    ("an object for a list", "Service", ("spec", "ports"), {}, "Service.spec.ports: is no list"),
    ("a text for an object", "ConfigMap", ("metadata",), "x", "ConfigMap.metadata: is no object"),
    ("a number in the data", "ConfigMap", ("data", "Corefile"), 1, "data.Corefile: is of type int, not str"),
]


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

    (found,) = unknown_to_the_api(document)

    assert found.endswith(said)


def test_another_kind_is_no_part_of_it() -> None:
    """What is not described here is not let through."""
    assert unknown_to_the_api({"kind": "Secret"}) == ("Secret: no kind of this manifest",)
