"""STS: moto, which a role's trust policy stops where it would assume any role."""

from __future__ import annotations

from bot.sandbox.aws.callers import caller
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, NotAllowed, Service, Serving
from bot.sandbox.aws.sts.trust import may_be_assumed


def _trusted(call: Call) -> bool:
    role = call.parameters.get("RoleArn", "")
    if call.operation == "AssumeRole" and not may_be_assumed(role, by=caller(call)):
        raise NotAllowed(role)
    return True


def _open(cloud: Cloud) -> Serving:
    del cloud
    return Serving(passes_on=_trusted)


SERVICE = Service(name="sts", open=_open)
