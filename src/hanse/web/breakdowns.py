"""Charts of a cohort: released breakdowns summed over datasets; a bar leads to the question narrowed by its value."""

from collections.abc import Callable, Iterable, Sequence

from hanse.core.answer import DatasetAnswer
from hanse.core.fields import Field, Type, Vocabulary
from hanse.core.query import And, Between, Compare, Criterion, Everyone, Question
from hanse.web import charts
from hanse.web.charts import Bar, Chart, number_in
from hanse.web.criteria import value_label
from hanse.web.language import gettext as _
from hanse.web.language import ngettext
from hanse.web.saying import number, spoken

FIELDS = (
    "image.modality",
    "person.sex",
    "person.age",
    "condition.cancer_type",
    "image.manufacturer",
    "image.body_part",
    "image.study_year",
)
MOST_BARS = 10

Address = Callable[[Question], str]


def asked(vocabulary: Vocabulary) -> tuple[str, ...]:
    """The breakdowns that are asked along, as far as the vocabulary has them."""
    known = (vocabulary.get(name) for name in FIELDS)
    return tuple(field.name for field in known if field is not None and field.breakdown)


def drawn(
    datasets: Sequence[DatasetAnswer], question: Question, vocabulary: Vocabulary, address: Address
) -> list[Chart]:
    """A chart for each breakdown that tells values apart; `address` leads to another question."""
    fields = [vocabulary.fields[name] for name in asked(vocabulary)]
    made = [_chart(field, datasets, question, address) for field in fields]
    return [chart for chart in made if len(chart.bars) > 1]


def _chart(field: Field, datasets: Iterable[DatasetAnswer], question: Question, address: Address) -> Chart:
    sums: dict[str, int] = {}
    inexact: set[str] = set()
    silent = 0
    for dataset in datasets:
        cells = [one for one in dataset.breakdowns.get(field.name, ()) if one.counts.persons]
        silent += bool(dataset.counts.persons) and not cells
        for cell in cells:
            sums[cell.value] = sums.get(cell.value, 0) + (cell.counts.persons or 0)
            if cell.counts.rounding:
                inexact.add(cell.value)
    ordered = field.type is Type.INTEGER
    values = sorted(
        sums, key=(lambda one: (number_in(one) or 0, one)) if ordered else lambda one: (-sums[one], one)
    )
    shown = values if ordered else values[:MOST_BARS]
    rows = [
        Bar(
            value_label(field, value),
            sums[value],
            ("~" if value in inexact else "") + number(sums[value]),
            address(narrowed(question, field, value)),
            short=value.partition("-")[0],
        )
        for value in shown
    ]
    if ordered:
        rows = _in_order(rows)
    note = " ".join(_notes(silent, len(values) - len(shown)))
    kind = charts.histogram if ordered else charts.bars
    return kind(spoken(field.label), _("persons"), rows, note)


def _in_order(rows: Sequence[Bar]) -> list[Bar]:
    """The bars of numbers with gaps between those that are not neighbours, then what is no number. Bands of different
    widths that begin together stay as they are."""
    others = [bar for bar in rows if number_in(bar.label) is None]
    numbers = {number: bar for bar in rows if (number := number_in(bar.label)) is not None}
    if len(numbers) + len(others) < len(rows):
        return list(rows)
    step = charts.step_of(bar.label for bar in rows)
    return [*charts.with_gaps(numbers, step, 0, _("none told")), *others]


def _notes(silent: int, left: int) -> Iterable[str]:
    """What is not in the bars."""
    if left:
        yield ngettext("%(n)s more value.", "%(n)s more values.", left) % {"n": number(left)}
    if silent:
        said = ngettext(
            "%(n)s dataset without released numbers is not in the bars.",
            "%(n)s datasets without released numbers are not in the bars.",
            silent,
        )
        yield said % {"n": number(silent)}


def narrowed(question: Question, field: Field, value: str) -> Question:
    """The question of those who also have this value of the field."""
    one: Criterion = Compare(field.name, "=", value)
    low, high = (number_in(end) for end in value.partition("-")[::2])
    if field.type is Type.INTEGER and low is not None:
        one = Compare(field.name, "=", low) if high is None else Between(field.name, low, high)
    match question.root:
        case Everyone():
            return Question(one)
        case And(terms):
            return Question(And((*terms, one)))
    return Question(And((question.root, one)))
