"""What is said where a program could not be run at all: the image lacks it (C5)."""

from __future__ import annotations

import re

from bot.domain.ports import ExecResult

_COULD_NOT_RUN = (126, 127)
_NO_PROGRAM = re.compile(r"executable file not found|OCI runtime exec failed|: not found$", re.MULTILINE)


def program_missing(result: ExecResult) -> bool:
    """Return whether the program could not be run at all."""
    return result.exit_code in _COULD_NOT_RUN or (
        result.exit_code != 0 and _NO_PROGRAM.search(result.complaint) is not None
    )
