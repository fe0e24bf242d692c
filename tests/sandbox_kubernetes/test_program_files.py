from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot.errors import UnitError
from bot.sandbox.kubernetes import programs
from bot.sandbox.kubernetes.program import load_programs
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import daemon_set, small_cluster
from tests.trial_units import trial_package

CACHE = "169.254.20.10"
NODE_CACHE = """
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.network.replies import Reply
from bot.sandbox.kubernetes.program import Host, Process, Program, Query
from bot.sandbox.kubernetes.tools.small import cat
from bot.sandbox.kubernetes.tools.toolbox import Toolbox


@dataclass(slots=True, kw_only=True)
class Cache(Process):
    ticks: int = 0

    @property
    def ready(self) -> bool:
        return self.ticks > 0

    def tick(self, host: Host, now: datetime) -> None:
        self.ticks += 1

    def answer(self, host: Host, query: Query) -> Reply:
        self.run.say(query.now, f"asked for {query.name} by {query.client['metadata']['namespace']}")
        return query.forward("172.20.0.10", query.name, query.protocol)


def start(host: Host, now: datetime) -> Process:
    run = ContainerRun(started=now)
    run.say(now, f"cache on {host.node_name}")
    return Cache(run=run, bound=frozenset({"169.254.20.10"}))


PROGRAM = Program(name="trial_cache", images=("/trial-cache",), start=start, toolbox=Toolbox(tools={"cat": cat}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Callable[[str, str], ModuleType]]:
    """Make a package that holds the shipped programs and files of the test's own."""
    with trial_package("trial_programs", tmp_path, beside=programs.__path__) as write:
        yield write


@pytest.fixture
def cached(folder: Callable[[str, str], ModuleType]) -> Iterator[ServedCluster]:
    """Return a small cluster at rest whose nodes run a program from a file of the test."""
    served = ServedCluster(programs=load_programs(folder("trial_cache", NODE_CACHE)))
    served.put(*small_cluster(), daemon_set("node-local-dns", "registry.example/trial-cache:1"))
    served.settle()
    yield served
    served.stop()


def _log(served: ServedCluster, pod: dict[str, Any]) -> str:
    return str(served.ask("GET", f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}/log")[1])


def test_a_file_is_a_program_of_the_cluster(cached: ServedCluster) -> None:
    """Its pods run it and become ready when it says so; nothing but the new file knows of it."""
    pods = cached.pods("k8s-app=node-local-dns")

    assert [pod["status"]["containerStatuses"][0]["ready"] for pod in pods] == [True, True]
    assert {_log(cached, pod) for pod in pods} == {"cache on node-a\n", "cache on node-b\n"}
    assert cached.run(pods[0], "cat", "/none")[1] == "cat: /none: No such file or directory\n"


def test_a_program_answers_on_the_address_that_it_binds_on_its_node(cached: ServedCluster) -> None:
    """A lookup goes to the program of the asking pod's own node, which asks on, and it ends with the pod."""
    shop = cached.pods(namespace="shop")[0]
    text = cached.dig(shop, CACHE, "kubernetes.default.svc.cluster.local.")

    assert "status: NOERROR" in text
    asked = [pod for pod in cached.pods("k8s-app=node-local-dns") if "by shop" in _log(cached, pod)]
    assert [pod["spec"]["nodeName"] for pod in asked] == [shop["spec"]["nodeName"]]
    cached.ask(
        "POST", "/sandbox/objects", [daemon_set("node-local-dns", "registry.k8s.io/pause:3")]
    )  # a program that binds nothing
    cached.settle()
    assert "timed out" in cached.dig(shop, CACHE, "kubernetes.default.svc.cluster.local.")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("other", NODE_CACHE, "must be the file's name, 'other'", id="name-mismatch"),
        pytest.param("empty", "", "exports no PROGRAM that is a Program", id="no-program"),
        pytest.param("broken", "import nothing_of_this_name", "cannot be imported", id="import-error"),
        pytest.param(
            "second_coredns",
            "from bot.sandbox.kubernetes.program import Program\n"
            "PROGRAM = Program(name='second_coredns', images=('/coredns',))",
            "both claim images with '/coredns'",
            id="claimed-twice",
        ),
    ],
)
def test_a_bad_program_stops_the_start(
    folder: Callable[[str, str], ModuleType], name: str, text: str, said: str
) -> None:
    """A file that is no program, or takes another's images, is named with what is wrong."""
    with pytest.raises(UnitError, match=said):
        load_programs(folder(name, text))


def test_every_image_has_a_program(tmp_path: Path) -> None:
    """A folder whose programs leave out some image is refused."""
    package = ModuleType("no_programs")
    package.__path__ = [str(tmp_path)]

    with pytest.raises(UnitError, match="No program of no_programs claims the images of applications"):
        load_programs(package)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11.4-eksbuild.2", "coredns"),
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy:v1.32.0-eksbuild.2", "kube_proxy"),
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/amazon-k8s-cni:v1.19.2-eksbuild.1", "vpc_cni"),
        ("shop:1", "application"),
        ("shop:1-debian11", "application_debian_11"),
        ("shop:1-distroless", "application_distroless"),
        ("shop:1-distroless-static", "application_old_runtime"),
    ],
)
def test_the_longest_part_of_an_image_reference_decides(image: str, name: str) -> None:
    """Each image of the world has the program that its file claims."""
    assert load_programs().of(image).name == name
