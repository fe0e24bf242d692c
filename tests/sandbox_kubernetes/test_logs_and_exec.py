from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import websocket

from bot.sandbox.kubernetes.container_runs import LogLine
from bot.sandbox.kubernetes.served_cluster import ServedCluster

ZONE_NAME = "kubernetes.default.svc.cluster.local."


def _log_path(served: ServedCluster) -> str:
    pod = served.pods(namespace="shop")[0]
    run = served.cluster.container_run(pod, "shop", previous=False)
    assert run is not None
    now = datetime.now(UTC)
    run.printed = [LogLine(at=now - timedelta(seconds=age), text=f"line {age}") for age in (900, 60, 2)]
    return f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}/log"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("", "line 900\nline 60\nline 2\n"),
        ("?tailLines=1", "line 2\n"),
        ("?tailLines=0", ""),
        ("?sinceSeconds=120", "line 60\nline 2\n"),
        ("?limitBytes=12", "line 900\nlin"),
        ("?container=shop&tailLines=2", "line 60\nline 2\n"),
    ],
)
def test_log_parameters_cut_the_log(served: ServedCluster, parameters: str, expected: str) -> None:
    """tailLines, sinceSeconds and limitBytes do what the API says."""
    assert served.ask("GET", _log_path(served) + parameters) == (200, expected)


def test_timestamps_stand_in_front_of_each_line(served: ServedCluster) -> None:
    """timestamps=true puts RFC 3339 with nanoseconds before the line."""
    _, text = served.ask("GET", f"{_log_path(served)}?timestamps=true&tailLines=1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 2\n", text)


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ("?previous=true", 400, 'previous terminated container "shop" in pod'),
        ("?container=none", 400, "container none is not valid for pod"),
        ("?tailLines=-1", 422, "tailLines: Invalid value: -1"),
        ("?tailLines=many", 400, 'parsing "many": invalid syntax'),
        ("?follow=true", 501, "following a log"),
    ],
)
def test_log_requests_that_make_no_sense_are_refused(
    served: ServedCluster, parameters: str, status: int, words: str
) -> None:
    """Nothing is answered with an empty log that could be taken for silence."""
    found, body = served.ask("GET", _log_path(served) + parameters)
    assert found == status
    assert words in body["message"]


def test_a_pod_that_waits_has_no_log(bare: ServedCluster) -> None:
    """On its node, before the container starts, the kubelet answers 400."""
    template = {"nodeName": "nobody-runs-here", "containers": [{"name": "shop", "image": "shop:1"}]}
    bare.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}, "spec": template})
    status, body = bare.ask("GET", "/api/v1/namespaces/shop/pods/p/log")
    assert status == 400
    assert body["message"] == 'container "shop" in pod "p" is waiting to start: ContainerCreating'


def _image(served: ServedCluster, image: str) -> dict[str, object]:
    change = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": image}]}}}}
    served.patch("/apis/apps/v1/namespaces/shop/deployments/shop", change)
    served.settle()
    return served.pods(namespace="shop")[0]


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_exec_gives_output_and_success(served: ServedCluster, protocol: str) -> None:
    """Both subprotocols carry standard output and a Status."""
    pod = served.pods(namespace="shop")[0]
    out, err, status = served.run(pod, "cat", "/etc/resolv.conf", protocol=protocol)
    assert out == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local eu-west-1.compute.internal\n"
        "nameserver 172.20.0.10\noptions ndots:5\n"
    )
    assert (err, status) == ("", {"metadata": {}, "status": "Success"})


def test_exec_gives_the_exit_code(served: ServedCluster) -> None:
    """A program that fails is a Failure with its exit code among the causes."""
    pod = served.pods(namespace="shop")[0]
    _, err, status = served.run(pod, "cat", "/none")
    assert err == "cat: /none: No such file or directory\n"
    assert (status["status"], status["reason"]) == ("Failure", "NonZeroExitCode")
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "1"}]


def test_a_distroless_image_says_that_the_program_is_missing(served: ServedCluster) -> None:
    """Containerd's wording, as an internal error (C5)."""
    _, _, status = served.run(_image(served, "shop:1-distroless"), "sh")
    assert (status["status"], status["reason"], status["code"]) == ("Failure", "InternalError", 500)
    assert 'exec: "sh": executable file not found in $PATH: unknown' in status["message"]


def test_an_older_runtime_ends_a_missing_program_with_126(served: ServedCluster) -> None:
    """The form that the source document shows (C5)."""
    out, _, status = served.run(_image(served, "shop:1-distroless-static"), "dig")
    assert "OCI runtime exec failed" in out
    assert 'exec: "dig": executable file not found in $PATH' in out
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "126"}]


def _refused(
    served: ServedCluster,
    path: str,
    *,
    token: str = "reader-token",  # noqa: S107  # a known one
    protocol: str = "v5.channel.k8s.io",
) -> int:
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(
            served.url.replace("http", "ws") + path,
            subprotocols=[protocol],
            header=[f"Authorization: Bearer {token}"],
            timeout=5,
        )
    return int(caught.value.status_code)


def test_exec_is_refused_before_the_upgrade(served: ServedCluster) -> None:
    """A missing pod, a wrong token, an unknown command or subprotocol never become a stream."""
    pods = "/api/v1/namespaces/shop/pods"
    name = served.pods(namespace="shop")[0]["metadata"]["name"]
    assert _refused(served, f"{pods}/none/exec?command=cat") == 404
    assert _refused(served, f"{pods}/{name}/exec?command=cat", token="writer-token") == 403
    assert _refused(served, f"{pods}/{name}/exec?command=ls") == 501
    assert _refused(served, f"{pods}/{name}/exec?command=cat&container=none") == 400
    assert _refused(served, f"{pods}/{name}/exec?command=cat", protocol="v3.channel.k8s.io") == 400
    assert served.ask("GET", f"{pods}/{name}/exec?command=cat")[0] == 501


def test_dig_prints_what_bind_prints(served: ServedCluster) -> None:
    """An answer of CoreDNS: authoritative, no recursion, five seconds to live."""
    text = served.dig(served.pods(namespace="shop")[0], "172.20.0.10", ZONE_NAME)
    assert "opcode: QUERY, status: NOERROR" in text
    assert "flags: qr aa rd; QUERY: 1, ANSWER: 1" in text
    assert f"\n;; ANSWER SECTION:\n{ZONE_NAME}\t5\tIN\tA\t172.20.0.1\n" in text


def test_busybox_nslookup_prints_what_busybox_prints(served: ServedCluster) -> None:
    """Name and address in busybox's layout; a name that is not there ends with 1."""
    pod = _image(served, "shop:1-busybox")
    out, _, status = served.run(pod, "nslookup", ZONE_NAME, "172.20.0.10")
    assert out.startswith("Server:\t\t172.20.0.10\nAddress:\t172.20.0.10:53\n\nName:\tkubernetes.default.svc")
    assert status["status"] == "Success"
    out, _, status = served.run(pod, "nslookup", "none.invalid", "172.20.0.10")
    assert "** server can't find none.invalid: NXDOMAIN" in out
    assert status["details"]["causes"][0]["message"] == "1"
    assert 'exec: "dig"' in served.run(pod, "dig", "x")[2]["message"]
