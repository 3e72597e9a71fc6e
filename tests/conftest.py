"""What all tests share: which of them can run here, and what a left-out test means."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system_packages import missing

SHARED = Path(__file__).parents[2] / "shared" / "data"

# With CI=true a test that is left out is a failure. The one exemption: the real data beside the checkout are
# not part of the repository, so tests marked `shared` may be left out where that folder does not exist.
CI = os.environ.get("CI") == "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
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
