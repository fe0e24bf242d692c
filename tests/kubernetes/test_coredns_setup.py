from __future__ import annotations

from typing import Any

import pytest

from bot.kubernetes.coredns import coredns_setup, runs_coredns

CHART = "/etc/coredns"
WHOLE = {"name": "config-volume", "configMap": {"name": "coredns-abc123"}}
ITEM = {"name": "config-volume", "configMap": {"name": "dns", "items": [{"key": "main", "path": "Corefile"}]}}
PROJECTED = {"name": "config-volume", "projected": {"sources": [{"secret": {}}, {"configMap": {"name": "p"}}]}}
CUSTOM = {"name": "custom", "configMap": {"name": "coredns-custom", "optional": True}}
HOST = {"name": "config-volume", "hostPath": {"path": "/srv"}}


def pod(*volumes: Any, mounts: Any = None, **container: Any) -> Any:
    """Return the spec of a pod that mounts its volumes below /etc/coredns, the first one at it."""
    at = [CHART] + [f"{CHART}/{one['name']}" for one in volumes[1:]]
    mounted = [{"name": one["name"], "mountPath": path} for one, path in zip(volumes, at, strict=False)]
    made = {"name": "coredns", "image": "registry/coredns:1.12", "args": ["-conf", f"{CHART}/Corefile"], **container}
    made["volumeMounts"] = mounted if mounts is None else mounts
    return {"containers": [{"name": "sidecar", "image": "proxy"}, made], "volumes": list(volumes)}


@pytest.mark.parametrize(
    ("spec", "source"),
    [
        (pod(WHOLE), ("coredns-abc123", "Corefile")),
        (pod(ITEM), ("dns", "main")),
        (pod(PROJECTED), ("p", "Corefile")),
        (pod(WHOLE, CUSTOM), ("coredns-abc123", "Corefile")),
        (pod(WHOLE, args=["-conf=/etc/coredns/dns.conf"]), ("coredns-abc123", "dns.conf")),
        (pod(WHOLE, CUSTOM, args=["-conf", "/etc/coredns/custom/main"]), ("coredns-custom", "main")),
        (pod(WHOLE, mounts=[{"name": "config-volume", "mountPath": f"{CHART}/Corefile", "subPath": "x"}]),
         ("coredns-abc123", "x")),
        (pod(WHOLE, args=[], workingDir=CHART), ("coredns-abc123", "Corefile")),
        (pod(HOST), ("", "")),
        (pod(), ("", "")),
    ],
    ids=["hash", "item", "projected", "custom", "=", "other volume", "subPath", "working directory", "host", "none"],
)  # fmt: skip
def test_corefile_is_where_the_pod_reads_it(spec: Any, source: tuple[str, str]) -> None:
    """The ConfigMap and the key behind the file that CoreDNS is told to read."""
    assert coredns_setup(spec).source == source


@pytest.mark.parametrize(("spec", "elsewhere"), [(pod(HOST), True), (pod(), False), (pod(WHOLE), False)])
def test_file_on_a_volume_that_is_no_config_map_is_elsewhere(spec: Any, *, elsewhere: bool) -> None:
    """Then no ConfigMap is judged; a pod that mounts nothing does not tell."""
    assert coredns_setup(spec).elsewhere is elsewhere


@pytest.mark.parametrize(
    ("container", "chosen"),
    [
        ({}, "coredns"),
        ({"name": "dns"}, "dns"),
        ({"name": "dns", "image": "registry/own-build@sha256:aa"}, "dns"),
        ({"name": "dns", "image": "registry/coredns/coredns:v1.12.0", "args": []}, "dns"),
        (
            {"name": "dns", "args": [], "image": "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn/eks/coredns:v1"},
            "dns",
        ),
        ({"name": "dns", "image": "other", "args": []}, "sidecar"),
    ],
    ids=["name", "image", "what it reads", "image with path", "in China", "nothing tells"],
)
def test_container_is_the_one_that_runs_coredns(container: Any, chosen: str) -> None:
    """By name, by image, by the file that it is told to read; else the first."""
    spec = pod(WHOLE, **container)

    assert coredns_setup(spec).container == chosen
    assert runs_coredns(spec) is (chosen != "sidecar")
