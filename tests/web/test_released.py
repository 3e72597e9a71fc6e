"""How a released result is drawn and written: what is not shown is never a zero, and curves stay within their field."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.analysis.result import Bar, Column, Figure, Line, Number, Point, Result, Sheet
from hanse.core.fields import Field, Type
from hanse.core.release import Limits, Why
from hanse.web import charts, released
from hanse.web.language import speaking
from hanse.web.method_form import BINS, edges

SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (Number(1204, Why.ROUNDED), "1,204"),
        (Number(0.92, Why.COARSE), "0.92"),
        (Number(1.2e-9, Why.COARSE), "1.2e-09"),
        (Number(None, Why.WITHHELD), "withheld"),
        (Number(None, Why.DOMINANCE), "dominance"),
        (Number(None, Why.COMPUTED), "–"),  # a median that is never reached
    ],
)
def test_a_number_says_what_it_is(number: Number, said: str) -> None:
    assert released.cell(number) == said


def test_fields_go_by_their_labels_and_what_is_no_field_stays() -> None:
    assert released.name("condition.stage_group by person.sex") == "Stage by Sex"
    with speaking("fr"):
        assert released.name("condition.stage_group by person.sex") == "Stade par Sexe"
    assert released.name("person.shoe_size of example.org") == "person.shoe_size of example.org"


def test_a_result_speaks_the_language_of_the_page_and_leaves_codes_as_they_are() -> None:
    sheet = Sheet(
        "Summary",
        (Column("person.sex"), Column("events", "persons")),
        (("all shown", Number(1204, Why.ROUNDED)), ("female", Number(None, Why.WITHHELD))),
    )
    with speaking("fr"):
        (table,) = released.tables(Result("kaplan_meier", (sheet,), None, Limits()))
    assert table.title == "Résumé"
    assert list(table.heads) == ["Sexe", "événements [personnes]"]
    assert list(table.rows) == [["tous ceux montrés", "1\u202f204"], ["female", "retenu"]]


def test_a_withheld_bar_has_no_length() -> None:
    bars = (Bar("0 to < 50", 30), Bar("50 to < 60", None))
    drawn = released.chart(Figure("histogram", "person.age", Column("person.age"), Column("persons"), bars))
    assert isinstance(drawn, charts.Chart)
    assert [one.text for one in drawn.bars] == ["30", "withheld"]
    assert drawn.bars[1].value is None


@given(st.lists(st.tuples(st.floats(0.5, 4000), SHARES, SHARES, SHARES), min_size=1, max_size=20))
def test_curves_stay_within_their_field(points: list[tuple[float, float, float, float]]) -> None:
    line = Line("all", tuple(Point(*one) for one in sorted(points)))
    drawn = charts.steps("Survival", "share", "time", [line])
    assert isinstance(drawn, charts.Steps)
    for path in (drawn.bars[0].path, drawn.bars[0].band):
        for x, y in re.findall(r"([\d.]+) ([\d.]+)", path):
            assert charts.LEFT <= float(x) <= charts.RIGHT
            assert charts.TOP <= float(y) <= charts.BOTTOM


@given(st.integers(-1000, 1000), st.integers(1, 10_000))
def test_suggested_edges_are_few_and_span_what_a_field_can_be(least: int, width: int) -> None:
    field = Field("condition.psa", Type.NUMBER, {"en": "PSA"}, "", least=least, most=least + width)
    found = edges(field)
    assert 2 <= len(found) <= BINS + 3
    assert list(found) == sorted(set(found))
    assert found[0] <= least + 1e-9
    assert found[-1] >= least + width - 1e-9


def test_nothing_is_suggested_where_nobody_knows_the_values() -> None:
    assert edges(Field("condition.psa", Type.NUMBER, {"en": "PSA"}, "")) == ()
