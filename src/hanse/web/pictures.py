"""The charts of a dataset: one for each breakdown of its record, and what is said where there is no number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hanse.core.answer import Cell, Counts, Rule
from hanse.core.fields import Field, Type, Vocabulary
from hanse.core.policy import Access
from hanse.core.query import Everyone, Question
from hanse.core.record import Record
from hanse.web import charts, saying
from hanse.web.breakdowns import narrowed
from hanse.web.charts import Bar, Chart, number_in
from hanse.web.criteria import value_label
from hanse.web.language import N_, address
from hanse.web.language import gettext as _

MOST_BARS = 12  # of one chart; the others are folded away
MOST_FOLDED = 200  # of them; a node can claim thousands
MOST_CHARTS = 12

# Why there is no number, where there is none.
SILENT: Mapping[Rule, str] = {
    Rule.WITHHELD: N_("too few persons to show"),
    Rule.CAPPED: N_("too many questions were asked"),
    Rule.NOT_COUNTED: N_("not counted"),
}
# The charts of a dataset, the most telling first; other breakdowns follow.
FIRST = (
    "image.modality",
    "person.age",
    "person.sex",
    "condition.cancer_type",
    "image.body_part",
    "image.study_year",
    "image.manufacturer",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart, and the bars that are folded away because there are many."""

    chart: Chart
    rest: Chart | None = None


def pictures(record: Record, vocabulary: Vocabulary) -> list[Picture]:
    """A chart of each breakdown, the most telling first."""
    return [
        picture(record, name, vocabulary)
        for name in telling(record.breakdowns)[:MOST_CHARTS]
        if record.breakdowns[name]
    ]


def telling(fields: Mapping[str, object]) -> list[str]:
    """The fields in the order in which their charts are shown."""
    return sorted(fields, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))


def picture(record: Record, name: str, vocabulary: Vocabulary) -> Picture:
    """Numbers and bands stand in their order, other values with the most persons first; a bar leads to the cohort of
    those who have its value."""
    cells, field = record.breakdowns[name], vocabulary.get(name)
    title = saying.spoken(field.label) if field else name
    if field and field.type is Type.INTEGER:
        return Picture(charts.histogram(title, _("persons"), _in_order(record, field, cells)))
    rows = [_bar(record, field, cell) for cell in sorted(cells, key=lambda cell: -(cell.counts.persons or 0))]
    folded = rows[MOST_BARS:][:MOST_FOLDED]
    rest = charts.bars(_("%(title)s: other values") % {"title": title}, _("persons"), folded)
    return Picture(charts.bars(title, _("persons"), rows[:MOST_BARS]), rest if rest.bars else None)


def silent(counts: Counts) -> str:
    """Why a number is not told; empty when it is."""
    return "" if counts.known else _(SILENT.get(counts.rule, N_("not told")))


def _in_order(record: Record, field: Field, cells: Sequence[Cell]) -> list[Bar]:
    """The bars by number, with gaps: of open data a number without a cell has nobody, of others nothing is told. What
    is no number comes last."""
    numbers = {cell: number for cell in cells if (number := number_in(cell.value)) is not None}
    bars = {number: _bar(record, field, cell) for cell, number in numbers.items()}
    others = [_bar(record, field, cell) for cell in cells if cell not in numbers]
    value, said = (0, saying.number(0)) if record.access is Access.OPEN else (None, _("not told"))
    step = charts.step_of(cell.value for cell in cells)
    return [*charts.with_gaps(bars, step, value, said), *others]


def _bar(record: Record, field: Field | None, cell: Cell) -> Bar:
    label = value_label(field, cell.value) if field else cell.value
    lead = ""
    if field and cell.counts.persons:
        lead = address("/cohort", q=narrowed(Question(Everyone()), field, cell.value).text, dataset=record.id)
    said = saying.count(cell.counts) if cell.counts.known else silent(cell.counts)
    return Bar(label, cell.counts.persons, said, lead, short=cell.value.partition("-")[0])
