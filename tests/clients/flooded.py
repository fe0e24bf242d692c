"""Reads everything at once from a far end that never stops sending; run as a process of its own, whose memory is told.

python -m tests.clients.flooded KUBECONFIG
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.clients.connection import ClusterConnection
from bot.clients.sources import open_sources
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable
from bot.memory import take_little_memory
from tests.clients.conftest import TARGET

POD = PodName(namespace="shop", name="web-1")
NODES = Resource(plural="nodes")


def main(path: str) -> None:
    """Print, as JSON, what came of each read, and the peak of this process's memory in MB."""
    take_little_memory()
    sources = open_sources(ClusterConnection(target=TARGET, kubeconfig=path))
    deadline = Deadline.after(60)
    cluster, aws, pods = sources.cluster(deadline), sources.aws(deadline), sources.pods(deadline)
    reads: dict[str, Callable[[], object]] = {
        "list": lambda: len(cluster.list(Resource(plural="pods"), dict)),
        "list of long names": lambda: len(cluster.list(Resource(plural="services"), dict)),
        "list of dense items": lambda: len(cluster.list(Resource(plural="events"), dict)),
        "get": lambda: cluster.get(Resource(plural="configmaps"), "coredns", namespace="kube-system"),
        "log": lambda: len(cluster.logs(POD, limit_bytes=4_000_000)),
        "aws": lambda: len(aws.read("ec2", "DescribeVpcs")),
        "aws list": lambda: len(aws.list("ec2", "DescribeVpcs", "Vpcs", dict)),
        "aws json": lambda: aws.read("eks", "DescribeCluster", name="c"),
        "exec": lambda: pods.run(POD, "app", ["dig", "x"]),
    }
    with ThreadPoolExecutor(max_workers=64) as pool:
        times = {name: 2 if "list of" in name else 6 for name in reads}
        flooded = {name: [pool.submit(_told, read) for _ in range(times[name])] for name, read in reads.items()}
        other = pool.submit(_told, lambda: cluster.list(NODES, dict))
        told = {name: [one.result() for one in waiting] for name, waiting in flooded.items()}
    sys.stdout.write(json.dumps({"peak_mb": _peak_mb(), "flooded": told, "other": other.result()}))
    sources.close()


def _peak_mb() -> int:
    """Return this program's own peak; getrusage also counts what its parent held when it was forked. See proc(5)."""
    kilobytes = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert kilobytes
    return int(kilobytes[1]) // 1024


def _told(read: Callable[[], object]) -> str:
    try:
        return repr(read())
    except EvidenceUnavailable as error:
        return f"{type(error).__name__}: {error.reason}"


if __name__ == "__main__":
    main(sys.argv[1])
