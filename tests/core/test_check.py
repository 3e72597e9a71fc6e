"""A question against the vocabulary: mistakes have a place and a remedy, and nodes say what they can apply."""

import re

import pytest

from hanse.core.answer import CriterionState
from hanse.core.check import MAX_WARNINGS, check, check_selection, criterion_state, is_single, resolve
from hanse.core.errors import BadQuestion
from hanse.core.query import criteria
from hanse.core.reading import read
from hanse.domains import VOCABULARY


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image.modalty = 'MR'", "There is no field image.modalty. (character 1)"),
        ("person.sex = 'female' AND modality = 'MR'", "There is no field modality. (character 27)"),
        ("person.age = 'old'", "person.age holds a number."),
        ("image.modality = 5", "image.modality holds a code."),
        ("image.contrast = 'yes'", "image.contrast holds TRUE or FALSE."),
        ("image.modality > 'CT'", "The values of image.modality have no order."),
        ("image.modality LIKE 'M%'", "image.modality is not free text."),
        ("within(image.model, 'x')", "image.model has no code list."),
        ("image.study = 'x'", "image.study can only be counted."),
        (
            "count(image.study, condition.code = 'C50') > 1",
            "count(image.study, ...) needs a criterion on image.",
        ),
        ("count(person.sex) > 1", "A person has one row"),
        ("count(image.rows > 1 OR condition.day > 1) > 1", "speaks of the rows of one entity"),
        ("within_days(person.sex = 'male', image.modality = 'MR', 0, 1)", "speaks of the rows of one entity"),
        ("within_days(image.rows, image.modality = 'MR', 0, 1)", "image.rows does not place a row in time."),
    ],
)
def test_a_mistake_is_named(text: str, words: str) -> None:
    with pytest.raises(BadQuestion) as caught:
        check(read(text), VOCABULARY, text)
    assert words in caught.value.detail


def test_a_misspelt_field_is_answered_with_the_right_one() -> None:
    with pytest.raises(BadQuestion) as caught:
        check(read("image.modalty = 'MR'"), VOCABULARY)
    assert caught.value.hint == "Did you mean image.modality?"


def test_a_name_inside_quotes_is_not_taken_for_the_place_of_a_mistake() -> None:
    text = "image.model = 'image.modalty' AND image.modalty = 'MR'"
    with pytest.raises(BadQuestion) as caught:
        check(read(text), VOCABULARY, text)
    assert caught.value.at == text.rindex("image.modalty") + 1


def test_ordered_codes_may_be_compared() -> None:
    assert check(read("condition.ct >= 'cT2'"), VOCABULARY) == []


def test_a_value_that_the_vocabulary_does_not_know_is_a_warning_since_a_node_may_know_it() -> None:
    (warning,) = check(read("condition.cancer_type = 'brest'"), VOCABULARY)
    assert "did you mean 'breast'?" in warning


def test_a_question_full_of_unknown_values_costs_no_more_than_a_few() -> None:
    """Each is compared with a whole code list, which takes milliseconds."""
    values = ", ".join(f"'brest{number}'" for number in range(1000))
    assert len(check(read(f"condition.cancer_type IN ({values})"), VOCABULARY)) == MAX_WARNINGS


def test_labels_synonyms_and_foreign_codes_are_read_as_the_code_they_mean() -> None:
    question, notes = resolve(read("person.sex = 'F' AND image.modality = 'MR'"), VOCABULARY)
    assert question.text == "person.sex = 'female' AND image.modality = 'MR'"
    assert notes == ["person.sex: 'F' was read as 'female'."]


def test_a_node_says_what_it_can_apply() -> None:
    columns = frozenset({"image.modality", "condition.cancer_type"})

    def state(text: str) -> CriterionState:
        (use,) = criteria(read(text).root)
        return criterion_state(use, VOCABULARY, columns)

    assert state("image.modality = 'MR'") is CriterionState.APPLIED
    assert state("image.modality = 'XX'") is CriterionState.UNKNOWN_VALUE
    assert state("image.modality IN ('MR', 'XX')") is CriterionState.UNKNOWN_VALUE
    assert state("within(condition.cancer_type, 'nonsense')") is CriterionState.UNKNOWN_VALUE
    assert state("person.age > 50") is CriterionState.UNSUPPORTED
    assert state("image.of_a_later_vocabulary = 'MR'") is CriterionState.UNSUPPORTED
    assert state("image.modality > 'MR'") is CriterionState.UNSUPPORTED


@pytest.mark.parametrize(
    ("text", "single"),
    [
        ("", True),
        ("image.modality = 'MR'", True),
        ("NOT exists(image.modality = 'MR')", False),
        ("exists(image.modality = 'MR')", False),
        ("NOT image.modality = 'MR'", False),
        ("image.modality <> 'MR'", False),
        ("within(image.modality, 'MR')", True),
        ("image.contrast IS NULL", False),
        ("person.age BETWEEN 50 AND 54", True),
        ("person.age BETWEEN 50 AND 59", False),
        ("person.age > 50", False),
        ("image.modality IN ('MR', 'CT')", False),
        ("image.model LIKE 'x%'", False),
        ("image.modality = 'MR' AND person.sex = 'female'", False),
        ("count(image.study) > 2", False),
    ],
)
def test_only_criteria_that_are_few_are_single(text: str, single: bool) -> None:
    assert is_single(read(text), VOCABULARY) is single


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ("person.agge > 50", "no field person.agge"),
        ("person.age = 'old'", "person.age holds a number"),
        ("person.sex = 'Female'", "did you mean 'female'?"),
        ("person.sex = ", "CQL2"),
    ],
)
def test_a_selection_that_no_node_could_apply_is_refused_where_it_is_written(
    selection: str, said: str
) -> None:
    with pytest.raises(BadQuestion, match=re.escape(said)):
        check_selection(selection, VOCABULARY)


def test_a_selection_of_the_vocabulary_is_accepted_and_so_is_none() -> None:
    check_selection("person.age > 50 AND person.sex = 'female'", VOCABULARY)
    check_selection("", VOCABULARY)
