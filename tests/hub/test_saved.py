"""Questions are kept, found again, and checked again when the vocabulary has changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from starlette.types import ASGIApp

from hanse.core.errors import BadInput, BadQuestion, NoSpace, NotFound
from hanse.domains import VOCABULARY
from hanse.hub import config, saved
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig

MR = "image.modality = 'MR'"


def test_a_kept_question_is_found_again_as_it_was(records: sa.Engine) -> None:
    kept = saved.save(records, VOCABULARY, MR, "MR\nonly", ["dataset_1"])
    assert saved.find(records, kept.id) == kept
    assert (kept.name, kept.text, kept.datasets) == ("MR only", MR, ("dataset_1",))
    assert kept.vocabulary == VOCABULARY.version


def test_ids_cannot_be_guessed_from_one_another(records: sa.Engine) -> None:
    ids = {saved.save(records, VOCABULARY, MR).id[-16:] for _ in range(20)}  # 80 random bits
    assert len(ids) == 20


@pytest.mark.parametrize("text", ["image.nothing = 1", "image.modality =", "x" * 16_001])
def test_what_cannot_be_asked_is_not_kept(records: sa.Engine, text: str) -> None:
    with pytest.raises(BadQuestion):
        saved.save(records, VOCABULARY, text)


def test_names_and_datasets_have_bounds(records: sa.Engine) -> None:
    with pytest.raises(BadInput):
        saved.save(records, VOCABULARY, MR, "n" * 201)
    with pytest.raises(BadInput):
        saved.save(records, VOCABULARY, MR, "", ["d" * 65])
    with pytest.raises(BadInput):
        saved.save(records, VOCABULARY, MR, "", ["d"] * 501)


def test_the_oldest_question_without_a_name_gives_way(records: sa.Engine) -> None:
    named = saved.save(records, VOCABULARY, MR, "named", most=3)
    first, second, third = (saved.save(records, VOCABULARY, MR, most=3) for _ in range(3))
    with pytest.raises(NotFound):
        saved.find(records, first.id)
    assert [saved.find(records, one.id) for one in (named, second, third)] == [named, second, third]


def test_who_fills_all_places_with_names_leaves_some_for_long_questions(records: sa.Engine) -> None:
    names = [saved.save(records, VOCABULARY, MR, f"name {place}", most=5) for place in range(4)]
    with pytest.raises(NoSpace):
        saved.save(records, VOCABULARY, MR, "one more", most=5)
    long = [saved.save(records, VOCABULARY, MR, most=5) for _ in range(3)][-1]
    assert [saved.find(records, one.id) for one in (*names, long)] == [*names, long]


def test_an_older_question_is_checked_again(records: sa.Engine) -> None:
    kept = saved.save(records, VOCABULARY, MR)
    assert saved.changes(kept, VOCABULARY) == []
    old = replace(kept, vocabulary="2020.01")
    assert saved.changes(old, VOCABULARY) == []
    gone = replace(old, text="image.modalty = 'MR'")
    assert saved.changes(gone, VOCABULARY) == [
        "There is no field image.modalty. (character 1) Did you mean image.modality?"
    ]
    unknown = replace(old, text="image.modality = 'XX'")
    assert "no such value" in saved.changes(unknown, VOCABULARY)[0]


@pytest.fixture
def api(tmp_path: Path, serve: Callable[[ASGIApp], str]) -> Iterator[httpx.Client]:
    settings = HubConfig(tmp_path / "hub")
    config.init(settings)
    with httpx.Client(base_url=f"{serve(make_app(settings))}/api/v1/", trust_env=False, timeout=60) as client:
        yield client


def test_programs_keep_and_find_questions(api: httpx.Client) -> None:
    made = api.post("questions", json={"question": MR, "name": "MR"})
    assert made.status_code == 201
    found = api.get(f"questions/{made.json()['id']}").json()
    assert found == made.json()
    assert found["question"]["json"] == {"op": "=", "args": [{"property": "image.modality"}, "MR"]}
    assert api.get("questions/question_0").status_code == 404
    assert api.post("questions", json={"question": "image.nothing = 1"}).status_code == 422
    assert api.post("questions", json={"question": MR, "name": "n" * 201}).status_code == 422


def test_programs_ask_what_may_come_next(api: httpx.Client) -> None:
    found = api.get("complete", params={"q": "image.modality = 'magn", "at": 22}).json()["suggestions"]
    assert found[0] == {
        "insert": "'MR'",
        "label": "Magnetic resonance",
        "kind": "value",
        "start": 17,
        "end": 22,
    }
    assert api.get("complete", params={"q": "x", "at": -1}).status_code == 422
    assert api.get("complete", params={"q": "x" * 16_001}).status_code == 422
