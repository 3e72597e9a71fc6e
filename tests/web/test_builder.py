"""The builder says what the question says, both ways."""

import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.test_engine import PERSONS, QUESTIONS, VOCABULARY

from hanse.core.meaning import select
from hanse.core.query import ordered, to_text
from hanse.core.reading import read
from hanse.domains import VOCABULARY as REAL
from hanse.web import acts, builder, sent
from hanse.web.acts import Place
from hanse.web.builder import (
    Apart,
    BadValue,
    Condition,
    Counted,
    Form,
    Group,
    How,
    Joint,
    Rows,
    Unfit,
    Why,
    form_of,
    question_of,
)

WOMEN_UNDER_50 = (
    "image.modality = 'MR' AND person.sex = 'female' AND person.age < 50"
    " AND condition.cancer_type = 'breast' AND exists(image.modality = 'SEG')"
)


def opened(text: str) -> Form:
    return form_of(read(text), REAL)


def said(form: Form) -> str:
    return question_of(form, REAL).text


@settings(max_examples=60)
@given(QUESTIONS, PERSONS)
def test_a_question_that_fits_keeps_its_meaning(question, persons) -> None:  # type: ignore[no-untyped-def]
    try:
        form = form_of(question, VOCABULARY)
    except Unfit:
        return
    again = question_of(form, VOCABULARY)
    assert select(again, persons, VOCABULARY) == select(question, persons, VOCABULARY)
    assert form_of(again, VOCABULARY) == form_of(read(again.text), VOCABULARY)


@settings(max_examples=50)
@given(QUESTIONS)
def test_a_criterion_passes_through_an_address_unchanged(question) -> None:  # type: ignore[no-untyped-def]
    try:
        form = form_of(question, VOCABULARY)
    except Unfit:
        return
    for part in (part for group in form.groups for part in group.parts):
        address = urllib.parse.urlencode(sent.pairs(part))
        received = urllib.parse.parse_qs(address, keep_blank_values=True)
        assert sent.part_of(received, VOCABULARY) == part


@pytest.mark.parametrize(
    "text",
    [
        "",
        WOMEN_UNDER_50,
        "image.modality = 'MR' OR image.modality = 'CT'",
        "(image.modality = 'MR' AND person.sex = 'female') OR (image.modality = 'CT' AND person.sex = 'male')",
        "NOT exists(image.modality = 'CT' OR image.modality = 'PT') AND count(image.study) >= 2",
        "exists(image.modality = 'SEG' AND image.body_part = 'BREAST') AND image.contrast = TRUE",
        "within_days(condition.day, image.modality = 'MR', 0, 90)",
        "count(image.study, image.modality = 'MR') >= 2 AND NOT (person.age IS NULL)",
        "within(condition.code, 'C50') OR within(condition.code, 'C61')",
        "CASEI(image.series_description) LIKE CASEI('%50\\% dose%')",
        "image.series_description LIKE 'T2%'",
        "condition.ct >= 'cT2' AND image.slice_thickness BETWEEN 0.5 AND 3",
        "NOT (image.modality IN ('CT', 'MR'))",
    ],
)
def test_what_people_ask_fits_and_reads_back(text: str) -> None:
    assert ordered(read(said(opened(text))).root) == ordered(read(text).root)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "person.age > 1 AND (image.modality = 'MR' OR (image.contrast = TRUE AND person.age < 9))",
            Why.DEPTH,
        ),
        ("NOT (image.modality = 'MR' AND image.contrast = TRUE)", Why.DEPTH),
        ("NOT (NOT (image.modality = 'MR'))", Why.CRITERION),
        ("CASEI(image.model) LIKE CASEI('a_b%')", Why.CRITERION),
        ("image.nothing = 'MR'", Why.FIELD),
    ],
)
def test_a_question_that_does_not_fit_says_why(text: str, why: Why) -> None:
    with pytest.raises(Unfit) as raised:
        opened(text)
    assert raised.value.why is why


