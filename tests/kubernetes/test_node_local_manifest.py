from __future__ import annotations

from typing import Any

from bot.dns.node_local_corefile import filled, read_node_local_corefile
from bot.kubernetes.node_local_dns import NodeLocalSetup
from bot.kubernetes.node_local_manifest import NodeLocalManifest

MANIFEST = NodeLocalManifest(
    namespace="kube-system",
    local_address="169.254.20.10",
    cluster_ip="172.20.0.10",
    domain="example.internal",
    selector={"k8s-app": "kube-dns"},
    image="node-cache:1",
    plan_id="plan1",
)
DOCUMENTS: dict[str, Any] = {str(body["kind"]): body for _, body in MANIFEST.objects()}


def test_what_is_rendered_is_read_back_as_node_local_dns() -> None:
    """Addresses, domain, upstream Service and template fit one another, and no placeholder is left over."""
    setup = NodeLocalSetup.of(DOCUMENTS["DaemonSet"])
    assert setup is not None
    corefile = DOCUMENTS["ConfigMap"]["data"][setup.source[1]]

    read = read_node_local_corefile(filled(corefile, setup.flags.local_addresses, "172.20.9.9"))

    assert setup.source == ("node-local-dns", "Corefile")
    assert setup.flags.local_addresses == read.binds == ("169.254.20.10", "172.20.0.10")
    assert setup.flags.upstream_service == DOCUMENTS["Service"]["metadata"]["name"]
    assert read.zones == ("example.internal.", "in-addr.arpa.", "ip6.arpa.", ".")
    assert (read.left, read.refused) == ((), "")
    assert [one.force_tcp for one in read.forwards] == [True, True, True, False]
