"""Whether a role's trust policy lets a caller assume it, which moto never asks.

Source: IAM User Guide, "AWS JSON policy elements: Principal". A role that does not exist is refused in the same words.
Conditions are not simulated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from moto.iam.models import iam_backends

_ASSUMING = frozenset({"sts:AssumeRole", "sts:*", "*"})


def may_be_assumed(role_arn: str, *, by: str) -> bool:
    """Return whether the trust policy of the role lets `by`, the ARN of a user or an assumed role, assume it.

    Raises NotImplementedError for a statement with a condition.
    """
    document = _trust_policy(role_arn)
    effects = {statement["Effect"] for statement in _statements(document) if _is_about(statement, by)}
    return effects == {"Allow"}


def _trust_policy(role_arn: str) -> Mapping[str, Any]:
    roles = iam_backends[_account(role_arn)]["aws"].roles.values() if _account(role_arn) else ()
    found = next((role for role in roles if role.arn == role_arn), None)
    return json.loads(found.assume_role_policy_document) if found else {}


def _statements(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for statement in _several(document.get("Statement")):
        if statement.get("Condition"):
            raise NotImplementedError(f"a trust policy with the condition {statement['Condition']}")
        yield statement


def _is_about(statement: Mapping[str, Any], caller: str) -> bool:
    principal = statement.get("Principal", {})
    named = _several(principal if isinstance(principal, str) else principal.get("AWS"))
    account = _account(caller)
    its_own = {"*", caller, account, f"arn:aws:iam::{account}:root", _role_of(caller)}
    return bool(_ASSUMING & set(_several(statement.get("Action"))) and its_own & set(named))


def _role_of(caller: str) -> str:
    """Return the ARN of the role behind a session `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`."""
    _, _, path = caller.partition(":assumed-role/")
    return f"arn:aws:iam::{_account(caller)}:role/{path.partition('/')[0]}" if path else caller


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 else ""  # noqa: PLR2004  # arn:aws:iam::ACCOUNT:role/NAME


def _several(value: Any) -> list[Any]:  # noqa: ANN401  # JSON: one or a list
    return value if isinstance(value, list) else [] if value is None else [value]
