"""`python -m bot.sandbox.kubernetes --aws-url URL`: prints {"url": …}, serves until SIGTERM or end of input."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

from aiohttp import web

from bot.sandbox.end_of_input import at_end_of_input
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.faults import Faults
from bot.sandbox.kubernetes.probe_clusters import ProbeClusters
from bot.sandbox.kubernetes.program import load_programs
from bot.sandbox.kubernetes.server import ApiServer
from bot.sandbox.network.branch_interfaces import AwsBranchMaker
from bot.sandbox.network.cluster_addons import AwsAddons
from bot.sandbox.network.source import AwsNetwork
from bot.sandbox.world.world import ACCOUNT, CLUSTER, REGION

TURN_SECONDS = 0.03


async def keep_turning(cluster: Cluster) -> None:
    """Let the cluster take its turns for ever."""
    while True:
        await cluster.step()
        await asyncio.sleep(TURN_SECONDS)


async def serve(asked: argparse.Namespace) -> None:
    """Serve until told to stop."""
    network = AwsNetwork(asked.aws_url, cluster=asked.cluster, account=asked.account, region=asked.region)
    programs = load_programs()
    cluster = Cluster(
        network,
        programs,
        seed=asked.seed,
        region=asked.region,
        branches=AwsBranchMaker(asked.aws_url, region=asked.region),
        addons=AwsAddons(asked.aws_url, cluster=asked.cluster, account=asked.account, region=asked.region),
    )
    probes = ProbeClusters(network, programs)
    server = ApiServer(cluster, Faults(latency_ms=asked.latency_ms, denied=asked.deny), probes)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", asked.port)
    await site.start()
    port = runner.addresses[0][1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)  # noqa: T201  # the contract: one line
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    at_end_of_input(lambda: loop.call_soon_threadsafe(stop.set))
    turning = asyncio.create_task(keep_turning(cluster))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({turning, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if turning.done():
        turning.result()
    turning.cancel()
    await probes.clear()
    await runner.cleanup()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox.kubernetes", description=__doc__)
    parser.add_argument("--aws-url", required=True, help="the AWS far end, whose state decides about packets")
    parser.add_argument("--latency-ms", type=int, default=0, help="added to each call")
    parser.add_argument("--deny", action="extend", nargs="+", default=[], help='a call to refuse, as "list pods"')
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cluster", default=CLUSTER, help="the EKS cluster that this is")
    parser.add_argument("--account", default=ACCOUNT)
    parser.add_argument("--region", default=REGION)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
