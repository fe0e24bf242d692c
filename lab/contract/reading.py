"""Lists, single objects, and who may read."""

from __future__ import annotations

import pytest

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, open_sources
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.ports import Resource
from bot.errors import NotFound, SourceUnreachable
from lab.contract.far_end import NAMESPACE, NOBODY, READER, FarEnd, config_map, event, path, unscheduled_pod

PODS, NODES = Resource(plural="pods"), Resource(plural="nodes")
FORBIDDEN = (
    'configmaps "kept" is forbidden: User "{user}" cannot patch resource "configmaps" in API group "" '
    'in the namespace "{namespace}"'
)


def sources(far_end: FarEnd) -> ClusterSources:
    """Return the bot's own clients for this far end, as the reader."""
    target = ClusterTarget(name="contract", eks_name="contract", region="eu-west-1")
    return open_sources(ClusterConnection(target=target, kubeconfig=str(far_end.kubeconfig), context="reader"))


class TestLists:
    """What a list call answers."""

    @pytest.mark.parametrize(
        ("selector", "names"),
        [
            ("tier=web", ["a"]),
            ("tier==web", ["a"]),
            ("suite,tier!=web", ["b", "c"]),
            ("suite,tier", ["a", "b"]),
            ("suite,!tier", ["c"]),
            ("tier in (web,db)", ["a", "b"]),
            ("suite,tier notin (web)", ["b", "c"]),
            ("tier,zone=x", ["b"]),
            ("tier=none", []),
        ],
    )
    def test_label_selectors(self, far_end: FarEnd, selector: str, names: list[str]) -> None:
        """Every form of the page "Labels and Selectors" is applied by the server."""
        far_end.put(
            config_map("a", suite="y", tier="web"),
            config_map("b", suite="y", tier="db", zone="x"),
            config_map("c", suite="y"),
        )

        found = far_end.wire.items(path("configmaps"), labelSelector=selector)

        assert [item["metadata"]["name"] for item in found] == names

    def test_broken_label_selector_is_refused(self, far_end: FarEnd) -> None:
        """What is no selector is a 400, not everything."""
        answer = far_end.wire.ask("GET", path("configmaps"), query={"labelSelector": "a like b"})

        assert answer.refusal[:2] == (400, "BadRequest")

    def test_field_selectors(self, far_end: FarEnd) -> None:
        """metadata.name is selectable, and so is its negation."""
        far_end.put(config_map("a", suite="y"), config_map("b", suite="y"))

        one = far_end.wire.items(path("configmaps"), fieldSelector="metadata.name=a")
        others = far_end.wire.items(path("configmaps"), fieldSelector="metadata.name!=a", labelSelector="suite")

        assert [item["metadata"]["name"] for item in one] == ["a"]
        assert "a" not in {item["metadata"]["name"] for item in others}

    def test_unsupported_field_is_refused_by_name(self, far_end: FarEnd) -> None:
        """A field that pods do not index is a 400 that names it."""
        answer = far_end.wire.ask("GET", path("pods"), query={"fieldSelector": "spec.containers=x"})

        assert answer.refusal == (
            400,
            "BadRequest",
            "field label not supported: spec.containers",
        )

    def test_pages_show_one_moment(self, far_end: FarEnd) -> None:
        """What comes between two pages is in neither; the count of what is left is told without selectors only."""
        far_end.put(*(config_map(name, page="y") for name in ("p1", "p2", "p4")))
        wire, place = far_end.wire, path("configmaps")
        first = wire.get(place, limit="2", labelSelector="page")
        far_end.put(config_map("p3", page="y"))

        second = wire.get(place, limit="2", labelSelector="page", **{"continue": first["metadata"]["continue"]})

        assert [item["metadata"]["name"] for item in first["items"] + second["items"]] == ["p1", "p2", "p4"]
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
        assert not second["metadata"].get("continue")
        assert "remainingItemCount" not in first["metadata"]
        assert wire.get(place, limit="1")["metadata"]["remainingItemCount"] >= 3

    def test_continue_token_of_nobody_is_refused(self, far_end: FarEnd) -> None:
        """A token that the server never made is a 400."""
        answer = far_end.wire.ask("GET", path("configmaps"), query={"limit": "1", "continue": "bm9uc2Vuc2U"})

        assert answer.refusal[:2] == (400, "BadRequest")
        assert answer.refusal[2].startswith("invalid continue token: continue key is not valid: ")

    def test_old_continue_token_is_gone(self, far_end: FarEnd) -> None:
        """A token that is too old is a 410. Of events: the real server keeps no snapshots of them."""
        far_end.put(event("e1"), event("e2"))
        token = far_end.wire.get(path("events"), limit="1")["metadata"]["continue"]
        far_end.put(event("e3"))
        far_end.expire_pages()

        answer = far_end.wire.ask("GET", path("events"), query={"limit": "1", "continue": token})

        assert answer.refusal[:2] == (410, "Expired")
        assert answer.refusal[2].startswith("The provided continue parameter is too old to display a consistent list")

    def test_items_bear_no_kind(self, far_end: FarEnd) -> None:
        """Kind and apiVersion stand on the list alone."""
        far_end.put(config_map("a"))

        found = far_end.wire.get(path("configmaps"))

        assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
        assert not {"kind", "apiVersion"} & set(found["items"][0])

    def test_the_bot_reads_what_was_put(self, far_end: FarEnd) -> None:
        """The bot's reader lists by selector and gets by name; what is not there is NotFound."""
        far_end.put(unscheduled_pod("mine", app="mine"))
        reader = sources(far_end).cluster(Deadline.after(10))

        listed = reader.list(PODS, dict, namespace=NAMESPACE, labels="app=mine")

        assert [item["metadata"]["name"] for item in listed] == ["mine"]
        assert reader.get(PODS, "mine", namespace=NAMESPACE)["metadata"]["labels"] == {"app": "mine"}
        with pytest.raises(NotFound, match='pods "none" not found'):
            reader.get(PODS, "none", namespace=NAMESPACE)


