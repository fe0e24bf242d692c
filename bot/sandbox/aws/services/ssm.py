"""Systems Manager: documents, and Run Command on instances of EC2, each of which has its agent.

    POST   /sandbox/machines   {"url": …}   who runs what the agents and Lambda's workers are given

Source: Systems Manager API Reference, CreateDocument, SendCommand, GetCommandInvocation; User Guide, "Data elements and
parameters" (a parameter must match its allowedPattern) and "Command document plugin reference", aws:runShellScript.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from moto.ec2.models import ec2_backends

from bot.sandbox.aws.answers import Json
from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.machines import Program
from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Operation, Service, ServiceError, Serving

_SCRIPT = "_script.sh"
_MOST_STDOUT, _MOST_STDERR = 24_000, 8_000
"""Characters of its output that GetCommandInvocation gives."""


class SystemsManager:
    """Documents and commands, by account and region."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._documents: dict[tuple[str, str, str], Any] = {}
        self._invocations: dict[tuple[str, str], dict[str, Any]] = {}

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "CreateDocument": self._create,
            "SendCommand": self._send,
            "GetCommandInvocation": self._invocation,
        }

    def _create(self, call: Call, asked: Asked) -> dict[str, Any]:
        key = (call.account, call.region, asked["Name"])
        if key in self._documents:
            raise ServiceError("DocumentAlreadyExists", "The specified document already exists.")
        content = json.loads(asked["Content"])
        if content.get("schemaVersion") != "2.2" or not content.get("mainSteps"):
            raise ServiceError("InvalidDocumentContent", "The content for the document is not valid.")
        self._documents[key] = content
        return {"DocumentDescription": {"Name": asked["Name"], "Owner": call.account, "Status": "Active"}}

    def _send(self, call: Call, asked: Asked) -> dict[str, Any]:
        document = self._documents.get((call.account, call.region, asked["DocumentName"]))
        if document is None:
            raise ServiceError("InvalidDocument", f"document with name {asked['DocumentName']} does not exist.")
        values = _values(document, asked.get("Parameters", {}))
        hosts = {instance: _interface(call, instance) for instance in asked["InstanceIds"]}
        number = str(uuid.uuid4())
        for instance, interface in hosts.items():
            invocation = {
                "CommandId": number,
                "InstanceId": instance,
                "DocumentName": asked["DocumentName"],
                "Status": "Pending",
                "StatusDetails": "Pending",
                "ResponseCode": -1,
                "StandardOutputContent": "",
                "StandardErrorContent": "",
            }
            self._invocations[number, instance] = invocation
            work = (invocation, interface, document["mainSteps"], values)
            threading.Thread(target=self._run, args=work, name=f"agent-{instance}", daemon=True).start()
        command = {"CommandId": number, "DocumentName": asked["DocumentName"], "Status": "Pending"}
        return {"Command": {**command, "InstanceIds": asked["InstanceIds"]}}

    def _run(
        self, invocation: dict[str, Any], interface: MotoObject, steps: list[Json], values: Mapping[str, str]
    ) -> None:
        """Run the steps one after the other, as the agent does; it needs no answer of ours meanwhile."""
        invocation.update(Status="InProgress", StatusDetails="InProgress")
        for step in steps:
            script = _filled("\n".join(step["inputs"]["runCommand"]), values)
            program = Program(
                files={_SCRIPT: f"{script}\n"},
                command=("sh", _SCRIPT),
                seconds=float(step["inputs"].get("timeoutSeconds", 3600)),
            )
            ran = self._cloud.machines.run(interface, program)
            status = "Success" if ran.exit_code == 0 else "Failed"
            invocation.update(
                PluginName=step["name"],
                ResponseCode=ran.exit_code,
                StandardOutputContent=ran.stdout[:_MOST_STDOUT],
                StandardErrorContent=ran.stderr[:_MOST_STDERR],
            )
            if status == "Failed":
                break
        invocation.update(Status=status, StatusDetails=status)

    def _invocation(self, call: Call, asked: Asked) -> dict[str, Any]:
        del call
        found = self._invocations.get((asked["CommandId"], asked["InstanceId"]))
        if found is None:
            raise ServiceError("InvocationDoesNotExist", "An error occurred: the invocation does not exist.")
        return dict(found)


def _values(document: Json, given: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the value of each parameter. Raises `ServiceError` for one that is unknown, missing or no match."""
    declared = document.get("parameters", {})
    values = {name: one["default"] for name, one in declared.items() if "default" in one}
    values |= {name: one[0] for name, one in given.items()}
    for name in (*values, *declared):
        pattern = declared.get(name, {}).get("allowedPattern", "")
        if name not in declared or name not in values or not re.search(pattern, values[name]):
            raise ServiceError("InvalidParameters", f'Parameter "{name}" is not valid for the document.')
    return values


def _filled(script: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values.get(found[1], found[0]), script)


def _interface(call: Call, instance: str) -> MotoObject:
    """Return the first interface of a running instance of the caller's."""
    held = ec2_backends[call.account][call.region].all_instances()
    found = next((one for one in held if one.id == instance and one.state == "running"), None)
    if found is None:
        raise ServiceError("InvalidInstanceId", f"Instances not in a valid state for account: {instance}")
    return found.nics[0]


def _open(cloud: Cloud) -> Serving:
    def found(rest: list[str], document: Json) -> Json:
        del rest
        cloud.machines.url = str(document["url"])

    return Serving(operations=SystemsManager(cloud).operations(), routes={("POST", "machines"): found})


SERVICE = Service(name="ssm", open=_open, internal_error="InternalServerError")
