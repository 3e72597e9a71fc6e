import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests import canned

from hanse.cli import main
from hanse.lib.problem import response


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def hub(serve: Callable[..., str]) -> str:
    return serve(canned.hub())


@pytest.fixture
def hanse(hub: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line as its user meets it, with a hub whose answers are known."""
    monkeypatch.setenv("HANSE_HUB", hub)
    monkeypatch.setenv("HANSE_HINTS", "1")

    def run(*words: str) -> Done:
        with pytest.raises(SystemExit) as end:
            main(words)
        written = capsys.readouterr()
        return Done(int(end.value.code or 0), written.out, written.err)

    return run


@pytest.fixture
def searched(hanse: Run) -> Done:
    return hanse("search", canned.QUESTION, "--by", "image.modality")


def row(text: str, name: str) -> list[str]:
    return next(line for line in text.splitlines() if line.strip().startswith(name)).split()


def test_numbers_are_data_and_all_else_goes_to_stderr(searched: Done) -> None:
    assert searched.returncode == 0
    assert row(searched.stdout, "collection-0") == ["collection-0", "900", "1,800", "9,900"]
    assert "Ages of protected data" in searched.stderr
    assert "rounded: Carries noise" in searched.stderr
    assert "\x1b" not in searched.stdout


def test_rounded_withheld_and_not_counted_look_different(searched: Done) -> None:
    assert row(searched.stdout, "breast")[1:4] == ["~120", "~150", "~1,010"]
    assert row(searched.stdout, "rare")[1:] == ["<", "10", "–", "–", "withheld"]
    assert "not counted; person.age >= 52: no such data here" in " ".join(row(searched.stdout, "pacs"))


def test_a_node_with_179_datasets_stays_readable(hanse: Run, searched: Done) -> None:
    assert "collection-11" not in searched.stdout
    assert "and 5 more datasets with an answer" in searched.stdout
    assert "and 164 datasets with 0 persons" in searched.stdout
    assert "collection-178" in hanse("search", canned.QUESTION, "--all").stdout


def test_states_of_nodes_are_words(searched: Done) -> None:
    assert "Synthetic hospital Turku (FI)  offline" in searched.stdout
    assert "Imaging Data Commons (US)  answered in 41 ms" in searched.stdout


def test_sums_name_their_unit_and_what_they_leave_out(searched: Done) -> None:
    assert "Total: ~7,215 persons, ~14,340 studies, ~79,055 series" in searched.stdout
    assert (
        "1 dataset withheld, not in the sums. 1 dataset not counted. 2 of 4 nodes answered."
        in searched.stdout
    )
    assert "a person who is in two datasets is counted twice" in searched.stdout


def test_a_breakdown_is_summed_over_datasets(searched: Done) -> None:
    assert row(searched.stdout, "MR") == ["MR", "120", "150", "1,010"]
    assert "withheld in 1 dataset" in searched.stdout


def test_a_node_cannot_move_the_cursor(searched: Done) -> None:
    assert "<script>alert(2)</script>?[2J" in searched.stdout


def test_a_hub_cannot_move_the_cursor_with_a_problem(hanse: Run, serve: Callable[..., str]) -> None:
    async def refuse(_: Request) -> Response:
        return response({"type": "/problems/refused", "status": 403, "detail": "no\x1b[2J", "hint": "gone\r"})

    done = hanse("nodes", "--hub", serve(Starlette(routes=[Route("/api/v1/nodes", refuse)])))
    assert done.returncode == 8
    assert done.stderr == "This was refused. no [2J\ngone \n"


def test_json_is_the_whole_answer(hanse: Run) -> None:
    answer = json.loads(hanse("search", canned.QUESTION, "--json").stdout)
    assert answer["totals"]["persons"] == 7215
    assert len(answer["nodes"][0]["datasets"]) == 179
    assert answer["nodes"][1]["datasets"][0]["counts"]["rule"] == "rounded"


def test_a_caret_stands_below_what_cannot_be_read(hanse: Run) -> None:
    done = hanse("search", "image.modalty = 'MR'")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "  image.modalty = 'MR'",
        "  ^^^^^^^^^^^^^",
        "The question cannot be read. There is no field 'image.modalty'.",
        "Did you mean image.modality?",
    ]


def test_a_hub_that_is_not_there_is_exit_code_7(hanse: Run) -> None:
    done = hanse("nodes", "--hub", "http://127.0.0.1:1")
    assert done.returncode == 7
    assert "http://127.0.0.1:1 does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_nodes_and_fields_are_listed(hanse: Run) -> None:
    assert "offline" in row(hanse("nodes").stdout, "Synthetic hospital Turku")
    assert "Age" in row(hanse("vocabulary").stdout, "person.age")
    assert row(hanse("vocabulary", "image.modality").stdout, "MR") == ["MR", "Magnetic", "resonance"]
    missing = hanse("vocabulary", "image.modalit")
    assert (missing.returncode, missing.stderr.splitlines()[1]) == (4, "Did you mean image.modality?")
