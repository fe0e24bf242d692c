"""Nodes through the bot's own client, in the sandbox's cluster: over HTTP and WebSockets, with pods that are made."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clients import probe_pods
from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, open_sources
from bot.domain.cluster import NodeProbe
from bot.domain.deadline import Deadline
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import NodeRun
from bot.errors import AccessDenied, EvidenceUnavailable, SourceTimeout
from bot.linux.iptables_save import parse_saved_rules
from bot.linux.routing_rules import parse_routing_rules
from bot.linux.service_rules import service_rules
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster
from tests.clients.conftest import TARGET, Serve, kubeconfig, respond

PROBE = NodeProbe(image="registry.example.com/dnsprobe:1", namespace="dns-probes")
RULES = ("ip", "-json", "rule")
NO_PODS = '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}'
OWN = "here:7:now"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@dataclass
class Recorded:
    """A `ports.Record` that keeps the rights used."""

    rights: list[str] = field(default_factory=list)

    def __call__(self, right: KubernetesPermission) -> AbstractContextManager[object]:
        """Keep it."""
        self.rights.append(right.text)
        return nullcontext()

    @property
    def at_once(self) -> dict[str, None]:
        """The rights in the order of their first use."""
        return dict.fromkeys(self.rights)


@dataclass
class Seen:
    """A cluster, the bot's sources of it and what it recorded."""

    served: ServedCluster
    sources: ClusterSources
    record: Recorded = field(default_factory=Recorded)

    def run(self, nodes: NodeRun, node: str, *arguments: str, seconds: float = 10) -> Any:
        """Run a program on a node."""
        return nodes.prober(Deadline.after(seconds), self.record).run(node, arguments)

    def probes(self) -> list[Any]:
        """Return the probe pods that there are."""
        return self.served.pods(namespace=PROBE.namespace)

    def deny(self, *actions: str) -> None:
        """Refuse these from now on, and nothing else."""
        self.served.ask("POST", "/sandbox/deny", {"actions": actions})


@pytest.fixture(scope="module")
def served() -> Iterator[ServedCluster]:
    """Yield a cluster that moves by itself."""
    cluster = ServedCluster(turning=True)
    yield cluster
    cluster.stop()


@pytest.fixture
def see(served: ServedCluster, tmp_path: Path) -> Iterator[Callable[..., Seen]]:
    """Return a function that opens the cluster as it is at first, with this `node_probe` and this label."""
    opened: list[ClusterSources] = []

    def make(probe: NodeProbe | None = PROBE, level: str = "privileged") -> Seen:
        served.ask("POST", "/sandbox/reset")
        labels = {"pod-security.kubernetes.io/enforce": level}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PROBE.namespace, "labels": labels}}
        served.put(namespace, *small_cluster())
        served.settle()
        target = replace(TARGET, node_probe=probe)
        path = kubeconfig(tmp_path / "kubeconfig.json", served.url)
        opened.append(open_sources(ClusterConnection(target=target, kubeconfig=path)))
        return Seen(served, opened[-1])

    yield make
    for sources in opened:
        sources.close()


def test_what_a_pod_that_is_there_has_on_board_runs_there(see: Callable[..., Seen]) -> None:
    """kube-proxy's image has iptables: no pod is made for it."""
    seen = see()
    nodes = seen.sources.nodes()

    saved = parse_saved_rules(seen.run(nodes, "node-a", "iptables-save").text())

    assert {one.address for one in service_rules(saved.table("nat"))} == {"172.20.0.10"}
    assert seen.probes() == []
    assert list(seen.record.at_once) == [
        "pods: list in namespace kube-system",
        "pods/exec: create in namespace kube-system",
    ]


