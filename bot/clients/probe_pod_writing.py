"""Makes and removes probe pods, with the credential that nodes are seen with: nothing else, and nowhere else."""

from __future__ import annotations

from bot.clients.kubernetes_api import KubernetesApi
from bot.clients.kubernetes_writing import KubernetesWriter
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject
from bot.domain.ports import Resource
from bot.errors import WriteFailed
from bot.kubernetes.resources import PODS


class ProbePodWriter:
    """Implements `ports.ClusterWriter` for pods in one namespace. Every call ends by `deadline`."""

    def __init__(self, api: KubernetesApi, deadline: Deadline, *, cluster: str, namespace: str) -> None:
        self._writer = KubernetesWriter(api, deadline)
        self._cluster, self._namespace = cluster, namespace

    def patch(
        self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "", subresource: str = ""
    ) -> RawObject:
        """Raise `WriteFailed`: what is there is not changed."""
        del body, namespace, subresource
        raise WriteFailed(f"{resource.plural} {name} of {self._cluster} was not changed: probe pods are only made.")

    def create(self, resource: Resource, body: JsonObject, *, namespace: str = "", dry_run: bool = False) -> RawObject:
        """Make a pod."""
        self._check(resource, namespace)
        return self._writer.create(resource, body, namespace=namespace, dry_run=dry_run)

    def delete(self, resource: Resource, name: str, *, namespace: str = "", uid: str) -> None:
        """Remove a pod."""
        self._check(resource, namespace)
        self._writer.delete(resource, name, namespace=namespace, uid=uid)

    def _check(self, resource: Resource, namespace: str) -> None:
        if not self._namespace:
            raise WriteFailed(
                f"Nothing in {self._cluster} was changed: no `node_probe` is set for this cluster in dnsbot.yaml."
            )
        if resource != PODS or namespace != self._namespace:
            raise WriteFailed(
                f"{resource.plural} in {namespace or 'all namespaces'} of {self._cluster} were not changed: what sees "
                f"nodes makes and removes pods in {self._namespace}, and nothing else."
            )