class TestObjects:
    """What stands on an object."""

    def test_missing_object(self, far_end: FarEnd) -> None:
        """The Status names resource, group and name."""
        answer = far_end.wire.ask("GET", path("deployments", "none", group="apps"))

        assert answer.refusal == (404, "NotFound", 'deployments.apps "none" not found')
        assert answer.json["details"] == {"name": "none", "group": "apps", "kind": "deployments"}

    def test_identity(self, far_end: FarEnd) -> None:
        """An object that is changed keeps uid and creation time and gets another resourceVersion."""
        far_end.put(config_map("changing", data={"a": "1"}))
        before = far_end.wire.get(path("configmaps", "changing"))["metadata"]

        far_end.wire.patch(path("configmaps", "changing"), {"data": {"a": "2"}})

        after = far_end.wire.get(path("configmaps", "changing"))["metadata"]
        assert [after[key] for key in ("uid", "creationTimestamp")] == [
            before[key] for key in ("uid", "creationTimestamp")
        ]
        assert after["resourceVersion"] != before["resourceVersion"]

    def test_managed_fields_say_who_set_what(self, far_end: FarEnd) -> None:
        """A patch under a manager's name leaves an entry with the fields that it set, and when."""
        far_end.put(config_map("managed", data={"a": "1"}))

        far_end.wire.patch(path("configmaps", "managed"), {"data": {"b": "2"}}, fieldManager="contract-suite")

        managed = far_end.wire.get(path("configmaps", "managed"))["metadata"]["managedFields"]
        mine = next(entry for entry in managed if entry["manager"] == "contract-suite")
        assert mine["fieldsV1"] == {"f:data": {"f:b": {}}}
        assert {key: mine[key] for key in ("operation", "apiVersion", "fieldsType")} == {
            "operation": "Update",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
        }
        assert mine["time"].endswith("Z")
        others = [entry for entry in managed if entry["manager"] != "contract-suite"]
        assert any("f:a" in entry["fieldsV1"].get("f:data", {}) for entry in others)


