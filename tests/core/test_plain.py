"""How the answers and the records of strangers are read."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.any_json import JSON

from hanse.core import plain, strict_json
from hanse.core.answer import (
    Cell,
    Counts,
    CriterionAnswer,
    CriterionState,
    DatasetAnswer,
    NodeAnswer,
    NodeState,
    Rule,
)
from hanse.core.errors import BadEnvelope
from hanse.core.policy import Access
from hanse.core.record import Agent, Description, Period, Rights

COUNTS = st.one_of(
    st.builds(
        Counts,
        st.sampled_from([Rule.EXACT, Rule.ROUNDED, Rule.EARLIER]),
        *[st.integers(0, 10**9)] * 3,
        st.none(),
    ),
    st.builds(Counts, st.sampled_from(sorted(plain.NUMBERLESS)), threshold=st.integers(1, 100)),
)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
DATASETS = st.builds(
    DatasetAnswer,
    dataset=TEXT.filter(bool),
    name=TEXT,
    title=TEXT,
    version=st.integers(0, 100),
    access=st.sampled_from(Access),
    criteria=st.lists(
        st.builds(CriterionAnswer, TEXT, st.sampled_from(CriterionState), TEXT), max_size=3
    ).map(tuple),
    counts=COUNTS,
    breakdowns=st.dictionaries(
        TEXT, st.lists(st.builds(Cell, TEXT, COUNTS), max_size=3).map(tuple), max_size=2
    ),
)
ANSWERS = st.builds(
    NodeAnswer,
    node=TEXT,
    name=TEXT,
    country=st.just("FI"),
    state=st.sampled_from(NodeState),
    at=TEXT,
    took_ms=st.none() | st.integers(0, 1000),
    vocabulary=TEXT,
    software=TEXT,
    datasets=st.lists(DATASETS, max_size=2).map(tuple),
)


@given(ANSWERS)
@settings(max_examples=60, deadline=None)
def test_an_answer_reads_as_it_was_written(answer: NodeAnswer) -> None:
    assert (
        plain.answer_from_plain(strict_json.load(strict_json.dump(plain.answer_to_plain(answer)))) == answer
    )


EXACT = {"rule": "exact", "persons": 3}
DATASET = {
    "dataset": "dataset_1",
    "name": "n",
    "title": "t",
    "version": 1,
    "access": "open",
    "criteria": [],
    "counts": EXACT,
    "breakdowns": {},
}
ANSWER = {"node": "n", "name": "n", "country": "FI", "state": "answered", "at": "", "datasets": [DATASET]}


@pytest.mark.parametrize(
    "change",
    [
        {"datasets": [DATASET] * (plain.MAX_DATASETS + 1)},
        {"datasets": {"0": DATASET}},
        {"datasets": [DATASET | {"counts": {"rule": "exact"}}]},
        {"datasets": [DATASET | {"counts": {"rule": "withheld", "persons": 3}}]},
        {"datasets": [DATASET | {"counts": EXACT | {"persons": -1}}]},
        {"datasets": [DATASET | {"counts": EXACT | {"persons": 10**15}}]},
        {"datasets": [DATASET | {"counts": EXACT | {"persons": 3.5}}]},
        {"datasets": [DATASET | {"counts": EXACT | {"persons": True}}]},
        {"datasets": [DATASET | {"breakdowns": {"person.sex": [{"value": 1, "counts": EXACT}]}}]},
        {"datasets": [DATASET | {"breakdowns": {"x" * 200: []}}]},
        {"datasets": [DATASET | {"title": "x" * 1000}]},
        {"datasets": [DATASET | {"title": "x\0"}]},
        {"datasets": [DATASET | {"criteria": [{"criterion": "a", "state": "dropped"}]}]},
        {"state": "fine"},
        {"country": "Finland"},
        {"took_ms": "3"},
        {"problem": "no"},
        {"problem": {"status": 200, "detail": "x"}},
    ],
)
def test_an_answer_of_a_hostile_node_is_refused_by_the_member_that_is_wrong(change: dict[str, Any]) -> None:
    assert plain.answer_from_plain(ANSWER).datasets[0].counts.persons == 3
    with pytest.raises(BadEnvelope, match="member"):
        plain.answer_from_plain(ANSWER | change)


def test_members_that_a_newer_node_sends_are_ignored_and_not_passed_on() -> None:
    newer = ANSWER | {
        "mood": "good",
        "datasets": [DATASET | {"counts": EXACT | {"patients": ["Anna"]}, "z": {}}],
    }
    assert plain.answer_to_plain(plain.answer_from_plain(newer)) == plain.answer_to_plain(
        plain.answer_from_plain(ANSWER)
    )


@given(JSON)
@settings(max_examples=200)
def test_no_json_breaks_the_reading_of_an_answer(value: Any) -> None:
    for body in (value, ANSWER | {"datasets": value}, ANSWER | {"datasets": [DATASET | {"counts": value}]}):
        with suppress(BadEnvelope):
            plain.answer_from_plain(body)


RECORD = {"id": "dataset_1", "name": "breast", "title": "Breast MR", "access": "open", "counts": EXACT}


@pytest.mark.parametrize(
    "change",
    [
        {"link": "javascript:alert(1)"},
        {"documentation": ["data:text/html,x"]},
        {"holder": {"name": "A", "page": "ftp://x"}},
        {"holder": {"name": ""}},
        {"variables": "all"},
        {"variables": [{"field": "image.modality", "counts": {"rule": "withheld", "persons": 3}}]},
        {"versions": [{"version": 0}]},
        {"quality": [{"dimension": "validity", "share": 101}]},
        {"breakdowns": {"x" * 200: []}},
        {"title": {}},
        {"title": {"en": ""}},
        {"title": {"<b>": "x"}},
        {"title": {f"x{one}{two}": "x" for one in "abcdefgh" for two in "abcdefgh"}},
        {"keywords": {"en": ["x" * 101]}},
        {"rights": "EVERYBODY"},
        {"kept": {"start": "x" * 11}},
        {"id": ""},
    ],
)
def test_a_catalogue_record_of_a_hostile_node_is_refused(change: dict[str, Any]) -> None:
    (record,) = plain.catalogue_from_plain({"datasets": [RECORD]})
    assert plain.record_from_plain(plain.record_to_plain(record)) == record
    with pytest.raises(BadEnvelope):
        plain.catalogue_from_plain({"datasets": [RECORD | change]})


def test_a_record_of_newer_software_is_read_without_what_is_not_known() -> None:
    newer = RECORD | {"colour": "red", "holder": {"name": "A", "fax": "1"}}
    record = plain.record_from_plain(newer)
    assert record.said.holder == Agent("A")
    assert "colour" not in plain.record_to_plain(record)


def test_a_text_without_languages_is_english() -> None:
    record = plain.record_from_plain(RECORD | {"about": "x", "keywords": ["a", "b"]})
    assert (record.said.title, record.said.about) == ({"en": "Breast MR"}, {"en": "x"})
    assert record.said.keywords == {"en": ("a", "b")}


def test_a_description_is_the_same_after_its_way_through_json() -> None:
    said = Description(
        "breast",
        {"en": "Breast MR", "fr": "IRM du sein"},
        keywords={"de": ("Brust",)},
        holder=Agent("Ghent", "a@example.org", country="BE"),
        rights=Rights.RESTRICTED,
        kept=Period("2020", ""),
        synthetic=True,
        documentation=("https://example.org/a",),
    )
    assert plain.description_from_plain(json.loads(json.dumps(plain.description_to_plain(said)))) == said


@given(JSON)
@settings(max_examples=200)
def test_no_json_breaks_the_reading_of_a_record(value: Any) -> None:
    for body in (
        value,
        *(RECORD | {name: value} for name in plain.record_to_plain(plain.record_from_plain(RECORD))),
    ):
        with suppress(BadEnvelope):
            plain.record_from_plain(body)


def test_a_node_describes_each_dataset_once() -> None:
    with pytest.raises(BadEnvelope, match="once"):
        plain.catalogue_from_plain({"datasets": [RECORD, RECORD]})
