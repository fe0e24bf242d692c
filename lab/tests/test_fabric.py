from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from lab.fabric import Fabric
from lab.namespaces import Run, joined
from lab.programs import built_programs

ONE, TWO = "ip-10-7-0-10.eu-west-1.compute.internal", "ip-10-7-64-10.eu-west-1.compute.internal"


@pytest.fixture
def fabric(run: Run) -> Fabric:
    """Two nodes with three pods (one in a prefix), a host, and a control plane with two addresses."""
    made = Fabric(run, "10.7.0.0/16")
    made.attach_node(ONE, "10.7.0.10", ["10.7.0.11", "10.7.1.16/28"])
    made.attach_node(TWO, "10.7.64.10")
    made.attach_pod(ONE, "app", "10.7.0.11")
    made.attach_pod(ONE, "coredns", "10.7.1.17")
    made.attach_pod(TWO, "app", "10.7.64.11")
    made.attach_host("server", "10.7.0.99")
    made.add_control_plane_addresses(["10.7.0.200", "10.7.64.200"])
    return made


@pytest.fixture
def namespaces(fabric: Fabric) -> dict[str, str]:
    """Every address with its namespace."""
    return {
        "10.7.0.10": fabric.node_netns(ONE),
        "10.7.64.10": fabric.node_netns(TWO),
        "10.7.0.11": fabric.netns.replace("fabric", "pod-ip-10-7-0-10-app"),
        "10.7.1.17": fabric.netns.replace("fabric", "pod-ip-10-7-0-10-coredns"),
        "10.7.64.11": fabric.netns.replace("fabric", "pod-ip-10-7-64-10-app"),
        "10.7.0.99": fabric.netns.replace("fabric", "host-server"),
        "10.7.0.200": fabric.control_plane,
        "10.7.64.200": fabric.control_plane,
        fabric.resolver_address: fabric.netns,
    }


def _answers(netns: str, address: str) -> bool:
    """Whether something at the address answers a tcp packet: nothing listens, so that an answer is a refusal."""
    with joined(netns), socket.socket() as asking:
        asking.settimeout(2.5)
        try:
            asking.connect((address, 9))
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
    return True


def _shown(netns: str, *asked: str) -> Any:
    with joined(netns):
        return json.loads(subprocess.check_output(["ip", "-j", *asked]))  # noqa: S607  # from the PATH


def test_every_address_reaches_every_other(namespaces: dict[str, str]) -> None:
    """Nodes, pods, prefix addresses, a host, the control plane and the resolver all reach one another."""
    silent = [
        (client, server)
        for client, server in product(namespaces, namespaces)
        if not _answers(namespaces[client], server)
    ]

    assert silent == []


def test_an_address_that_nobody_holds_gives_no_answer(namespaces: dict[str, str]) -> None:
    """Inside the VPC as outside, silence and no refusal."""
    assert not _answers(namespaces["10.7.0.11"], "10.7.0.123")
    assert not _answers(namespaces["10.7.0.11"], "198.51.100.1")


def test_a_pod_is_wired_as_the_vpc_cni_does_it(namespaces: dict[str, str]) -> None:
    """A /32 address, a default route by 169.254.1.1 with a permanent neighbour, `eni…` and rule 512 on the node."""
    pod, node = namespaces["10.7.0.11"], namespaces["10.7.0.10"]

    (link,) = _shown(pod, "address", "show", "dev", "eth0")
    assert [(item["local"], item["prefixlen"]) for item in link["addr_info"]] == [("10.7.0.11", 32)]
    assert [item["gateway"] for item in _shown(pod, "route", "show", "default")] == ["169.254.1.1"]
    assert [(item["dst"], item["state"]) for item in _shown(pod, "neighbour")] == [("169.254.1.1", ["PERMANENT"])]
    (route,) = _shown(node, "route", "show", "10.7.0.11")
    assert route["dev"].startswith("eni")
    assert {"priority": 512, "src": "all", "dst": "10.7.0.11", "table": "main"} in _shown(node, "rule")


def test_a_pods_address_moves_to_another_node(fabric: Fabric, namespaces: dict[str, str]) -> None:
    """A detached pod answers no more; its name and its address can be attached again at once, here or elsewhere."""
    client = namespaces["10.7.64.11"]

    fabric.detach_pod(ONE, "app")
    gone = _answers(client, "10.7.0.11")
    fabric.attach_pod(ONE, "app", "10.7.0.11")
    back = _answers(client, "10.7.0.11")
    fabric.detach_pod(ONE, "app")
    fabric.attach_pod(TWO, "moved", "10.7.0.11")
    moved = _answers(client, "10.7.0.11")

    assert (gone, back, moved) == (False, True, True)


def test_an_address_without_a_pod_is_silent(fabric: Fabric, namespaces: dict[str, str]) -> None:
    """What is sent to a node for an address that no pod has ends there, in silence."""
    fabric.detach_pod(TWO, "app")

    assert [item["ifname"] for item in _shown(namespaces["10.7.64.10"], "link")] == ["lo", "eth0"]
    assert not _answers(namespaces["10.7.0.11"], "10.7.64.11")
    assert not _answers(namespaces["10.7.64.10"], "10.7.1.18")


@pytest.mark.usefixtures("fabric")
def test_nothing_touches_the_machines_own_network() -> None:
    """The machine has no link of the lab."""
    names = [line.partition(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()]

    assert "lo" in names
    assert [name for name in names if name.startswith(("eni", "port"))] == []


@pytest.fixture
def resolving(fabric: Fabric) -> Iterator[Fabric]:
    """The fabric with its resolver running."""
    fabric.resolver.start(Path(built_programs().path("coredns")))
    yield fabric
    fabric.resolver.stop()


def _asked(run: Run, netns: str, server: str, *question: str) -> tuple[str, list[str]]:
    process = run.run_in(
        netns, ["dig", "+tries=1", "+time=2", f"@{server}", *question], stdout=subprocess.PIPE, text=True
    )
    said = process.communicate()[0]
    status = said.partition("status: ")[2].partition(",")[0]
    return status, sorted(line.split()[-1] for line in said.splitlines() if line and line[0] != ";")


@pytest.mark.parametrize("server", ["10.7.0.2", "169.254.169.253"])
def test_the_vpc_resolver_answers_as_aws_does(
    run: Run, resolving: Fabric, namespaces: dict[str, str], server: str
) -> None:
    """Public names and instances' names have addresses, cluster names do not; a given name has the given address."""
    pod = namespaces["10.7.0.11"]
    named = "abc.gr7.eu-west-1.eks.amazonaws.com"
    resolving.resolver.name_hosts({named: ["10.7.0.200"]})
    until = time.monotonic() + 20  # a running CoreDNS reads it some time later
    while _asked(run, pod, server, named) != ("NOERROR", ["10.7.0.200"]) and time.monotonic() < until:
        time.sleep(0.1)

    assert _asked(run, pod, server, ONE) == ("NOERROR", ["10.7.0.10"])
    assert _asked(run, pod, server, "kubernetes.default.svc.cluster.local") == ("NXDOMAIN", [])
    assert _asked(run, pod, server, "amazon.com.eu-west-1.compute.internal") == ("NXDOMAIN", [])
    assert _asked(run, pod, server, "amazon.com", "AAAA") == ("NOERROR", [])
    assert _asked(run, pod, server, named) == ("NOERROR", ["10.7.0.200"])
    status, public = _asked(run, pod, server, "+tcp", "amazon.com")
    assert (status, len(public)) == ("NOERROR", 3)
