"""Patches, creates and deletes, and what they are refused for."""

from __future__ import annotations

import pytest

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterWriters, open_writers
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject
from bot.domain.ports import Resource
from bot.domain.redaction import redact_value
from bot.errors import WriteFailed
from bot.kubernetes.node_local_manifest import KINDS, NodeLocalManifest
from bot.kubernetes.object_schemas import ObjectSchema
from lab.contract.far_end import NAMESPACE, FarEnd, config_map, deployment, eventually, path
from lab.contract.reading import sources

DEPLOYMENTS = Resource(plural="deployments", group="apps")
STALE = (
    "Operation cannot be fulfilled on {what}: the object has been modified; please apply your changes to the latest "
    "version and try again"
)
OTHER_UID = "00000000-0000-4000-8000-000000000000"


def writers(far_end: FarEnd) -> ClusterWriters:
    """Return the bot's own writers for this far end."""
    target = ClusterTarget(name="contract", eks_name="contract", region="eu-west-1")
    return open_writers(ClusterConnection(target=target, kubeconfig=str(far_end.kubeconfig), writer_context="writer"))


class TestPatches:
    """Strategic-merge patches."""

    def test_lists_with_a_merge_key_are_merged(self, far_end: FarEnd) -> None:
        """A patch of one variable of one container leaves its image and its other variables."""
        far_end.put(deployment("merged", image="shop:1", replicas=0))
        env = [{"name": "B", "value": "2"}]
        body = {"spec": {"template": {"spec": {"containers": [{"name": "merged", "env": env}]}}}}

        answer = far_end.wire.patch(path("deployments", "merged", group="apps"), body)

        container = answer.json["spec"]["template"]["spec"]["containers"][0]
        assert (answer.status, container["image"]) == (200, "shop:1")
        assert sorted(one["name"] for one in container["env"]) == ["A", "B"]

    def test_null_removes_a_field(self, far_end: FarEnd) -> None:
        """A null in the patch takes the key away."""
        far_end.put(config_map("nulled", data={"a": "1", "b": "2"}))

        far_end.wire.patch(path("configmaps", "nulled"), {"data": {"a": None}})

        assert far_end.wire.get(path("configmaps", "nulled"))["data"] == {"b": "2"}

    def test_stale_resource_version_is_a_conflict(self, far_end: FarEnd) -> None:
        """Nothing is written over what somebody else changed meanwhile."""
        far_end.put(config_map("contended", data={"a": "1"}))
        place = path("configmaps", "contended")
        seen = far_end.wire.get(place)["metadata"]["resourceVersion"]
        far_end.wire.patch(place, {"data": {"a": "2"}})

        answer = far_end.wire.patch(place, {"metadata": {"resourceVersion": seen}, "data": {"a": "3"}})

        assert answer.refusal == (409, "Conflict", STALE.format(what='configmaps "contended"'))
        assert answer.json["details"] == {"name": "contended", "kind": "configmaps"}
        assert far_end.wire.get(place)["data"] == {"a": "2"}

    def test_current_resource_version_is_taken(self, far_end: FarEnd) -> None:
        """With the version that is there the patch goes through."""
        far_end.put(config_map("current", data={"a": "1"}))
        place = path("configmaps", "current")
        seen = far_end.wire.get(place)["metadata"]["resourceVersion"]

        answer = far_end.wire.patch(place, {"metadata": {"resourceVersion": seen}, "data": {"a": "2"}})

        assert (answer.status, answer.json["data"]) == (200, {"a": "2"})

    def test_another_uid_is_refused(self, far_end: FarEnd) -> None:
        """A patch meant for an object that was deleted and made anew is a 422: a uid cannot be changed."""
        far_end.put(config_map("reborn", data={"a": "1"}))

        answer = far_end.wire.patch(path("configmaps", "reborn"), {"metadata": {"uid": OTHER_UID}, "data": {"a": "2"}})

        said = f'ConfigMap "reborn" is invalid: metadata.uid: Invalid value: "{OTHER_UID}": field is immutable'
        assert answer.refusal == (422, "Invalid", said)
        assert far_end.wire.get(path("configmaps", "reborn"))["data"] == {"a": "1"}

    def test_missing_object(self, far_end: FarEnd) -> None:
        """Nothing is created by a strategic-merge patch."""
        answer = far_end.wire.patch(path("configmaps", "none"), {"data": {"a": "1"}})

        assert answer.refusal == (404, "NotFound", 'configmaps "none" not found')

    def test_dry_run_changes_nothing(self, far_end: FarEnd) -> None:
        """The answer shows the result, and the object stays."""
        far_end.put(config_map("dry", data={"a": "1"}))

        answer = far_end.wire.patch(path("configmaps", "dry"), {"data": {"a": "2"}}, dryRun="All")

        assert (answer.status, answer.json["data"]) == (200, {"a": "2"})
        assert far_end.wire.get(path("configmaps", "dry"))["data"] == {"a": "1"}

    def test_generation_follows_the_spec_alone(self, far_end: FarEnd) -> None:
        """Labels leave it, a changed template raises it by one."""
        far_end.put(deployment("counted", image="shop:1", replicas=0))
        place = path("deployments", "counted", group="apps")
        born = far_end.wire.get(place)["metadata"]["generation"]

        labelled = far_end.wire.patch(place, {"metadata": {"labels": {"x": "y"}}}).json
        changed = far_end.wire.patch(place, {"spec": {"template": {"metadata": {"annotations": {"x": "y"}}}}}).json

        assert [labelled["metadata"]["generation"], changed["metadata"]["generation"]] == [born, born + 1]

    def test_broken_json_is_refused(self, far_end: FarEnd) -> None:
        """What is no JSON is a 400."""
        far_end.put(config_map("a"))

        answer = far_end.wire.patch(path("configmaps", "a"), b"{")

        assert answer.refusal[:2] == (400, "BadRequest")

    @pytest.mark.parametrize("precondition", [{"resourceVersion": "1"}, {"uid": OTHER_UID}], ids=["version", "uid"])
    def test_the_bots_conflict(self, far_end: FarEnd, precondition: JsonObject) -> None:
        """The bot's writer tells a conflict as one, and that nothing was changed."""
        far_end.put(deployment("written", image="shop:1", replicas=0))
        body: JsonObject = {"metadata": precondition, "spec": {"replicas": 0}}

        with pytest.raises(WriteFailed, match=r"^Conflict: .*Nothing was changed") as refused:
            writers(far_end).cluster(Deadline.after(10)).patch(DEPLOYMENTS, "written", body, namespace=NAMESPACE)

        assert not refused.value.ambiguous


