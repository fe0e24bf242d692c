"""What the tier's tests share: a run of the lab, and the tables that stand at the end of their output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from lab.namespaces import Run
from lab.tests.shelf import Shelf
from lab.tests.tables import Tell

pytest.register_assert_rewrite("lab.contract")
_TABLE = "table"
_A_LAB_EACH = (
    "test_evaluator_against_kernel.py",
    "test_honest_failures.py",
    "test_names_agree.py",
    "test_running_lab.py",
    "test_two_vpcs.py",
)
"""Files whose tests start what they need each for itself: they are spread over the workers, one by one."""
_A_LAB_FOR_EACH_SCENARIO = ("test_sandbox_agrees.py", "test_stories.py", "test_private_endpoint.py")
"""The first looks at a lab with a scenario that the others then heal: on one worker, one after the other."""


_MOST_SECOND_TRIES = 3
"""In a run of the tier. Real programs on a busy machine are late now and then, each time elsewhere, so a test that
failed is tried again in a lab of its own, and its first failure is printed; more than a few are a fault."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a file to one worker, so that what its tests share is started once; some share less, or by scenario."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file.endswith(_A_LAB_FOR_EACH_SCENARIO):
            return test.partition("[")[2].rstrip("]").removesuffix("-1")
        return nodeid if file.endswith(_A_LAB_EACH) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:  # a Producer
    """Return the scheduler."""
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those that look come before those that heal, whatever order tests are shuffled into."""
    items.sort(key=lambda item: item.path.name in _A_LAB_FOR_EACH_SCENARIO[1:])


@pytest.fixture
def run() -> Iterator[Run]:
    """A run of the lab that leaves nothing behind."""
    with Run() as begun:
        yield begun


@pytest.fixture(scope="session")
def standing_shelf() -> Iterator[Shelf]:
    """What holds the lab that the next test may go on with."""
    shelf = Shelf()
    yield shelf
    shelf.clear()


@pytest.fixture
def shelf(standing_shelf: Shelf) -> Shelf:
    """The same, for tests that use it."""
    return standing_shelf


@pytest.fixture(autouse=True)
def _out_of_every_lab(request: pytest.FixtureRequest, standing_shelf: Shelf) -> None:
    """Let tests that do not go on with a lab start on this machine's own network, and second tries in a new one."""
    if "shelf" not in request.fixturenames or getattr(request.node, "execution_count", 1) > 1:
        standing_shelf.clear()


@pytest.fixture
def tell(record_property: Any) -> Tell:  # pytest's function
    """Return how to add a row; rows of tests in other worker processes are gathered, too."""
    return lambda table, *row: record_property(_TABLE, [table, *map(str, row)])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which more tests than a few needed a second try."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(reporter.stats.get("rerun", ())) > _MOST_SECOND_TRIES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:  # pytest's reporter
    """Print the tables, and what failed at the first try."""
    tried_again = terminalreporter.stats.get("rerun", ())
    if tried_again:
        terminalreporter.section(f"failed at the first try: {len(tried_again)}, at most {_MOST_SECOND_TRIES} may")
        for report in tried_again:
            terminalreporter.line(f"{report.nodeid}\n{report.longreprtext}")
    tables: dict[str, list[list[str]]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for heading, *row in (said for name, said in report.user_properties if name == _TABLE):
                tables.setdefault(heading, []).append(row)
    for heading, rows in sorted(tables.items()):
        terminalreporter.section(heading, sep="-")
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in sorted(rows):
            terminalreporter.line("  ".join(map(str.ljust, row, widths)).rstrip())
