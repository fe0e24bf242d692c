"""What people see, for a terminal: numbered steps, screens behind a bar, plain text."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TextIO

from bot.sandbox.slack import Seen, as_text

BAR = "  | "


@dataclass(slots=True)
class Screen:
    """Prints the story; nothing else of the sandbox writes to `out`."""

    out: TextIO
    _started: float = field(default_factory=time.monotonic)
    _steps: int = 0

    def step(self, text: str) -> None:
        """Begin the next step, with the seconds since the start."""
        self._steps += 1
        self._line(f"\n{self._steps}. {text}  ({time.monotonic() - self._started:.1f} s)")

    def say(self, text: str) -> None:
        """Add a paragraph to the step."""
        for line in text.splitlines():
            self._line(f"   {line}")

    def shows(self, who: str, where: str, text: str) -> None:
        """Show a part of someone's screen."""
        self._line(f"   {who} sees in {where}:")
        for line in text.splitlines():
            self._line(f"{BAR}{line}".rstrip())

    def shows_message(self, who: str, where: str, message: Seen) -> None:
        """Show one message on someone's screen."""
        alone = f" (only {who} sees this)" if message.only_visible_to else ""
        self.shows(who, where + alone, as_text(message))

    def _line(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()