MANIFEST = NodeLocalManifest(
    namespace=NAMESPACE,
    local_address="169.254.20.10",
    cluster_ip="172.20.0.10",
    domain="cluster.local",
    selector={"k8s-app": "kube-dns"},
    image="registry.k8s.io/dns/k8s-dns-node-cache:1.26.4",
    plan_id="plan1",
)


class TestCreates:
    """Objects that are created, for good and as a dry run, unknown fields refused."""

    @pytest.mark.parametrize(
        ("resource", "body"), MANIFEST.objects(), ids=[resource.plural for resource, _ in MANIFEST.objects()]
    )
    def test_the_api_takes_every_object_of_the_manifest_and_a_dry_run_keeps_none(
        self, far_end: FarEnd, resource: Resource, body: JsonObject
    ) -> None:
        """NodeLocal DNSCache's manifest is what the API's schema knows."""
        place, query = path(resource.plural, group=resource.group), {"dryRun": "All", "fieldValidation": "Strict"}

        tried = far_end.wire.ask("POST", place, body, query=query)
        strange = far_end.wire.ask("POST", place, {**body, "gadget": 1}, query=query)

        assert (tried.status, tried.json["kind"]) == (201, body["kind"])
        kind = body["kind"]
        said = f'{kind} in version "v1" cannot be handled as a {kind}: strict decoding error: unknown field "gadget"'
        assert strange.refusal == (400, "BadRequest", said)
        name = tried.json["metadata"]["name"]
        assert far_end.wire.ask("GET", path(resource.plural, name, group=resource.group)).status == 404

    def test_the_api_says_beforehand_what_it_takes_of_the_manifest(self, far_end: FarEnd) -> None:
        """Its OpenAPI, read as the bot reads it, knows every member of every object, and not one more."""
        reader = sources(far_end).cluster(Deadline.after(20))
        for kind, resource in KINDS.items():
            document = reader.schemas(resource)
            known = ObjectSchema.of(document, group=resource.group, version=resource.version, kind=kind)
            body = next(body for _, body in MANIFEST.objects() if body["kind"] == kind)

            assert known is not None
            assert known.misfits(body) == ()
            assert known.misfits({**body, "gadget": 1})[0].startswith(f"{kind} itself: Additional properties are not")
            assert redact_value(known.schemas) == known.schemas

    def test_a_service_is_given_an_address_and_a_second_one_of_its_name_is_refused(self, far_end: FarEnd) -> None:
        """A name that is taken is a 409 of its own reason."""
        resource, body = MANIFEST.objects()[1]

        made = far_end.wire.ask("POST", path(resource.plural), body)
        again = far_end.wire.ask("POST", path(resource.plural), body)

        far_end.wire.ask("DELETE", path(resource.plural, made.json["metadata"]["name"]))
        assert made.json["spec"]["clusterIP"] not in {"", "None"}
        assert again.refusal == (409, "AlreadyExists", 'services "kube-dns-upstream" already exists')


