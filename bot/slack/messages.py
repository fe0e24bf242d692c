"""Every call that shows something to people. What Slack answers becomes `NotPosted` here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.domain.approvals import MessageRef
from bot.domain.history import NotTaken
from bot.errors import DnsBotError
from bot.slack.connection import LOOPBACK, TIMEOUT_SECONDS, BoundedRateLimit, SlackConnection
from bot.slack.incoming import Origin
from bot.slack.limits import Payload
from bot.slack.render import Message

log = logging.getLogger(__name__)

UPLOAD_TIMEOUT_SECONDS = 60
"""For the bytes of one file."""
NO_MEMBER = frozenset({"not_in_channel", "channel_not_found", "is_archived"})
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
UNFIT = frozenset(
    {"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text", "block_mismatch"}
)
MINUTE_SECONDS, HOUR_SECONDS = 60.0, 3600.0
PLAIN: Mapping[str, Any] = {"unfurl_links": False, "unfurl_media": False, "parse": "none"}


class NotPosted(DnsBotError):
    """Slack did not take a message. `code` is Slack's; `ambiguous` when the answer was lost and it may stand."""

    def __init__(self, what: str, code: str, *, ambiguous: bool = False) -> None:
        self.code, self.ambiguous = code, ambiguous
        super().__init__(f"Slack did not take {what}: {code}.")

    @property
    def no_member(self) -> bool:
        """Whether the bot cannot post there: inviting it helps."""
        return self.code in NO_MEMBER

    @property
    def why(self) -> NotTaken:
        """Why, and when to send it again: never what is deleted, another's or unfit, seldom where people must act."""
        if self.code in GONE | UNFIT:
            return NotTaken(reason=self.code, again_within_seconds=None)
        return NotTaken(reason=self.code, again_within_seconds=HOUR_SECONDS if self.no_member else MINUTE_SECONDS)


