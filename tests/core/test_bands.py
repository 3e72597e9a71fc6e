"""Without a permit, ages are known in bands of five years: what a question becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.core.bands import banded
from hanse.core.check import criterion_state
from hanse.core.meaning import select
from hanse.core.query import criteria
from hanse.core.reading import read
from hanse.domains import VOCABULARY


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("person.age > 50", "person.age >= 50"),
        ("person.age >= 50", "person.age >= 50"),
        ("person.age < 50", "person.age < 50"),
        ("person.age <= 49", "person.age < 50"),
        ("person.age >= 53", "person.age >= 55"),
        ("person.age = 63", "person.age BETWEEN 60 AND 64"),
        ("person.age <> 63", "NOT (person.age BETWEEN 60 AND 64)"),
        ("person.age BETWEEN 50 AND 59", "person.age BETWEEN 50 AND 59"),
        ("person.age BETWEEN 53 AND 53", "person.age BETWEEN 50 AND 54"),
        ("person.age IN (61, 62)", "person.age IN (60, 61, 62, 63, 64)"),
        ("count(image.patient_age > 52) >= 2", "count(image.patient_age >= 55) >= 2"),
        (
            "exists(image.patient_age < 42 AND image.modality = 'MR')",
            "exists(image.patient_age < 40 AND image.modality = 'MR')",
        ),
        ("image.slice_thickness < 3", "image.slice_thickness < 3"),
    ],
)
def test_limits_move_to_the_edges_of_bands(asked: str, answered: str) -> None:
    assert banded(read(asked), VOCABULARY).text == answered


AGES = st.integers(0, 110)
QUESTIONS = st.one_of(
    st.builds("person.age {} {}".format, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), AGES),
    st.builds("person.age BETWEEN {} AND {}".format, AGES, AGES),
    st.builds("person.age IN ({}, {})".format, AGES, AGES),
)


@given(text=QUESTIONS, age=AGES)
def test_two_persons_of_one_band_are_never_told_apart(text: str, age: int) -> None:
    first = age // 5 * 5
    people = [{"person": [{"age": one}]} for one in range(first, first + 5)]
    assert len(select(banded(read(text), VOCABULARY), people, VOCABULARY).persons) in (0, 5)


@given(text=QUESTIONS)
def test_a_banded_question_has_the_same_criteria_one_by_one(text: str) -> None:
    before, after = (criteria(one.root) for one in (read(text), banded(read(text), VOCABULARY)))
    assert [use.field for use in before] == [use.field for use in after]
    assert all(criterion_state(use, VOCABULARY, frozenset({"person.age"})) == "applied" for use in after)
