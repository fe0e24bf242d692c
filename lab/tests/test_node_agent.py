from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.certificates import write_certificates
from lab.errors import LabError
from lab.kubernetes_api import ApiRefused
from lab.namespaces import Run, joined
from lab.node_agent.addresses import AddressPool
from lab.node_agent.agent import NodeAgent
from lab.node_agent.hands import AgentNode, Hands
from lab.node_agent.resolv_conf import KubeletSettings
from lab.programs import Programs
from lab.rest import Rest

NODE = "ip-10-7-0-10.eu-west-1.compute.internal"
POD: dict[str, Any] = {
    "metadata": {"name": "shop-1", "namespace": "shop", "uid": "uid-1", "resourceVersion": "1"},
    "spec": {"nodeName": NODE, "containers": [{"name": "shop", "image": "registry/shop-busybox:1"}]},
}
STATUS = "/api/v1/namespaces/shop/pods/shop-1/status"


class FakeApi:
    """Holds one pod. `refusals`: HTTP statuses with which it refuses the next status patches."""

    port = 1
    """Nobody listens there: watches end at once, and the collection is listed again."""
    context = None
    token = ""

    def __init__(self, *refusals: int, uid: str = "uid-1") -> None:
        self._refusals, self._uid = list(refusals), uid
        self._lock = threading.Lock()
        self.calls: list[tuple[float, str, str]] = []

    def call(self, method: str, path: str, _body: object = None, **_more: object) -> Any:
        """Answer a call and note it with its time."""
        with self._lock:
            self.calls.append((time.monotonic(), method, path))
            if path == STATUS and self._refusals:
                raise ApiRefused("refused", status=self._refusals.pop(0))
        if path == "/api/v1/pods":
            deleted = any(method == "DELETE" for _, method, _ in self.calls)
            return {"items": [] if deleted else [POD], "metadata": {"resourceVersion": "1"}}
        if method == "GET" and path.endswith("/pods/shop-1"):
            return {**POD, "metadata": {**POD["metadata"], "uid": self._uid}}
        return POD if path == STATUS else {"items": [], "metadata": {"resourceVersion": "1"}}

    def apply(self, _document: object) -> None:
        """Take an object."""

    def list(self, _resource: str) -> Sequence[Any]:
        """Return the objects of a collection."""
        return []

    def times(self, method: str, path: str) -> Sequence[float]:
        """Return when such a call came."""
        with self._lock:
            return [moment for moment, *called in self.calls if called == [method, path]]


class FakeWiring:
    """Gives every pod one namespace and notes what it does."""

    netns = ""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def attach_pod(self, _node: str, _name: str, _address: str, *, interface: int) -> str:
        """Attach a pod."""
        assert interface == 0
        self.acts.append("attach")
        return self.netns

    def detach_pod(self, _node: str, _name: str) -> None:
        """Detach a pod."""
        self.acts.append("detach")


class FailingWiring(FakeWiring):
    """Cannot attach a pod."""

    def attach_pod(self, _node: str, _name: str, _address: str, *, interface: int) -> str:
        """Fail."""
        del interface
        raise LabError("ip in dl-node did not do 'link add': No space left on device")


class FailingRun:
    """Cannot start a program."""

    def run_in(self, *_arguments: object, **_more: object) -> subprocess.Popen[bytes]:
        """Fail."""
        raise BlockingIOError(11, "Resource temporarily unavailable")


Start = Callable[..., NodeAgent]


@pytest.fixture
def start(run: Run, tmp_path: Path) -> Iterator[Start]:
    """Return what starts an agent with given hands."""
    control_plane, pod = run.netns("control-plane"), run.netns("pod")
    agents: list[NodeAgent] = []

    def starting(api: Any, *, wiring: Any = None, runs: Any = run) -> NodeAgent:
        wiring = wiring or FakeWiring()
        wiring.netns = pod
        hands = Hands(
            api=api,
            wiring=wiring,
            run=runs,
            programs=Programs(folder=tmp_path),
            folder=tmp_path / "pods",
            authority=tmp_path / "ca.crt",
        )
        node = AgentNode(
            name=NODE,
            netns=pod,
            address="10.7.0.10",
            document={"metadata": {"name": NODE}, "status": {"addresses": []}},
            pool=AddressPool([{"PrivateIpAddresses": [{"PrivateIpAddress": "10.7.0.11"}]}]),
            settings=KubeletSettings(cluster_dns="172.20.0.10", resolv_conf=""),
        )
        agent = NodeAgent(hands, write_certificates(tmp_path), [node])
        agents.append(agent)
        agent.start()
        return agent

    with joined(control_plane):
        yield starting
        for agent in agents:
            agent.stop()


def _soon(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


def _failure(agent: NodeAgent) -> str:
    try:
        agent.raise_failure()
    except LabError as failure:
        return str(failure)
    return ""


@pytest.mark.parametrize(
    ("hands", "cause"),
    [
        pytest.param({"wiring": FailingWiring()}, "LabError: ip in dl-node did not do", id="network"),
        pytest.param({"runs": FailingRun()}, "BlockingIOError: [Errno 11]", id="program"),
    ],
)
def test_a_pod_that_cannot_be_kept_is_told_to_who_waits_and_by_stop(
    start: Start, hands: dict[str, Any], cause: str
) -> None:
    """Where a pod's network or program fails, the pod is ended; waiting for rest and stopping both say the cause."""
    api: Any = FakeApi()
    agent = start(api, **hands)

    assert _soon(lambda: bool(_failure(agent)))
    expected = f"the lab's kubelet of {NODE} could not keep pod shop/shop-1: {cause}"
    with pytest.raises(LabError) as waiting:
        Rest(api, lambda: True, agent.raise_failure).wait()
    with pytest.raises(LabError) as stopping:
        agent.stop()

    assert str(waiting.value).startswith(expected)
    assert str(stopping.value).startswith(expected)
    assert len(api.times("DELETE", "/api/v1/namespaces/shop/pods/shop-1")) == 1


@pytest.mark.parametrize("status", [403, 422, 409])
def test_a_refused_status_is_written_again_after_a_pause(start: Start, status: int) -> None:
    """A kubelet whose patch is refused, by a conflict over the same pod, too, waits before it tries again."""
    api = FakeApi(status, status)
    agent = start(api)

    assert _soon(lambda: len(api.times("PATCH", STATUS)) == 3)
    agent.stop()

    first, second, third = api.times("PATCH", STATUS)
    assert second - first > 0.4
    assert third - second > 0.4


@pytest.mark.parametrize(("refusal", "uid"), [(409, "uid-2"), (404, "uid-1")], ids=["another pod", "no pod"])
def test_a_pod_whose_object_is_gone_is_ended(start: Start, refusal: int, uid: str) -> None:
    """Where the patch shows that the object is gone or another pod's, the pod ends, and nothing is deleted."""
    api, wiring = FakeApi(refusal, uid=uid), FakeWiring()
    agent = start(api, wiring=wiring)

    ended = _soon(lambda: "detach" in wiring.acts)
    agent.stop()

    assert ended
    assert api.times("DELETE", "/api/v1/namespaces/shop/pods/shop-1") == []
