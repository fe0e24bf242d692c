from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.slack import as_text
from bot.slack.audit_head import tell_audit_head

if TYPE_CHECKING:
    from tests.slack.conftest import Stage

CHANNEL = "C0123456789"


def _told(stage: Stage) -> list[str]:
    texts = (as_text(one) for one in stage.slack.person("ben").sees(CHANNEL))
    return [text for text in texts if "Audit chain at row" in text]


def test_the_head_is_told_once_for_each_row_that_is_new(stage: Stage) -> None:
    """Nothing before there is a chain; then its newest row, once, whoever tells it and however often."""
    tell_audit_head(stage.bot.tools, CHANNEL)
    assert _told(stage) == []
    stage.post_card()
    for _ in range(3):
        tell_audit_head(stage.bot.tools, CHANNEL)
        stage.quiet()
    head = stage.script.history.audit_head()
    (text,) = _told(stage)
    assert f"row {head.seq}" in text
    assert f"--head {head.text}" in text
