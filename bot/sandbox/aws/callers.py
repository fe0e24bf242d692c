"""Who calls, as messages of AWS name it."""

from __future__ import annotations

from moto.sts.models import sts_backends

from bot.sandbox.aws.requests import Call


def caller(call: Call) -> str:
    """Return the ARN of the role that was assumed, or of the account's only user."""
    role = sts_backends[call.account]["aws"].get_assumed_role_from_access_key(call.access_key)
    return str(role.arn) if role else f"arn:aws:sts::{call.account}:user/moto"
