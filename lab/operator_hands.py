"""An operator's hands in the lab: AWS as in the sandbox, the real API server, and the nodes' settings."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from bot.sandbox.operator.operating import HttpOperator
from bot.sandbox.world.scenario import OperatingError
from lab.kubernetes_api import ApiRefused, Json, KubernetesApi, path_of
from lab.namespaces import joined
from lab.node_agent.resolv_conf import KubeletSettings
from lab.on_premises import OnPremises
from lab.rest import Rest

_LONGEST_SECONDS = 150.0
"""No program of the lab waits longer for anything."""
_MOMENT_SECONDS = 2.0
"""Kubernetes tells moments by the second."""


@contextmanager
def _refusals(harmless: HTTPStatus | None = None) -> Iterator[None]:
    """Raise the API server's refusals, but for a harmless one, as an operator's are."""
    try:
        yield
    except ApiRefused as refused:
        if refused.status != harmless:
            raise OperatingError(str(refused)) from refused


class LabOperator(HttpOperator):
    """Does what a scenario says.

    `settings` finds a node's kubelet settings; `rest` knows when nothing moves; `remove_routes` takes from nodes what
    they hold of a pod's address; `netns` names a node's network namespace; `sites` are the networks on premises by
    their names.
    """

    def __init__(
        self,
        *,
        aws_url: str,
        api: KubernetesApi,
        settings: Callable[[str], KubeletSettings],
        rest: Rest,
        remove_routes: Callable[[str], None],
        netns: Callable[[str], str],
        sites: Mapping[str, OnPremises],
    ) -> None:
        super().__init__(aws_url=aws_url, kubernetes_url=f"https://127.0.0.1:{api.port}")
        self._api, self._settings, self._rest = api, settings, rest
        self._remove_routes, self._netns, self._sites = remove_routes, netns, sites

    def get(self, resource: str, *, namespace: str = "", labels: str = "") -> list[Json]:
        """Return objects; `labels` as `key=value,…`."""
        query = f"labelSelector={quote(labels)}" if labels else ""
        with _refusals():
            return self._api.list(resource, namespace=namespace, query=query)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Create these objects or put them in place of what is there."""
        for document in objects:
            with _refusals():
                self._api.apply(document)

    def delete_pods(self, *, namespace: str = "", labels: str = "", node: str = "") -> None:
        """Delete pods by selectors and wait until nothing moves.

        First what was done before comes to rest: the scheduler learns of nodes and of pods by different watches.
        """
        self._rest.wait()
        super().delete_pods(namespace=namespace, labels=labels, node=node)

    def _delete(self, document: Mapping[str, Any]) -> None:
        with _refusals(HTTPStatus.NOT_FOUND):
            self._api.call("DELETE", path_of(document))

    def kubelet(self, node: str, *, cluster_dns: str) -> None:
        """Change the kubelet configuration of a node."""
        self._settings(node).cluster_dns = cluster_dns

    def resolv_conf(self, node: str, text: str) -> None:
        """Write a node's own /etc/resolv.conf."""
        self._settings(node).resolv_conf = text

    def remove_routes(self, *addresses: str) -> None:
        """Remove what nodes hold of pods with these addresses, and wait until nothing moves."""
        self.unrouted |= {*addresses}
        for address in addresses:
            self._remove_routes(address)
        self.settle()

    def forward_on_premises(self, network: str, name: str, targets: Sequence[str]) -> None:
        """Let the Unbound of a network on premises forward a name, as its people would write it; to none: no more."""
        hops = "".join(f"    forward-addr: {target}\n" for target in targets)
        text = f'server:\n    private-domain: "{name}"\nforward-zone:\n    name: "{name}"\n{hops}' if targets else ""
        self._sites[network].tell(text)

    def track(self, node: str, *, client: str, port: int, server: str, led_to: str) -> None:
        """Let a node's kernel track a query that was led to this address and not answered, for ten minutes."""
        there = ["-s", client, "-d", server, "--sport", str(port), "--dport", "53"]
        back = ["--reply-src", led_to, "--reply-dst", client, "--reply-port-src", "53", "--reply-port-dst", str(port)]
        with joined(self._netns(node)):
            command = ["conntrack", "-I", "-p", "udp", *there, *back, "-t", "600"]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # a scenario's words

    def time_passes(self, seconds: float) -> None:
        """Wait so long: the kernel's clock is nobody's to change. Of hours, a moment that parts before from after."""
        time.sleep(seconds if seconds <= _LONGEST_SECONDS else _MOMENT_SECONDS)

    def settle(self) -> None:
        """Wait until nothing moves any more without an outside event, in the cluster and in the packet filter."""
        self._rest.wait()
