"""Which known issue is muted, why and for how long; who may approve for its cluster may mute it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.health import Mute
from bot.domain.phrases import timestamp
from bot.domain.redaction import redact
from bot.errors import Refused
from bot.slack.incoming import Submitted
from bot.slack.tools import SlackTools
from bot.slack.units import Modal

LONGEST_REASON = 500
DAYS = {"1": timedelta(days=1), "7": timedelta(days=7), "30": timedelta(days=30), "90": timedelta(days=90)}


def check(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Complain about what is missing."""
    missing = {"issue": "Choose one.", "reason": "Say why, so that others need not ask.", "days": "Say for how long."}
    return {name: complaint for name, complaint in missing.items() if not fields.get(name, "").strip()}


def run(submitted: Submitted, tools: SlackTools) -> None:
    """Mute it, and say so in the digest's thread."""
    fields, person, digester = submitted.fields, submitted.origin.person, tools.use.digester
    cluster, _, rule = fields["issue"].partition(" ")
    if digester is None or cluster not in tools.use.targets or fields["days"] not in DAYS:
        raise Refused("This form belongs to no digest of this bot.")
    tools.use.gate.check_approver(person, cluster)
    problem = next((one for one in digester.open_problems([cluster]) if one.rule == rule), None)
    if problem is None:
        raise Refused(f"{rule} is not open in {cluster} any more; there is nothing to mute.")
    until = digester.store.now() + DAYS[fields["days"]]
    mute = Mute(
        cluster=cluster,
        rule=rule,
        severity=problem.severity,
        since=problem.since,
        owner=person,
        reason=redact(fields["reason"].strip()[:LONGEST_REASON]),
        until=until,
        objects=problem.objects,
    )
    digester.store.mute(mute)
    tools.tell(
        submitted.origin, f"{problem.title} in {cluster} is muted until {timestamp(until)}. Digests list it as muted."
    )


VIEW = Modal(name="mute_known_issue", check=check, run=run)
