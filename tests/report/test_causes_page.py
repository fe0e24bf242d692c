"""The page of causes is what rules and playbooks say: a cause that loses or gets a fix changes it."""

from __future__ import annotations

import re
from pathlib import Path

from bot.app import load_units, shipped_playbooks
from bot.report.causes import causes_table, fixes_of

CATALOGUE = load_units()
PLAYBOOKS = shipped_playbooks(CATALOGUE).values()


def test_the_page_of_causes_is_what_rules_and_playbooks_say() -> None:
    """The table of docs/causes.md is made from them; `make docs` renews it."""
    page = (Path(__file__).parents[2] / "docs" / "causes.md").read_text()

    match = re.search(r"<!-- causes -->\n(.*?)<!-- /causes -->", page, re.DOTALL)

    assert match is not None
    assert match[1] == causes_table(CATALOGUE, PLAYBOOKS)


def test_fixes_that_follow_others_or_stand_beside_them_belong_to_the_cause() -> None:
    """The row of a cause names what its plan may hold at all: alternatives, and what is recreated afterwards."""
    found = fixes_of("dns_blocked_by_security_group", PLAYBOOKS)

    assert set(found) > {"authorize_dns_between_security_groups", "recreate_pods"}


def test_every_fix_is_proposed_for_some_cause_or_symptom() -> None:
    """None stands in the catalogue unused; measures are proposed for what is unknown."""
    proposed = {name for rule in CATALOGUE.rules for name in fixes_of(rule, PLAYBOOKS)}

    assert {name for name, fix in CATALOGUE.fixes.items() if not fix.yields} <= proposed
