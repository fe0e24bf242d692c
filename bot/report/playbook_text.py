"""A playbook for a terminal, for people who decide what the bot may look at and change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain

from bot.domain.cluster import DIAGNOSE
from bot.domain.findings import Kind
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import Use
from bot.report.playbook_page import Call, Change, Concluded, Looked, PlaybookPage
from bot.report.wrapping import bullets, wrapped

_VERBS = {
    Use.READ: "reads",
    Use.LOOK_UP: "runs fixed commands through",
    Use.NODE: "runs fixed commands on nodes through",
    Use.PROBE: "looks up from other networks through",
    Use.CHANGE: "changes",
}
_ROLES = {
    Use.READ: "reading: a role that can change nothing",
    Use.LOOK_UP: "looking names up in pods: a role of its own, which can do nothing else",
    Use.NODE: "seeing nodes: a role of its own, off by default",
    Use.PROBE: "looking up from other networks: a role in each probe's cluster, or one document or function of ours",
    Use.CHANGE: "changing: a role that is used for nothing but applying an approved plan",
}


def playbook_text(page: PlaybookPage) -> str:
    """Return the page, wrapped, ending in a newline."""
    parts = (_head(page), _looks_at(page), _concludes(page), _may_propose(page), _rights(page))
    return "\n".join(chain.from_iterable(parts)).rstrip("\n") + "\n"


def _head(page: PlaybookPage) -> Iterator[str]:
    yield f"{page.name}: {page.title}"
    yield ""
    yield from wrapped(page.purpose, "  ")
    yield ""
    commands = [f"/dns-{name} CLUSTER" for name in page.commands]
    commands += ["dnsbot diagnose CLUSTER"] if DIAGNOSE in page.commands else []
    yield from wrapped(f"Runs with {', '.join([*commands, f'dnsbot diagnose CLUSTER {page.name}'])}", "  ")
    yield ""


def _looks_at(page: PlaybookPage) -> Iterator[str]:
    yield f"LOOKS AT  {len(page.gather)}"
    for one in page.gather:
        yield from _looked(one, _why(one))
    yield ""
    yield "EVERY DIAGNOSIS LOOKS AT, TOO"
    for one in page.always:
        yield from _looked(one, ())
    yield ""


def _looked(one: Looked, why: Iterable[str]) -> Iterator[str]:
    yield from wrapped(f"{one.title}  [{one.collector}]", "  ", "    ")
    yield from bullets([*why, *_parameters(one.parameters), *_calls(one.calls)], "    ")


def _why(one: Looked) -> Iterator[str]:
    yield f"needed by {', '.join(one.needed_by)}" if one.needed_by else f"shown only: {one.shown_because}"


def _concludes(page: PlaybookPage) -> Iterator[str]:
    yield f"CONCLUDES  {len(page.findings)}"
    yield from wrapped("Each rule is a PROBLEM, HEALTHY or, where too little could be read, UNKNOWN.", "  ")
    for one in page.findings:
        yield from wrapped(f"{one.title}  [{one.rule}, {one.severity.value}]", "  ", "    ")
        yield from bullets(_concluded(one), "    ")
    yield ""


def _concluded(one: Concluded) -> Iterator[str]:
    if one.kind is Kind.SYMPTOM:
        yield "a symptom: other rules say why; it is never named as the root cause"
    yield f"judged from {', '.join(one.judged_from)}"
    yield from _parameters(one.thresholds)
    if one.problem_refuted_by:
        yield f"no PROBLEM where there is {'; '.join(one.problem_refuted_by)}"
    if one.healthy_refuted_by:
        yield f"not HEALTHY where there is {'; '.join(one.healthy_refuted_by)}"
    if one.explains:
        yield f"as a PROBLEM it explains {', '.join(one.explains)}, and the failing lookups that it reaches"


def _may_propose(page: PlaybookPage) -> Iterator[str]:
    proposed = [(one.rule, change) for one in page.findings for change in (*one.fixes, *one.measures)]
    yield f"MAY PROPOSE  {len(proposed) or 'nothing'}"
    if proposed:
        yield from wrapped(
            "Nothing is changed without an approved plan; the policy of the cluster's environment (`approvals` in "
            "dnsbot.yaml) says who may approve. Of several for one rule, the first that can be planned is proposed, "
            "with what may be chosen instead of it on the same card.",
            "  ",
        )
    for rule, change in proposed:
        yield from _change(change, f"{change.name}, {change.risk} risk", _when(change, rule))
        for other in change.alternatives:
            instead = [f"may be chosen instead of “{change.title}”: {other.speaks_for}"]
            yield from _change(other, f"{other.name}, {other.risk} risk", instead)
    for names, later in _following([change for _, change in proposed]):
        yield from _change(later, later.name, [f"follows {', '.join(names)} in the same plan, once lookups answer"])
    yield ""


def _change(change: Change, name: str, when: Iterable[str]) -> Iterator[str]:
    yield from wrapped(f"{change.title}  [{name}]", "  ", "    ")
    yield from wrapped(change.does, "    ")
    yield from bullets([*when, *_parameters(change.parameters), *_calls(change.calls)], "    ")


def _when(change: Change, rule: str) -> Iterator[str]:
    rules = ", ".join(change.verify_rules)
    if change.yields:
        gets = ", ".join(change.yields)
        yield f"a measure: proposed when {rule} is UNKNOWN for want of evidence, and gets it: {gets}"
        yield f"verified when that can be read and is no longer missing for {rules}; its undo is proposed then"
    else:
        yield f"a fix: proposed when {rule} is a root cause"
        yield f"verified when lookups answer and these rules are healthy: {rules}; otherwise its undo is proposed"


def _following(changes: Iterable[Change]) -> list[tuple[list[str], Change]]:
    """Return each fix that follows others once, with the names of those that it follows."""
    found: list[tuple[list[str], Change]] = []
    for change in changes:
        for later in change.then:
            same = (names for names, one in found if (one.name, one.parameters) == (later.name, later.parameters))
            known = next(same, None)
            if known is None:
                found.append(([change.name], later))
            else:
                known.append(change.name)
    return found + _following([later for _, later in found]) if found else found


def _rights(page: PlaybookPage) -> Iterator[str]:
    changes = [change for one in page.findings for change in (*one.fixes, *one.measures)]
    calls = [call for one in (*page.always, *page.gather) for call in one.calls]
    calls += [call for change in (*changes, *(later for _, later in _following(changes))) for call in change.calls]
    used = {call.use for call in calls}
    yield "RIGHTS"
    yield from bullets(_ROLES[use] for use in Use if use in used)


def _parameters(parameters: JsonObject) -> Iterator[str]:
    if parameters:
        yield "with " + ", ".join(f"{name}: {_value(value)}" for name, value in parameters.items())


def _value(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _calls(calls: Iterable[Call]) -> Iterator[str]:
    for call in calls:
        unlocks = f" ({call.unlocks})" if call.unlocks else ""
        yield f"{_VERBS[call.use]} {call.permission}{unlocks}"
