"""The bot's roles in the accounts of a world: one to read with, one for approved changes, and whom they trust."""

from __future__ import annotations

import json

from bot.sandbox.world.scenario import AwsHands

READER, WRITER = "dnsbot-read", "dnsbot-write"


def role_arn(account: str, name: str) -> str:
    """Return the ARN of a role."""
    return f"arn:aws:iam::{account}:role/{name}"


def trusting(account: str) -> str:
    """Return a trust policy that lets everybody of `account` assume a role who may do so there."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def create_roles(hands: AwsHands, *, trusted: str) -> None:
    """Create both roles in the account in which `hands` work; they trust the account `trusted`."""
    for name in (READER, WRITER):
        hands.aws("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trusting(trusted))
