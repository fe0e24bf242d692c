"""An application that asks for many names outside, each another one, so that no cache helps."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
NAMESPACE = "crawler"
_REPLICAS = 2


def crawler(*, queries_per_second: int) -> tuple[Json, ...]:
    """Return its namespace and its Deployment; each of its two pods asks so much."""
    labels = {"app.kubernetes.io/name": "crawler"}
    container = {
        "name": "crawler",
        "image": "registry.example.com/crawler:3",
        "env": [{"name": "DNS_QUERIES_PER_SECOND", "value": str(queries_per_second)}],
    }
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "crawler", "namespace": NAMESPACE, "labels": labels},
            "spec": {
                "replicas": _REPLICAS,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
    )