class TestWhoMay:
    """401, 403 and access reviews."""

    def test_no_token(self, far_end: FarEnd) -> None:
        """Whoever brings no token is system:anonymous, and may nothing."""
        answer = far_end.wire.ask("GET", path("pods"), token="")

        said = (
            'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
            f'in the namespace "{NAMESPACE}"'
        )
        assert answer.refusal == (403, "Forbidden", said)

    def test_unknown_token(self, far_end: FarEnd) -> None:
        """A token of nobody is a 401 with a Status."""
        answer = far_end.wire.ask("GET", path("pods"), token=NOBODY)

        assert answer.refusal == (401, "Unauthorized", "Unauthorized")

    def test_reader_may_not_write(self, far_end: FarEnd) -> None:
        """The 403 says user, verb, resource, group and namespace, and nothing is written."""
        far_end.put(config_map("kept", data={"a": "1"}))

        answer = far_end.wire.patch(path("configmaps", "kept"), {"data": {"a": "2"}}, token=READER)

        assert answer.refusal == (
            403,
            "Forbidden",
            FORBIDDEN.format(user=far_end.reader, namespace=NAMESPACE),
        )
        assert answer.json["details"] == {"name": "kept", "kind": "configmaps"}
        assert far_end.wire.get(path("configmaps", "kept"))["data"] == {"a": "1"}

    @pytest.mark.parametrize(
        ("token", "verb", "resource", "subresource", "allowed"),
        [
            ("reader-token", "list", "pods", "", True),
            ("reader-token", "create", "pods", "exec", True),
            ("reader-token", "delete", "pods", "", False),
            ("reader-token", "list", "secrets", "", False),
            ("writer-token", "delete", "pods", "", True),
            ("writer-token", "create", "pods", "exec", False),
        ],
    )
    def test_access_reviews(  # one row of a table
        self,
        far_end: FarEnd,
        token: str,
        verb: str,
        resource: str,
        subresource: str,
        allowed: bool,  # noqa: FBT001  # a column of the table
    ) -> None:
        """A SelfSubjectAccessReview answers 201 and says what the token may."""
        attributes = {"verb": verb, "resource": resource, "subresource": subresource, "namespace": NAMESPACE}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        place = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

        answer = far_end.wire.ask("POST", place, review, token=token)

        assert (answer.status, answer.json["status"]["allowed"]) == (201, allowed)


class TestThrottling:
    """429: priority and fairness sheds a call."""

    def test_answer_is_plain_text_with_advice(self, far_end: FarEnd) -> None:
        """No Status but a line of text, and Retry-After in seconds; when it is over, the same call is answered."""
        with far_end.throttled("nodes"):
            answer = far_end.wire.ask("GET", "/api/v1/nodes", token=READER)
        afterwards = far_end.wire.ask("GET", "/api/v1/nodes", token=READER)

        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == "Too many requests, please try again later.\n"
        assert afterwards.status == 200

    def test_the_bot_asks_once_more_and_no_more(self, far_end: FarEnd) -> None:
        """Its reader says in the server's words why nothing was read, after two calls, and reads when it is over."""
        asked = sources(far_end)
        reader = asked.cluster(Deadline.after(20))

        with far_end.throttled("nodes"), pytest.raises(SourceUnreachable) as shed:
            reader.list(NODES, dict)

        assert shed.value.reason == (
            "Cannot list nodes: 429 Too Many Requests (Too many requests, please try again later.). "
            "The API server is overloaded and sheds calls; ask again later."
        )
        assert asked.totals()["calls"] == 2
        assert reader.list(NODES, dict) != []
