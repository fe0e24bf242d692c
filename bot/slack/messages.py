"""Every call that shows something to people. What Slack answers becomes `NotPosted` here and nowhere else."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.domain.approvals import MessageRef
from bot.domain.outbox import NotTaken
from bot.errors import DnsBotError
from bot.slack.connection import LOOPBACK, TIMEOUT_SECONDS, BoundedRateLimit, SlackConnection, seconds_asked
from bot.slack.incoming import Origin
from bot.slack.limits import Payload
from bot.slack.render import Message

log = logging.getLogger(__name__)

UPLOAD_TIMEOUT_SECONDS = 60
"""For the bytes of one file."""
NO_MEMBER = frozenset({"not_in_channel", "channel_not_found", "is_archived"})
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
LOST = "lost_answer"
"""Our own word: the answer was lost, and the bot may not look whether the message stands."""
UNFIT = frozenset(
    {"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text", "block_mismatch"}
)
NO_RIGHT = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
    }
)
NOBODY_KNOWS = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
"""Some of the call may have been done (method pages of docs.slack.dev)."""
ALT_TEXT = 1_000
"""Characters of what stands for a picture."""
MINUTE_SECONDS, HOUR_SECONDS = 60.0, 3600.0
LOOKED_BACK_SECONDS = 600.0
"""So much earlier than a message was said it is looked for: two machines' clocks differ."""
PAGE, PAGES = 200, 25
MARK = "dnsbot_note"
"""The type of the metadata by which a message of the bot is found again."""
PLAIN: Mapping[str, Any] = {"unfurl_links": False, "unfurl_media": False, "parse": "none"}


class NotPosted(DnsBotError):
    """Slack did not take a message. `code` is Slack's; `ambiguous` when it may stand there all the same.

    `pause_seconds` is how long Slack wants nothing to be sent, None where it did not say.
    """

    def __init__(self, what: str, code: str, *, ambiguous: bool = False, pause_seconds: float | None = None) -> None:
        self.code, self.ambiguous, self.pause_seconds = code, ambiguous, pause_seconds
        super().__init__(f"Slack did not take {what}: {code}.")

    @property
    def no_member(self) -> bool:
        """Whether the bot cannot post there: inviting it helps."""
        return self.code in NO_MEMBER

    @property
    def no_right(self) -> bool:
        """Whether the token or its scopes do not let the bot do this."""
        return self.code in NO_RIGHT

    @property
    def why(self) -> NotTaken:
        """Why, and when to send it again: never what is deleted, another's or unfit, seldom where people must act."""
        if self.code in {*GONE, *UNFIT, LOST}:
            return NotTaken(reason=self.code, again_within_seconds=None)
        if self.pause_seconds is not None:
            return NotTaken(
                reason=self.code,
                again_within_seconds=HOUR_SECONDS,
                pause_seconds=self.pause_seconds,
                certain=not self.ambiguous,
            )
        by_people = self.code in NO_MEMBER | NO_RIGHT
        return NotTaken(
            reason=self.code,
            again_within_seconds=HOUR_SECONDS if by_people else MINUTE_SECONDS,
            pause_seconds=0.0 if by_people or self.ambiguous else None,
            certain=not self.ambiguous,
        )


