"""A small cluster served over real HTTP from a thread, with a VPC that the test owns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster

pytest.register_assert_rewrite("lab.contract")


@pytest.fixture
def bare() -> Iterator[ServedCluster]:
    """Return a server without any object."""
    served = ServedCluster()
    yield served
    served.stop()


@pytest.fixture
def served(bare: ServedCluster) -> ServedCluster:
    """Return a server with the small cluster, at rest."""
    bare.put(*small_cluster())
    bare.settle()
    return bare
