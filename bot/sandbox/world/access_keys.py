"""Access key ids by which the AWS far end tells apart who calls, where that matters. None of them opens anything.

Each stands alone for the home account, and with an account behind it (`in_account`) for that one.
"""

from __future__ import annotations

OPERATOR = "sandbox-operator"
"""Whoever builds, breaks and heals the world; in the call log beside the bot's calls."""

DATA_PLANE = "sandbox-data-plane"
"""The network itself, which carries out what AWS holds: never logged, delayed, refused or failed.

A fault that a test sets for the bot does not change the network, and is not used up by it.
"""


def in_account(key: str, account: str) -> str:
    """Return the key by which `key`'s holder calls as somebody of `account`."""
    return f"{key}.{account}"


def account_of(key: str) -> str:
    """Return the account that such a key names; empty: it names none."""
    return key.partition(".")[2]


def holder_of(key: str) -> str:
    """Return the key without an account."""
    return key.partition(".")[0]
