"""A name that a person asked about does not exist: every server that was asked says so.

A symptom, and a PROBLEM only because it was asked: alone it is no sign of a cause that nobody knows. UNKNOWN where a
name could not be asked, or where some servers say NXDOMAIN and the others say nothing. A name that exists without an
IPv4 address exists. That some servers know it and others do not is for `dns_lookups_fail` to say.
"""

from __future__ import annotations

from bot.domain.asked import NameAnswer, name_answers
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer
from bot.domain.phrases import count

ADVICE = (
    "Check the spelling, and of a Service the namespace: NAME.NAMESPACE.svc.cluster.local. "
    "kubectl get services -A lists those that there are."
)
_SHOWN = 10


def judge(case: Case) -> Judgement:
    """Sort the names into those that exist, those that do not, and those of which it is not known."""
    found = case.need(LookupMatrix)
    if not found.asked_names:
        return healthy("Nobody asked about a name.")
    told = {name: list(name_answers([name], found, "it was asked from nowhere")) for name in found.asked_names}
    absent = {name: answers for name, answers in told.items() if _absent(answers)}
    open_ = [name for name, answers in told.items() if name not in absent and not _exists(answers)]
    if absent:
        return Judgement(
            verdict=Verdict.PROBLEM,
            summary=(
                f"{' and '.join(name.rstrip('.') for name in absent)}: every server that was asked says that there is "
                f"no such name (NXDOMAIN); {found.looked_from}."
            ),
            proof=tuple(_line(one) for answers in absent.values() for one in answers)[:_SHOWN],
            details={"names": [name.rstrip(".") for name in absent]},
            missing=tuple(_gap(name, told[name]) for name in open_),
            advice=(ADVICE,),
            only_asked=True,
        )
    if open_:
        gaps = [_gap(name, told[name]) for name in open_]
        return unknown(f"{gaps[0].what}: {gaps[0].reason}.", *gaps)
    return healthy(f"{count(len(told), 'name')} asked about, and known to some server.")


def _absent(answers: list[NameAnswer]) -> bool:
    told = {answer for one in answers for answer in one.told}
    return told == {Answer.NXDOMAIN} and not any(one.empty for one in answers)


def _exists(answers: list[NameAnswer]) -> bool:
    return any(one.empty or Answer.ANSWERED in one.told for one in answers)


def _gap(name: str, answers: list[NameAnswer]) -> Gap:
    told = sorted({answer.value for one in answers for answer in one.told})
    why = next((one.detail for one in answers if one.detail), "not asked")
    reason = f"what came back: {' and '.join(told)}" if told else why
    return Gap(what=f"whether {name.rstrip('.')} exists", reason=reason)


def _line(one: NameAnswer) -> str:
    return f"{one.seen_from}: {one.name} at {one.server}: {one.answer}"


RULE = Rule(
    name="asked_name_does_not_exist",
    title="A name that was asked about does not exist",
    check="Names that were asked about",
    kind=Kind.SYMPTOM,
    judge=judge,
    needs=(LookupMatrix,),
    problem_refuted_by=((LookupMatrix, "a server that knows the name"),),
    healthy_refuted_by=((LookupMatrix, "a name that every server answers NXDOMAIN"),),
    judges_lookups=False,
)