class Messages:
    """Posts, updates, answers to one person, modals and links."""

    def __init__(self, connection: SlackConnection) -> None:
        self._safe, self._posts = connection.safe, connection.posts
        self._once, self._progress = connection.once, connection.progress

    def post(self, channel: str, message: Message, *, thread_ts: str = "", mark: str = "") -> MessageRef:
        """Post once; a lost answer is never sent again. Raises `NotPosted`.

        With a `mark` it can be found by `find`, and nothing is waited for where Slack wants a pause.
        """
        client = self._once if mark else self._posts
        metadata = {"event_type": MARK, "event_payload": {"key": mark}} if mark else None
        with _taking("a message"):
            answer = client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks,
                thread_ts=thread_ts or None,
                metadata=metadata,
                **PLAIN,
            )
        return MessageRef(channel=str(answer.get("channel") or channel), ts=str(answer.get("ts") or ""))

    def reach(self, channel: str) -> None:
        """Look at a channel without a trace, as the bot does before it sends again. Raises `NotPosted`."""
        with _taking("a look at the channel"):
            self._safe.conversations_history(channel=channel, limit=1)

    def find(self, channel: str, mark: str, *, thread_ts: str, said_before_seconds: float) -> MessageRef | None:
        """Return the message that was posted with this mark, or None: it does not stand there. Raises `NotPosted`."""
        oldest = f"{time.time() - said_before_seconds - LOOKED_BACK_SECONDS:.6f}"
        cursor = ""
        for _ in range(PAGES):
            page: dict[str, Any] = {"channel": channel, "oldest": oldest, "limit": PAGE, "include_all_metadata": True}
            if cursor:
                page["cursor"] = cursor
            with _taking("a look at the channel"):
                if thread_ts:
                    answer = self._once.conversations_replies(ts=thread_ts, **page)
                else:
                    answer = self._once.conversations_history(**page)
            for found in answer.get("messages") or ():
                if _mark_of(found) == mark:
                    return MessageRef(channel=channel, ts=str(found.get("ts") or ""))
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return None
        raise NotPosted("a look at the channel", "too_many_messages")

    def update(self, ref: MessageRef, message: Message) -> None:
        """Replace a message's content; repeated once after a lost connection. Raises `NotPosted`."""
        for last in (False, True):
            try:
                with _taking("an update"):
                    self._once.chat_update(
                        channel=ref.channel, ts=ref.ts, text=message.text, blocks=message.blocks, parse="none"
                    )
            except NotPosted as error:
                if last or not error.ambiguous or error.code in NOBODY_KNOWS:
                    raise
            else:
                return

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
        with _taking("an answer to one person"):
            self._posts.chat_postEphemeral(
                channel=origin.channel,
                user=origin.person.user_id,
                text=message.text,
                blocks=message.blocks,
                thread_ts=origin.thread_ts or None,
                parse="none",
            )

    def permalink(self, ref: MessageRef) -> str:
        """Return the address of a message, or an empty text when Slack does not give one."""
        try:
            link = str(self._safe.chat_getPermalink(channel=ref.channel, message_ts=ref.ts).get("permalink") or "")
        except (SlackApiError, SlackClientError, OSError, ValueError) as error:
            log.info("no permalink", extra={"reason": type(error).__name__})
            return ""
        return link if urlsplit(link).scheme in {"http", "https"} else ""

    def open_modal(self, trigger_id: str, view: Payload) -> str:
        """Open a modal and return its id. Raises `NotPosted`, mostly since the three seconds of the click are over."""
        with _taking("a form"):
            opened = self._posts.views_open(trigger_id=trigger_id, view=view).get("view") or {}
            return str(opened.get("id") or "")

    def fill_modal(self, view_id: str, view: Payload) -> None:
        """Show something else in an open modal. Raises `NotPosted`, also where it was closed meanwhile."""
        with _taking("a form"):
            self._safe.views_update(view_id=view_id, view=view)

    def publish_home(self, user_id: str, view: Payload) -> None:
        """Show somebody's home page. Raises `NotPosted`."""
        with _taking("a home page"):
            self._safe.views_publish(user_id=user_id, view=view)

    def share(self, thread: MessageRef, *, name: str, title: str, content: bytes, alt_text: str = "") -> None:
        """Put a file into the thread of a message; `alt_text` stands for a picture. Nothing is sent twice.

        Raises `NotPosted`.
        """
        with _taking("a file"):
            place = self._posts.files_getUploadURLExternal(
                filename=name, length=len(content), alt_txt=alt_text[:ALT_TEXT] or None
            )
            _send_file(str(place.get("upload_url") or ""), content)
            self._posts.files_completeUploadExternal(
                files=[{"id": str(place.get("file_id") or ""), "title": title}],
                channel_id=thread.channel,
                thread_ts=thread.ts,
            )

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


@contextmanager
def _taking(what: str) -> Iterator[None]:
    """Make `NotPosted` of what a call of Slack raises."""
    try:
        yield
    except SlackApiError as error:
        code = _code(error)
        unknown = code in NOBODY_KNOWS or getattr(error.response, "status_code", 0) >= 500  # noqa: PLR2004  # server errors
        raise NotPosted(what, code, ambiguous=unknown, pause_seconds=_pause(error)) from error
    except (SlackClientError, OSError, ValueError) as error:
        raise NotPosted(what, type(error).__name__, ambiguous=True) from error


def _mark_of(message: Mapping[str, Any]) -> str:
    """Return the mark that a message of Slack's answer was posted with, or nothing."""
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return str(payload.get("key") or "") if metadata.get("event_type") == MARK else ""


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


def _pause(error: SlackApiError) -> float | None:
    """Return how long a 429 asks to wait, or None for any other answer."""
    if getattr(error.response, "status_code", 0) != 429:  # noqa: PLR2004  # Too Many Requests
        return None
    headers = getattr(error.response, "headers", {})
    asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(seconds_asked(asked))
