"""`curl` as its manual says: an HTTP status, or what it could not do, by address and port 443 alone."""

from __future__ import annotations

from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, Unsimulated
from bot.sandbox.network.replies import Outcome

_UNAUTHORISED = "401"
_MILLISECONDS = 3002


def curl(command: Command) -> Finished:
    """Connect to the address that `--resolve` names. The API answers 401 to who brings no token."""
    given = command.argv
    if "--resolve" not in given or command.connect is None:
        raise Unsimulated(" ".join(given))
    host, port, address = given[given.index("--resolve") + 1].split(":", 2)
    outcome = command.connect(address.strip("[]"), int(port))
    if outcome is Outcome.ANSWER:
        return Finished(stdout=_UNAUTHORISED)
    if outcome is Outcome.PORT_UNREACHABLE:
        said = f"curl: (7) Failed to connect to {host} port {port} after 1 ms: Connection refused\n"
        return Finished(stdout="000", stderr=said, exit_code=7)
    said = f"curl: (28) Failed to connect to {host} port {port} after {_MILLISECONDS} ms: Timeout was reached\n"
    return Finished(stdout="000", stderr=said, exit_code=28)
