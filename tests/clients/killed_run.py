"""A process that sees a node and is then killed: `python -m tests.clients.killed_run KUBECONFIG`."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from dataclasses import replace

from bot.clients.connection import ClusterConnection
from bot.clients.sources import open_sources
from bot.domain.cluster import NodeProbe
from bot.domain.deadline import Deadline
from tests.clients.conftest import TARGET

if __name__ == "__main__":
    probe = NodeProbe(image="registry.example.com/dnsprobe:1", namespace="dns-probes")
    connection = ClusterConnection(target=replace(TARGET, node_probe=probe), kubeconfig=sys.argv[1])
    prober = open_sources(connection).nodes().prober(Deadline.after(20), lambda _: nullcontext())
    prober.run("node-a", ("ip", "-json", "rule"))
    print("seen", flush=True)  # noqa: T201  # whoever kills it waits for this
    time.sleep(60)