class TestDeletes:
    """Deletes with and without preconditions."""

    @pytest.mark.parametrize(
        ("field", "value", "label", "verb"),
        [
            ("uid", OTHER_UID, "UID", "deleted and then recreated"),
            ("resourceVersion", "1", "ResourceVersion", "modified"),
        ],
    )
    def test_precondition_that_fails(self, far_end: FarEnd, field: str, value: str, label: str, verb: str) -> None:
        """Another uid or version than the precondition's is a 409, and the object stays."""
        far_end.put(config_map("guarded"))
        own = far_end.wire.get(path("configmaps", "guarded"))["metadata"][field]
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {field: value}}

        answer = far_end.wire.ask("DELETE", path("configmaps", "guarded"), options)

        said = (
            f'Operation cannot be fulfilled on ConfigMap "guarded": the {label} in the precondition ({value}) does '
            f"not match the {label} in record ({own}). The object might have been {verb}"
        )
        assert answer.refusal == (409, "Conflict", said)
        assert far_end.wire.get(path("configmaps", "guarded"))["metadata"]["name"] == "guarded"

    def test_delete_answers_success_with_the_uid(self, far_end: FarEnd) -> None:
        """An object without grace period is gone at once; the Status tells which it was."""
        far_end.put(config_map("gone"))
        uid = far_end.wire.get(path("configmaps", "gone"))["metadata"]["uid"]
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}

        answer = far_end.wire.ask("DELETE", path("configmaps", "gone"), options)

        assert (answer.status, answer.json["kind"], answer.json["status"]) == (200, "Status", "Success")
        assert answer.json["details"] == {"name": "gone", "kind": "configmaps", "uid": uid}
        assert far_end.wire.ask("GET", path("configmaps", "gone")).status == 404

    def test_deleting_what_is_not_there(self, far_end: FarEnd) -> None:
        """A 404, as for a get."""
        answer = far_end.wire.ask("DELETE", path("configmaps", "none"))

        assert answer.refusal == (404, "NotFound", 'configmaps "none" not found')

    def test_dependants_go_with_their_owner(self, far_end: FarEnd) -> None:
        """A deleted Deployment takes its ReplicaSets along in the background."""
        far_end.put(deployment("owner", image="shop:1", replicas=0))
        place = path("replicasets", group="apps")
        eventually(lambda: far_end.wire.items(place, labelSelector="app=owner"), lambda sets: len(sets) == 1)

        far_end.wire.ask("DELETE", path("deployments", "owner", group="apps"))

        eventually(lambda: far_end.wire.items(place, labelSelector="app=owner"), lambda sets: not sets)
