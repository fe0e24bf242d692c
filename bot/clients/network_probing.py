"""Looks up and connects from other networks: pods of a cluster there, an instance by Systems Manager, a function.

Systems Manager runs our own document alone (`deploy/probe/ssm-document.json`), whose parameters are held to patterns by
AWS; the function is ours, too (`deploy/probe/dnsprobe.py`). Both print the same JSON text.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bot.clients.aws_errors import AWS_ERRORS, aws_error, code_of
from bot.clients.identities import Identities
from bot.clients.kubernetes_api import KubernetesApi
from bot.clients.kubernetes_exec import KubernetesProber
from bot.clients.kubernetes_reading import KubernetesReader
from bot.clients.own_names import OwnNames
from bot.clients.time_limit import within
from bot.domain.deadline import Deadline
from bot.domain.places import FunctionProbe, InstanceProbe, Place, PodProbe
from bot.domain.ports import ClusterReader, PodProber, ProbeQuestion
from bot.errors import EvidenceUnavailable, SourceGarbled, SourceTimeout

DOCUMENT = "dnsbot-probe"
"""The name under which `deploy/probe/ssm-document.json` is created in the instance's account and region."""
MAX_ANSWER = 64 * 1024
"""Characters kept of what a function answers; a cut JSON text is judged garbled."""
_ASK_EVERY_SECONDS = 0.4
_UNDER_WAY = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
_RUN_SECONDS = 30
"""How long Systems Manager tries to hand the command to the instance: 30 is its least."""


class ProbeClusters:
    """The clients of clusters in other networks, made when first asked for. Safe among threads."""

    def __init__(self, make: Callable[[PodProbe], KubernetesApi]) -> None:
        self._make = make
        self._made: dict[tuple[str, str], KubernetesApi] = {}
        self._lock = threading.Lock()

    def of(self, probe: PodProbe) -> KubernetesApi:
        """Return the client of a probe's cluster."""
        key = (probe.kubeconfig, probe.context)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(probe)
            return self._made[key]

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for api in self._made.values():
                api.login.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherNetworks:
    """Implements `ports.NetworkProber`. Every call ends by `deadline`."""

    clusters: ProbeClusters
    identities: Identities
    names: OwnNames
    deadline: Deadline

    def cluster(self, probe: PodProbe) -> ClusterReader:
        return KubernetesReader(self.clusters.of(probe), self.deadline)

    def pods(self, probe: PodProbe) -> PodProber:
        return KubernetesProber(self.clusters.of(probe), self.names, self.deadline)

    def command(self, probe: InstanceProbe, place: Place, question: ProbeQuestion) -> str:
        """Send the command once, then ask for its output until it has ended."""
        with within(self.deadline):
            try:
                return self._command(probe.instance_id, place, question)
            except AWS_ERRORS as error:
                operation = "GetCommandInvocation" if _of_output(error) else "SendCommand"
                raise aws_error("ssm", operation, error, place) from error

    def _command(self, instance: str, place: Place, question: ProbeQuestion) -> str:
        client = self.identities.at(place).client("ssm", place.region)
        parameters = {"name": [question.name], "addresses": [",".join(question.addresses) or "none"]}
        if question.servers:
            parameters["servers"] = [",".join(question.servers)]
        sent = client.send_command(
            InstanceIds=[instance],
            DocumentName=DOCUMENT,
            Parameters=parameters,
            TimeoutSeconds=_RUN_SECONDS,
        )
        number = sent["Command"]["CommandId"]
        while True:
            found = _invocation(client, number, instance)
            status = str(found.get("Status", "Pending"))
            if status not in _UNDER_WAY:
                return _output(found, instance, status)
            if self.deadline.remaining() <= _ASK_EVERY_SECONDS:
                raise SourceTimeout(
                    f"ssm:GetCommandInvocation on {instance}: the document {DOCUMENT} was still {status}. See whether "
                    "the instance is online in Systems Manager (aws ssm describe-instance-information)."
                )
            time.sleep(_ASK_EVERY_SECONDS)

    def invoke(self, probe: FunctionProbe, place: Place, question: ProbeQuestion) -> str:
        """Invoke the function once and wait for its answer."""
        asked = {"name": question.name, "addresses": list(question.addresses)}
        payload = json.dumps({**asked, "servers": list(question.servers)} if question.servers else asked)
        with within(self.deadline):
            try:
                client = self.identities.at(place).client("lambda", place.region)
                answer = client.invoke(FunctionName=probe.function, Payload=payload.encode())
                text = str(answer["Payload"].read(), "utf-8", "replace")[:MAX_ANSWER]
            except AWS_ERRORS as error:
                raise aws_error("lambda", "InvokeFunction", error, place) from error
        if answer.get("FunctionError"):
            raise EvidenceUnavailable(
                f"lambda:InvokeFunction: {probe.function} ended with an error of its own: {text[:300]}. Use the "
                "function of deploy/probe."
            )
        return text


def _invocation(client: Any, number: str, instance: str) -> dict[str, Any]:  # noqa: ANN401  # botocore makes its classes at run time
    """Return how the command stands; nothing where Systems Manager has not taken note of it yet."""
    try:
        found: dict[str, Any] = client.get_command_invocation(CommandId=number, InstanceId=instance)
    except ClientError as error:
        if code_of(error) == "InvocationDoesNotExist":
            return {}
        raise
    return found


def _of_output(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.operation_name == "GetCommandInvocation"


def _output(found: dict[str, Any], instance: str, status: str) -> str:
    printed = str(found.get("StandardOutputContent") or "")
    if status == "Success" and printed:
        return printed
    said = " ".join(str(found.get("StandardErrorContent") or "").split())[:300]
    if status == "Success":
        raise SourceGarbled(f"ssm:SendCommand on {instance}: {DOCUMENT} printed nothing. {said}")
    raise EvidenceUnavailable(
        f"ssm:SendCommand on {instance}: {DOCUMENT} ended as {status}{f': {said}' if said else ''}. The instance must "
        "be online in Systems Manager and have python3."
    )
