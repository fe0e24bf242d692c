from __future__ import annotations

import pytest

from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.corefile_error import CorefileError
from bot.dns.log_wordings import Subject

AT_13 = "/etc/coredns/Corefile:13 - Error during parsing: Unknown directive 'proxy'"
AT_9 = "plugin/kubernetes: /etc/coredns/Corefile:9 - Error during parsing: unknown property 'upstream'"
CHANGED = "Corefile changed but reload failed: "
STARTING = "starting with listener file descriptors: "
PROXY = CorefileError(
    file="/etc/coredns/Corefile", line=13, plugin="", message="Unknown directive 'proxy'", word="proxy"
)
UPSTREAM = CorefileError(
    file="/etc/coredns/Corefile", line=9, plugin="kubernetes", message="unknown property 'upstream'", word="upstream"
)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"[ERROR] {CHANGED}{AT_13}", PROXY),
        (f"[ERROR] plugin/reload: {CHANGED}{AT_13}", PROXY),
        (
            f"[ERROR] plugin/reload: {CHANGED}{STARTING}{AT_13}",
            PROXY,
        ),
        (
            f"[ERROR] plugin/reload: {CHANGED}{STARTING}{AT_9}",
            UPSTREAM,
        ),
        (f"[WARNING] plugin/reload: Corefile parse failed: {AT_13}", PROXY),
    ],
    ids=["bare", "named", "1.15", "1.15 and a plugin", "unparsed"],
)
def test_a_failed_reload_is_told_in_every_versions_words(text: str, error: CorefileError) -> None:
    """Where, which plugin and which word: CoreDNS 1.15 names its plugin and what it was about to do first."""
    line = coredns_line(text)

    assert (line.kind, line.corefile) == (CorednsLineKind.RELOAD_FAILED, error)


@pytest.mark.parametrize("place", ["", "/etc/coredns/Corefile:9 - Error during parsing: "])
def test_a_long_reason_is_cut_with_a_mark(place: str) -> None:
    """Nobody takes what is cut for all that CoreDNS said."""
    found = coredns_line(f"[ERROR] {CHANGED}{place}{'x' * 500}").corefile

    assert found is not None
    assert found.message == f"{'x' * 398} …"


def test_the_line_before_a_failed_reload_is_not_a_crash() -> None:
    """CoreDNS logs the same error twice; a start that ended is logged without a level."""
    line = coredns_line(f"[ERROR] Restart failed: {AT_13}")

    assert line.kind is CorednsLineKind.COMPLAINT
    assert line.complaint is not None
    assert line.complaint.subject is Subject.NONE
