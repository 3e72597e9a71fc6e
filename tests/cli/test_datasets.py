"""Datasets on the command line and in Python: found as on the page, by the same names."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from tests.cli.test_search import Done, Run
from tests.records import hub_of

from hanse.cli import main
from hanse.client import Hanse
from hanse.core.errors import BadInput


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., str]) -> str:
    """The address of a hub with 1100 datasets, which are more than one answer holds."""
    return serve(hub_of(tmp_path_factory.mktemp("hub"), 1100, nodes=3))


@pytest.fixture
def hanse(hub: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HANSE_HUB", hub)
    monkeypatch.setenv("HANSE_HINTS", "1")

    def run(*words: str) -> Done:
        with pytest.raises(SystemExit) as end:
            main(words)
        written = capsys.readouterr()
        return Done(int(end.value.code or 0), written.out, written.err)

    return run


def test_all_datasets_come_over_as_many_pages_as_it_takes(hub: str) -> None:
    ids = [one["id"] for one in Hanse(hub).datasets()]
    assert len(ids) == len(set(ids)) == 1100


def test_words_and_facets_have_the_same_names_everywhere(hub: str, hanse: Run) -> None:
    found = Hanse(hub).datasets("sein", modality=["MR", "CT"], country="DE")
    options = ("--modality", "MRI", "--modality", "CT", "--country", "de")
    assert json.loads(hanse("datasets", "sein", *options, "--json").stdout) == found
    rows = list(csv.DictReader(io.StringIO(hanse("datasets", "sein", *options, "--csv").stdout)))
    assert [row["id"] for row in rows] == [one["id"] for one in found] != []
    table = hanse("datasets", "sein", *options).stdout
    assert all(one["name"] in table for one in found)


def test_a_value_of_which_nothing_is_known_is_a_mistake_and_not_left_out(hub: str, hanse: Run) -> None:
    done = hanse("datasets", "--modality", "purple")
    assert done.returncode != 0
    assert "modality 'purple'" in done.stderr
    for wrong in ({"colour": "red"}, {"sort": "price"}):
        with pytest.raises(BadInput):
            Hanse(hub).datasets(**wrong)  # type: ignore[arg-type]


def test_a_word_that_was_probably_meant_is_offered(hanse: Run) -> None:
    assert "Did you mean breast?" in hanse("datasets", "brest").stderr
