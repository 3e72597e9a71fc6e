"""A released result of an analysis as a page shows it: a chart, and tables whose numbers say what they are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from babel.numbers import format_decimal

from hanse.analysis.result import Bar, Column, Figure, Number, Result
from hanse.core.release import Why
from hanse.domains import VOCABULARY
from hanse.web import charts, saying
from hanse.web.charts import Chart, Steps
from hanse.web.language import N_, current
from hanse.web.language import gettext as _
from hanse.web.saying import spoken

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
    Why.ROUNDED: N_("A count, with noise where the permit asks for it, rounded as the permit says."),
    Why.COMPUTED: N_("Computed from rounded counts."),
    Why.COARSE: N_("Computed from exact counts, and told to few digits."),
    Why.WITHHELD: N_("Too few persons, or needed to hide a number of too few."),
    Why.DOMINANCE: N_("One or two persons may make up most of the sum."),
}
# Words that results are made of, in `analysis/`; codes stand as they are.
NAMES = (
    *(N_("Summary"), N_("Curve"), N_("Survival"), N_("Log-rank test"), N_("Association"), N_("Numbers")),
    *(N_("Counts"), N_("dataset"), N_("studies"), N_("series")),
    *(N_("variable"), N_("unit"), N_("mean"), N_("sd"), N_("least edge"), N_("greatest edge")),
    *(N_("group"), N_("time"), N_("days"), N_("persons"), N_("at risk"), N_("events"), N_("censored")),
    *(N_("survival"), N_("95 % from"), N_("95 % to"), N_("median"), N_("restricted mean"), N_("up to")),
    *(
        N_("share without the event"),
        N_("statistic"),
        N_("value"),
        N_("chi-square"),
        N_("degrees of freedom"),
    ),
    *(N_("all"), N_("all shown"), N_("other"), N_("missing"), N_("below"), N_("above"), N_("years")),
)
HIDING = (Why.WITHHELD, Why.DOMINANCE)  # a number of another rule can be missing because there is none
_FIELD = re.compile(r"\b[a-z]+\.[a-z_]+\b")
_CROSSED = re.compile(r"(\S+) by (\S+)")  # the title of a cross table
SMALL = 1e-6  # below which a number is written with a power of ten


class Table(NamedTuple):
    """A sheet in the language of the page; the first cell of a row is its name."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(result: Result) -> list[Table]:
    """The sheets of a result."""
    return [
        Table(name(one.title), list(map(column, one.columns)), [list(map(cell, row)) for row in one.rows])
        for one in result.sheets
    ]


def cell(value: str | Number) -> str:
    """A cell of a table in the language of the page; a number that is not shown says why."""
    if isinstance(value, str):
        return name(value)
    if value.value is None:
        return _(WORDS[value.why]) if value.why in HIDING else saying.NONE
    return number(value.value)


def name(text: str) -> str:
    """A word of a result in the language of the page, where it is one of `NAMES` or the name of a field."""
    if text in NAMES:
        return _(text)
    if crossed := _CROSSED.fullmatch(text):
        return _("%(rows)s by %(columns)s") % {"rows": name(crossed[1]), "columns": name(crossed[2])}
    return _FIELD.sub(_label, text)


def _label(found: re.Match[str]) -> str:
    field = VOCABULARY.get(found[0])
    return spoken(field.label) if field else found[0]


def column(one: Column) -> str:
    """The head of a column, or the name of an axis, with its unit."""
    return f"{name(one.name)} [{name(one.unit)}]" if one.unit else name(one.name)


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
        lines = [replace(one, label=name(one.label)) for one in figure.lines]
        return charts.steps(name(figure.title), column(figure.y), column(figure.x), lines)
    draw: Any = charts.histogram if figure.kind == "histogram" else charts.bars
    return draw(name(figure.title), column(figure.y), [_bar(one) for one in figure.bars])


def _bar(one: Bar) -> charts.Bar:
    said = _(WORDS[Why.WITHHELD]) if one.value is None else saying.number(one.value)
    return charts.Bar(name(one.label), one.value, said)
