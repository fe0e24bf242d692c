from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors import nameservers
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import PodName
from bot.domain.ports import ExecResult
from bot.errors import AccessDenied, EvidenceUnavailable, SourceTimeout
from bot.kubernetes.pods import Container, Pod
from tests.looking import Ends, collect_through

NEVER = threading.Event()


def pod(name: str, node: str, **changed: Any) -> Pod:
    """Return a running application pod."""
    fields: dict[str, Any] = {
        "namespace": "shop",
        "name": name,
        "node": node,
        "phase": "Running",
        "ready": True,
        "created_at": datetime(2026, 11, 20, tzinfo=UTC),
        "container": Container(name="web"),
    }
    return Pod(**fields | changed)


@dataclass
class Files:
    """Pods whose resolv.conf is this text, or whose exec ends like this."""

    texts: Mapping[str, str | EvidenceUnavailable | None]
    asked: list[str] = field(default_factory=list)

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """Print the file; None: never."""
        assert (container, list(arguments)) == ("web", ["cat", "/etc/resolv.conf"])
        self.asked.append(pod.name)
        text = self.texts[pod.name]
        if isinstance(text, EvidenceUnavailable):
            raise text
        if text is None:
            NEVER.wait(5)
        missing = text in (None, "")
        complaint = b"cat: not found" if missing else b""
        return ExecResult(stdout=(text or "").encode(), stderr=complaint, exit_code=int(missing), cut=False)


def read(files: Files, *pods: Pod, **parameters: Any) -> Any:
    """Collect from these pods."""
    needed: dict[type, object] = {WorkloadPods: WorkloadPods(selector="app=web", pods=pods)}
    found, _ = collect_through(nameservers.COLLECTOR, Ends(prober=files), needed=needed, parameters=parameters)
    return found


def test_servers_are_told_by_how_many_pods_name_them() -> None:
    """Those of a pod's own dnsConfig are its own affair."""
    pods = [pod("a", "node-1"), pod("b", "node-2", nameservers=("10.9.9.9",)), pod("c", "node-3")]
    files = Files({"a": "nameserver 10.100.0.10\n", "b": "nameserver 172.20.0.10\nnameserver 10.9.9.9\n",
                   "c": "nameserver 172.20.0.10\n"})  # fmt: skip

    found = read(files, *pods)

    assert (found.asked, found.pods_read, found.gaps) == (("172.20.0.10", "10.100.0.10"), 3, ())


def test_few_pods_are_read_and_only_those_that_use_the_clusters_dns() -> None:
    """One of each node, at most as many as told; dnsPolicy None shows nothing of the cluster."""
    own = pod("own", "node-0", dns_policy="None")
    files = Files(dict.fromkeys("abcd", "nameserver 172.20.0.10\n"))

    found = read(files, own, *(pod(name, f"node-{name}") for name in "abcd"), max_pods=2)

    assert (found.pods_read, len(files.asked)) == (2, 2)
    assert "own" not in files.asked


def test_pod_that_cannot_be_read_leaves_the_others() -> None:
    """An image without `cat`, an exec that fails and one that does not end are gaps."""
    files = Files({"a": "", "b": SourceTimeout("no answer"), "c": None, "d": "nameserver 172.20.0.10\n"})

    found = read(files, *(pod(name, f"node-{name}") for name in "abcd"), time_budget=timedelta(seconds=0.3))

    assert found.asked == ("172.20.0.10",)
    assert [gap.reason for gap in found.gaps] == ["cat: not found", "no answer", "no answer within 0.3 s"]


@pytest.mark.parametrize("pods", [(), (pod("a", "node-1", phase="Pending"),)], ids=["none", "none that runs"])
def test_nobody_to_read_is_no_evidence(pods: tuple[Pod, ...]) -> None:
    """What pods ask is not known then."""
    with pytest.raises(EvidenceUnavailable, match="no running application pod"):
        read(Files({}), *pods)


@pytest.mark.parametrize("verb", ["create", "get"])
def test_refusal_everywhere_names_the_right(verb: str) -> None:
    """One right opens all of them, and it is the one that the API server refused."""
    refused = AccessDenied("Cannot exec: 403.", grant=f"pods/exec: {verb} in namespace shop")

    with pytest.raises(AccessDenied, match="403") as raised:
        read(Files({"a": refused, "b": refused}), pod("a", "node-1"), pod("b", "node-2"))

    assert raised.value.grant == f"pods/exec: {verb} in all namespaces"
