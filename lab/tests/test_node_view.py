from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from bot.domain.deadline import Deadline
from bot.sandbox.world.dns_pods import coredns_pods
from bot.sandbox.world.world import CLUSTER_DNS, PROBE_NAMESPACE, WORKLOAD_SELECTOR
from lab.bot_clients import sources
from lab.contract.far_end import Json, eventually
from lab.namespaces import joined
from lab.observing import diagnose
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(300)
OF_NODES = ("node_network", "node_packet_filter")
NOBODYS = "10.255.255.53"
TILL_OLD_SECONDS = 150.0
"""Longer than an entry counts as one that may end by itself (`stale_conntrack`, `grace`)."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """Return a healthy lab with NodeLocal DNSCache."""
    with RunningLab(scenario="healthy-node-local-dns") as running:
        yield running


def _probe_pods(lab: RunningLab) -> list[Json]:
    return lab.operator.get("pods", namespace=PROBE_NAMESPACE)


def test_a_diagnosis_sees_every_node_and_leaves_no_pod_behind(lab: RunningLab) -> None:
    """`iptables-save` runs in pods that are there anyway, `ip` in short-lived ones, which are gone afterwards."""
    _, report = diagnose(lab)

    seen = {one["collector"]: one for one in report["evidence"] if one["collector"] in OF_NODES}
    nodes = len(lab.world.nodes)
    assert [seen[name]["gap"] for name in OF_NODES] == [None, None]
    assert all(seen[name]["summary"].startswith(f"{nodes} of {nodes} nodes looked at") for name in OF_NODES)
    assert eventually(lambda: _probe_pods(lab), lambda pods: not pods) == []


def test_what_is_read_on_a_node_is_what_its_kernel_has(lab: RunningLab) -> None:
    """Routing rules come by a pod that is made on the node, the raw table by one that is there anyway."""
    node = lab.world.nodes[0].name
    with joined(lab.agent.node(node).netns):
        rules = subprocess.check_output(["ip", "rule"], text=True)  # noqa: S607  # from the PATH
        raw = subprocess.check_output(["iptables-save", "-t", "raw"], text=True)  # noqa: S607  # the same

    run = sources(lab).nodes()
    try:
        prober = run.prober(Deadline.after(60), lambda _permission: nullcontext())
        read = [prober.run(node, command).text() for command in (("ip", "rule"), ("iptables-save", "-t", "raw"))]
    finally:
        run.close()

    assert read[0] == rules
    assert [line for line in read[1].splitlines() if line[:1] != "#"] == [
        line for line in raw.splitlines() if line[:1] != "#"
    ]
    assert "-d 169.254.20.10/32 -p udp -m udp --dport 53" in read[1]


def test_a_query_that_a_node_leads_to_a_coredns_pod_that_is_gone_is_named(lab: RunningLab) -> None:
    """By the kernel's own entry; one that waits for a CoreDNS pod which is there is none of it."""
    pod = next(one for one in lab.operator.get("pods", labels=WORKLOAD_SELECTOR) if one["status"].get("podIP"))
    node, client = pod["spec"]["nodeName"], pod["status"]["podIP"]
    alive = coredns_pods(lab.operator)[0]["status"]["podIP"]
    for port, led_to in ((40053, NOBODYS), (40054, alive)):
        lab.operator.track(node, client=client, port=port, server=CLUSTER_DNS, led_to=led_to)

    _, report = eventually(lambda: diagnose(lab), lambda seen: bool(seen[1]["root_causes"]), seconds=TILL_OLD_SECONDS)
    with joined(lab.agent.node(node).netns):
        subprocess.run(["conntrack", "-D", "-s", client], check=True, capture_output=True)  # noqa: S607  # the same

    (found,) = [one for one in report["findings"] if one["rule"] == "stale_conntrack"]
    assert report["root_causes"] == ["stale_conntrack"]
    assert (found["details"]["addresses"], found["details"]["nodes"]) == ([NOBODYS], [node])
