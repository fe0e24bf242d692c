"""The person's side: type, mention, click, fill a modal, look at the screen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.sandbox.slack import payloads
from bot.sandbox.slack.forms import filled
from bot.sandbox.slack.response_urls import say
from bot.sandbox.slack.roster import BOT_USER, CLUSTER_CHANNEL, Account
from bot.sandbox.slack.text import as_text, elements
from bot.sandbox.slack.transport import Acked, Kind
from bot.sandbox.slack.view_api import put_view, replace_view, stack_of
from bot.sandbox.slack.web_api import ApiRefused
from bot.sandbox.slack.workspace import Message, OpenView, ResponseAddress, Seen, Workspace

SLACKBOT = "USLACKBOT"


class Carrier(Protocol):
    """Takes deliveries to the app."""

    def deliver(self, payload: Mapping[str, Any], *, kind: Kind) -> Acked:
        """Send once and wait up to three seconds for the acknowledgement."""
        ...

    def deliver_event(self, payload: Mapping[str, Any]) -> Acked:
        """Send an event; repeat it later when it was not taken."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    """What a click or a submission led to."""

    sent: bool
    """False: a confirm dialog was dismissed, or Slack's client found the form incomplete."""
    dialog: str = ""
    """The confirm dialog's words, or empty."""
    acked: Acked | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Complaints beside the modal's inputs, by block id."""


