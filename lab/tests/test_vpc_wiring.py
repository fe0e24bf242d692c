from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bot.domain.enforcing_mode import EnforcingMode
from lab.namespaces import Run, joined
from lab.programs import built_programs
from lab.vpc_names import VpcNames
from lab.vpc_wiring import VpcWiring

_NOTHING_PASSES = "table ip shut { chain forward { type filter hook forward priority 0; policy drop; }; }"
ONE, TWO = "ip-10-7-0-10.eu-west-1.compute.internal", "ip-10-7-64-10.eu-west-1.compute.internal"


@pytest.fixture
def wiring(run: Run) -> VpcWiring:
    """Two nodes with three pods (one in a prefix), a host, and one with two addresses."""
    made = VpcWiring(run, "seven", "10.7.0.0/16")
    made.attach_node(ONE, "10.7.0.10", ["10.7.0.11", "10.7.1.16/28"])
    made.attach_node(TWO, "10.7.64.10")
    made.attach_pod(ONE, "app", "10.7.0.11")
    made.attach_pod(ONE, "coredns", "10.7.1.17")
    made.attach_pod(TWO, "app", "10.7.64.11")
    made.attach_host("server", "10.7.0.99")
    made.attach_namespace("two", run.netns("two"), ["10.7.0.200", "10.7.64.200"])
    return made


