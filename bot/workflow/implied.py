"""What a playbook gathers: what its file lists, and what its rules and fixes need, also by way of other collectors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bot.domain.playbooks import FindingUse, Gather
from bot.workflow.catalogue import Catalogue


def with_implied(listed: Sequence[Gather], findings: Sequence[FindingUse], catalogue: Catalogue) -> tuple[Gather, ...]:
    """Return the listed entries in their order, then those that the file leaves out, each with who needs it."""
    needed_by = _needed_by(listed, findings, catalogue)
    names = {entry.collector for entry in listed}
    implied = [
        Gather(collector=name, parameters=catalogue.collectors[name].parameters(), listed=False)
        for name in needed_by
        if name not in names
    ]
    return tuple(replace(entry, needed_by=needed_by.get(entry.collector, ())) for entry in (*listed, *implied))


def _fixes(use: FindingUse) -> Iterator[str]:
    """Yield the names of all fixes and measures that a finding may propose."""
    waiting = deque((*use.fixes, *use.measures))
    while waiting:
        fix = waiting.popleft()
        yield fix.fix
        waiting.extend((*fix.then, *fix.alternatives))


def _needed_by(
    listed: Sequence[Gather], findings: Sequence[FindingUse], catalogue: Catalogue
) -> Mapping[str, tuple[str, ...]]:
    """Return, for each collector that is needed, the rules, fixes and collectors that ask for it themselves."""
    needers: dict[str, dict[str, None]] = {}
    waiting = deque((use.rule, catalogue.rules[use.rule].inputs) for use in findings)
    waiting.extend((name, catalogue.fixes[name].needs) for use in findings for name in _fixes(use))
    waiting.extend((entry.collector, catalogue.collectors[entry.collector].inputs) for entry in listed)
    seen = {name for name, _ in waiting}
    while waiting:
        needer, needs = waiting.popleft()
        for needed in needs:
            collector = catalogue.collector_of(needed)
            needers.setdefault(collector.name, {})[needer] = None
            if collector.name not in seen:
                seen.add(collector.name)
                waiting.append((collector.name, collector.inputs))
    return {name: tuple(asking) for name, asking in needers.items()}
