"""Text from clusters, clouds and people, made harmless for Slack. Pure.

A pod may ask for the name `<!channel>.evil.test`, and CoreDNS logs it: whatever comes from outside is data.
"""

from __future__ import annotations

import re
import unicodedata

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Terminal colours, cursor moves and window titles."""
LIVE = re.compile(r"<(?=[!@#]|https?:|mailto:|tel:)", re.IGNORECASE)
"""What would begin a mention or a link if anything ever read this text as mrkdwn."""
DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs"})
"""Control; format (bidi marks, zero-width); surrogates."""
KEPT = frozenset({"\n", "\t"})


def clean(text: str) -> str:
    """Return `text` without control, ANSI, bidi and zero-width characters, and with no live mention or link."""
    text = ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    if not text.isascii() or not text.isprintable():
        text = "".join(
            letter for letter in text if letter in KEPT or unicodedata.category(letter) not in DROPPED_CATEGORIES
        )
    return LIVE.sub("< ", text)


def cut(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters; what is missing is counted at its end."""
    if len(text) <= limit:
        return text
    note = f"…({len(text)} more characters)"
    kept = limit - len(note)
    if kept <= 0:
        return text[: max(0, limit - 1)] + "…"
    return text[:kept] + f"…({len(text) - kept} more characters)"


def escape(text: str) -> str:
    """Escape the three characters that mrkdwn reads (Slack: Formatting message text). For top-level `text` alone."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