def test_what_no_pod_has_on_board_runs_in_one_that_is_made_and_removed(see: Callable[..., Seen]) -> None:
    """One pod a node serves all collectors; it has the node's network, two capabilities, and no token."""
    seen = see()
    nodes = seen.sources.nodes()

    texts = [seen.run(nodes, node, *RULES).text() for node in ("node-a", "node-a", "node-b")]
    made = seen.probes()
    nodes.close()
    seen.served.settle()

    assert parse_routing_rules(texts[0])[0].table == "local"
    assert sorted(pod["spec"]["nodeName"] for pod in made) == ["node-a", "node-b"]
    assert len({pod["metadata"]["labels"]["dnsbot/run"] for pod in made}) == 1
    spec = made[0]["spec"]
    assert (spec["hostNetwork"], spec["automountServiceAccountToken"], spec["activeDeadlineSeconds"]) == (
        True, False, 300,
    )  # fmt: skip
    assert spec["containers"][0]["securityContext"]["capabilities"] == {
        "drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"],
    }  # fmt: skip
    assert seen.probes() == []
    assert set(seen.record.rights) >= {
        "pods: create in namespace dns-probes", "pods: get in namespace dns-probes",
        "pods/exec: create in namespace dns-probes", "pods: delete in namespace dns-probes",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "grant"),
    [
        ("create pods/exec", "pods/exec: create in namespace dns-probes"),
        ("create pods", "pods: create in namespace dns-probes"),
        ("get pods", "pods: get in namespace dns-probes"),
        ("delete pods", "pods: delete in namespace dns-probes"),
    ],
)
def test_each_right_that_is_taken_away_is_named(see: Callable[..., Seen], action: str, grant: str) -> None:
    """Whoever reads it can grant it. What was made until then is removed."""
    seen = see()
    nodes = seen.sources.nodes()
    seen.deny(action)

    with pytest.raises(AccessDenied) as refused:
        seen.run(nodes, "node-a", *RULES)
    nodes.close()
    seen.deny()

    assert refused.value.grant == grant
    seen.served.settle()
    assert seen.probes() == []


def test_without_the_role_nothing_is_run_and_the_role_is_named(see: Callable[..., Seen]) -> None:
    """It is off by default."""
    seen = see(None)
    seen.deny("create pods/exec")

    with pytest.raises(AccessDenied, match=r"role dnsbot-node \(chart value `rbac.node.enabled`\)") as refused:
        seen.run(seen.sources.nodes(), "node-a", "iptables-save")
    seen.deny()

    assert refused.value.grant == "pods/exec: create in namespace kube-system"


def test_without_a_probe_pod_the_setting_is_named(see: Callable[..., Seen]) -> None:
    """Nothing is looked at, which is not looked and fine."""
    seen = see(None)

    with pytest.raises(EvidenceUnavailable, match=r"`ip` cannot be run on node node-a.*Set `node_probe") as refused:
        seen.run(seen.sources.nodes(), "node-a", *RULES)

    assert refused.value.setting == "node_probe"


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_what_pod_security_refuses_says_what_to_allow(see: Callable[..., Seen], level: str) -> None:
    """The namespace's label decides, not a right."""
    seen = see(level=level)
    nodes = seen.sources.nodes()

    with pytest.raises(
        EvidenceUnavailable, match=r"kubectl label namespace dns-probes .*enforce=privileged"
    ) as refused:
        seen.run(nodes, "node-a", *RULES)
    nodes.close()

    assert f'violates PodSecurity "{level}:latest": host namespaces (hostNetwork=true)' in refused.value.reason


def test_a_program_that_no_image_has_is_named_with_the_image(see: Callable[..., Seen]) -> None:
    """Another image is what helps."""
    seen = see()
    nodes = seen.sources.nodes()

    with pytest.raises(EvidenceUnavailable, match=r"`node_probe` \(registry.example.com/dnsprobe:1\) has no `bpftool`"):
        seen.run(nodes, "node-a", "bpftool")
    nodes.close()


@pytest.mark.parametrize("arguments", [RULES, ("iptables-save",)], ids=["in a pod of ours", "in one that is there"])
def test_nothing_is_made_or_run_after_the_diagnosis(see: Callable[..., Seen], arguments: tuple[str, ...]) -> None:
    """A collector that is late makes no pod that nobody removes."""
    seen = see()
    nodes = seen.sources.nodes()
    nodes.close()

    with pytest.raises(EvidenceUnavailable, match="The diagnosis is over"):
        seen.run(nodes, "node-a", *arguments)


