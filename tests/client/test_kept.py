"""Runs are kept on the machine that ordered them, and found again."""

from dataclasses import replace
from pathlib import Path

import pytest

from hanse.client.kept import Kept
from hanse.client.run import Started
from hanse.core.errors import BadInput, NotFound

RUN = Started("run_b", "0" * 64, "a key", ("an order",), project="Survival")


def test_runs_are_found_again_the_oldest_first(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.all() == []
    for run in (RUN, replace(RUN, run="run_a"), replace(RUN, answered=1)):
        kept.keep(run)
    assert [one.run for one in kept.all()] == ["run_a", "run_b"]
    assert kept.find("run_b").answered == 1
    assert (tmp_path / "runs" / "run_b").stat().st_mode & 0o77 == 0  # it opens sealed answers


def test_a_run_of_before_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "run_b").write_text('{"run": "run_b", "permit": "", "reply_key": "", "orders": []}')
    assert Kept(tmp_path).find("run_b").project == ""


def test_what_was_not_ordered_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not ordered on this machine"):
        Kept(tmp_path).find("run_c")
    with pytest.raises(NotFound):
        Kept(tmp_path).find("../authorities")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "run_d").write_text("{")
    with pytest.raises(BadInput):
        Kept(tmp_path).find("run_d")
