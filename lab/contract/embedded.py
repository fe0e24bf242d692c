"""The embedded server of the sandbox as a far end of the suite."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox.kubernetes.access import TOKENS
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster
from lab.contract.far_end import NAMESPACE, READER, Json, Wire

_KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- name: embedded
  cluster: {{server: "{url}"}}
users:
- name: reader
  user: {{token: reader-token}}
- name: writer
  user: {{token: writer-token}}
contexts:
- name: reader
  context: {{cluster: embedded, user: reader}}
- name: writer
  context: {{cluster: embedded, user: writer}}
current-context: reader
"""


class EmbeddedFarEnd:
    """Implements `FarEnd`. The cluster takes its turns by itself."""

    def __init__(self, served: ServedCluster, directory: Path) -> None:
        self._served = served
        self.wire = Wire(url=served.url)
        self.reader = TOKENS[READER].name
        self.kubeconfig = directory / "kubeconfig.yaml"
        self.kubeconfig.write_text(_KUBECONFIG.format(url=served.url), encoding="utf-8")

    def put(self, *objects: Json) -> None:
        """See `FarEnd.put`."""
        self._served.put(*objects)

    def expire_pages(self) -> None:
        """See `FarEnd.expire_pages`."""
        self._served.forget_pages()

    @contextmanager
    def throttled(self, resource: str) -> Iterator[None]:
        """See `FarEnd.throttled`."""
        self.wire.ask("POST", "/sandbox/faults", [{"action": f"list {resource}", "kind": "throttle"}])
        try:
            yield
        finally:
            self.wire.ask("DELETE", "/sandbox/faults")


@contextmanager
def embedded() -> Iterator[EmbeddedFarEnd]:
    """Serve the small cluster while the context lasts."""
    served = ServedCluster(turning=True)
    try:
        served.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, *small_cluster())
        with tempfile.TemporaryDirectory(prefix="dnsbot-contract-") as directory:
            yield EmbeddedFarEnd(served, Path(directory))
    finally:
        served.stop()
