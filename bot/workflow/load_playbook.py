"""Playbooks from YAML: validated against the catalogue, with file, line, key and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.domain.findings import Severity
from bot.domain.playbooks import FindingUse, FixUse, Gather, Playbook
from bot.workflow.catalogue import Catalogue
from bot.workflow.located_yaml import LocatedYaml, Place, nearest, read_yaml, validate
from bot.workflow.parameters import parameters_document, parse_parameters

COMMANDS = ("diagnose",)
_Name = Annotated[str, Field(min_length=1, max_length=80)]
_Text = Annotated[str, Field(min_length=1, max_length=2000)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class _Gather(_Entry):
    collector: _Name
    parameters: dict[str, Any] = Field(default_factory=dict, alias="with")


class _Verify(_Entry):
    rules: list[_Name] = Field(default_factory=list)


class _Then(_Entry):
    fix: _Name
    parameters: dict[str, Any] = Field(default_factory=dict, alias="with")


class _Fix(_Then):
    risk: Literal["low", "medium", "high"]
    then: list[_Then] = Field(default_factory=list)
    verify: _Verify = Field(default_factory=_Verify)


class _Finding(_Entry):
    rule: _Name
    severity: Literal["critical", "warning", "note"]
    parameters: dict[str, Any] = Field(default_factory=dict, alias="with")
    explains: list[_Name] = Field(default_factory=list)
    fixes: list[_Fix] = Field(default_factory=list)


class PlaybookFile(_Entry):
    """The shape of one file of `playbooks/`."""

    name: _Name
    title: _Text
    purpose: _Text
    commands: list[Literal["diagnose"]]
    gather: list[_Gather] = Field(min_length=1)
    findings: list[_Finding] = Field(min_length=1)


def load_playbooks(files: Iterable[Path], catalogue: Catalogue) -> dict[str, Playbook]:
    """Return the playbooks by name. Raises `PlaybookError` for the first thing that is wrong."""
    documents: dict[str, LocatedYaml] = {}
    playbooks: dict[str, Playbook] = {}
    for file in sorted(files):
        document = read_yaml(file)
        playbook = _playbook(document, catalogue, file)
        playbooks[playbook.name] = playbook
        documents[playbook.name] = document
    _check_across(playbooks, documents)
    return playbooks


def _playbook(document: LocatedYaml, catalogue: Catalogue, file: Path) -> Playbook:
    written = validate(document, PlaybookFile)
    if written.name != file.stem:
        raise document.error(f"is {written.name!r}; it must be the file's name, {file.stem!r}.", ("name",))
    gather = tuple(_gather(entry, index, document, catalogue) for index, entry in enumerate(written.gather))
    findings = tuple(_finding(entry, index, document, catalogue) for index, entry in enumerate(written.findings))
    _check_gathered(written, document, catalogue)
    return Playbook(
        name=written.name,
        title=written.title,
        purpose=written.purpose.strip(),
        commands=tuple(written.commands),
        gather=gather,
        findings=findings,
        file=str(file),
    )


def _known(name: str, valid: Mapping[str, object], what: str, document: LocatedYaml, place: Place) -> None:
    if name not in valid:
        raise document.error(f"{name!r} is no known {what}.", place, hint=nearest(name, valid))


def _gather(entry: _Gather, index: int, document: LocatedYaml, catalogue: Catalogue) -> Gather:
    place: Place = ("gather", index)
    _known(entry.collector, catalogue.collectors, "collector", document, (*place, "collector"))
    collector = catalogue.collectors[entry.collector]
    parameters = parse_parameters(collector.parameters, entry.parameters, document, (*place, "with"))
    return Gather(collector=entry.collector, parameters=parameters)


def _finding(entry: _Finding, index: int, document: LocatedYaml, catalogue: Catalogue) -> FindingUse:
    place: Place = ("findings", index)
    _known(entry.rule, catalogue.rules, "rule", document, (*place, "rule"))
    thresholds = parse_parameters(catalogue.rules[entry.rule].thresholds, entry.parameters, document, (*place, "with"))
    for position, name in enumerate(entry.explains):
        _known(name, catalogue.rules, "rule", document, (*place, "explains", position))
    fixes = tuple(
        _fix_use(fix, entry.rule, (*place, "fixes", position), document, catalogue)
        for position, fix in enumerate(entry.fixes)
    )
    return FindingUse(
        rule=entry.rule,
        severity=Severity(entry.severity),
        thresholds=thresholds,
        explains=tuple(entry.explains),
        fixes=fixes,
    )


def _fix_use(entry: _Fix, rule: str, place: Place, document: LocatedYaml, catalogue: Catalogue) -> FixUse:
    for position, name in enumerate(entry.verify.rules):
        _known(name, catalogue.rules, "rule", document, (*place, "verify", "rules", position))
    verify = tuple(dict.fromkeys((rule, *entry.verify.rules)))
    then = tuple(
        _parsed_fix(follow, (*place, "then", position), document, catalogue, risk=entry.risk, verify=verify)
        for position, follow in enumerate(entry.then)
    )
    return _parsed_fix(entry, place, document, catalogue, risk=entry.risk, verify=verify, then=then)


def _parsed_fix(
    entry: _Then,
    place: Place,
    document: LocatedYaml,
    catalogue: Catalogue,
    *,
    risk: str,
    verify: tuple[str, ...],
    then: tuple[FixUse, ...] = (),
) -> FixUse:
    _known(entry.fix, catalogue.fixes, "fix", document, (*place, "fix"))
    parameters = parse_parameters(catalogue.fixes[entry.fix].parameters, entry.parameters, document, (*place, "with"))
    return FixUse(
        fix=entry.fix,
        parameters=parameters,
        parameters_document=parameters_document(parameters),
        risk=risk,
        then=then,
        verify_rules=verify,
    )


def _check_gathered(written: PlaybookFile, document: LocatedYaml, catalogue: Catalogue) -> None:
    """Every rule's evidence must stand in `gather`; further evidence is shown, not judged."""
    gathered = {catalogue.collectors[entry.collector].evidence for entry in written.gather}
    for index, entry in enumerate(written.findings):
        for needed in catalogue.rules[entry.rule].needs:
            if needed not in gathered:
                collector = catalogue.collector_of(needed).name
                message = f"{entry.rule} needs the evidence of {collector}, which `gather` does not list."
                raise document.error(message, ("findings", index, "rule"), hint=f"Add `- collector: {collector}`.")


def _check_across(playbooks: Mapping[str, Playbook], documents: Mapping[str, LocatedYaml]) -> None:
    """One rule stands in one playbook, and what explains what forms no circle."""
    home: dict[str, str] = {}
    explains: dict[str, Sequence[str]] = {}
    for playbook in playbooks.values():
        for index, use in enumerate(playbook.findings):
            place: Place = ("findings", index, "rule")
            if use.rule in home:
                message = f"{use.rule} already stands in playbook {home[use.rule]}; a rule stands in one."
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
