"""What programs in pods print."""

from __future__ import annotations

from bot.domain.ports import ExecResult


def printed(stdout: str, exit_code: int = 0, stderr: str = "", *, cut: bool = False) -> ExecResult:
    """Return what a program gave."""
    return ExecResult(stdout=stdout.encode(), stderr=stderr.encode(), exit_code=exit_code, cut=cut)
