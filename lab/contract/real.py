"""The real API server as a far end of the suite. The calling thread must have joined its namespace."""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import AbstractContextManager
from pathlib import Path

from lab.contract.far_end import NAMESPACE, Json, Wire
from lab.contract.shedding import shedding
from lab.control_plane import PORT, READER, WRITER, ControlPlane

_ETCD_PORT = 2379


def wire_of(control_plane: ControlPlane) -> Wire:
    """Return how to reach the API server."""
    tls = ssl.create_default_context(cafile=str(control_plane.certificates.authority))
    return Wire(url=f"https://127.0.0.1:{PORT}", tls=tls)


class RealFarEnd:
    """Implements `FarEnd` over a control plane that runs."""

    def __init__(self, control_plane: ControlPlane, directory: Path) -> None:
        self._api = control_plane.api()
        self.wire = wire_of(control_plane)
        self.reader = READER.name
        self.kubeconfig = directory / "contract-kubeconfig.yaml"
        contexts = (("reader", READER), ("writer", WRITER))
        self.kubeconfig.write_text(control_plane.kubeconfig(*contexts), encoding="utf-8")
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})

    def put(self, *objects: Json) -> None:
        """See `FarEnd.put`."""
        for document in objects:
            self._api.apply(document)

    def expire_pages(self) -> None:
        """Compact etcd up to now, over its HTTP gateway."""
        revision = _etcd("kv/range", {"key": "AA=="})["header"]["revision"]
        _etcd("kv/compaction", {"revision": revision})

    def throttled(self, resource: str) -> AbstractContextManager[None]:
        """See `FarEnd.throttled`."""
        return shedding(self.wire, reader=self.reader, resource=resource)


def _etcd(call: str, document: Json) -> Json:
    connection = http.client.HTTPConnection("127.0.0.1", _ETCD_PORT, timeout=10)
    try:
        connection.request("POST", f"/v3/{call}", body=json.dumps(document))
        answer: Json = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer
