"""Playbooks from YAML: validated against the catalogue, with file, line, key and the nearest valid name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.domain.findings import Kind, Severity
from bot.domain.phrases import nearest
from bot.domain.plans import Fix, When
from bot.domain.playbooks import FindingUse, FixUse, Gather, Playbook
from bot.workflow.catalogue import Catalogue
from bot.workflow.implied import with_implied
from bot.workflow.located_yaml import KeyPath, LocatedYaml, read_yaml, validate
from bot.workflow.parameters import parameters_document, parse_parameters

_Name = Annotated[str, Field(min_length=1, max_length=80)]
_Text = Annotated[str, Field(min_length=1, max_length=2000)]
_Line = Annotated[str, Field(max_length=200)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class _Gather(_Entry):
    collector: _Name
    parameters: dict[str, Any] = Field(default={}, alias="with")
    shown: _Text = ""


class _Verify(_Entry):
    rules: list[_Name] = Field(default=[])


class _Named(_Entry):
    fix: _Name
    parameters: dict[str, Any] = Field(default={}, alias="with")


class _Then(_Named):
    when: Literal["at_once", "lookups_answer"] = "at_once"


class _Choice(_Named):
    risk: Literal["low", "medium", "high"]
    title: _Line = ""
    speaks_for: _Line = ""


class _Fix(_Choice):
    then: list[_Then] = Field(default=[])
    verify: _Verify = Field(default_factory=_Verify)
    alternatives: list[_Choice] = Field(default=[], max_length=3)


class _Measure(_Entry):
    measure: _Name
    parameters: dict[str, Any] = Field(default={}, alias="with")
    risk: Literal["low", "medium", "high"]


class _Finding(_Entry):
    rule: _Name
    severity: Literal["critical", "warning", "note"]
    parameters: dict[str, Any] = Field(default={}, alias="with")
    explains: list[_Name] = Field(default=[])
    fixes: list[_Fix] = Field(default=[])
    measures: list[_Measure] = Field(default=[])


class PlaybookFile(_Entry):
    """The shape of one file of `playbooks/`."""

    name: _Name
    title: _Text
    purpose: _Text
    commands: list[_Name]
    gather: list[_Gather] = Field(default=[])
    findings: list[_Finding] = Field(min_length=1)


def load_playbooks(files: Iterable[Path], catalogue: Catalogue, commands: Collection[str]) -> dict[str, Playbook]:
    """Return the playbooks by name; `commands` are those that may run one.

    Raises `PlaybookError` for the first thing that is wrong.
    """
    documents: dict[str, LocatedYaml] = {}
    playbooks: dict[str, Playbook] = {}
    for file in sorted(files):
        document = read_yaml(file)
        playbook = _playbook(document, catalogue, commands, file)
        playbooks[playbook.name] = playbook
        documents[playbook.name] = document
    _check_across(playbooks, documents)
    return playbooks


def _playbook(document: LocatedYaml, catalogue: Catalogue, commands: Collection[str], file: Path) -> Playbook:
    written = validate(document, PlaybookFile)
    if written.name != file.stem:
        raise document.error(f"is {written.name!r}; it must be the file's name, {file.stem!r}.", ("name",))
    for index, command in enumerate(written.commands):
        _known(command, commands, "command", document, ("commands", index))
    listed = tuple(_gather(entry, index, document, catalogue) for index, entry in enumerate(written.gather))
    findings = tuple(_finding(entry, index, document, catalogue) for index, entry in enumerate(written.findings))
    gather = with_implied(listed, findings, catalogue)
    _check_gathered(gather, document)
    return Playbook(
        name=written.name,
        title=written.title,
        purpose=written.purpose.strip(),
        commands=tuple(written.commands),
        gather=gather,
        findings=findings,
        file=str(file),
    )


def _known(name: str, valid: Collection[str], what: str, document: LocatedYaml, place: KeyPath) -> None:
    if name not in valid:
        raise document.error(f"{name!r} is no known {what}.", place, hint=nearest(name, valid, what))


def _gather(entry: _Gather, index: int, document: LocatedYaml, catalogue: Catalogue) -> Gather:
    place: KeyPath = ("gather", index)
    _known(entry.collector, catalogue.collectors, "collector", document, (*place, "collector"))
    collector = catalogue.collectors[entry.collector]
    parameters = parse_parameters(collector.parameters, entry.parameters, document, (*place, "with"))
    return Gather(collector=entry.collector, parameters=parameters, shown_because=entry.shown)


def _finding(entry: _Finding, index: int, document: LocatedYaml, catalogue: Catalogue) -> FindingUse:
    place: KeyPath = ("findings", index)
    _known(entry.rule, catalogue.rules, "rule", document, (*place, "rule"))
    thresholds = parse_parameters(catalogue.rules[entry.rule].thresholds, entry.parameters, document, (*place, "with"))
    for position, name in enumerate(entry.explains):
        _check_explained(name, document, (*place, "explains", position), catalogue)
    fixes = tuple(
        _fix_use(fix, entry.rule, (*place, "fixes", position), document, catalogue)
        for position, fix in enumerate(entry.fixes)
    )
    measures = tuple(
        _measure_use(measure, entry.rule, (*place, "measures", position), document, catalogue)
        for position, measure in enumerate(entry.measures)
    )
    return FindingUse(
        rule=entry.rule,
        severity=Severity(entry.severity),
        thresholds=thresholds,
        explains=tuple(entry.explains),
        fixes=fixes,
        measures=measures,
    )


def _check_explained(name: str, document: LocatedYaml, place: KeyPath, catalogue: Catalogue) -> None:
    _known(name, catalogue.rules, "rule", document, place)
    if catalogue.rules[name].kind is Kind.SYMPTOM:
        hint = "Leave it out: a cause explains every symptom whose failing lookups lie within its reach."
        raise document.error(f"{name} is a symptom; `explains` names causes only.", place, hint=hint)


def _fix_use(entry: _Fix, rule: str, place: KeyPath, document: LocatedYaml, catalogue: Catalogue) -> FixUse:
    for position, name in enumerate(entry.verify.rules):
        _known(name, catalogue.rules, "rule", document, (*place, "verify", "rules", position))
    verify = tuple(dict.fromkeys((rule, *entry.verify.rules)))

    def use(written: _Named, at: KeyPath, risk: str) -> FixUse:
        fix = _fix(written.fix, (*at, "fix"), document, catalogue)
        return _use(fix, written.parameters, at, document, risk=risk, verify=verify)

    def choice(written: _Choice, at: KeyPath) -> FixUse:
        if entry.alternatives and not (written.title and written.speaks_for):
            hint = "Give each a `title` that tells it from the others, and in `speaks_for` what speaks for it."
            raise document.error(f"{written.fix} is one of several to choose from.", (*at, "fix"), hint=hint)
        made = use(written, at, written.risk)
        followed = tuple(replace(one, risk=written.risk) for one in then)
        return replace(made, then=followed, title=written.title, speaks_for=written.speaks_for)

    then = tuple(
        replace(use(follow, (*place, "then", position), entry.risk), when=When(follow.when))
        for position, follow in enumerate(entry.then)
    )
    alternatives = (
        choice(other, (*place, "alternatives", position)) for position, other in enumerate(entry.alternatives)
    )
    return replace(choice(entry, place), alternatives=tuple(alternatives))


def _measure_use(entry: _Measure, rule: str, place: KeyPath, document: LocatedYaml, catalogue: Catalogue) -> FixUse:
    measure = _measure(entry.measure, rule, (*place, "measure"), document, catalogue)
    return _use(measure, entry.parameters, place, document, risk=entry.risk, verify=(rule,))


def _use(
    fix: Fix, written: Mapping[str, Any], place: KeyPath, document: LocatedYaml, *, risk: str, verify: tuple[str, ...]
) -> FixUse:
    parameters = parse_parameters(fix.parameters, written, document, (*place, "with"))
    return FixUse(
        fix=fix.name,
        parameters=parameters,
        parameters_document=parameters_document(parameters),
        risk=risk,
        verify_rules=verify,
    )


def _fix(name: str, place: KeyPath, document: LocatedYaml, catalogue: Catalogue) -> Fix:
    """Return the fix of this name. A measure is none: it repairs nothing."""
    if name in catalogue.fixes and catalogue.fixes[name].yields:
        raise document.error(f"{name} is a measure: it gets evidence.", place, hint="Put it under `measures`.")
    _known(name, [fix.name for fix in catalogue.fixes.values() if not fix.yields], "fix", document, place)
    return catalogue.fixes[name]


def _measure(name: str, rule: str, place: KeyPath, document: LocatedYaml, catalogue: Catalogue) -> Fix:
    """Return the measure of this name; it must yield something that the rule needs."""
    if name in catalogue.fixes and not catalogue.fixes[name].yields:
        raise document.error(f"{name} is a fix: it gets no evidence.", place, hint="Put it under `fixes`.")
    _known(name, [fix.name for fix in catalogue.fixes.values() if fix.yields], "measure", document, place)
    measure = catalogue.fixes[name]
    if not set(measure.yields) & set(catalogue.rules[rule].inputs):
        yields = ", ".join(catalogue.collector_of(kind).name for kind in measure.yields)
        raise document.error(f"{name} gets the evidence of {yields}, and {rule} needs none of it.", place)
    return measure


def _check_gathered(gather: Sequence[Gather], document: LocatedYaml) -> None:
    """Refuse a collector that stands twice, one without a purpose, and a needed one that claims to be only shown."""
    names = [entry.collector for entry in gather]
    for index, entry in enumerate(gather):
        if entry.collector in names[:index]:
            raise document.error(f"{entry.collector} is listed twice.", ("gather", index, "collector"))
        if not entry.needed_by and not entry.shown_because:
            message = f"nothing in this playbook needs {entry.collector}."
            hint = "Leave it out, or say with `shown: …` why reports show it."
            raise document.error(message, ("gather", index, "collector"), hint=hint)
        if entry.needed_by and entry.shown_because:
            message = f"{entry.collector} is needed by {', '.join(entry.needed_by)}, so it is not only shown."
            raise document.error(message, ("gather", index, "shown"), hint="Leave `shown` out.")


def _check_across(playbooks: Mapping[str, Playbook], documents: Mapping[str, LocatedYaml]) -> None:
    """One rule stands in one playbook, and what explains what forms no circle."""
    home: dict[str, str] = {}
    explains: dict[str, Sequence[str]] = {}
    for playbook in playbooks.values():
        for index, use in enumerate(playbook.findings):
            place: KeyPath = ("findings", index, "rule")
            if use.rule in home:
                message = f"{use.rule} is in playbook {home[use.rule]} already; a rule is in one playbook."
                raise documents[playbook.name].error(message, place)
            home[use.rule] = playbook.name
            explains[use.rule] = use.explains
    for rule, playbook_name in home.items():
        if rule in _reachable(rule, explains):
            raise documents[playbook_name].error(f"{rule} explains itself, by way of others.", ("findings",))


def _reachable(start: str, explains: Mapping[str, Sequence[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(explains.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(explains.get(name, ()))
    return seen
