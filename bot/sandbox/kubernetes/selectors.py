"""Label and field selectors (Kubernetes documentation, pages "Labels and Selectors" and "Field Selectors")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bot.sandbox.kubernetes.refusals import bad_request
from bot.sandbox.kubernetes.resources import Json, ResourceType

Matcher: TypeAlias = Callable[[Json], bool]
_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_SET = re.compile(rf"^({_KEY})\s+(in|notin)\s+\(([^()]*)\)$")
_EQUAL = re.compile(rf"^({_KEY})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$")
_EXISTS = re.compile(rf"^(!?)\s*({_KEY})$")


def _requirements(text: str) -> list[str]:
    parts = re.split(r",(?![^()]{0,300}\))", text)
    return [part.strip() for part in parts]


def _label_requirement(text: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(text):
        key, operator, values = found[1], found[2], {value.strip() for value in found[3].split(",")}
        return lambda labels: (labels.get(key) in values) == (operator == "in")
    if found := _EQUAL.match(text):
        key, operator, value = found[1], found[2], found[3]
        return lambda labels: (labels.get(key) == value) == (operator != "!=")
    if found := _EXISTS.match(text):
        absent, key = bool(found[1]), found[2]
        return lambda labels: (key in labels) != absent
    raise bad_request(f"unable to parse requirement: found '{text}', expected: identifier, operator and values")


def label_matcher(text: str) -> Matcher:
    """Return whether an object's labels satisfy `text`. Raises a 400 on what is no label selector."""
    checks = [_label_requirement(part) for part in _requirements(text)] if text else []

    def matches(document: Json) -> bool:
        labels = document["metadata"].get("labels") or {}
        return all(check(labels) for check in checks)

    return matches


def label_map_matches(selector: Mapping[str, str], labels: Mapping[str, str] | None) -> bool:
    """Return whether `labels` hold every pair of `selector` (matchLabels, a Service's selector)."""
    return all((labels or {}).get(key) == value for key, value in selector.items())


def selector_matches(selector: Json, labels: Mapping[str, str]) -> bool:
    """Return whether `labels` satisfy a LabelSelector of a spec: matchLabels and matchExpressions."""
    if not label_map_matches(selector.get("matchLabels") or {}, labels):
        return False
    for one in selector.get("matchExpressions") or []:
        key, values = one["key"], one.get("values") or []
        held = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not held[one["operator"]]:
            return False
    return True


def _field(document: Json, path: str) -> str:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if path == "source" and isinstance(value, dict):
        value = value.get("component")
    if isinstance(value, bool) or (value is None and path in {"spec.hostNetwork", "spec.unschedulable"}):
        return "true" if value else "false"
    return "" if value is None else str(value)


def field_matcher(text: str, kind: ResourceType) -> Matcher:
    """Return whether an object's fields satisfy `text`. Raises a 400 on a field the type does not index."""
    checks: list[tuple[str, bool, str]] = []
    for part in _requirements(text) if text else []:
        found = re.match(r"^([^=!]+)(==|=|!=)(.*)$", part)
        if not found:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, value = found[1].strip(), found[2], found[3].strip()
        if path not in kind.selectable:
            raise bad_request(f"field label not supported: {path}")
        checks.append((path, operator != "!=", value))
    return lambda document: all((_field(document, path) == value) == wanted for path, wanted, value in checks)