@dataclass(frozen=True, slots=True)
class Typist:
    """One person at the keyboard."""

    account: Account
    _workspace: Workspace
    _carrier: Carrier
    _base_url: str

    def types(self, text: str, channel: str = CLUSTER_CHANNEL) -> Acked:
        """Type a slash command; what Slack says of a failure appears on this person's screen."""
        name = text.split(" ", 1)[0]
        if name not in self._workspace.roster.commands:
            self._notice(channel, f"{name} is not a valid command.")
            return Acked(status=404)
        with self._workspace.held() as workspace:
            place = workspace.channels[channel]
            payload = payloads.command(workspace, self.account, place, text, self._base_url)
        acked = self._carrier.deliver(payload, kind=Kind.COMMAND)
        if acked.error:
            self._notice(channel, f'{name} failed with the error "{acked.error}"')
        elif acked.body.strip():
            self._immediate_answer(name, channel, acked.body)
        return acked

    def says(self, text: str, channel: str = CLUSTER_CHANNEL, thread_ts: str = "") -> None:
        """Write a message to other people; the app is not told."""
        with self._workspace.held() as workspace:
            workspace.add_message(self._message(channel, text, thread_ts))

    def mentions(self, text: str, channel: str = CLUSTER_CHANNEL, thread_ts: str = "") -> Acked:
        """Write a message that names the app (`@dnsbot …`), in a thread or not."""
        words = text.replace("@dnsbot", f"<@{BOT_USER}>")
        with self._workspace.held() as workspace:
            message = workspace.add_message(self._message(channel, words, thread_ts))
            payload = payloads.mention(workspace, self.account, message)
        return self._carrier.deliver_event(payload)

    def opens_home(self, tab: str = "home") -> Acked:
        """Open the app's home page, or another tab of it."""
        with self._workspace.held() as workspace:
            payload = payloads.home_opened(workspace, self.account, tab)
        return self._carrier.deliver_event(payload)

    def home(self) -> OpenView:
        """Return the home page on this person's screen; raises LookupError where none was published."""
        with self._workspace.held() as workspace:
            return workspace.homes[self.account.id]

    def writes_to_the_bot(self, text: str) -> Acked:
        """Write a direct message to the app."""
        with self._workspace.held() as workspace:
            channel = workspace.channel_for(self.account.id)
            assert channel is not None, "everybody has direct messages with the app"  # noqa: S101  # a person of the roster
            message = workspace.add_message(self._message(channel.id, text, ""))
            payload = payloads.direct_message(workspace, self.account, message)
        return self._carrier.deliver_event(payload)

    def chooses_shortcut(self, on: Seen, callback_id: str) -> Acked:
        """Choose one of the app's shortcuts from the menu of a message."""
        with self._workspace.held() as workspace:
            message = workspace.find(on.channel, on.ts)
            if message is None:
                raise LookupError(f"{self.account.name} does not see message {on.ts} in {on.channel}")
            payload = payloads.message_shortcut(workspace, self.account, message, callback_id, self._base_url)
        return self._carrier.deliver(payload, kind=Kind.INTERACTIVE)

    def picks(self, on: Seen, option: str) -> Acked:
        """Choose an option, by its words, from the message's list."""
        there = [(block, element) for block, element in elements(on.blocks) if element["type"] == "static_select"]
        for block, element in there:
            for one in element["options"]:
                if one["text"]["text"] == option:
                    press = payloads.Press(block_id=block, element={**element, "selected_option": one})
                    with self._workspace.held() as workspace:
                        payload = self._click_payload(workspace, on, press)
                    return self._carrier.deliver(payload, kind=Kind.INTERACTIVE)
        raise LookupError(f"no list there has an option {option!r}")

    def clicks(self, on: Seen | OpenView, button: str, *, confirm: bool = True, block_id: str = "") -> Clicked:
        """Press a button, by action id or by its words, as it stands on the screen that `on` shows.

        A confirm dialog is read (`dialog`) and accepted, or dismissed with `confirm=False`.
        """
        press = _find_button(on, button, block_id)
        dialog = _dialog(press.element)
        if dialog and not confirm:
            return Clicked(sent=False, dialog=dialog)
        with self._workspace.held() as workspace:
            payload = self._click_payload(workspace, on, press)
        acked = self._carrier.deliver(payload, kind=Kind.INTERACTIVE)
        if acked.error:
            channel = on.channel if isinstance(on, Seen) else CLUSTER_CHANNEL
            self._notice(channel, f'This action failed with the error "{acked.error}"')
        return Clicked(sent=True, dialog=dialog, acked=acked)

    def view(self) -> OpenView:
        """Return the modal on top of this person's screen; raises LookupError when there is none."""
        stack = stack_of(self._workspace, self.account.id)
        if not stack:
            raise LookupError(f"{self.account.name} has no modal open")
        return stack[-1]

    def submits(self, view: OpenView, answers: Mapping[str, str]) -> Clicked:
        """Fill the modal and submit it; answers are keyed by action id, block id or label."""
        values, errors = filled(view.view, answers)
        if errors:
            return Clicked(sent=False, errors=errors)
        with self._workspace.held() as workspace:
            payload = payloads.submission(workspace, self.account, view, values)
        acked = self._carrier.deliver(payload, kind=Kind.INTERACTIVE)
        if acked.error:
            return Clicked(sent=True, acked=acked, errors={"": "We had some trouble connecting. Try again?"})
        return Clicked(sent=True, acked=acked, errors=self._submitted(view, acked.body))

    def sees(self, channel: str = CLUSTER_CHANNEL) -> list[Seen]:
        """Return the messages on this person's screen, oldest first, threads and private answers included."""
        with self._workspace.held() as workspace:
            return workspace.visible(self.account.id, channel)

    def sees_text(self, channel: str = CLUSTER_CHANNEL) -> str:
        """Return all of that as text."""
        return "\n\n".join(as_text(message) for message in self.sees(channel))

    def wait_for(
        self, wanted: Callable[[Seen], bool], channel: str = CLUSTER_CHANNEL, timeout_seconds: float = 10.0
    ) -> Seen:
        """Wait until a message that fits is on the screen and return it; the newest if several do.

        Raises TimeoutError with what was on the screen instead.
        """
        found: list[Seen] = []

        def ready() -> bool:
            found[:] = [m for m in self._workspace.visible(self.account.id, channel) if wanted(m)]
            return bool(found)

        if not self._workspace.wait_until(ready, timeout_seconds):
            seen = self.sees_text(channel) or "nothing"
            raise TimeoutError(f"{self.account.name} waited {timeout_seconds:g} s in vain; on the screen: {seen}")
        return found[-1]

    def wait_for_view(self, timeout_seconds: float = 5.0) -> OpenView:
        """Wait until a modal is open that can be sent off, and return it."""

        def ready() -> bool:
            return any("submit" in one.view for one in stack_of(self._workspace, self.account.id)[-1:])

        if not self._workspace.wait_until(ready, timeout_seconds):
            raise TimeoutError(f"no modal to be sent off opened for {self.account.name} within {timeout_seconds:g} s")
        return self.view()

    def _message(self, channel: str, text: str, thread_ts: str) -> Message:
        return Message(
            channel=channel,
            ts=self._workspace.next_ts(),
            user=self.account.id,
            text=text,
            blocks=[],
            attachments=[],
            thread_ts=thread_ts,
        )

    def _notice(self, channel: str, text: str) -> None:
        with self._workspace.held() as workspace:
            notice = self._message(channel, text, "")
            notice.user, notice.only_visible_to = SLACKBOT, self.account.id
            workspace.add_message(notice)

    def _immediate_answer(self, command: str, channel: str, body: str) -> None:
        try:
            content = json.loads(body)
        except ValueError:
            content = {"text": body}
        address = ResponseAddress(user=self.account.id, channel=channel, made_at=0.0)
        try:
            with self._workspace.held() as workspace:
                say(workspace, address, content)
        except ApiRefused:
            self._notice(channel, f'{command} failed with the error "invalid_command_response"')

    def _click_payload(self, workspace: Workspace, on: Seen | OpenView, press: payloads.Press) -> dict[str, Any]:
        if isinstance(on, OpenView):
            return payloads.click_in_view(workspace, self.account, on, press)
        message = workspace.find(on.channel, on.ts)
        if message is None or message.only_visible_to not in {"", self.account.id}:
            raise LookupError(f"{self.account.name} does not see message {on.ts} in {on.channel}")
        return payloads.click(workspace, self.account, message, press, self._base_url)

    def _submitted(self, view: OpenView, body: str) -> Mapping[str, str]:
        answer = json.loads(body) if body.strip() else {}
        action = answer.get("response_action")
        if action == "errors":
            return dict(answer["errors"])
        with self._workspace.held() as workspace:
            if action == "update":
                replace_view(workspace, view, answer["view"])
            elif action == "push":
                put_view(workspace, self.account.id, answer["view"], on=view)
            else:
                gone = stack_of(workspace, self.account.id) if action == "clear" else [view]
                for one in gone:
                    one.closed = True
        return {}


def _find_button(on: Seen | OpenView, wanted: str, block_id: str) -> payloads.Press:
    blocks = on.blocks if isinstance(on, Seen) else on.view["blocks"]
    there = [(block, element) for block, element in elements(blocks) if block_id in {"", block}]
    for block, element in there:
        if wanted in {element.get("action_id"), element.get("text", {}).get("text")}:
            return payloads.Press(block_id=block, element=element)
    names = ", ".join(f"{e.get('action_id')} ({e.get('text', {}).get('text')})" for _, e in there) or "none"
    raise LookupError(f"no button {wanted!r} there; buttons: {names}")


def _dialog(element: Mapping[str, Any]) -> str:
    confirm = element.get("confirm")
    if not confirm:
        return ""
    words = [confirm[key]["text"] for key in ("title", "text")]
    return "\n".join([*words, f"[ {confirm['deny']['text']} ]  [ {confirm['confirm']['text']} ]"])
