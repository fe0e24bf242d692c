"""Who asked, and where: made from Slack's payloads, never from what a button or modal carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.approvals import MessageRef
from bot.domain.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where somebody spoke to the bot, and how to answer that person alone."""

    person: Person
    channel: str
    thread_ts: str = ""
    response_url: str = ""
    """Five uses within 30 minutes; empty for mentions and modals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command, typed or by mention."""

    origin: Origin
    words: str
    """What stands after the command's name."""
    delivery: str
    """The same for every retry of this delivery."""
    trigger_id: str = ""
    """Good for one modal, for three seconds; empty for mentions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A press of a button."""

    origin: Origin
    value: str
    trigger_id: str
    """Good for one modal, for three seconds."""
    message: MessageRef
    """The message that holds the button."""
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A modal that was sent off."""

    origin: Origin
    value: str
    """What the modal was opened with: id, hash, channel, ts."""
    fields: Mapping[str, str]
    """By action_id."""
    delivery: str


def asked_by_command(body: Mapping[str, Any]) -> Asked:
    """Return what a slash command asked."""
    person = Person(team_id=str(body.get("team_id", "")), user_id=str(body.get("user_id", "")))
    origin = Origin(
        person=person, channel=str(body.get("channel_id", "")), response_url=str(body.get("response_url", ""))
    )
    trigger_id = str(body.get("trigger_id") or "")
    return Asked(
        origin=origin, words=str(body.get("text") or ""), delivery=f"command:{trigger_id}", trigger_id=trigger_id
    )


def event_person(body: Mapping[str, Any]) -> Person:
    """Return who caused an event; a person of another workspace is known by that team's id (Slack Connect)."""
    event = body.get("event") or {}
    team = event.get("user_team") or event.get("source_team") or event.get("team") or body.get("team_id") or ""
    return Person(team_id=str(team), user_id=str(event.get("user", "")))


def asked_by_mention(body: Mapping[str, Any]) -> Asked:
    """Return what a mention asked."""
    event = body.get("event") or {}
    origin = Origin(
        person=event_person(body),
        channel=str(event.get("channel", "")),
        thread_ts=str(event.get("thread_ts") or ""),
    )
    return Asked(origin=origin, words=str(event.get("text") or ""), delivery=f"event:{body.get('event_id', '')}")


def pressed_button(body: Mapping[str, Any]) -> Pressed:
    """Return which button was pressed by whom."""
    action = (body.get("actions") or [{}])[0]
    container = body.get("container") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    message = MessageRef(
        channel=channel, ts=str(container.get("message_ts") or (body.get("message") or {}).get("ts") or "")
    )
    person = person_of(body)
    origin = Origin(
        person=person,
        channel=channel,
        thread_ts=str(container.get("thread_ts") or ""),
        response_url=str(body.get("response_url") or ""),
    )
    parts = (person.team_id, person.user_id, action.get("action_id"), action.get("action_ts"), message.ts)
    return Pressed(
        origin=origin,
        value=str(action.get("value") or (action.get("selected_option") or {}).get("value") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        message=message,
        delivery="click:" + ":".join(str(part) for part in parts),
    )


def chosen_shortcut(body: Mapping[str, Any]) -> Pressed:
    """Return on which message a shortcut was chosen by whom; the report goes into that message's thread."""
    message = body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or "")
    ts = str(message.get("ts") or body.get("message_ts") or "")
    origin = Origin(
        person=person_of(body),
        channel=channel,
        thread_ts=str(message.get("thread_ts") or ts),
        response_url=str(body.get("response_url") or ""),
    )
    return Pressed(
        origin=origin,
        value=str(message.get("text") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        message=MessageRef(channel=channel, ts=ts),
        delivery=f"shortcut:{body.get('trigger_id', '')}",
    )


def submitted_modal(body: Mapping[str, Any]) -> Submitted:
    """Return what a modal holds; the channel it was opened from stands at the end of its private value."""
    view = body.get("view") or {}
    value = str(view.get("private_metadata") or "")
    words = value.split()
    origin = Origin(person=person_of(body), channel=words[2] if len(words) > 2 else "")  # noqa: PLR2004  # id hash channel ts
    return Submitted(
        origin=origin,
        value=value,
        fields=fields_of(view),
        delivery=f"view:{view.get('id', '')}:{view.get('hash', '')}",
    )


def fields_of(view: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts that were typed into a modal, and the options that were chosen, by action_id."""
    values = (view.get("state") or {}).get("values") or {}
    return {
        action_id: str(field.get("value") or (field.get("selected_option") or {}).get("value") or _chosen(field))
        for block in values.values()
        for action_id, field in block.items()
    }


def _chosen(field: Mapping[str, Any]) -> str:
    """Return the values of a select of several, with spaces in between."""
    return " ".join(str(one.get("value") or "") for one in field.get("selected_options") or ())


def person_of(body: Mapping[str, Any]) -> Person:
    """Return who acted: the user and the team that the user belongs to, as Slack signed it."""
    user = body.get("user") or {}
    team = user.get("team_id") or (body.get("team") or {}).get("id") or ""
    return Person(team_id=str(team), user_id=str(user.get("id") or ""))
