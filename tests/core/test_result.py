"""A node's result: strict like every document, and bound to what is sealed in it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.permits import AT, DATASET, NODE, ORDER, PERMIT, hash_of

from hanse.core import document
from hanse.core.errors import BadEnvelope
from hanse.core.result import Result, apart, decode, disclosed, join, opened, split

RESULT = Result(
    order=hash_of(ORDER),
    permit=hash_of(PERMIT),
    node=NODE,
    dataset=DATASET,
    version=3,
    manifest="0" * 64,
    software="hanse 1.0",
    entry_number=7,
    entry_hash="a" * 64,
    at=AT,
    aggregate={"persons": 40, "counts": [10, 30]},
    sealed="",
)
SEALED = replace(RESULT, aggregate=None, sealed="aa.bb.cc.dd.ee")


@pytest.mark.parametrize("result", [RESULT, SEALED])
def test_a_result_is_read_as_it_was_written(result: Result) -> None:
    assert decode(document.encode(result)) == result


@pytest.mark.parametrize(
    "changes",
    [
        {"sealed": "aa.bb.cc.dd.ee"},  # and an aggregate
        {"aggregate": None},
        {"aggregate": [1, 2]},
        {"sealed": "aa bb", "aggregate": None},
        {"order": "short"},
        {"entry_number": 0},
        {"version": "3"},
        {"another": 1},
    ],
)
def test_anything_else_is_no_result(changes: dict[str, Any]) -> None:
    body = document.to_plain(RESULT) | changes
    with pytest.raises(BadEnvelope):
        decode(document.encode(body))


def test_an_open_aggregate_comes_beside_what_is_signed() -> None:
    said, disclosure = apart(RESULT, b"0123456789abcdef")
    assert decode(document.encode(said)) == said
    assert split(join("a.b.c", disclosure)) == ("a.b.c", disclosure)
    assert disclosed(said, disclosure) == RESULT
    assert apart(RESULT, b"another salt....")[0].aggregate != said.aggregate


def test_the_length_of_what_comes_beside_tells_nothing_of_small_numbers() -> None:
    """Whoever carries a sealed answer sees its length, and 9 persons take less room than 10."""
    few, many = ({"persons": n, "counts": [n] * 20, "mean": n / 7} for n in (9, 123_456))
    sizes = {len(apart(replace(RESULT, aggregate=one), bytes(16))[1]) for one in (few, many)}
    assert len(sizes) == 1


@given(st.integers(0, 9999), st.integers(0, 12))
def test_an_answer_is_filled_up_by_a_quarter_or_one_kilobyte_at_most(cells: int, digits: int) -> None:
    whole = replace(RESULT, aggregate={"counts": [10**digits] * cells})
    said, disclosure = apart(whole, bytes(16))
    exact = len(document.encode([whole.aggregate])) * 4 / 3
    assert len(disclosure) <= 1.25 * exact + 1500
    assert disclosed(said, disclosure) == whole


@given(st.data())
def test_nothing_else_is_taken_for_what_was_signed(data: st.DataObject) -> None:
    said, disclosure = apart(RESULT, b"0123456789abcdef")
    other = data.draw(st.text() | st.just(apart(RESULT, b"another salt....")[1]))
    if other != disclosure:
        with pytest.raises(BadEnvelope):
            disclosed(said, other)


def test_a_result_of_before_holds_its_aggregate_itself() -> None:
    assert split("a.b.c") == ("a.b.c", "")
    assert disclosed(RESULT, "") == RESULT
    for odd in (lambda: disclosed(RESULT, "WyJh"), lambda: disclosed(SEALED, "")):
        with pytest.raises(BadEnvelope):
            odd()


def test_what_was_sealed_belongs_to_the_result_that_it_came_in() -> None:
    assert opened(SEALED, RESULT) == RESULT
    for other in (replace(RESULT, order="b" * 64), replace(RESULT, entry_number=8), SEALED):
        with pytest.raises(BadEnvelope, match="not the result"):
            opened(SEALED, other)
