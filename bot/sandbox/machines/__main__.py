"""`python -m bot.sandbox.machines --aws-url URL`: prints {"url": …}, serves until the end of its input."""

from __future__ import annotations

import argparse
import asyncio
import json

from aiohttp import web

from bot.sandbox.end_of_input import at_end_of_input
from bot.sandbox.machines.server import Machines
from bot.sandbox.network.source import AwsNetwork
from bot.sandbox.world.world import ACCOUNT, CLUSTER, REGION


async def _serve(aws_url: str) -> None:
    machines = Machines(AwsNetwork(aws_url, cluster=CLUSTER, account=ACCOUNT, region=REGION))
    runner = web.AppRunner(machines.application(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    machines.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    print(json.dumps({"url": machines.url}), flush=True)  # noqa: T201  # the contract: one line
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    at_end_of_input(lambda: loop.call_soon_threadsafe(stop.set))
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox.machines", description=__doc__)
    parser.add_argument("--aws-url", required=True, help="the AWS far end, whose state decides about packets")
    asyncio.run(_serve(parser.parse_args().aws_url))


if __name__ == "__main__":
    main()
