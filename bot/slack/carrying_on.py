"""Carrying an approved plan on in a job: the card shows every step, the thread says what became of it."""

from __future__ import annotations

import logging

from bot.domain.approvals import StepRecord
from bot.errors import DnsBotError
from bot.slack.cards import redraw_card
from bot.slack.handed_files import share_files_after
from bot.slack.tools import SlackTools
from bot.workflow.use_cases import RunsPlans

log = logging.getLogger(__name__)


def carry_on(tools: SlackTools, runner: RunsPlans, proposal_id: str) -> None:
    """Run or settle the plan. What goes wrong is settled by the next look at what is due, and logged here."""

    def told(record: StepRecord) -> None:
        if tools.update_rate.allows(f"card:{record.proposal_id}"):
            redraw_card(tools, record.proposal_id)

    try:
        outcome = runner.run(proposal_id, told)
        if outcome is not None:
            tools.metrics.ended(outcome.result)
            posted = tools.use.history.proposal(proposal_id).posted
            share_files_after(tools, outcome.verification_diagnosis_id, posted.message if posted else None)
    except DnsBotError as error:
        log.warning("repair ended by an error", extra={"proposal": proposal_id, "reason": str(error)})
    finally:
        redraw_card(tools, proposal_id)
