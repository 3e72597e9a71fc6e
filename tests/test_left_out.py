"""A test that is left out is said at the end, and is a failure where CI=true."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUITE = """
import pytest

def test_of_something_missing():
    pytest.skip("the moon is missing")

@pytest.mark.shared
def test_on_real_data():
    pass
"""


CONFTEST = """
from pathlib import Path
import tests.conftest
tests.conftest.SHARED = Path("/nowhere")
from tests.conftest import *
"""


def run(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = shared\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(folder)]
    given = {**os.environ, "CI": "", "PYTHONPATH": str(ROOT)} | environ
    return subprocess.run(command, env=given, cwd=folder, capture_output=True, text=True, check=False)


def test_reasons_are_said_at_the_end(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0
    assert "left out: 1 test, because the moon is missing" in done.stdout
    assert "left out: 1 test, because the folder ../shared/data is not there" in done.stdout


def test_with_ci_only_real_data_beside_the_checkout_may_be_missing(tmp_path: Path) -> None:
    done = run(tmp_path, CI="true")
    assert done.returncode == 1
    assert "left out although CI=true: Skipped: the moon is missing" in done.stdout
    assert "1 failed, 1 skipped" in done.stdout