def test_a_question_is_clicked_together() -> None:
    form = Form()
    for field, how, *values in (
        ("image.modality", How.IS, "MR"),
        ("person.sex", How.IS, "female"),
        ("person.age", How.LESS, "50"),
        ("condition.cancer_type", How.IS, "breast"),
    ):
        form = acts.put(form, Place(), Condition(field, how, tuple(values)))
    form = acts.put(form, Place(), Condition("image.modality", How.IS, ("SEG",)), Rows.ANOTHER)
    assert said(form) == WOMEN_UNDER_50


def test_criteria_are_added_changed_denied_and_removed() -> None:
    form = opened("image.modality = 'MR' AND person.age > 50")
    form = acts.put(form, Place(0), Condition("image.modality", How.IS, ("CT",)))
    assert said(form) == "(image.modality = 'MR' OR image.modality = 'CT') AND person.age > 50"
    form = acts.put(form, Place(0, 0), Condition("image.modality", How.IS, ("PT", "NM")))
    form = acts.deny(form, Place(1, 0))
    assert said(form) == "(image.modality IN ('PT', 'NM') OR image.modality = 'CT') AND NOT (person.age > 50)"
    form = acts.remove(acts.remove(form, Place(0, 1)), Place(1))
    assert said(form) == "image.modality IN ('PT', 'NM')"
    assert said(acts.remove(form, Place(0, 0))) == ""


def test_the_two_joints_change_places() -> None:
    form = opened("(image.modality = 'MR' OR image.modality = 'CT') AND person.age > 50")
    other = acts.join(form, Joint.OR)
    assert said(other) == "(image.modality = 'MR' AND image.modality = 'CT') OR person.age > 50"
    assert acts.join(other, Joint.AND) == form


def test_a_group_can_speak_of_other_rows() -> None:
    form = opened("image.modality = 'MR' AND (image.modality = 'SEG' OR image.modality = 'RTSTRUCT')")
    form = acts.regroup(form, Place(1), Rows.NONE, Joint.OR)
    assert said(form) == (
        "image.modality = 'MR' AND NOT (exists(image.modality = 'SEG' OR image.modality = 'RTSTRUCT'))"
    )


@pytest.mark.parametrize("value", ["", "ten", "1,2,3", "0x10", "NaN", "--1", "٣x"])
def test_a_value_that_is_no_number_is_named(value: str) -> None:
    form = Form((Group((Condition("person.age", How.LESS, (value,)),)),))
    with pytest.raises(BadValue) as raised:
        said(form)
    assert raised.value.typed == value


def test_numbers_are_written_with_a_point_or_a_comma() -> None:
    form = Form((Group((Condition("image.slice_thickness", How.LESS, ("1,5",)),)),))
    assert said(form) == "image.slice_thickness < 1.5"


@given(st.dictionaries(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3)))
def test_whatever_is_sent_makes_a_criterion_or_is_refused(received) -> None:  # type: ignore[no-untyped-def]
    for kind in ("field", "count", "days"):
        with pytest.raises(BadValue):
            sent.part_of(received | {"kind": [kind]}, REAL)


@pytest.mark.parametrize("place", ["new", "", "0", "9", "0.7", "999.999", "a.b", "-1", "1.1.1"])
def test_places_that_are_not_there_do_no_harm(place: str) -> None:
    form = opened("image.modality = 'MR'")
    where = acts.place_of(place)
    acts.deny(acts.remove(acts.regroup(form, where, Rows.ANOTHER), where), where)
    assert len(acts.put(form, where, Condition("person.age", How.LESS, ("9",))).groups) >= 1


def test_counts_and_days_are_criteria() -> None:
    counted = Counted("image.study", Condition("image.modality", How.IS, ("MR",)), ">=", 2)
    apart = Apart("condition.day", Condition("image.modality", How.IS, ("MR",)), 0, 90)
    form = Form((Group((counted,)), Group((apart,))))
    assert said(form) == (
        "count(image.study, image.modality = 'MR') >= 2"
        " AND within_days(condition.day, image.modality = 'MR', 0, 90)"
    )
    assert to_text(builder.part_node(counted, REAL)) in said(form)
