"""Reading CQL2: what is part of the question language, what is refused, and where a mistake is."""

import pytest

from hanse.core.errors import BadQuestion, QuestionTooLarge
from hanse.core.query import (
    And,
    Between,
    Compare,
    Count,
    Everyone,
    Exists,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    Within,
    WithinDays,
    criteria,
    ordered,
    to_text,
)
from hanse.core.reading import MAX_CRITERIA, MAX_DEPTH, MAX_LENGTH, read

MR = Compare("image.modality", "=", "MR")
CT = Compare("image.modality", "=", "CT")


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", Everyone()),
        ("TRUE", Everyone()),
        ("image.modality = 'MR'", MR),
        ("'MR' = image.modality", MR),
        ("50 < person.age", Compare("person.age", ">", 50)),
        ("image.slice_spacing <= 1.5", Compare("image.slice_spacing", "<=", 1.5)),
        ("image.contrast = TRUE", Compare("image.contrast", "=", True)),
        ("image.model = 'it''s; DROP TABLE image'", Compare("image.model", "=", "it's; DROP TABLE image")),
        ("image.modality IN ('MR', 'CT')", In("image.modality", ("MR", "CT"))),
        ("person.age NOT BETWEEN 40 AND 50", Not(Between("person.age", 40, 50))),
        ("image.model LIKE 'Sky%'", Like("image.model", "Sky%")),
        ("CASEI(image.model) LIKE CASEI('sky%')", Like("image.model", "sky%", fold=True)),
        ("image.model IS NOT NULL", Not(IsNull("image.model"))),
        ("within(condition.code, 'C50')", Within("condition.code", "C50")),
        ("exists(image.modality = 'MR') AND exists(image.modality = 'CT')", And((Exists(MR), Exists(CT)))),
        ("(image.modality = 'MR') OR ((image.modality = 'CT'))", Or((MR, CT))),
        ("NOT(image.modality = 'MR')", Not(MR)),
        ("count(image.study) >= 2", Count("image.study", None, ">=", 2)),
        ("2 <= count(image.study, (image.modality = 'MR'))", Count("image.study", MR, ">=", 2)),
        ("count(image.modality = 'MR') = 0", Count(None, MR, "=", 0)),
        (
            "within_days(condition.day, image.modality = 'MR', -30, 90)",
            WithinDays("condition.day", MR, -30, 90),
        ),
    ],
)
def test_the_language(text: str, root: Node) -> None:
    question = read(text)
    assert question.root == root
    assert read(question.text) == read(question.json) == question


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("image.modality == 'MR'", 17),
        ("image.modality = 'MR' AND", 26),
        ("image.modality = 'MR", 18),
        ("(image.modality = 'MR'", 1),
        ("image.modality = 'MR')", 22),
        ("image.modality = 'MR' AND (person.age > )", 41),
        ("person.age > 5 OR\n(person.age < 3 AND (person.age >> 4))", 51),
        ("image.modälity = 'MR'", 10),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, at: int) -> None:
    with pytest.raises(BadQuestion) as caught:
        read(text)
    assert caught.value.at is not None
    assert abs(caught.value.at - at) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "image.modality",
        "image.modality = NULL",
        "image.rows > image.columns",
        "image.rows > 1 + 2",
        "image.day = DATE('2020-01-01')",
        "S_INTERSECTS(image.place, POINT(0 0))",
        "upper(image.model) = 'X'",
        "count(image.study) >= 1.5",
        "count() >= 1",
        "exists(person.sex = 'female')",
        "within_days(condition.day, image.modality = 'MR', 0)",
        "image.model LIKE 'x\\'",
        "image.rows > 1e999",
        "image.rows > -1e300",
        "image.rows = 1000000000000000000",
        "image.model = '\ud800'",
        "image.model = '\0'",
        "FALSE",
    ],
)
def test_what_is_cql2_but_not_of_this_language_is_refused_with_words(text: str) -> None:
    with pytest.raises(BadQuestion):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "image.rows = 1" + ")" * 5000,
        "exists(" * (MAX_DEPTH + 1) + "image.rows = 1" + ")" * (MAX_DEPTH + 1),
        " OR ".join(["image.rows = 1"] * 20_000),
        " OR ".join(f"image.rows={number}" for number in range(MAX_CRITERIA + 1)),
        "image.model = '" + "x" * MAX_LENGTH + "'",
        "NOT " * 3000 + "image.rows = 1",
        " " * (MAX_LENGTH + 1),
        {"op": "=", "args": [{"property": "image.model"}, "x" * (MAX_LENGTH + 1)]},
        {"op": "=", "args": [{"property": "x" * (MAX_LENGTH + 1)}, 1]},
    ],
)
def test_a_question_over_the_bounds_is_refused_before_it_can_do_harm(text: str | dict[str, object]) -> None:
    with pytest.raises(QuestionTooLarge):
        read(text)


@pytest.mark.parametrize(
    "opening", ["(", "a IN (", "NOT (", "NOT(", "a.b LIKE (", "a div (", "f(", "f (", "a.b IS (", "a.b=("]
)
@pytest.mark.parametrize("inside", ["image.rows = ", "a.b = 1 AND a.c", ""])
def test_a_mistake_inside_deep_parentheses_is_found_at_once(opening: str, inside: str) -> None:
    # The time limit of a test is the assertion: cql2 alone would need years.
    with pytest.raises(BadQuestion):
        read(opening * MAX_DEPTH + inside + ")" * MAX_DEPTH)


@pytest.mark.parametrize(
    "body",
    [
        {"op": "and", "args": []},
        {"op": "="},
        {"args": [1]},
        [],
        {"op": "like", "args": [{"op": "casei"}, 1]},
        {"op": 3},
        {"op": "=", "args": [{"property": "image.rows"}, 10**400]},
        {"op": "=", "args": [{"property": "image.rows"}, float("inf")]},
        {"op": "=", "args": [{"property": "image.model"}, "\0"]},
        {"op": "=", "args": [{"property": "image.model"}, "\ud800"]},
    ],
)
def test_json_that_is_no_question_is_refused(body: object) -> None:
    with pytest.raises(BadQuestion):
        read(body)  # type: ignore[arg-type]


def test_json_nested_without_end_is_refused() -> None:
    body: dict[str, object] = {"op": "=", "args": [{"property": "image.rows"}, 1]}
    for _ in range(2000):
        body = {"op": "not", "args": [body]}
    with pytest.raises(QuestionTooLarge):
        read(body)


def test_every_use_of_a_field_is_a_criterion_in_the_order_of_the_text() -> None:
    question = read(
        "image.modality = 'MR' AND count(image.study, image.rows > 5) > 1"
        " AND within_days(condition.day, NOT image.modality = 'CT', 0, 90)"
    )
    assert [to_text(use) for use in criteria(question.root)] == [
        "image.modality = 'MR'",
        "image.study",
        "image.rows > 5",
        "condition.day",
        "image.modality = 'CT'",
    ]


def test_two_ways_to_write_one_question_have_one_order() -> None:
    ways = (
        "image.modality IN ('MR', 'CT', 'MR') AND (person.age > 5 OR image.rows = 1)",
        "(image.rows = 1 OR person.age > 5 OR image.rows = 1) AND image.modality IN ('CT', 'MR')",
    )
    assert len({to_text(ordered(read(way).root)) for way in ways}) == 1
