from __future__ import annotations

from typing import Any

import pytest

from bot.kubernetes.node_local_dns import NodeLocalSetup
from bot.sandbox.world.node_local_dns import NodeLocalDns


def daemon_set(**changes: Any) -> dict[str, Any]:
    """Return the manifest's DaemonSet as the API answers it; changes are of its container."""
    made = NodeLocalDns(cluster_ip="172.20.0.10").daemon_set()
    made["spec"]["template"]["spec"]["containers"][0] |= changes
    return {**made, "status": {"desiredNumberScheduled": 3, "currentNumberScheduled": 2}}


def setup_of(answer: dict[str, Any]) -> NodeLocalSetup:
    """Return what it runs; there must be something."""
    found = NodeLocalSetup.of(answer)
    assert found is not None
    return found


def test_the_manifests_daemon_set_is_read_as_node_cache_reads_it() -> None:
    """Addresses and Service from its arguments, the template from the volume, the rest by node-cache's defaults."""
    found = setup_of(daemon_set())

    assert found.flags.local_addresses == ("169.254.20.10", "172.20.0.10")
    assert (found.flags.upstream_service, found.flags.interface) == ("kube-dns-upstream", "nodelocaldns")
    assert (found.flags.lays_interface, found.flags.lays_rules) == (True, True)
    assert found.source == ("node-local-dns", "Corefile")
    assert (found.selector, found.desired, found.scheduled) == ("k8s-app=node-local-dns", 3, 2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--localip=169.254.25.10", "--setupiptables=false"], (("169.254.25.10",), "kube-dns", True, False)),
        (["-localip", "10.1.1.1", "-setupinterface=0", "-upstreamsvc=up"], (("10.1.1.1",), "up", False, True)),
    ],
)
def test_flags_are_read_in_every_way_that_go_reads_them(arguments: list[str], expected: tuple[Any, ...]) -> None:
    """One dash or two, with `=` or without."""
    flags = setup_of(daemon_set(args=arguments)).flags

    assert (flags.local_addresses, flags.upstream_service, flags.lays_interface, flags.lays_rules) == expected


def test_another_program_with_a_corefile_on_the_hosts_network_may_be_one() -> None:
    """CoreDNS itself, say: it has no flags, and its Corefile is no template."""
    found = setup_of(daemon_set(image="coredns/coredns:1.12.0", args=["-conf", "/etc/coredns/Corefile.base"]))

    assert not found.flags.given
    assert found.source == ("node-local-dns", "Corefile")


def test_pods_with_a_network_of_their_own_are_none() -> None:
    """Nor is a DaemonSet that reads no Corefile."""
    inside = daemon_set()
    inside["spec"]["template"]["spec"]["hostNetwork"] = False

    assert NodeLocalSetup.of(inside) is None
    assert NodeLocalSetup.of(daemon_set(name="agent", image="agent:1", args=[])) is None
