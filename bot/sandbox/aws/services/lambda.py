"""Lambda: functions of one Python file, attached to a VPC, created and invoked.

Its workers have an interface in the first subnet of the function, and its groups.
Source: Lambda API Reference, CreateFunction, Invoke; Developer Guide, "Giving Lambda functions access to resources in
an Amazon VPC" and "Lambda Python function errors".
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.ec2.models import ec2_backends

from bot.sandbox.aws.answers import REQUEST_ID, Answer
from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.machines import Machines, Program
from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Operation, Service, ServiceError, Serving

_RUNTIME = """
import importlib, json, os, sys, traceback
module, _, name = os.environ["_HANDLER"].rpartition(".")
try:
    print(json.dumps(getattr(importlib.import_module(module), name)(json.load(sys.stdin), object())))
except Exception as error:
    print(json.dumps({"errorMessage": str(error), "errorType": type(error).__name__,
                      "stackTrace": traceback.format_tb(error.__traceback__)}))
    sys.exit(1)
"""
"""What stands around the code in a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as it was created."""

    arn: str
    handler: str
    seconds: float
    files: dict[str, str]
    interface: MotoObject

    def answer(self, machines: Machines, event: str) -> Answer:
        """Run it once and return what Invoke answers."""
        program = Program(
            files=self.files,
            command=("python3", "-c", _RUNTIME),
            input=event,
            environment={"AWS_LAMBDA_FUNCTION_NAME": self.arn.rpartition(":")[2], "_HANDLER": self.handler},
            seconds=self.seconds,
        )
        ran = machines.run(self.interface, program)
        said = ran.stdout or json.dumps({"errorMessage": ran.stderr[:500], "errorType": "Runtime.ExitError"})
        failed = () if ran.exit_code == 0 else (("X-Amz-Function-Error", "Unhandled"),)
        headers = (("x-amzn-RequestId", REQUEST_ID), ("X-Amz-Executed-Version", "$LATEST"), *failed)
        return Answer(status=200, body=said.strip().encode(), content_type="application/json", headers=headers)


class Functions:
    """All functions, by account, region and name."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._functions: dict[tuple[str, str, str], Function] = {}

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {"CreateFunction": self._create, "Invoke": self._invoke}

    def _create(self, call: Call, asked: Asked) -> dict[str, Any]:
        name = asked["FunctionName"]
        archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(asked["Code"]["ZipFile"])))
        backend: MotoObject = ec2_backends[call.account][call.region]
        interface = backend.create_network_interface(
            backend.get_subnet(asked["VpcConfig"]["SubnetIds"][0]),
            None,
            group_ids=list(asked["VpcConfig"]["SecurityGroupIds"]),
            description=f"AWS Lambda VPC ENI-{name}",
        )
        interface.interface_type, interface.status, interface.requester_managed = "lambda", "in-use", True
        arn = f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"
        self._functions[call.account, call.region, name] = Function(
            arn=arn,
            handler=asked["Handler"],
            seconds=float(asked.get("Timeout", 3)),
            files={one: archive.read(one).decode() for one in archive.namelist()},
            interface=interface,
        )
        return {"FunctionName": name, "FunctionArn": arn, "Handler": asked["Handler"], "State": "Active"}

    def _found(self, call: Call, name: str) -> Function:
        found = self._functions.get((call.account, call.region, name))
        if found is None:
            arn = f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"
            raise ServiceError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return found

    def _invoke(self, call: Call, asked: Asked) -> Callable[[], Answer]:
        function = self._found(call, asked["FunctionName"])
        return lambda: function.answer(self._cloud.machines, call.body.decode())


def _open(cloud: Cloud) -> Serving:
    return Serving(operations=Functions(cloud).operations())


SERVICE = Service(name="lambda", open=_open, internal_error="ServiceException")
