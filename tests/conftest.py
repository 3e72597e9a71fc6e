"""What all tests share: which of them can run here, and what a left-out test means."""

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import uvicorn
from hypothesis import settings
from starlette.types import ASGIApp
from tests.postgresql import cluster
from tests.system_packages import missing

SHARED = Path(__file__).parents[2] / "shared" / "data"

# With CI=true a test that is left out is a failure. The one exemption: the real data beside the checkout are
# not part of the repository, so tests marked `shared` may be left out where that folder does not exist.
CI = os.environ.get("CI") == "true"

# A change is judged by examples that do not change from run to run; developers' runs look for new ones.
settings.register_profile("ci", derandomize=True)
if CI:
    settings.load_profile("ci")


# Few tests that take long, since they start all roles as processes: begun last, they would keep one core waiting.
LONG = frozenset({"test_restarts.py", "test_witnesses.py", "test_permit_pages.py", "test_guide.py"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in LONG, -tests[item.path], str(item.path)))
    reasons = {
        program.marker: f"{program.binary} is missing (package {program.package})" for program in missing()
    }
    if not SHARED.is_dir():
        reasons["shared"] = "the folder ../shared/data is not there"
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    left_out = report.skipped and not hasattr(report, "wasxfail")
    if CI and left_out and not (item.get_closest_marker("shared") and not SHARED.is_dir()):
        report.outcome = "failed"
        report.longrepr = f"left out although CI=true: {report.longrepr[-1]}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason for which tests were left out."""
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[-1]).removeprefix("Skipped: ")
        counts[reason] = counts.get(reason, 0) + 1
    for reason, count in sorted(counts.items()):
        terminalreporter.write_line(f"left out: {count} test{'s' if count > 1 else ''}, because {reason}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; for tests marked `shared`."""
    return SHARED


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[ASGIApp], str]]:
    """A real server on a free port for an ASGI application; gives its address, and stops at the end."""
    with ExitStack() as servers:
        yield lambda app: servers.enter_context(serving(app))


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[str]:
    """The address of a hub with three nodes, one of which is silent; `tests/federation.py` says what they hold."""
    from tests.federation import federation

    with federation(tmp_path_factory.mktemp("federation"), serve) as url:
        yield url


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """An ASGI application behind uvicorn, in a thread, on a free port of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL database of this test run; for tests marked `postgres`."""
    with cluster() as address:
        yield address
