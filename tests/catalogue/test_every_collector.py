"""Each collector of the catalogue: gathered by somebody, and read by somebody."""

from __future__ import annotations

from typing import Any

import pytest

from bot.app import load_units, shipped_playbooks
from bot.domain.diagnosis import PEERS
from bot.domain.evidence import Collector
from bot.workflow.diagnose import BINDING, HEALTH
from bot.workflow.who_changed import CLOUD_TRAIL, MANAGERS

CATALOGUE = load_units()
PLAYBOOKS = shipped_playbooks(CATALOGUE)
COLLECTORS = CATALOGUE.collectors
BY_THE_WORKFLOW = {BINDING, PEERS, HEALTH, CLOUD_TRAIL, MANAGERS}
"""Gathered and read by the workflow itself: which cluster it is, which places could be entered, light rounds, and who
changed what is at fault."""


@pytest.mark.parametrize("collector", COLLECTORS.values(), ids=COLLECTORS)
def test_a_collector_is_gathered_and_read(collector: Collector[Any, Any]) -> None:
    """Some playbook or the workflow does, and a rule judges what it gives, a fix plans from it, or another needs it."""
    gathered = {entry.collector for playbook in PLAYBOOKS.values() for entry in playbook.gather} | BY_THE_WORKFLOW
    for_it = {kind for name in BY_THE_WORKFLOW for kind in COLLECTORS[name].inputs}
    gathered |= {one.name for one in COLLECTORS.values() if one.evidence in for_it}
    used = {use.rule for playbook in PLAYBOOKS.values() for use in playbook.findings}
    read = {kind for rule in used for kind in CATALOGUE.rules[rule].inputs}
    read |= {kind for fix in CATALOGUE.fixes.values() for kind in fix.needs}
    read |= {kind for other in COLLECTORS.values() if other.name in gathered for kind in (*other.needs, *other.wants)}
    read |= {COLLECTORS[name].evidence for name in BY_THE_WORKFLOW}

    assert collector.name in gathered
    assert collector.evidence in read
