from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.collectors import node_local_dns
from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalDns
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import config_map, small_cluster
from bot.sandbox.world import node_local_dns as installed
from tests.collectors_kubernetes.test_against_a_served_cluster import HttpReader
from tests.looking import Ends, collect_through

CLUSTER_IP = "172.20.0.10"
DNS = KubeDns(
    service_exists=True, cluster_ip=CLUSTER_IP, cluster_ips=(CLUSTER_IP,), selector="", ports=(), endpoints=()
)
MANIFEST = installed.NodeLocalDns(cluster_ip=CLUSTER_IP)


@pytest.fixture(scope="module")
def served() -> Iterator[ServedCluster]:
    """Return a small cluster at rest; each test installs what it looks at, under a name of its own."""
    served = ServedCluster()
    served.put(*small_cluster(), installed.upstream_service())
    served.settle()
    yield served
    served.stop()


def collect(reader: Any) -> NodeLocalDns:
    """Collect through a reader, beside a DNS Service at the usual address."""
    found, _ = collect_through(node_local_dns.COLLECTOR, Ends(reader=reader), needed={KubeDns: DNS})
    assert isinstance(found, NodeLocalDns)
    return found


class Everywhere(HttpReader):
    """Reads all namespaces where none is named."""

    def _path(self, resource: Any, namespace: str, tail: str = "") -> str:
        path = super()._path(resource, namespace, tail)
        return path if namespace else path.replace("/namespaces/", "")


def cache(served: ServedCluster, wanted: installed.NodeLocalDns) -> Any:
    """Install it, and return what is found of it."""
    served.put(*[one for one in wanted.objects() if one["kind"] != "Service"])
    served.settle()
    found = collect(Everywhere(served))
    return next(one for one in found.caches if one.name == wanted.name)


def test_it_is_found_with_what_it_listens_on_and_whom_it_asks(served: ServedCluster) -> None:
    """Placeholders that node-cache replaces are replaced; its pods and its upstream Service are there."""
    found = cache(served, MANIFEST)

    assert found.listens == ("169.254.20.10", CLUSTER_IP)
    assert found.left == ()
    assert found.upstream_address == "172.20.113.201"
    assert {target for one in found.forwards for target in one.targets} == {"172.20.113.201", "/etc/resolv.conf"}
    assert {pod.node for pod in found.pods} == {"node-a", "node-b"}
    assert found.link_local == ("169.254.20.10",)


def test_a_placeholder_that_stays_is_named_with_its_place(served: ServedCluster) -> None:
    """The domain's: node-cache leaves it as it is."""
    found = cache(served, installed.NodeLocalDns(name="unfilled", domain="__PILLAR__DNS__DOMAIN__"))

    assert found.left == ("__PILLAR__DNS__DOMAIN__ in line 1 of ConfigMap kube-system/unfilled",)


@pytest.mark.parametrize(
    ("text", "mode"),
    [('mode: "ipvs"\n', "ipvs"), ("mode: nftables # new\n", "nftables"), ('mode: ""\n', "iptables"), ("", "iptables")],
    ids=["ipvs", "nftables", "empty", "unset"],
)
def test_kube_proxys_mode_stands_in_its_configuration(served: ServedCluster, text: str, mode: str) -> None:
    """Where it names none it is the default of Linux."""
    served.put(config_map("kube-proxy-config", "config", f"kind: KubeProxyConfiguration\n{text}"))

    assert collect(Everywhere(served)).kube_proxy_mode == mode


def test_where_only_kube_system_may_be_read_the_rest_is_a_gap(served: ServedCluster) -> None:
    """What stands there is found all the same."""
    cache(served, MANIFEST)

    class KubeSystemAlone(Everywhere):
        def list(self, resource: Any, read: Any, *, namespace: str = "", labels: str = "", fields: str = "") -> Any:
            if not namespace:
                raise AccessDenied("403 Forbidden", grant="daemonsets.apps: list in all namespaces")
            return super().list(resource, read, namespace=namespace, labels=labels, fields=fields)

    found = collect(KubeSystemAlone(served))

    assert "node-local-dns" in {one.name for one in found.caches}
    assert [gap.grant for gap in found.gaps] == ["daemonsets.apps: list in all namespaces"]


def test_a_configuration_that_cannot_be_read_is_a_gap_and_the_cache_is_known_by_its_arguments(
    served: ServedCluster,
) -> None:
    """`-localip` says what it is; what its Corefile binds is not known, and said so."""
    cache(served, MANIFEST)

    class NoConfigMaps(Everywhere):
        def get(self, resource: Any, name: str, *, namespace: str = "") -> Any:
            if resource.plural == "configmaps":
                raise EvidenceUnavailable("500 from the API")
            return super().get(resource, name, namespace=namespace)

    found = collect(NoConfigMaps(served))
    one = next(cache for cache in found.caches if cache.name == "node-local-dns")

    assert (one.listens, one.own_addresses) == ((), ("169.254.20.10", CLUSTER_IP))
    assert any(gap.what == "Corefile of kube-system/node-local-dns" for gap in found.gaps)
