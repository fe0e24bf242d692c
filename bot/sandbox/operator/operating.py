"""The operator's hands over HTTP: an AWS client, and the Kubernetes far end's control routes."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.world.access_keys import OPERATOR, in_account
from bot.sandbox.world.editing import annotated, edit_pod_template, find
from bot.sandbox.world.scenario import OperatingError
from bot.sandbox.world.world import ACCOUNT, REGION

_SETTLE_SECONDS = 600.0
"""5,000 nodes come to rest within two minutes where two cores have nothing else to do."""
_PAUSE_SECONDS = 0.02


def call_json(method: str, url: str, document: object = None, *, token: str = "") -> Any:  # noqa: ANN401  # JSON
    """Send one request to a far end on this machine and return its JSON answer."""
    body = None if document is None else json.dumps(document).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if method == "PATCH":
        headers["Content-Type"] = "application/strategic-merge-patch+json"
    request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310  # http on loopback
    try:
        with urllib.request.urlopen(request, timeout=_SETTLE_SECONDS) as answer:  # noqa: S310  # the same
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")
        raise OperatingError(f"{method} {url}: {error.code} {said}") from error


class AwsCommandLine:
    """Calls the AWS far end as an operator of one account does, in one region."""

    def __init__(self, url: str, *, account: str, region: str) -> None:
        self._url, self._account, self._region = url, account, region
        self._clients: dict[str, Any] = {}

    def _client(self, service: str) -> Any:  # noqa: ANN401  # boto3 has no types
        if service not in self._clients:
            import boto3  # noqa: PLC0415  # slow to import
            from botocore.config import Config  # noqa: PLC0415  # the same

            self._clients[service] = boto3.client(
                service,
                endpoint_url=self._url,
                region_name=self._region,
                aws_access_key_id=in_account(OPERATOR, self._account),
                aws_secret_access_key="none",  # noqa: S106  # nothing checks it
                config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
            )
        return self._clients[service]

    def aws(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        """Call an AWS operation as IAM spells it."""
        from botocore import xform_name  # noqa: PLC0415  # slow to import

        answer: Mapping[str, Any] = getattr(self._client(service), xform_name(operation))(**parameters)
        return answer


class HttpOperator:
    """Does an operator's acts, and those of AWS itself, on the two far ends."""

    unrouted: frozenset[str]
    """Addresses of which this operator had nodes forget the routes."""

    def __init__(self, *, aws_url: str, kubernetes_url: str) -> None:
        self.unrouted = frozenset()
        self._aws_url, self._kubernetes_url = aws_url, kubernetes_url
        self._command_lines: dict[tuple[str, str], AwsCommandLine] = {}

    def at(self, account: str, region: str) -> AwsCommandLine:
        """Return somebody with the AWS command line in that account and region."""
        found = self._command_lines.get((account, region))
        if found is None:
            found = AwsCommandLine(self._aws_url, account=account, region=region)
            self._command_lines[account, region] = found
        return found

    def aws(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        """Call an AWS operation in the cluster's account and region."""
        return self.at(ACCOUNT, REGION).aws(service, operation, **parameters)

    def launch(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Launch instances as an Auto Scaling group does."""
        made: list[dict[str, Any]] = self._aws_control("instances", {"instances": instances})["instances"]
        return made

    def _aws_control(self, route: str, document: object) -> Any:  # noqa: ANN401  # JSON
        return call_json("POST", f"{self._aws_url}/sandbox/{route}", document)

    def _cluster(self, method: str, route: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        return call_json(method, f"{self._kubernetes_url}/sandbox/{route}", document)

    def get(self, resource: str, *, namespace: str = "", labels: str = "") -> list[dict[str, Any]]:
        """Return objects; `labels` as `key=value,…`."""
        wanted = dict(part.split("=", 1) for part in labels.split(",") if part)
        return [
            item
            for item in self._cluster("GET", f"objects?resource={resource}")
            if namespace in ("", item["metadata"].get("namespace", ""))
            and wanted.items() <= (item["metadata"].get("labels") or {}).items()
        ]

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Create these objects or put them in place of what is there."""
        self._cluster("POST", "objects", list(objects))

    def rollout_restart(self, resource: str, name: str, *, namespace: str) -> None:
        """Restart a workload's pods and wait until nothing moves."""
        now = datetime.now(UTC).isoformat(timespec="seconds")

        def restarted(template: dict[str, Any]) -> dict[str, Any]:
            return annotated(template, "kubectl.kubernetes.io/restartedAt", now)

        edit_pod_template(self, resource, name, restarted, namespace=namespace)
        self.settle()

    def delete_pods(self, *, namespace: str = "", labels: str = "", node: str = "") -> None:
        """Delete pods by selectors and wait until nothing moves."""
        pods = [
            pod
            for pod in self.get("pods", namespace=namespace, labels=labels)
            if node in ("", pod["spec"].get("nodeName", ""))
        ]
        if not pods:
            raise OperatingError(f"delete pods: none in {namespace or 'all namespaces'} with {labels!r} on {node!r}")
        for pod in pods:
            self._delete(pod)
        self.settle()

    def delete(self, resource: str, name: str, *, namespace: str = "") -> None:
        """Delete one object and what it owns, and wait until nothing moves."""
        self._delete(find(self, resource, name, namespace=namespace))
        self.settle()

    def _delete(self, document: Mapping[str, Any]) -> None:
        """Delete an object; a pod may be gone already, taken away by a rollout."""
        try:
            self._cluster("DELETE", "objects", [document])
        except OperatingError as error:
            if '"NotFound"' not in str(error):
                raise

    def kubelet(self, node: str, *, cluster_dns: str) -> None:
        """Change the kubelet configuration of a node."""
        self._cluster("POST", "nodes", {node: {"cluster_dns": cluster_dns}})

    def resolv_conf(self, node: str, text: str) -> None:
        """Write a node's own /etc/resolv.conf."""
        self._cluster("POST", "nodes", {node: {"resolv_conf": text}})

    def remove_routes(self, *addresses: str) -> None:
        """Remove what nodes hold of pods with these addresses, and wait until nothing moves."""
        self.unrouted |= {*addresses}
        self._cluster("POST", "unrouted", {"addresses": addresses})
        self.settle()

    def track(self, node: str, *, client: str, port: int, server: str, led_to: str) -> None:
        """Let a node track what a pod asks a ClusterIP over UDP from one port, led to this address."""
        exchange = {"node": node, "client": client, "port": port, "server": server, "led_to": led_to}
        self._cluster("POST", "tracked", exchange)

    def forward_on_premises(self, network: str, name: str, targets: Sequence[str]) -> None:
        """Let the DNS server of a network on premises forward a name; to none: no more."""
        self._cluster("POST", "forwarders", {"on_premises": network, "name": name, "targets": list(targets)})

    def time_passes(self, seconds: float) -> None:
        """Date everything in the cluster back, so that it happened so much longer ago; what AWS has begun goes on."""
        self._aws_control("passed", {"seconds": seconds})
        self._cluster("POST", "passed", {"seconds": seconds})
        self.settle()

    def settle(self) -> None:
        """Wait until nothing moves in the cluster any more without an outside event."""
        end, state = time.monotonic() + _SETTLE_SECONDS, None
        while time.monotonic() < end:
            state = self._cluster("GET", "settled")
            if state["settled"]:
                return
            time.sleep(_PAUSE_SECONDS)
        raise OperatingError(f"the cluster did not come to rest within {_SETTLE_SECONDS:.0f} s: {state}")
