from __future__ import annotations

from typing import Any

from bot.collectors import object_managers
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.moments import parse_time
from bot.errors import AccessDenied

COREFILE = FaultyObject(kind=ObjectKind.CONFIG_MAP, name="coredns", namespace="kube-system")
DEPLOYMENT = FaultyObject(kind=ObjectKind.DEPLOYMENT, name="coredns", namespace="kube-system")


def set_by(manager: str, member: str, at: str) -> dict[str, Any]:
    """Return an entry of managedFields."""
    return {"manager": manager, "operation": "Update", "time": at, "fieldsV1": {f"f:{member}": {}}}


def test_clients_that_set_the_data_are_named_newest_first(collect: Any, cluster: Any) -> None:
    """Who set labels only, or the status, is left out; the time is that of the last write."""
    fields = [
        set_by("eks", "data", "2026-10-01T09:00:00Z"),
        set_by("kubectl-edit", "data", "2026-11-20T09:00:00Z"),
        set_by("labeler", "metadata", "2026-11-21T09:00:00Z"),
    ]
    deployment = {"metadata": {"managedFields": [set_by("kubelet", "status", "2026-11-21T08:00:00Z")]}}
    world = cluster(
        objects={
            "configmaps/coredns": {"metadata": {"managedFields": fields}},
            "deployments/coredns": deployment,
        }
    )

    found = collect(object_managers.COLLECTOR, world, objects=(COREFILE, DEPLOYMENT))

    data, spec = found.objects
    assert [(one.client, one.at) for one in data.clients] == [
        ("kubectl-edit", parse_time("2026-11-20T09:00:00Z")),
        ("eks", parse_time("2026-10-01T09:00:00Z")),
    ]
    assert (spec.clients, spec.gap, found.gaps) == ((), None, ())


def test_an_object_that_may_not_be_read_is_a_gap_with_the_permission(collect: Any, cluster: Any) -> None:
    """The other object is told of all the same."""
    world = cluster(
        objects={
            "configmaps/coredns": AccessDenied("forbidden", grant="configmaps: get in namespace kube-system"),
            "deployments/coredns": {"metadata": {"managedFields": [set_by("helm", "spec", "2026-11-20T09:00:00Z")]}},
        }
    )

    found = collect(object_managers.COLLECTOR, world, objects=(COREFILE, DEPLOYMENT))

    assert [one.grant for one in found.gaps] == ["configmaps: get in namespace kube-system"]
    assert found.objects[1].clients[0].client == "helm"


def test_more_objects_than_are_asked_about_are_named(collect: Any, cluster: Any) -> None:
    """Six are read."""
    objects = tuple(
        FaultyObject(kind=ObjectKind.CONFIG_MAP, name=f"c{number}", namespace="kube-system") for number in range(8)
    )
    world = cluster(objects={f"configmaps/{one.name}": {"metadata": {}} for one in objects})

    found = collect(object_managers.COLLECTOR, world, objects=objects)

    assert [gap.what for gap in found.gaps] == [
        f"managedFields of ConfigMap kube-system/c{number}" for number in (6, 7)
    ]
