"""Which calls of a ServiceAccount the API server sheds with 429 (page "API Priority and Fairness").

Of the FlowSchemas that match a call the one with the lowest `matchingPrecedence` counts. A priority level that has no
share, borrows none and rejects still serves one call at a time (apiserver, flowcontrol/fairqueuing/queueset): whoever
has it alone is served. Other ServiceAccounts that the schema names are taken to be busy: they hold that one place, and
the rest is shed. Only schemas that name ServiceAccounts are looked at.
"""

from __future__ import annotations

from bot.sandbox.kubernetes.resources import FLOW_SCHEMAS, PRIORITY_LEVELS, Json
from bot.sandbox.kubernetes.store import Store

TOO_MANY = "the server has received too many requests and has asked us to try again later"
"""client-go's words for 429."""


def shed(store: Store, account: str, group: str, resource: str) -> str:
    """Return how client-go words the refusal of a list by `kube-system/ACCOUNT`; empty: it is served."""
    matching = [schema for schema in store.unordered(FLOW_SCHEMAS) if _names(schema, account)]
    if not matching:
        return ""
    schema = min(matching, key=lambda one: (one["spec"].get("matchingPrecedence", 1000), one["metadata"]["name"]))
    level = store.find(PRIORITY_LEVELS, "", schema["spec"]["priorityLevelConfiguration"]["name"])
    limited = ((level or {}).get("spec") or {}).get("limited") or {}
    admits_nothing = limited.get("nominalConcurrencyShares") == 0 and limited.get("borrowingLimitPercent") == 0
    if not admits_nothing or not _shared(schema) or (limited.get("limitResponse") or {}).get("type") != "Reject":
        return ""
    return f"{TOO_MANY} (get {resource}.{group})" if group else f"{TOO_MANY} (get {resource})"


def _accounts(schema: Json) -> list[Json]:
    subjects = [subject for rule in schema["spec"].get("rules") or [] for subject in rule.get("subjects") or []]
    return [subject["serviceAccount"] for subject in subjects if subject["kind"] == "ServiceAccount"]


def _shared(schema: Json) -> bool:
    return len(_accounts(schema)) > 1


def _names(schema: Json, account: str) -> bool:
    return any(one["namespace"] == "kube-system" and one["name"] in (account, "*") for one in _accounts(schema))
