from __future__ import annotations

from typing import Any

from bot.sandbox.slack import Seen, as_text
from bot.sandbox.slack.text import buttons


def message(*blocks: dict[str, Any], text: str = "") -> Seen:
    """Return a message with these blocks."""
    return Seen(
        channel="C1",
        ts="1.0",
        thread_ts="",
        user="U1",
        text=text,
        blocks=blocks,
        attachments=(),
        only_visible_to="",
        edited=0,
    )


def plain(text: str) -> dict[str, Any]:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


def test_text_is_read_as_people_see_it() -> None:
    """Escapes are undone in mrkdwn and left alone in plain text, as on the screen."""
    shown = as_text(
        message(
            {"type": "header", "text": plain("DNS &amp; you")},
            {"type": "section", "text": {"type": "mrkdwn", "text": "a &lt;b&gt; &amp; c"}},
        )
    )

    assert shown == "DNS &amp; you\na <b> & c"


def test_without_blocks_the_text_is_shown() -> None:
    """The top-level text is for notifications; it shows only where there are no blocks."""
    assert as_text(message(text="words")) == "words"
    assert as_text(message({"type": "divider"}, text="words")) == "-" * 40


def test_tables_are_aligned() -> None:
    """Cells stand in columns."""
    rows = [
        [{"type": "raw_text", "text": "node"}, {"type": "raw_text", "text": "udp"}],
        [{"type": "raw_text", "text": "ip-10-0-0-1"}, {"type": "raw_text", "text": "timeout"}],
    ]

    assert as_text(message({"type": "table", "rows": rows})) == "node         udp\nip-10-0-0-1  timeout"


def test_rich_text_shows_lists_quotes_and_code() -> None:
    """Lists get marks, preformatted text is set in."""
    part = [{"type": "text", "text": "one\ntwo"}]
    item = {"type": "rich_text_section", "elements": [{"type": "text", "text": "item"}]}
    blocks = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_preformatted", "elements": part},
            {"type": "rich_text_quote", "elements": part},
            {"type": "rich_text_list", "style": "bullet", "elements": [item]},
            {"type": "rich_text_list", "style": "ordered", "elements": [item]},
            {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U1"}]},
        ],
    }

    assert as_text(message(blocks)).splitlines() == [
        "    one",
        "    two",
        "> one",
        "> two",
        "• item",
        "1. item",
        "@U1",
    ]


def test_buttons_are_shown_and_listed() -> None:
    """Buttons can be read, wherever they stand."""
    button = {"type": "button", "action_id": "a", "text": plain("Approve")}
    seen = message(
        {"type": "context", "elements": [plain("Approve is below")]},
        {"type": "actions", "elements": [button]},
        {"type": "container", "title": plain("t"), "child_blocks": [{"type": "actions", "elements": [button]}]},
    )

    assert as_text(seen) == "Approve is below\n[ Approve ]\nt\n[ Approve ]"
    assert buttons(seen) == ("Approve", "Approve")
