"""`cat`, `dd` and `sleep`, as every image with a shell has them."""

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
        case (_, path) if (written := command.file(path)) is not None:
            return Finished(data=written)
        case (_, path):
            return Finished(stderr=f"cat: {path}: No such file or directory\n", exit_code=1)
    raise Unsimulated(" ".join(command.argv))


def dd(command: Command) -> Finished:
    """Print one block of a file."""
    told = dict(word.split("=", 1) for word in command.argv[1:] if "=" in word)
    if set(told) != {"if", "bs", "skip", "count"} or told["count"] != "1":
        raise Unsimulated(" ".join(command.argv))
    written = command.file(told["if"])
    if written is None:
        return Finished(stderr=f"dd: failed to open '{told['if']}': No such file or directory\n", exit_code=1)
    size, at = int(told["bs"]), int(told["skip"])
    return Finished(data=written[size * at : size * (at + 1)])


def sleep(command: Command) -> Finished:
    """Do nothing for whole seconds."""
    match command.argv:
        case (_, seconds) if seconds.isdigit():
            return Finished(took_seconds=float(seconds))
    raise Unsimulated(" ".join(command.argv))
