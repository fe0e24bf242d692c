"""A measure from a command in Slack to its undo, in a bot that has a unit of each kind more than the shipped one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import Seen, as_text
from bot.sandbox.story import report_reading as reading
from bot.sandbox.world.editing import find
from tests.catalogue.graft import make_copy
from tests.end_to_end.office import Office, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Return an office in a healthy world, whose bot knows a rule that lacks evidence and a measure that gets it."""
    copy = make_copy(tmp_path_factory.mktemp("grafted"))
    with RunningWorld(scenario="healthy", seed=5, nodes=2) as world, opened(world, code=copy.root) as office:
        yield office


def corefile(office: Office) -> str:
    """Return the Corefile as it stands in the cluster."""
    text: str = find(office.world.operator, "configmaps", "coredns", namespace="kube-system")["data"]["Corefile"]
    return text


def next_card(office: Office, after: Seen) -> Seen:
    """Return the next card with an Approve button."""
    ben = office.slack.person("ben")
    return ben.wait_for(lambda m: m.ts > after.ts and reading.can_be_approved(m), timeout_seconds=30)


def test_missing_evidence_is_got_read_and_given_back(office: Office) -> None:
    """UNKNOWN, proposed, approved, applied, verified by its evidence, decided, undone: nothing is left behind."""
    former = corefile(office)
    card = office.asks("identity")
    assert "Measure for cluster-prod: 1 approval needed" in as_text(card)
    assert "Let CoreDNS pods name themselves in their answers" in as_text(card)
    assert "To read: coredns identity, for " in as_text(card)

    office.slack.person("ben").clicks(card, "approve")
    outcome = office.ends(card)

    assert "Verified: coredns identity can be read now. " in outcome
    assert corefile(office) == former.replace(".:53 {\n", ".:53 {\n    nsid\n")
    undo = next_card(office, card)
    assert "Undo for cluster-prod" in as_text(undo)

    office.slack.person("ana").clicks(office.now(card), "diagnose_again")
    ana = office.slack.person("ana")
    report = ana.wait_for(lambda m: m.ts > undo.ts and reading.is_report(m), timeout_seconds=30)
    ana.wait_for(lambda m: m.thread_ts == report.ts and "Each CoreDNS pod" in as_text(m), timeout_seconds=30)
    assert "Decide on the plan" not in as_text(report)

    office.slack.person("ben").clicks(undo, "approve")
    assert office.ends(undo).startswith("Verified: all that plan")
    assert corefile(office) == former
