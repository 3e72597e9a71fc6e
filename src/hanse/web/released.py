"""A released result of an analysis as a page shows it: a chart, and tables whose numbers say what they are."""

from collections.abc import Mapping
from typing import Any

from babel.numbers import format_decimal

from hanse.analysis.result import Bar, Figure, Number, Result
from hanse.core.release import Why
from hanse.web import charts, saying
from hanse.web.charts import Chart, Steps
from hanse.web.language import N_, current
from hanse.web.language import gettext as _

WORDS: Mapping[Why, str] = {
    Why.EXACT: N_("exact"),
    Why.ROUNDED: N_("rounded"),
    Why.COMPUTED: N_("computed"),
    Why.COARSE: N_("coarse"),
    Why.WITHHELD: N_("withheld"),
    Why.DOMINANCE: N_("dominance"),
}
MEANINGS: Mapping[Why, str] = {
    Why.EXACT: N_("A count, as it is."),
    Why.ROUNDED: N_("A count, rounded as the permit says."),
    Why.COMPUTED: N_("Computed from rounded counts."),
    Why.COARSE: N_("Computed from exact counts, and told to few digits."),
    Why.WITHHELD: N_("Too few persons, or needed to hide a number of too few."),
    Why.DOMINANCE: N_("One or two persons may make up most of the sum."),
}
HIDING = (Why.WITHHELD, Why.DOMINANCE)  # a number of another rule can be missing because there is none
SMALL = 1e-6  # below which a number is written with a power of ten


def cell(value: str | Number) -> str:
    """A cell of a table in the language of the page; a number that is not shown says why."""
    if isinstance(value, str):
        return value
    if value.value is None:
        return _(WORDS[value.why]) if value.why in HIDING else saying.NONE
    return number(value.value)


def number(value: float) -> str:
    """`0.0031` and `1,204`; `2.0e-12` for what is almost nothing."""
    if value and abs(value) < SMALL:
        return f"{value:.1e}"
    return str(format_decimal(value, format="#,##0.########", locale=current()))


def rules(result: Result) -> list[Why]:
    """The rules behind the numbers shown."""
    made = {
        one.why for sheet in result.sheets for row in sheet.rows for one in row if isinstance(one, Number)
    }
    return [one for one in Why if one in made]


def chart(figure: Figure | None) -> Chart | Steps | None:
    """The figure of a result, drawn by the server."""
    if figure is None:
        return None
    if figure.kind == "steps":
        return charts.steps(figure.title, str(figure.y), str(figure.x), figure.lines)
    draw: Any = charts.histogram if figure.kind == "histogram" else charts.bars
    return draw(figure.title, str(figure.y), [_bar(one) for one in figure.bars])


def _bar(one: Bar) -> charts.Bar:
    said = _(WORDS[Why.WITHHELD]) if one.value is None else saying.number(one.value)
    return charts.Bar(one.label, one.value, said)
