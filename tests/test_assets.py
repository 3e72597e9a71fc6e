"""The portal's assets are those of today's sources, and their build says what it needs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import build_assets
import pytest

ROOT = Path(__file__).parents[1]


def test_the_assets_are_made_of_todays_sources() -> None:
    assert build_assets.is_fresh(), "run: make assets"


def test_the_lock_names_packages_by_their_hashes_and_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all("integrity" in one for path, one in packages.items() if path)
    assert not any("resolved" in one for one in packages.values())


def test_who_made_what_is_said_in_the_build() -> None:
    told = (build_assets.DIST / "THIRD-PARTY.txt").read_text(encoding="utf-8")
    assert "htmx.org 4.0.1" in told
    assert "SIL OPEN FONT LICENSE" in told.upper()


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of all that the build reads."""
    for path in build_assets.sources():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return tmp_path


def build(sources: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(sources / "build_assets.py")]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_without_node_the_build_says_what_to_do(sources: Path) -> None:
    done = build(sources, PATH=str(sources))
    assert done.returncode == 1
    assert "Install Node.js 18 or newer" in done.stderr


def test_what_was_built_before_needs_no_node(sources: Path) -> None:
    shutil.copytree(build_assets.DIST, sources / "src" / "hanse" / "web" / "dist")
    assert build(sources, PATH=str(sources)).returncode == 0
