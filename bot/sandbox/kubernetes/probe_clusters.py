"""Small clusters in other networks, each with a pod to look names up from: what `probe: {kubeconfig: …}` leads to."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import web

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.faults import Faults
from bot.sandbox.kubernetes.program import Programs
from bot.sandbox.kubernetes.resources import type_of
from bot.sandbox.network.seen_from import OnPremises, SeenFrom
from bot.sandbox.network.source import NetworkSource
from bot.sandbox.world.world import PROBE_IMAGE, PROBE_SELECTOR

_PAUSE_SECONDS = 0.03
_MOST_TURNS = 500
"""A pod is started within some ten."""


class ProbeClusters:
    """Those that stand now, each served on a port of its own."""

    def __init__(self, network: NetworkSource, programs: Programs) -> None:
        self._network, self._programs = network, programs
        self._runners: list[web.AppRunner] = []
        self._turning: list[asyncio.Task[None]] = []
        self._on_premises: dict[str, OnPremises] = {}

    async def add(self, asked: Any) -> str:  # noqa: ANN401  # JSON of any shape
        """Make one in the VPC `vpc_id`, or on premises in `cidr`, its node at `address`, and return its URL."""
        from bot.sandbox.kubernetes.server import ApiServer  # noqa: PLC0415  # its control routes know this module

        cluster = Cluster(self._around(asked), self._programs, seed=len(self._runners) + 1)
        for document in _objects(asked["name"], asked["address"]):
            kind = type_of(document)
            assert kind is not None  # noqa: S101  # our own documents
            cluster.changed(kind, document)
        runner = web.AppRunner(ApiServer(cluster, Faults()).application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runners.append(runner)
        await _settle(cluster)
        self._turning.append(asyncio.create_task(_keep_turning(cluster)))
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    def _around(self, asked: Any) -> NetworkSource:  # noqa: ANN401  # JSON of any shape
        if "cidr" not in asked:
            return SeenFrom(self._network, asked["vpc_id"])
        made = OnPremises(self._network, asked["cidr"], asked["address"], public_dns=asked["public_dns"])
        self._on_premises[asked["name"]] = made
        return made

    def forward(self, asked: Any) -> None:  # noqa: ANN401  # JSON of any shape
        """Let the DNS server of the network `on_premises` forward `name` to `targets`."""
        self._on_premises[asked["on_premises"]].forward(asked["name"], asked["targets"])

    async def clear(self) -> None:
        """End all of them."""
        for task in self._turning:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for runner in self._runners:
            await runner.cleanup()
        self._turning, self._runners = [], []
        self._on_premises = {}


async def _settle(cluster: Cluster) -> None:
    for _ in range(_MOST_TURNS):
        await cluster.step()
        if cluster.settled():
            return
        await asyncio.sleep(0)


async def _keep_turning(cluster: Cluster) -> None:
    while True:
        await cluster.step()
        await asyncio.sleep(_PAUSE_SECONDS)


def _objects(name: str, address: str) -> list[dict[str, Any]]:
    key, _, value = PROBE_SELECTOR.partition("=")
    labels = {key: value}
    pod = {
        "hostNetwork": True,
        "dnsPolicy": "Default",
        "containers": [{"name": "dnsprobe", "image": PROBE_IMAGE}],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"{name}-node", "labels": {"kubernetes.io/hostname": f"{name}-node"}},
            "spec": {"providerID": f"aws:///zone/{name}"},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "dnsprobe", "namespace": "dns-probe", "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]
