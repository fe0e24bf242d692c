"""The bot's own clients for a world that stands, with the credentials that the bot is given there."""

from __future__ import annotations

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, ClusterWriters, open_sources, open_writers
from bot.domain.cluster import ClusterTarget, NodeProbe
from bot.sandbox.running.standing_world import StandingWorld
from bot.sandbox.world.world import CLUSTER, PROBE_IMAGE, PROBE_NAMESPACE, REGION


def sources(standing: StandingWorld) -> ClusterSources:
    """Return what the bot reads and looks up through."""
    return open_sources(_connection(standing))


def writers(standing: StandingWorld) -> ClusterWriters:
    """Return what the bot changes Kubernetes through."""
    return open_writers(_connection(standing))


def _connection(standing: StandingWorld) -> ClusterConnection:
    return ClusterConnection(
        target=ClusterTarget(
            name=CLUSTER,
            eks_name=CLUSTER,
            region=REGION,
            node_probe=NodeProbe(image=PROBE_IMAGE, namespace=PROBE_NAMESPACE),
        ),
        kubeconfig=str(standing.directory / "kubeconfig.yaml"),
        context=CLUSTER,
        writer_context=f"{CLUSTER}-write",
    )
