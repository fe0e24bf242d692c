"""Another Corefile for CoreDNS: what is planned, written, waited for and taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from bot.collectors.coredns_addon_scheduling import CorednsAddon, CorednsAddonScheduling
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.corefile_repair import CorefileRepair
from bot.domain.json_values import digest_of_text
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step, WriterKind
from bot.domain.settling import Progressing
from bot.errors import WorldChanged
from bot.fixes.repair_corefile import FIX, Parameters
from tests.fixes.test_fix_query_log import ADDON, CONFIGURATION, Far, described
from tests.fixes.test_fix_query_log import TEXT as GOOD
from tests.fixes.test_fix_query_log import case as log_case

BROKEN = GOOD.replace("errors", "erors")
BROKEN_CONFIGURATION = CONFIGURATION.replace("errors", "erors")
HOLDING = replace(ADDON, configuration=BROKEN_CONFIGURATION, digest=digest_of_text(BROKEN_CONFIGURATION))
REPAIR = CorefileRepair(
    fault="line 2: Unknown directive 'erors'",
    text=GOOD,
    text_sha256=digest_of_text(GOOD),
    edits=("line 2: `erors` becomes `errors`",),
    checked_by="CoreDNS 1.15.0 itself",
    former_sha256=digest_of_text(BROKEN),
)


def case(
    repair: CorefileRepair = REPAIR,
    addon: CorednsAddon | None = None,
    *,
    deployments: tuple[str, ...] = ("coredns",),
    managers: tuple[str, ...] = (),
) -> PlanCase:
    """Return what is planned from."""
    found = log_case(text=BROKEN)
    evidence = {
        Corefile: replace(found.need(Corefile), managers=managers),
        CorednsPods: replace(found.need(CorednsPods), deployments=deployments),
        CorednsAddonScheduling: CorednsAddonScheduling(addon=addon),
        CorefileRepair: repair,
    }
    return replace(found, parameters=Parameters(), evidence=evidence)


def planned(*arguments: Any, **named: Any) -> tuple[Step, Step]:
    """Return the two steps of the plan."""
    found = FIX.plan(case(*arguments, **named))
    assert isinstance(found, Planned), found
    write, restart = found.steps
    return write, restart


class Ends(Far):
    """Both far ends, with this fix."""

    fix: ClassVar[Fix] = FIX


def test_the_corefile_is_written_then_coredns_restarts_and_the_undo_is_exact() -> None:
    """Two steps; what is taken back is the Corefile alone, byte for byte."""
    far = Ends(corefile=BROKEN)
    write, restart = planned()
    assert [FIX.read(step, far.reading()) for step in (write, restart)] == [write.before, restart.before]

    effects = far.apply(write)
    assert (far.corefile, far.settled(write, effects)) == (GOOD, (Progressing.DONE, ""))
    far.apply(write)  # sent again after a crash
    far.apply(restart)
    assert [name for name, _ in far.sent] == ["kube-system/configmaps/coredns", "kube-system/deployments/coredns"]
    assert far.settled(restart, {})[0] is Progressing.DONE
    far.rolled = False
    assert far.settled(restart, {})[0] is Progressing.WAITING

    back = FIX.inverse(write, effects)
    assert back is not None
    assert FIX.read(back, far.reading()) == back.before
    far.apply(back)
    assert (far.corefile, FIX.inverse(restart, {})) == (BROKEN, None)


@pytest.mark.parametrize("gone", [False, True], ids=["changed", "gone"])
def test_a_corefile_that_others_changed_is_left(gone: bool) -> None:  # noqa: FBT001  # a table
    """Neither the plan nor its undo overwrites what it has not seen."""
    write, _ = planned()
    far = Ends(corefile=BROKEN + "# by hand\n", gone=gone)

    assert FIX.read(write, far.reading()) != write.before
    with pytest.raises(WorldChanged, match="Nothing was written"):
        far.apply(write)
    assert far.sent == []


def test_the_add_on_that_holds_it_gets_it_whole_and_then_it_stands_in_the_config_map() -> None:
    """All else of its configuration is kept; what EKS has yet to write is waited for."""
    far = Ends(corefile=BROKEN, addon=described(configurationValues=BROKEN_CONFIGURATION))
    write, _ = planned(replace(REPAIR, in_addon=True), HOLDING)
    assert (write.writer, FIX.read(write, far.reading())) == (WriterKind.AWS, write.before)

    effects = far.apply(write)
    assert far.settled(write, effects)[0] is Progressing.WAITING
    far.corefile = far.waiting
    assert far.settled(write, effects)[0] is Progressing.DONE
    back = FIX.inverse(write, effects)
    assert back is not None
    far.apply(back)

    assert [(sent["configurationValues"], sent["resolveConflicts"]) for _, sent in far.sent] == [
        (CONFIGURATION, "NONE"),
        (BROKEN_CONFIGURATION, "NONE"),
    ]
    far.corefile = BROKEN
    assert far.settled(back, effects)[0] is Progressing.DONE


def test_the_card_says_what_is_wrong_written_lost_and_by_whom_accepted() -> None:
    """And who may overwrite it."""
    repair = replace(REPAIR, loses=("what `ads` was to do",), open="whether /etc/resolv.conf is there")

    found = FIX.plan(case(repair, ADDON, managers=("eks",)))

    assert isinstance(found, Planned)
    for said in (
        "The Corefile of kube-system/coredns: line 2: Unknown directive 'erors'.",
        "Written: line 2: `erors` becomes `errors`.",
        "Lost: what `ads` was to do.",
        "Accepted by CoreDNS 1.15.0 itself; open: whether /etc/resolv.conf is there.",
        "its next update may overwrite it",
    ):
        assert said in found.blast_radius
    assert "may overwrite it" in found.steps[0].owner


def test_a_last_good_one_says_where_it_is_from() -> None:
    """And that what came after it is lost."""
    found = FIX.plan(case(replace(REPAIR, edits=(), origin="the configuration of the EKS add-on coredns")))

    assert isinstance(found, Planned)
    assert "it becomes the one of the configuration of the EKS add-on coredns; what was changed" in found.blast_radius


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (case(CorefileRepair()), "Nothing in the Corefile of kube-system/coredns as it is now is known to be refused"),
        (case(replace(REPAIR, text="", unread=("older ReplicaSets: no right",))), "Not looked at: older ReplicaSets"),
        (case(replace(REPAIR, immutable=True)), "is immutable"),
        (case(replace(REPAIR, former_sha256="0")), "holds text that the bot does not store"),
        (case(replace(REPAIR, text_sha256="0")), "holds text that the bot does not store"),
        (case(deployments=()), "are not one Deployment's (none)"),
        (case(deployments=("coredns", "other")), "are not one Deployment's (coredns, other)"),
        (case(replace(REPAIR, in_addon=True), replace(HOLDING, status="DEGRADED")), "is DEGRADED"),
        (case(replace(REPAIR, in_addon=True), replace(HOLDING, status="UPDATING")), "is UPDATING"),
        (case(replace(REPAIR, in_addon=True, addon_refuses="too long"), HOLDING), "does not take another: too long"),
        (case(replace(REPAIR, in_addon=True), replace(HOLDING, configuration="- x")), "has no place"),
    ],
)
def test_where_no_plan_can_be_made_it_is_said_why(found: PlanCase, reason: str) -> None:
    """Nothing is guessed, and nothing that others hold is overwritten."""
    advice = FIX.plan(found)

    assert isinstance(advice, Advice)
    assert reason in advice.reason


def test_the_add_on_is_rehearsed_where_it_holds_the_corefile() -> None:
    """EKS judges no update beforehand, and that is said."""
    assert FIX.rehearse({CorefileRepair: REPAIR}) == ()
    (one,) = FIX.rehearse({CorefileRepair: replace(REPAIR, in_addon=True)})
    assert one.no_dry_run
