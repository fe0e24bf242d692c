"""`cat` and `sleep`, as every image with a shell has them."""

from __future__ import annotations

from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, Unsimulated


def cat(command: Command) -> Finished:
    """Print /etc/resolv.conf, on the host's network what the kernel counts; no other file is there."""
    match command.argv:
        case (_, "/etc/resolv.conf"):
            return Finished(stdout=command.resolv_conf)
        case (_, "/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/netfilter/nf_conntrack_max"):
            network = command.on_host()
            return Finished(stdout=f"{network.conntrack_count}\n{network.conntrack_max}\n")
        case (_, path):
            return Finished(stderr=f"cat: {path}: No such file or directory\n", exit_code=1)
    raise Unsimulated(" ".join(command.argv))


def sleep(command: Command) -> Finished:
    """Do nothing for whole seconds."""
    match command.argv:
        case (_, seconds) if seconds.isdigit():
            return Finished(took_seconds=float(seconds))
    raise Unsimulated(" ".join(command.argv))
