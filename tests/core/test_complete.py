"""What is offered while a question is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.core.complete import MOST, complete
from hanse.domains import VOCABULARY


def offered(typed: str, language: str = "en") -> list[str]:
    """What is offered at the place of the bar."""
    at = typed.index("|") if "|" in typed else len(typed)
    return [one.insert.strip() for one in complete(typed.replace("|", ""), at, VOCABULARY, language)]


def taken(typed: str) -> str:
    """The text after the first suggestion was taken."""
    at, text = typed.index("|"), typed.replace("|", "")
    first = complete(text, at, VOCABULARY)[0]
    return text[: first.start] + first.insert + text[first.end :]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("image.mod", "image.modality"),
        ("modal", "image.modality"),
        ("person.sex ", "="),
        ("person.sex = ", "'female'"),
        ("person.sex = 'wom", "'female'"),
        ("image.modality IN (", "'CT'"),
        ("image.modality IN ('CT', 'magn", "'MR'"),
        ("image.contrast = ", "TRUE"),
        ("image.modality = 'MR' ", "AND"),
        ("image.modality = 'MR' AND exists(image.modal", "image.modality"),
        ("exists(image.modality = 'SEG'", "AND"),
        ("exists(image.modality = 'SEG')", "AND"),
        ("count(image.study) ", ">="),
        ("within(condition.c", "condition.cancer_type"),
        ("within(condition.code, 'brea", "'C50'"),
        ("person.age BETWEEN 1 ", "AND"),
        ("condition.grade IS ", "NULL"),
        ("within_days(condition.day, image.mod", "image.modality"),
        ("(image.modality = 'MR' OR per", "person.sex"),
        ("CASEI(image.mod", "image.modality"),
        ("CASEI(image.model) ", "="),
    ],
)
def test_what_comes_next_is_offered(typed: str, first: str) -> None:
    assert offered(typed)[0] == first


def test_labels_and_synonyms_of_any_language_find_values() -> None:
    assert "'breast'" in offered("condition.cancer_type = 'sein", "fr")
    assert "'MR'" in offered("image.modality = 'IRM")
    labels = {one.insert: one.label for one in complete("image.modality = '", 18, VOCABULARY, "fr")}
    assert labels["'MR'"] == "Imagerie par résonance magnétique (IRM)"


def test_a_suggestion_takes_the_place_of_what_was_typed() -> None:
    assert (
        taken("image.modality = 'magnet|' AND person.age > 50") == "image.modality = 'MR' AND person.age > 50"
    )
    assert taken("person.ag| > 50") == "person.age > 50"


@pytest.mark.parametrize("typed", ["image.study_description = '", "'MR", "person.sex = 'female' AND '"])
def test_nothing_is_offered_where_no_list_knows_the_values(typed: str) -> None:
    assert offered(typed) == []


@given(st.text(alphabet=st.sampled_from("imagedlty.='()<>, ANDORexistscu01é\n%\"")), st.integers(-5, 80))
def test_whatever_is_typed_the_offer_is_short_and_lies_in_the_text(text: str, at: int) -> None:
    found = complete(text, at, VOCABULARY)
    assert len(found) <= MOST
    assert all(0 <= one.start <= one.end <= len(text) for one in found)
