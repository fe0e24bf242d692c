"""`python -m bot.sandbox.aws`: prints {"url": …} when ready; serves until SIGTERM or end of standard input."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading

from bot.sandbox.end_of_input import at_end_of_input


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox.aws", description=__doc__)
    parser.add_argument("--latency-ms", type=int, default=0, help="added to each call")
    parser.add_argument(
        "--deny", action="extend", nargs="+", default=[], help="an action to refuse, as ec2:DescribeNetworkAcls"
    )
    parser.add_argument("--seed", type=int, default=None, help="makes all ids the same in every run")
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # read by moto alone, on import; saves a second
    from bot.sandbox.aws.server import build_server  # noqa: PLC0415  # after the variable

    server = build_server(seed=asked.seed, latency_ms=asked.latency_ms, denied=tuple(asked.deny), port=asked.port)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    at_end_of_input(stop.set)
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)  # the contract  # noqa: T201  # the contract: one line
    stop.wait()
    server.shutdown()


if __name__ == "__main__":
    main()