def test_collectors_that_ask_at_once_share_a_pod(see: Callable[..., Seen]) -> None:
    """Four collectors look at a node; one pod is made on it."""
    seen = see()
    nodes = seen.sources.nodes()
    threads = [threading.Thread(target=seen.run, args=(nodes, "node-a", *RULES)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = len(seen.probes())
    nodes.close()

    assert made == 1


def test_a_pod_that_does_not_start_is_a_gap_and_is_removed(see: Callable[..., Seen]) -> None:
    """A node that the cluster does not have starts none; the waiting ends with the deadline."""
    seen = see()
    nodes = seen.sources.nodes()

    with pytest.raises(SourceTimeout, match="did not start on node node-z in time; it is still Pending"):
        seen.run(nodes, "node-z", *RULES, seconds=1)
    nodes.close()

    seen.served.settle()
    assert seen.probes() == []


@pytest.mark.parametrize("by", ["the next start", "the next diagnosis"])
def test_what_a_killed_process_left_is_removed(see: Callable[..., Seen], tmp_path: Path, by: str) -> None:
    """Kill -9 leaves no time to remove anything; whoever starts next on that host takes it away at once."""
    seen = see()
    path = kubeconfig(tmp_path / "killed.json", seen.served.url)
    with subprocess.Popen([sys.executable, "-m", "tests.clients.killed_run", path], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"seen\n"
        run.kill()
    (left,) = seen.probes()

    if by == "the next start":
        removed = seen.sources.remove_left_probe_pods(Deadline.after(30))
        assert [str(pod) for pod in removed] == [f"dns-probes/{left['metadata']['name']}"]
    else:
        nodes = seen.sources.nodes()
        seen.run(nodes, "node-b", *RULES)
        nodes.close()

    seen.served.settle()
    assert seen.probes() == []


def test_what_a_living_process_made_is_left_alone(see: Callable[..., Seen]) -> None:
    """Two diagnoses may see nodes at once, and in two processes."""
    seen = see()
    nodes = seen.sources.nodes()
    seen.run(nodes, "node-a", *RULES)

    assert seen.sources.remove_left_probe_pods(Deadline.after(30)) == ()
    nodes.close()


@pytest.mark.parametrize(
    ("made_by", "age_seconds", "phase", "left"),
    [
        ("here:7:now", 10, "Running", False),
        ("here:7:before", 10, "Running", True),
        ("there:7:now", 10, "Running", False),
        ("there:7:now", 601, "Running", True),
        ("there:7:now", 10, "Failed", True),
        ("", 10, "Running", False),
        ("here:x:y", 10, "Running", True),
    ],
    ids=["own", "own number again", "another host", "outlived", "ended", "unknown", "no process"],
)
def test_a_probe_pod_is_left_behind_when_nobody_can_wait_for_it(
    made_by: str,
    age_seconds: int,
    phase: str,
    left: bool,  # noqa: FBT001  # a table
) -> None:
    """Of another host's process it is not known whether it lives, until its pods have outlived any diagnosis."""
    created = (NOW - timedelta(seconds=age_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    pod = {
        "metadata": {"name": "p", "creationTimestamp": created, "annotations": {"dnsbot/made-by": made_by}},
        "status": {"phase": phase},
    }

    assert probe_pods.is_left_behind(pod, NOW, OWN) is left


def test_a_cluster_without_pods_of_ours_asks_only_once(tmp_path: Path, serve: Serve) -> None:
    """Which pods a node has is asked once in a run, whatever is run there."""
    far_end = serve(respond("200 OK", NO_PODS))
    path = kubeconfig(tmp_path / "k.json", far_end.url)
    sources = open_sources(ClusterConnection(target=replace(TARGET, node_probe=None), kubeconfig=path))
    prober = sources.nodes().prober(Deadline.after(30), lambda _: nullcontext())

    for _ in range(2):
        with pytest.raises(EvidenceUnavailable):
            prober.run("node-a", RULES)
    sources.close()

    assert len(far_end.requests) == 1
