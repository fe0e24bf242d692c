"""Pods that run: their logs, commands in them, their end, and rollouts. Needs nodes."""

from __future__ import annotations

import re
import time

import pytest

from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.errors import NotFound, SourceTimeout
from lab.contract.far_end import (
    NAMESPACE,
    FarEnd,
    Json,
    deployment,
    eventually,
    is_ready,
    path,
    ready_pods,
    unscheduled_pod,
)
from lab.contract.reading import sources

TOOLS, NO_TOOLS = "shop:1", "shop:1-distroless"
SYSTEM = "kube-system"
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z .")


def shop(far_end: FarEnd, *, image: str = TOOLS, replicas: int = 1, name: str = "shop") -> list[Json]:
    """Put a Deployment of this image and return its pods, Ready."""
    far_end.put(deployment(name, image=image, replicas=replicas))
    return ready_pods(far_end, f"app={name}", count=replicas)


def coredns(far_end: FarEnd) -> Json:
    """Return a CoreDNS pod that is Ready."""
    return ready_pods(far_end, "k8s-app=kube-dns", count=2, namespace=SYSTEM)[0]


def named(pod: Json) -> PodName:
    """Return the pod's name as the bot has it."""
    return PodName(namespace=pod["metadata"]["namespace"], name=pod["metadata"]["name"])