@pytest.fixture
def namespaces(wiring: VpcWiring) -> dict[str, str]:
    """Every address with its namespace."""
    return {
        "10.7.0.10": wiring.node_netns(ONE),
        "10.7.64.10": wiring.node_netns(TWO),
        "10.7.0.11": wiring.netns.replace("vpc-seven", "pod-ip-10-7-0-10-app"),
        "10.7.1.17": wiring.netns.replace("vpc-seven", "pod-ip-10-7-0-10-coredns"),
        "10.7.64.11": wiring.netns.replace("vpc-seven", "pod-ip-10-7-64-10-app"),
        "10.7.0.99": wiring.netns.replace("vpc-seven", "host-seven-server"),
        "10.7.0.200": wiring.netns.replace("vpc-seven", "two"),
        "10.7.64.200": wiring.netns.replace("vpc-seven", "two"),
        wiring.resolver_address: wiring.netns,
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
    """Nodes, pods, prefix addresses, hosts and the resolver all reach one another."""
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


def test_a_pod_on_a_second_interface_sends_by_that_interfaces_table(
    wiring: VpcWiring, namespaces: dict[str, str]
) -> None:
    """Rule 1536 for what it sends, with a default route of its own; it reaches all others and leaves no rule behind."""
    node = namespaces["10.7.64.10"]
    own = wiring.attach_pod(TWO, "second", "10.7.64.12", interface=1)

    laid = [rule for rule in _rules(node) if "10.7.64.12 lookup" in rule]
    (default,) = _shown(node, "route", "show", "table", "2")
    silent = [address for address in namespaces if not _answers(own, address)]
    wiring.detach_pod(TWO, "second")

    assert laid == ["512: from all to 10.7.64.12 lookup main", "1536: from 10.7.64.12 lookup 2"]
    assert (default["dst"], default["gateway"]) == ("default", "169.254.1.1")
    assert silent == []
    assert [rule for rule in _rules(node) if "10.7.64.12 lookup" in rule] == []


def test_every_packet_of_a_branch_pod_crosses_the_fabric(wiring: VpcWiring, namespaces: dict[str, str]) -> None:
    """To and from its own node and that node's pods too; it reaches all others, and leaves no trace when detached."""
    wiring.attach_branch_pod(ONE, "first", "10.7.0.51", vlan=1)
    before = {what: _shown(namespaces["10.7.0.10"], what) for what in ("rule", "link")}
    own = wiring.attach_branch_pod(ONE, "till", "10.7.0.50", vlan=2)
    silent = [address for address in namespaces if not _answers(own, address)]
    there = [address for address, netns in namespaces.items() if _answers(netns, "10.7.0.50")]
    with joined(wiring.netns):
        subprocess.run(["nft", "-f", "-"], input=_NOTHING_PASSES, text=True, check=True)  # noqa: S607  # from the PATH

    neighbours = [
        _answers(own, "10.7.0.11"),
        _answers(namespaces["10.7.0.11"], "10.7.0.50"),
        _answers(own, "10.7.0.10"),
    ]
    wiring.detach_pod(ONE, "till")

    assert (silent, sorted(there)) == ([], sorted(namespaces))
    assert neighbours == [False, False, False]
    assert _answers(namespaces["10.7.0.11"], "10.7.1.17")
    assert {what: _shown(namespaces["10.7.0.10"], what) for what in before} == before


def _rules(node: str) -> list[str]:
    with joined(node):
        said = subprocess.check_output(["ip", "rule"], text=True)  # noqa: S607  # from the PATH
    return [" ".join(line.split()) for line in said.splitlines()]


def test_a_strict_pods_rules_come_before_the_nodes_own_addresses(wiring: VpcWiring, namespaces: dict[str, str]) -> None:
    """By both links at priority 10, then `20: from all lookup local`, as the post-mortem shows them (B6)."""
    wiring.attach_branch_pod(ONE, "strict", "10.7.0.50", vlan=2)

    links = [item["ifname"] for item in _shown(namespaces["10.7.0.10"], "link") if item["ifname"].startswith("vlan")]
    rules = _rules(namespaces["10.7.0.10"])
    assert len(links) == 2
    assert "vlan.eth.2" in links
    assert sorted(rules[:2]) == [f"10: from all iif {each} lookup 102" for each in sorted(links)]
    assert rules[2] == "20: from all lookup local"
    assert [rule for rule in rules if "10.7.0.50" in rule] == []


def test_a_standard_pod_is_routed_by_its_address(wiring: VpcWiring, namespaces: dict[str, str]) -> None:
    """To it by the main table, from it by its branch's, no rule by links, as the post-mortem verifies it (B8)."""
    node = namespaces["10.7.0.10"]
    own = wiring.attach_branch_pod(ONE, "standard", "10.7.0.50", vlan=1, mode=EnforcingMode.STANDARD)
    rules = _rules(node)
    silent = [address for address in namespaces if not _answers(own, address)]
    there = [address for address, netns in namespaces.items() if _answers(netns, "10.7.0.50")]
    with joined(wiring.netns):
        subprocess.run(["nft", "-f", "-"], input=_NOTHING_PASSES, text=True, check=True)  # noqa: S607  # from the PATH

    assert rules[0] == "20: from all lookup local"
    assert {"512: from all to 10.7.0.50 lookup main", "1536: from 10.7.0.50 lookup 101"} <= set(rules)
    assert (silent, sorted(there)) == ([], sorted(namespaces))
    assert all((_answers(own, "10.7.0.11"), _answers(namespaces["10.7.0.11"], "10.7.0.50"), _answers(own, "10.7.0.10")))
    assert not _answers(own, "10.7.64.10")


def test_a_pods_address_moves_to_another_node(wiring: VpcWiring, namespaces: dict[str, str]) -> None:
    """A detached pod answers no more; its name and its address can be attached again at once, here or elsewhere."""
    client = namespaces["10.7.64.11"]

    wiring.detach_pod(ONE, "app")
    gone = _answers(client, "10.7.0.11")
    wiring.attach_pod(ONE, "app", "10.7.0.11")
    back = _answers(client, "10.7.0.11")
    wiring.detach_pod(ONE, "app")
    wiring.attach_pod(TWO, "moved", "10.7.0.11")
    moved = _answers(client, "10.7.0.11")

    assert (gone, back, moved) == (False, True, True)


def test_an_address_without_a_pod_is_silent(wiring: VpcWiring, namespaces: dict[str, str]) -> None:
    """What is sent to a node for an address that no pod has ends there, in silence."""
    wiring.detach_pod(TWO, "app")

    assert [item["ifname"] for item in _shown(namespaces["10.7.64.10"], "link")] == ["lo", "eth0"]
    assert not _answers(namespaces["10.7.0.11"], "10.7.64.11")
    assert not _answers(namespaces["10.7.64.10"], "10.7.1.18")


@pytest.mark.usefixtures("wiring")
def test_nothing_touches_the_machines_own_network() -> None:
    """The machine has no link of the lab."""
    names = [line.partition(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()]

    assert "lo" in names
    assert [name for name in names if name.startswith(("eni", "port"))] == []


@pytest.fixture
def resolving(wiring: VpcWiring) -> Iterator[VpcWiring]:
    """The wiring with its resolver running."""
    wiring.resolver.start(Path(built_programs().path("coredns")))
    yield wiring
    wiring.resolver.stop()


def _asked(run: Run, netns: str, server: str, *question: str) -> tuple[str, list[str]]:
    process = run.run_in(
        netns, ["dig", "+tries=1", "+time=2", f"@{server}", *question], stdout=subprocess.PIPE, text=True
    )
    said = process.communicate()[0]
    status = said.partition("status: ")[2].partition(",")[0]
    return status, sorted(line.split()[-1] for line in said.splitlines() if line and line[0] != ";")


@pytest.mark.parametrize("server", ["10.7.0.2", "169.254.169.253"])
def test_the_vpc_resolver_answers_as_aws_does(
    run: Run, resolving: VpcWiring, namespaces: dict[str, str], server: str
) -> None:
    """Public names and instances' names have addresses, cluster names do not; a given name has the given address."""
    pod = namespaces["10.7.0.11"]
    named = "abc.gr7.eu-west-1.eks.amazonaws.com"
    resolving.resolver.know(VpcNames(hosts={named: ("10.7.0.200",)}))

    assert _asked(run, pod, server, ONE) == ("NOERROR", ["10.7.0.10"])
    assert _asked(run, pod, server, "kubernetes.default.svc.cluster.local") == ("NXDOMAIN", [])
    assert _asked(run, pod, server, "amazon.com.eu-west-1.compute.internal") == ("NXDOMAIN", [])
    assert _asked(run, pod, server, "amazon.com", "AAAA") == ("NOERROR", [])
    assert _asked(run, pod, server, named) == ("NOERROR", ["10.7.0.200"])
    status, public = _asked(run, pod, server, "+tcp", "amazon.com")
    assert (status, len(public)) == ("NOERROR", 3)
