"""`python -m lab SCENARIO [--seed N] [--nodes N]`: a lab to try the bot in, until Ctrl-C (`make lab`)."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time

from bot.errors import ConfigurationError
from bot.sandbox.running.far_end_process import FarEndError
from bot.sandbox.world.scenario import OperatingError
from lab.errors import LabError
from lab.kubernetes_api import ApiRefused
from lab.lookups import as_text, look_up
from lab.namespaces import require_root
from lab.programs import require_packages
from lab.running import RunningLab


def main() -> int:
    """Start a lab, print how to use it, and keep it until Ctrl-C or SIGTERM. Return 1 where it cannot run."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("scenario", nargs="?", default="security-group")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=None)
    asked = parser.parse_args()
    for end in (signal.SIGINT, signal.SIGTERM):  # a shell's background job inherits SIGINT ignored
        signal.signal(end, signal.default_int_handler)
    try:
        require_root()
        require_packages()
        with RunningLab(scenario=asked.scenario, seed=asked.seed, nodes=asked.nodes) as lab:
            _say(_introduction(lab))
            while True:
                time.sleep(1)
    except KeyboardInterrupt:
        _say("Everything that was started has ended.")
    except (LabError, ConfigurationError, FarEndError, OperatingError, ApiRefused, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _introduction(lab: RunningLab) -> str:
    inside = f"ip netns exec {lab.fabric.control_plane}"
    configuration = lab.directory / "dnsbot.yaml"
    lines = [
        f"# {lab.scenario.name}: {lab.scenario.title}",
        f"# {lab.scenario.story}",
        f"# Configuration: {configuration}",
        "# Environment, for another shell as root:",
        f"export DNSBOT_CONFIG={shlex.quote(str(configuration))}",
        *(f"export {name}={shlex.quote(value)}" for name, value in sorted(lab.environment.items())),
        "# The control plane and the simulated AWS listen on loopback of a network namespace of their own:",
        f"#   {inside} dnsbot diagnose cluster-prod",
        f"#   {inside} {lab.kubectl_path} --kubeconfig {lab.directory / 'admin.yaml'} get pods -A",
        "# Who can resolve kubernetes.default.svc.cluster.local / amazon.com from where:",
        *(f"#   {line}" for line in as_text(look_up(lab)).splitlines()),
        "# Ready. Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
