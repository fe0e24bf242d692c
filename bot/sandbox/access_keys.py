"""Access key ids by which the AWS far end tells apart who calls, where that matters. None of them opens anything."""

from __future__ import annotations

OPERATOR = "sandbox-operator"
"""Whoever builds, breaks and heals the world; in the call log beside the bot's calls."""

DATA_PLANE = "sandbox-data-plane"
"""The network itself, which carries out what AWS holds: never logged, delayed, refused or failed.

A fault that a test sets for the bot does not change the network, and is not used up by it.
"""