class Messages:
    """Posts, updates, answers to one person, modals and links."""

    def __init__(self, connection: SlackConnection) -> None:
        self._safe, self._posts, self._progress = connection.safe, connection.posts, connection.progress

    def post(self, channel: str, message: Message, *, thread_ts: str = "") -> MessageRef:
        """Post once; a lost answer is never sent again. Raises `NotPosted`."""
        try:
            answer = self._posts.chat_postMessage(
                channel=channel, text=message.text, blocks=message.blocks, thread_ts=thread_ts or None, **PLAIN
            )
        except SlackApiError as error:
            raise NotPosted("a message", _code(error)) from error
        except (SlackClientError, OSError, ValueError) as error:
            raise NotPosted("a message", type(error).__name__, ambiguous=True) from error
        return MessageRef(channel=str(answer.get("channel") or channel), ts=str(answer.get("ts") or ""))

    def update(self, ref: MessageRef, message: Message) -> None:
        """Replace a message's content; repeated once after a lost connection. Raises `NotPosted`."""
        try:
            self._safe.chat_update(
                channel=ref.channel, ts=ref.ts, text=message.text, blocks=message.blocks, parse="none"
            )
        except SlackApiError as error:
            raise NotPosted("an update", _code(error)) from error
        except (SlackClientError, OSError, ValueError) as error:
            raise NotPosted("an update", type(error).__name__, ambiguous=True) from error

    def progress(self, ref: MessageRef, message: Message) -> bool:
        """Replace a message's content if that goes smoothly; no retry, no error. Return whether it was taken."""
        try:
            self._progress.chat_update(
                channel=ref.channel, ts=ref.ts, text=message.text, blocks=message.blocks, parse="none"
            )
        except (SlackApiError, SlackClientError, OSError, ValueError) as error:
            log.info("progress dropped", extra={"reason": type(error).__name__})
            return False
        return True

    def alone(self, origin: Origin, message: Message) -> None:
        """Show a message to one person: by response_url where there is one, else as an ephemeral post.

        Raises `NotPosted`.
        """
        if origin.response_url:
            self._respond(origin.response_url, message)
            return
        try:
            self._posts.chat_postEphemeral(
                channel=origin.channel,
                user=origin.person.user_id,
                text=message.text,
                blocks=message.blocks,
                thread_ts=origin.thread_ts or None,
                parse="none",
            )
        except SlackApiError as error:
            raise NotPosted("an answer to one person", _code(error)) from error
        except (SlackClientError, OSError, ValueError) as error:
            raise NotPosted("an answer to one person", type(error).__name__, ambiguous=True) from error

    def permalink(self, ref: MessageRef) -> str:
        """Return the address of a message, or an empty text when Slack does not give one."""
        try:
            link = str(self._safe.chat_getPermalink(channel=ref.channel, message_ts=ref.ts).get("permalink") or "")
        except (SlackApiError, SlackClientError, OSError, ValueError) as error:
            log.info("no permalink", extra={"reason": type(error).__name__})
            return ""
        return link if urlsplit(link).scheme in {"http", "https"} else ""

    def open_modal(self, trigger_id: str, view: Payload) -> None:
        """Open a modal. Raises `NotPosted`, mostly because the three seconds of the click have passed."""
        try:
            self._posts.views_open(trigger_id=trigger_id, view=view)
        except SlackApiError as error:
            raise NotPosted("a form", _code(error)) from error
        except (SlackClientError, OSError, ValueError) as error:
            raise NotPosted("a form", type(error).__name__, ambiguous=True) from error

    def share(self, thread: MessageRef, *, name: str, title: str, content: bytes) -> None:
        """Put a file into the thread of a message. Nothing is sent twice. Raises `NotPosted`."""
        what = "a file"
        try:
            place = self._posts.files_getUploadURLExternal(filename=name, length=len(content))
            _send_file(str(place.get("upload_url") or ""), content)
            self._posts.files_completeUploadExternal(
                files=[{"id": str(place.get("file_id") or ""), "title": title}],
                channel_id=thread.channel,
                thread_ts=thread.ts,
            )
        except SlackApiError as error:
            raise NotPosted(what, _code(error)) from error
        except (SlackClientError, OSError, ValueError) as error:
            raise NotPosted(what, type(error).__name__, ambiguous=True) from error

    def _respond(self, url: str, message: Message) -> None:
        client = WebhookClient(url, timeout=TIMEOUT_SECONDS, retry_handlers=[BoundedRateLimit(max_retry_count=2)])
        if urlsplit(url).hostname in LOOPBACK:
            client.proxy = None
        body = {
            "text": message.text,
            "blocks": message.blocks,
            "response_type": "ephemeral",
            "replace_original": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            answer = client.send_dict(body)
        except (SlackClientError, OSError, ValueError) as error:
            raise NotPosted("an answer by response_url", type(error).__name__, ambiguous=True) from error
        if answer.status_code != 200:  # noqa: PLR2004  # HTTP OK
            raise NotPosted("an answer by response_url", f"HTTP {answer.status_code}")


def _send_file(url: str, content: bytes) -> None:
    """Send a file to the address that Slack gave for it. Raises `OSError` or `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"Slack gave no address to send a file to: {url[:80]!r}")
    opener = build_opener(ProxyHandler({})) if parts.hostname in LOOPBACK else build_opener()
    headers = {"Content-Type": "application/octet-stream"}
    request = Request(url, data=content, headers=headers, method="POST")  # noqa: S310  # the scheme was looked at
    with opener.open(request, timeout=UPLOAD_TIMEOUT_SECONDS) as answer:
        answer.read(1024)


def _code(error: SlackApiError) -> str:
    """Return Slack's error code; without one, the HTTP status."""
    response = error.response
    code = response.get("error") if hasattr(response, "get") else None
    return str(code or f"HTTP {getattr(response, 'status_code', 'error')}")
