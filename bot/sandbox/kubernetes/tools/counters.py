"""`conntrack` 1.4.7 and `ethtool` 6.1 on an ENA interface."""

from __future__ import annotations

from bot.sandbox.kubernetes.node import Exchange
from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, Unsimulated

_ALLOWANCES = ("bw_in", "bw_out", "pps", "conntrack", "linklocal")


def conntrack(command: Command) -> Finished:
    """Count the entries, or list those of DNS that clients keep up."""
    network = command.on_host()
    match command.argv[1:]:
        case ("-C",):
            return Finished(stdout=f"{network.conntrack_count}\n")
        case ("-L", "-p", "udp", "--orig-port-dst", "53"):
            lines = [_entry(one, answered) for one, answered in network.exchanges.items()]
            said = f"conntrack v1.4.7 (conntrack-tools): {len(lines)} flow entries have been shown.\n"
            return Finished(stdout="".join(lines), stderr=said)
    raise Unsimulated(" ".join(command.argv))


def _entry(one: Exchange, answered: bool) -> str:  # noqa: FBT001  # an item of a mapping
    """Return a line: 30 s are left after a query, 120 s where there were answers."""
    there = f"src={one.client} dst={one.server} sport={one.port} dport=53"
    back = f"src={one.led_to} dst={one.client} sport=53 dport={one.port}"
    if answered:
        return f"udp      17 119 {there} {back} [ASSURED] mark=0 use=1\n"
    return f"udp      17 29 {there} [UNREPLIED] {back} mark=0 use=1\n"


def ethtool(command: Command) -> Finished:
    """Print the driver's counters of an interface."""
    network = command.on_host()
    match command.argv[1:]:
        case ("-S", name) if any(one.name == name for one in network.links):
            rows = ["NIC statistics:", "     tx_timeout: 0", "     suspend: 0"]
            last = max(one.name for one in network.links if one.name.startswith("eth"))
            exceeded = {"linklocal": network.linklocal_exceeded if name == last else 0}
            rows += [f"     {allowance}_allowance_exceeded: {exceeded.get(allowance, 0)}" for allowance in _ALLOWANCES]
            rows += ["     conntrack_allowance_available: 136812", "     queue_0_tx_cnt: 9412"]
            return Finished(stdout="\n".join([*rows, ""]))
        case ("-S", _):
            return Finished(stderr="no stats available\n", exit_code=94)
    raise Unsimulated(" ".join(command.argv))
