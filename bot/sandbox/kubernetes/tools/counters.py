"""`conntrack` 1.4.7 and `ethtool` 6.1 on an ENA interface."""

from __future__ import annotations

from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, Unsimulated

_ALLOWANCES = ("bw_in", "bw_out", "pps", "conntrack", "linklocal")


def conntrack(command: Command) -> Finished:
    """Count the entries, or list those of DNS: there are none that wait."""
    network = command.on_host()
    match command.argv[1:]:
        case ("-C",):
            return Finished(stdout=f"{network.conntrack_count}\n")
        case ("-L", "-p", "udp", "--orig-port-dst", "53"):
            said = "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n"
            return Finished(stderr=said)
    raise Unsimulated(" ".join(command.argv))


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
