"""The `blocked` list of a network finding's details, read with care: evidence may come back from storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.findings import Finding
from bot.errors import UnitError


def blocked_classes(finding: Finding) -> list[Mapping[str, Any]]:
    """Return the blocked classes or ways of a finding. Raises `UnitError` when the rule gave none."""
    blocked = finding.judgement.details.get("blocked")
    if not isinstance(blocked, Sequence) or isinstance(blocked, str) or not blocked:
        message = f"the details of {finding.rule} hold no list `blocked`, which this fix plans from"
        raise UnitError(message)
    return [one for one in blocked if isinstance(one, Mapping)]
