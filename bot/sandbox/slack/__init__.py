"""A local Slack: Web API, signed HTTP deliveries, Socket Mode, and the people who type and click.

What it imitates, and what it refuses, follows Slack's published documentation; nothing here was
compared with a live workspace.
"""

from bot.sandbox.slack.far_end import SlackFarEnd
from bot.sandbox.slack.faults import FaultKind, WebFault
from bot.sandbox.slack.people import Clicked, Typist
from bot.sandbox.slack.roster import Account, Channel, Group, Roster
from bot.sandbox.slack.text import as_text
from bot.sandbox.slack.transport import Acked, Delivery, Kind
from bot.sandbox.slack.workspace import Seen

__all__ = [
    "Account",
    "Acked",
    "Channel",
    "Clicked",
    "Delivery",
    "FaultKind",
    "Group",
    "Kind",
    "Roster",
    "Seen",
    "SlackFarEnd",
    "Typist",
    "WebFault",
    "as_text",
]
