"""Host names that may become an argument of a program (RFC 1123, section 2.1)."""

from __future__ import annotations

import re

MAX_NAME = 253
"""Characters of a name without its trailing dot."""

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def valid_host_name(text: str) -> bool:
    """Return whether `text` is a host name: labels of letters, digits and hyphens, with or without a trailing dot.

    Labels have 1 to 63 characters and neither begin nor end with a hyphen: nothing that a lookup tool
    would take for an option (`-x`, `+tcp`) or a server (`@192.0.2.1`) passes.
    """
    name = text.removesuffix(".")
    return 0 < len(name) <= MAX_NAME and all(_LABEL.fullmatch(label) for label in name.split("."))
