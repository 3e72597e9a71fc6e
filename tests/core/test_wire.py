"""The envelope, when it counts, and how answers of strangers are read."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.core import plain, wire
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
from hanse.core.errors import BadEnvelope, WrongClock, WrongProtocol
from hanse.core.policy import Access
from hanse.core.record import Agent, Description, Period, Rights
from hanse.core.wire import Blob, Envelope, Kind

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def question(**changes: Any) -> Envelope:
    kept = {"at": AT, "life": 10 * SECOND} | changes
    return wire.envelope(Kind.QUESTION, "hub_h", "node_n", {"search": "search_1"}, **kept)


def test_an_envelope_reads_as_it_was_written() -> None:
    for message in (
        question(),
        question(reply_to="message_1"),
        wire.envelope(Kind.ANSWER, "node_n", "hub_h", Blob("0" * 64, 7), at=AT, life=SECOND),
    ):
        assert wire.decode(wire.encode(message)) == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from([*wire._MEMBERS]), JSON)
@settings(max_examples=200)
def test_an_envelope_with_any_other_member_is_read_or_refused_and_nothing_else(name: str, value: Any) -> None:
    body = json.loads(wire.encode(question()))
    with suppress(BadEnvelope):
        wire.decode(json.dumps(body | {name: value}).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"1" * 5_000,
        b'"\\ud800"',
    ],
)
def test_what_is_not_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BadEnvelope):
        wire.decode(raw)


def test_a_message_counts_for_its_audience_only() -> None:
    wire.check(question(), audience="node_n", at=AT)
    with pytest.raises(BadEnvelope, match="somebody else"):
        wire.check(question(), audience="node_m", at=AT)


@pytest.mark.parametrize("late_s", [0, 10, 69])
def test_a_message_counts_until_it_expires_give_or_take_the_clocks(late_s: int) -> None:
    wire.check(question(), audience="node_n", at=AT + late_s * SECOND)


def test_an_expired_message_and_one_from_the_future_say_both_times() -> None:
    with pytest.raises(BadEnvelope, match=r"expired at 2026-11-22T12:00:10\.000Z; it is 2026-11-22T12:02:00"):
        wire.check(question(), audience="node_n", at=AT + 120 * SECOND)
    with pytest.raises(WrongClock, match=r"2026-11-22T12:00:00\.000Z .* 2026-11-22T11:58:00\.000Z"):
        wire.check(question(), audience="node_n", at=AT - 120 * SECOND)


@pytest.mark.parametrize("life", [timedelta(0), -SECOND, timedelta(days=2)])
def test_a_message_that_never_or_hardly_expires_is_refused(life: timedelta) -> None:
    with pytest.raises(BadEnvelope, match="lives"):
        wire.check(question(life=life), audience="node_n", at=AT)


@pytest.mark.parametrize("wrong_by", [61 * SECOND, -61 * SECOND])
def test_a_fresh_message_carries_the_time_of_now(wrong_by: timedelta) -> None:
    wire.check_fresh(question(), at=AT + 59 * SECOND)
    with pytest.raises(WrongClock, match="clock"):
        wire.check_fresh(question(), at=AT + wrong_by)


@given(st.integers(0, 200))
def test_an_id_is_remembered_for_as_long_as_the_message_is_accepted(after_s: int) -> None:
    at = AT + after_s * SECOND
    try:
        wire.check(question(), audience="node_n", at=at)
    except BadEnvelope:
        assert at > wire.remember_until(question())
    else:
        assert at <= wire.remember_until(question())


def test_the_two_sides_speak_the_highest_common_version() -> None:
    assert wire.negotiate((1, 2, 3), (2, 3, 4)) == 3
    with pytest.raises(WrongProtocol, match=r"\[1, 2\].*\[3\]") as caught:
        wire.negotiate((1, 2), (3,))
    assert "this side" in caught.value.hint
    with pytest.raises(WrongProtocol):
        wire.negotiate((1,), ())


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (wire.poll, {"hold_s": -1}),
        (wire.poll, {"hold_s": True}),
        (wire.poll, {"hold_s": 1, "got": ["x"] * 2000}),
        (wire.poll, {"hold_s": 1, "more": 1}),
        (wire.hello, {"protocols": [1.5], "software": "", "vocabulary": ""}),
        (wire.hello, {"protocols": "1", "software": "", "vocabulary": ""}),
        (wire.question, {"search": "", "question": 1, "deadline_s": 1, "asker": ""}),
        (wire.question, {"search": "s", "question": 1, "deadline_s": 1e9, "asker": ""}),
        (wire.blob, {"sha256": "G" * 64, "size": 1}),
        (wire.blob, {"sha256": "0" * 64, "size": wire.MAX_BLOB + 1}),
        (wire.fetch, {"blob": {"sha256": "0" * 64, "size": 1}, "write": 1}),
    ],
)
def test_a_body_of_another_shape_is_refused(read: Callable[[Any], Any], body: Any) -> None:
    with pytest.raises(BadEnvelope):
        read(body)


@pytest.mark.parametrize("name", ["", " Turku", "Tur\nku", "\u202eukruT", "x" * 101])
def test_a_node_has_a_name_that_shows_what_it_is(name: str) -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": "", "y": ""}
    hello = {"protocols": [1], "software": "", "vocabulary": ""}
    body = {"secret": "s" * 43, "jwk": jwk, "name": name, "country": "FI", "hello": hello}
    with pytest.raises(BadEnvelope, match="name"):
        wire.enrol(body)


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
    assert plain.answer_from_plain(wire.load(wire.dump(plain.answer_to_plain(answer)))) == answer


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


def test_documents_orders_and_results_are_read_strictly() -> None:
    assert wire.documents({"documents": ["a.b.c"]}) == ("a.b.c",)
    carried = wire.Carried("a.b.c", "d.e.f")
    assert wire.order(carried.as_dict()) == carried
    assert wire.result({"result": "a.b.c"}) == "a.b.c"


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (wire.documents, {"documents": ["x"] * (wire.MAX_DOCUMENTS + 1)}),
        (wire.documents, {"documents": ["x" * (wire.MAX_DOCUMENT + 1)]}),
        (wire.documents, {"documents": [1]}),
        (wire.order, {"order": ""}),
        (wire.order, {"order": "a", "bins": []}),
        (wire.result, {"result": None}),
    ],
)
def test_what_is_no_document_order_or_result_is_refused(
    read: Callable[[Any], object], body: dict[str, Any]
) -> None:
    with pytest.raises(BadEnvelope):
        read(body)