class TestLogs:
    """`GET …/log` with each parameter that the bot uses."""

    @staticmethod
    def _log(far_end: FarEnd, **query: str) -> tuple[int, str, str]:
        answer = far_end.wire.ask(
            "GET", path("pods", coredns(far_end)["metadata"]["name"], namespace=SYSTEM) + "/log", query=query
        )
        return answer.status, answer.headers["content-type"], answer.text

    def test_plain_text(self, far_end: FarEnd) -> None:
        """A log is text/plain, each line with its end."""
        status, kind, text = self._log(far_end)

        assert (status, kind) == (200, "text/plain")
        assert "CoreDNS-1." in text
        assert text.endswith("\n")

    def test_timestamps(self, far_end: FarEnd) -> None:
        """Each line begins with RFC 3339 in UTC."""
        _, _, text = self._log(far_end, timestamps="true")

        assert [line for line in text.splitlines() if not _STAMP.match(line)] == []

    def test_tail_lines(self, far_end: FarEnd) -> None:
        """The last lines; 0 gives none."""
        whole, tail = eventually(  # a line may come between the two
            lambda: (self._log(far_end)[2].splitlines(), self._log(far_end, tailLines="2")[2].splitlines()),
            lambda seen: seen[1] == seen[0][-2:],
        )

        assert len(whole) > len(tail) == 2
        assert self._log(far_end, tailLines="0")[2] == ""

    def test_limit_bytes(self, far_end: FarEnd) -> None:
        """So many bytes from the beginning."""
        _, _, whole = self._log(far_end)

        assert self._log(far_end, limitBytes="10")[2] == whole[:10]

    def test_since_seconds(self, far_end: FarEnd) -> None:
        """Lines older than that are left out."""
        coredns(far_end)

        eventually(lambda: self._log(far_end, sinceSeconds="1")[2], lambda text: text == "")
        assert self._log(far_end, sinceSeconds="3600")[2] != ""

    @pytest.mark.parametrize(
        ("parameter", "value", "said"),
        [
            ("sinceSeconds", "0", "sinceSeconds: Invalid value: 0: must be greater than 0"),
            ("limitBytes", "0", "limitBytes: Invalid value: 0: must be greater than 0"),
            ("tailLines", "-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ],
    )
    def test_senseless_numbers(self, far_end: FarEnd, parameter: str, value: str, said: str) -> None:
        """A 422 that names the parameter."""
        name = coredns(far_end)["metadata"]["name"]
        answer = far_end.wire.ask("GET", path("pods", name, namespace=SYSTEM) + "/log", query={parameter: value})

        assert answer.refusal[:2] == (422, "Invalid")
        assert said in answer.refusal[2]

    def test_previous_run_that_never_was(self, far_end: FarEnd) -> None:
        """A 400 that names container and pod; the bot takes it for "no such log"."""
        pod = coredns(far_end)
        name = pod["metadata"]["name"]
        answer = far_end.wire.ask("GET", path("pods", name, namespace=SYSTEM) + "/log", query={"previous": "true"})

        said = f'previous terminated container "coredns" in pod "{name}" not found'
        assert answer.refusal == (400, "BadRequest", said)
        with pytest.raises(NotFound, match="previous terminated container"):
            sources(far_end).cluster(Deadline.after(10)).logs(named(pod), previous=True)

    def test_container_that_is_not_there(self, far_end: FarEnd) -> None:
        """A 400 that names container and pod."""
        name = coredns(far_end)["metadata"]["name"]
        answer = far_end.wire.ask("GET", path("pods", name, namespace=SYSTEM) + "/log", query={"container": "none"})

        assert answer.refusal == (400, "BadRequest", f"container none is not valid for pod {name}")

    def test_pod_that_no_node_took(self, far_end: FarEnd) -> None:
        """204 with no body at all; the bot takes it for "no log", not for an empty one."""
        pod = unscheduled_pod("unplaced")
        pod["metadata"]["namespace"] = SYSTEM  # where the bot may read logs
        far_end.put(pod)
        place = path("pods", "unplaced", namespace=SYSTEM)
        try:
            answer = far_end.wire.ask("GET", f"{place}/log")
            with pytest.raises(NotFound, match="has no node yet"):
                sources(far_end).cluster(Deadline.after(10)).logs(named(pod))
        finally:
            far_end.wire.ask("DELETE", place, query={"gracePeriodSeconds": "0"})

        assert (answer.status, answer.text) == (204, "")

    def test_pod_that_is_not_there(self, far_end: FarEnd) -> None:
        """A 404 about the pod."""
        answer = far_end.wire.ask("GET", path("pods", "none") + "/log")

        assert answer.refusal == (404, "NotFound", 'pods "none" not found')

    def test_the_bots_log(self, far_end: FarEnd) -> None:
        """The bot's reader gets lines with timestamps."""
        text = sources(far_end).cluster(Deadline.after(10)).logs(named(coredns(far_end)), container="coredns")

        assert [line for line in text.splitlines() if not _STAMP.match(line)] == []
        assert "CoreDNS-1." in text


class TestCommands:
    """exec through the bot's prober: the wire protocol is its affair, and the kubelet's."""

    def test_output_and_exit_code_0(self, far_end: FarEnd) -> None:
        """What the program prints comes back."""
        pod = shop(far_end)[0]

        done = sources(far_end).pods(Deadline.after(10)).run(named(pod), "shop", ["cat", "/etc/resolv.conf"])

        assert (done.exit_code, done.stderr, done.cut) == (0, b"", False)
        assert f"search {NAMESPACE}.svc.cluster.local svc.cluster.local cluster.local" in done.text()
        assert "options ndots:5" in done.text()

    def test_failure_has_its_exit_code_and_standard_error(self, far_end: FarEnd) -> None:
        """Both arrive apart from standard output."""
        pod = shop(far_end)[0]

        done = sources(far_end).pods(Deadline.after(10)).run(named(pod), "shop", ["cat", "/no/such/file"])

        assert (done.exit_code, done.stdout) == (1, b"")
        assert done.stderr == b"cat: /no/such/file: No such file or directory\n"

    def test_program_that_the_image_lacks(self, far_end: FarEnd) -> None:
        """No lookup failed: the runtime found no such program."""
        pod = shop(far_end, image=NO_TOOLS, name="bare")[0]

        done = sources(far_end).pods(Deadline.after(10)).run(named(pod), "bare", ["cat", "/etc/resolv.conf"])

        assert done.exit_code in {126, 127}
        assert 'exec: "cat": executable file not found in $PATH' in done.text() + done.complaint

    def test_program_that_hangs(self, far_end: FarEnd) -> None:
        """The bot leaves at its deadline and says so."""
        pod, begun = shop(far_end)[0], time.monotonic()

        with pytest.raises(SourceTimeout, match="gave no whole answer in time"):
            sources(far_end).pods(Deadline.after(1.5)).run(named(pod), "shop", ["sleep", "30"])

        assert time.monotonic() - begun < 20

    def test_pod_that_is_not_there(self, far_end: FarEnd) -> None:
        """The refusal comes before the upgrade, as a 404."""
        with pytest.raises(NotFound, match='pods "none" not found'):
            sources(far_end).pods(Deadline.after(10)).run(
                PodName(namespace=NAMESPACE, name="none"), "shop", ["cat", "/etc/resolv.conf"]
            )

    def test_who_may_not(self, far_end: FarEnd) -> None:
        """The writer's credential runs nothing in pods."""
        pod = shop(far_end)[0]
        query = "command=cat&command=/etc/resolv.conf&stdout=true&container=shop"
        answer = far_end.wire.ask("GET", path("pods", named(pod).name) + f"/exec?{query}", token="writer-token")

        assert answer.refusal[:2] == (403, "Forbidden")
        assert 'resource "pods/exec"' in answer.refusal[2]


class TestEnds:
    """How pods go away."""

    def test_a_deleted_pod_goes_through_its_grace_period(self, far_end: FarEnd) -> None:
        """The answer is the pod, with when it must be gone; its controller makes another."""
        pod = shop(far_end, name="graceful")[0]
        name = pod["metadata"]["name"]

        answer = far_end.wire.ask("DELETE", path("pods", name))

        assert (answer.status, answer.json["kind"]) == (200, "Pod")
        assert answer.json["metadata"]["deletionGracePeriodSeconds"] == 30
        assert "deletionTimestamp" in answer.json["metadata"]
        assert ready_pods(far_end, "app=graceful", count=1)[0]["metadata"]["name"] != name

    def test_grace_0_ends_it_at_once(self, far_end: FarEnd) -> None:
        """Right after the answer it is no longer there."""
        name = shop(far_end, name="abrupt")[0]["metadata"]["name"]

        answer = far_end.wire.ask("DELETE", path("pods", name), query={"gracePeriodSeconds": "0"})

        assert answer.status == 200
        assert far_end.wire.ask("GET", path("pods", name)).status == 404


class TestRollouts:
    """A Deployment whose template changes."""

    @staticmethod
    def _by_revision(far_end: FarEnd, name: str) -> dict[str, int]:
        """Return how many replicas each ReplicaSet is to have, by revision."""
        sets = far_end.wire.items(path("replicasets", group="apps"), labelSelector=f"app={name}")
        annotation = "deployment.kubernetes.io/revision"
        return {one["metadata"]["annotations"][annotation]: one["spec"]["replicas"] for one in sets}

    def test_a_changed_annotation_replaces_every_pod(self, far_end: FarEnd) -> None:
        """A second ReplicaSet with the next revision takes over; the status tells when it is done."""
        before = {pod["metadata"]["uid"] for pod in shop(far_end, replicas=2, name="rolled")}
        place = path("deployments", "rolled", group="apps")
        annotations = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T09:00:00Z"}

        asked = far_end.wire.patch(place, {"spec": {"template": {"metadata": {"annotations": annotations}}}}).json

        def done(found: Json) -> bool:
            status = found.get("status") or {}
            return bool(
                status.get("observedGeneration", 0) >= asked["metadata"]["generation"]
                and status.get("updatedReplicas") == status.get("replicas") == status.get("availableReplicas") == 2
            )

        eventually(lambda: far_end.wire.get(place), done)
        after = ready_pods(far_end, "app=rolled", count=2)
        assert not before & {pod["metadata"]["uid"] for pod in after}
        assert self._by_revision(far_end, "rolled") == {"1": 0, "2": 2}
        assert {pod["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] for pod in after} == set(
            annotations.values()
        )

    def test_pods_without_a_place_stay_beside_those_of_the_new_template(self, far_end: FarEnd) -> None:
        """As many as the strategy's surge allows; the rest of the old ones goes when new ones are ready."""
        stuck = deployment("stuck", image=TOOLS, replicas=2)
        stuck["spec"]["template"]["spec"]["nodeSelector"] = {"nobody": "has-this"}
        far_end.put(stuck)
        eventually(lambda: far_end.wire.items(path("pods"), labelSelector="app=stuck"), lambda pods: len(pods) == 2)

        template = {"metadata": {"annotations": {"changed": "yes"}}}
        far_end.wire.patch(path("deployments", "stuck", group="apps"), {"spec": {"template": template}})

        eventually(
            lambda: far_end.wire.items(path("pods"), labelSelector="app=stuck"),
            lambda pods: len(pods) == 3 and not any(map(is_ready, pods)),
        )
        assert self._by_revision(far_end, "stuck") == {"1": 2, "2": 1}

    def test_a_daemon_set_keeps_each_template_with_its_age(self, far_end: FarEnd) -> None:
        """A template is a ControllerRevision of the next number; going back gives the former one a new number alone."""
        made = deployment("kept-templates", image=TOOLS, replicas=0)
        made["kind"] = "DaemonSet"
        del made["spec"]["replicas"]
        made["spec"]["template"]["spec"]["nodeSelector"] = {"nobody": "has-this"}
        far_end.put(made)
        seen = [self._revisions(far_end, 1)]
        for value, number in (("2", 2), ("1", 3)):
            env = [{"name": "A", "value": value}]
            body = {"spec": {"template": {"spec": {"containers": [{"name": "kept-templates", "env": env}]}}}}
            far_end.wire.patch(path("daemonsets", "kept-templates", group="apps"), body)
            seen.append(self._revisions(far_end, number))

        assert [sorted(one) for one in seen] == [[(1, "1")], [(1, "1"), (2, "2")], [(2, "2"), (3, "1")]]
        assert seen[0][1, "1"] == seen[2][3, "1"]

    @staticmethod
    def _revisions(far_end: FarEnd, newest: int) -> dict[tuple[int, str], str]:
        """Return the creation times by number and the variable's value, once there is one of this number."""
        found = eventually(
            lambda: far_end.wire.items(path("controllerrevisions", group="apps"), labelSelector="app=kept-templates"),
            lambda items: any(one["revision"] == newest for one in items),
        )
        return {
            (one["revision"], one["data"]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]): str(
                one["metadata"]["creationTimestamp"]
            )
            for one in found
        }

    def test_pods_lead_to_their_deployment(self, far_end: FarEnd) -> None:
        """Controller references go from the pod to its ReplicaSet and on to the Deployment, by uid."""
        pod = shop(far_end, name="owned")[0]
        owner = pod["metadata"]["ownerReferences"][0]
        replica_set = far_end.wire.get(path("replicasets", owner["name"], group="apps"))
        top = replica_set["metadata"]["ownerReferences"][0]

        found = far_end.wire.get(path("deployments", "owned", group="apps"))

        assert (owner["kind"], owner["controller"], owner["uid"]) == (
            "ReplicaSet",
            True,
            replica_set["metadata"]["uid"],
        )
        assert (top["kind"], top["controller"], top["uid"]) == ("Deployment", True, found["metadata"]["uid"])
        assert pod["metadata"]["labels"]["pod-template-hash"] == replica_set["metadata"]["labels"]["pod-template-hash"]
