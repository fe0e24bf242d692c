from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.reload_lines import TakenUp, taken_up

OLD, NEW = "a" * 128, "b" * 128
QUERY = '[INFO] 10.0.1.7:33238 - 36534 "A IN amazon.com. udp 54 false 512" NXDOMAIN qr,aa,rd 147 0.000473434s'
REFUSED = (
    "[ERROR] plugin/reload: Corefile changed but reload failed: starting with listener file descriptors: "
    "/etc/coredns/Corefile:2 - Error during parsing: Unknown directive 'logg'"
)


def runs(sha: str) -> str:
    """Return what CoreDNS says of a configuration that it runs with."""
    return f"[INFO] plugin/reload: Running configuration SHA512 = {sha}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param([], TakenUp(), id="nothing"),
        pytest.param([runs(OLD), "CoreDNS-1.15.0"], TakenUp(running=OLD), id="started"),
        pytest.param([runs(OLD), QUERY], TakenUp(running=OLD, logs_queries=True), id="started with the log on"),
        pytest.param([QUERY], TakenUp(logs_queries=True), id="too many queries to see the start"),
        pytest.param([runs(OLD), QUERY, "[INFO] Reloading", runs(NEW)], TakenUp(running=NEW), id="reloaded without it"),
        pytest.param(
            [f"2026-11-30T22:00:00.000000000Z {runs(OLD)}", f"2026-11-30T22:00:01.000000000Z {QUERY}"],
            TakenUp(running=OLD, logs_queries=True),
            id="with the API's timestamps",
        ),
        pytest.param(
            [runs(OLD), '[INFO] [2001:db8::7]:33238 - 1 "AAAA IN a. udp 20 true 1232" NOERROR qr,aa,rd 20 0.0001s'],
            TakenUp(running=OLD, logs_queries=True),
            id="an IPv6 client",
        ),
        pytest.param(
            ["[INFO] plugin/reload: Running configuration MD5 = 0f0f0f0f0f"], TakenUp(running="0f0f0f0f0f"), id="1.6"
        ),
        pytest.param(
            [runs(OLD), "[INFO] Reloading", REFUSED],
            TakenUp(running=OLD, failed=REFUSED.split("failed: ", 1)[1]),
            id="refused",
        ),
        pytest.param([REFUSED, "[INFO] Reloading", runs(NEW)], TakenUp(running=NEW), id="refused, then mended"),
        pytest.param(
            [
                f'{{"time":"t","level":"INFO","plugin":"reload","msg":"Running configuration SHA512 = {OLD}"}}',
                '{"time":"t","level":"INFO","msg":"10.0.1.7:3 - 3 \\"A IN a. udp 9 false 512\\" NOERROR qr 9 1s"}',
            ],
            TakenUp(running=OLD, logs_queries=True),
            id="as JSON",
        ),
        pytest.param(
            ['[INFO] 10.0.1.7:3 - 3 "A IN plugin/reload: Running configuration SHA512 = abababab. udp 9 false 512" -'],
            TakenUp(logs_queries=True),
            id="a name that resembles it",
        ),
    ],
)
def test_what_runs_is_told_by_the_last_lines(lines: list[str], said: TakenUp) -> None:
    """The configuration that was said last to run, and what stands behind that."""
    assert taken_up("\n".join([*lines, ""])) == said


@given(st.text(max_size=300))
def test_any_log_is_read(text: str) -> None:
    """No text raises."""
    taken_up(text)
