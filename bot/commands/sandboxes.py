"""`dnsbot sandbox` and `scenarios`."""

from __future__ import annotations

import importlib.util

from bot.errors import ConfigurationError


def sandbox(
    scenario: str, *, play: bool, port: int, nodes: int, seed: int, deny: tuple[str, ...], latency_ms: int
) -> int:
    """Play a scenario's story, or keep its world up."""
    _need_sandbox()
    from bot.sandbox.running.running_world import RunningWorld
    from bot.sandbox.story.play import play as play_story
    from bot.sandbox.story.serve import serve

    world = RunningWorld(scenario=scenario, seed=seed, nodes=nodes, deny=deny, latency_ms=latency_ms)
    return (play_story if play else serve)(world, port=port)


def list_scenarios() -> None:
    """Print the sandbox's scenarios, each with the look-alike that must not be blamed."""
    _need_sandbox()
    from bot.sandbox.world.scenario_catalogue import all_look_alikes, all_scenarios, look_alike_of

    look_alikes = {one.name: one for one in all_look_alikes()}
    for scenario in all_scenarios():
        print(f"{scenario.name}: {scenario.title}")
        print(f"    root cause: {scenario.root_cause or 'none'}")
        if resembling := look_alikes.get(look_alike_of(scenario.name)):
            print(f"    {resembling.name}: {resembling.title}")


def _need_sandbox() -> None:
    missing = [name for name in ("aiohttp", "flask", "moto") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"The sandbox needs packages that are not installed ({', '.join(missing)}). Install "
            "eks-dns-bot[sandbox], or use `make demo` in a checkout."
        )
