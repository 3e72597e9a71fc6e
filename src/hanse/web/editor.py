"""The editor of one criterion: what can be compared and chosen, and what was."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hanse.core.fields import PERSON, Code, Field, Type, Vocabulary
from hanse.hub.coverage import Coverage
from hanse.web import charts
from hanse.web.acts import Place, at
from hanse.web.builder import Condition, Form, How, Joint, Part, Rows, offered
from hanse.web.charts import Bar, Chart, number_in
from hanse.web.criteria import COUNTED, SAID, entity_label, unit_of, value_label
from hanse.web.language import gettext as _
from hanse.web.picking import can_be_asked, names_of, persons_with
from hanse.web.saying import number, spoken
from hanse.web.sent import OPS, Sent, first, pairs


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen; `depth` is that of a code in its tree, `persons` how many are known to have it."""

    value: str
    label: str
    chosen: bool = False
    depth: int = 0
    persons: int | None = None
    words: str = ""  # by which it is found as well


@dataclass(frozen=True, slots=True)
class Compared:
    """The part of the editor that compares one field. Names of its inputs begin with `before`."""

    before: str
    field: Field
    hows: tuple[Option, ...]
    values: tuple[str, ...]
    options: tuple[Option, ...]
    negated: bool
    unit: str
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Editor:
    """What the editor of one criterion shows. `kind` is `field`, `count` or `days`."""

    place: Place
    kind: str
    new: bool
    negated: bool
    rows: Rows | None = None  # when the criterion begins a group: of which rows
    kind_of_rows: str = ""
    compared: tuple[Compared, ...] = ()
    fields: tuple[tuple[Option, ...], ...] = ()  # to choose from, for each of `compared`
    counted: tuple[Option, ...] = ()
    ops: tuple[Option, ...] = ()
    number: str = "2"
    low: str = "0"
    high: str = "90"


def editor(form: Form, place: Place, sent: Sent, vocabulary: Vocabulary, coverage: Coverage) -> Editor | None:
    """The editor for what was sent, or else for the criterion at the place; None where there is nothing to edit."""
    present = at(form, place)
    if not any(name in sent for name in ("kind", "field")):
        if present is None:
            return None
        sent = _as_sent(present)
    kind = first(sent, "kind") or "field"
    made = Editor(place, kind, present is None, "not" in sent)
    if kind == "count":
        return _count_editor(made, sent, vocabulary, coverage)
    if kind == "days":
        return _days_editor(made, sent, vocabulary, coverage)
    field = vocabulary.get(first(sent, "field"))
    if field is None or not can_be_asked(field):
        return None
    made = replace(made, kind="field", compared=(_compared("", field, sent, coverage),))
    if made.new and field.entity != PERSON and (place.group is None or place.group >= len(form.groups)):
        rows = Rows(first(sent, "rows")) if first(sent, "rows") in list(Rows) else _likely_rows(form, field)
        made = replace(made, rows=rows, kind_of_rows=entity_label(field, vocabulary).lower())
    return made


def _as_sent(part: Part) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for name, value in pairs(part):
        sent.setdefault(name, []).append(value)
    return sent


def _likely_rows(form: Form, field: Field) -> Rows:
    """Another row when one is asked for its value of this field already: no image has two modalities."""
    used = {
        part.field
        for group in form.groups
        if group.rows is Rows.SAME and form.joint is Joint.AND
        for part in group.parts
        if isinstance(part, Condition)
    }
    return Rows.ANOTHER if field.name in used else Rows.SAME


def _compared(before: str, field: Field, sent: Sent, coverage: Coverage) -> Compared:
    values = tuple(
        sent.get(f"{before}value", ())
    )  # an empty one keeps its place: a range may have no lower end
    values = values if any(values) else ()
    how = first(sent, f"{before}how")
    possible = offered(field)
    how = how if how in [one.value for one in possible] else possible[0].value
    hows = tuple(Option(one.value, _how(one, field), one.value == how) for one in possible)
    options = tuple(_options(field, values, coverage))
    negated = bool(before) and f"{before}not" in sent
    return Compared(
        before, field, hows, values, options, negated, unit_of(field), _histogram(field, coverage)
    )


def _how(how: How, field: Field) -> str:
    if how is How.IS and field.type is Type.CODE:
        return _("is one of")
    if how is How.WITHIN:
        return _("is or lies below one of")
    return _(SAID[how][0] or SAID[how][1])


def _options(field: Field, chosen: Sequence[str], coverage: Coverage) -> Iterator[Option]:
    if field.type is Type.BOOLEAN:
        yield Option("true", _("yes"), "true" in chosen)
        yield Option("false", _("no"), "false" in chosen)
    if field.codes is None:
        return
    listed = [
        Option(
            code.code,
            value_label(field, code.code),
            code.code in chosen,
            depth,
            persons_with(coverage, field, code.code),
            " ".join(names_of(code)),
        )
        for code, depth in _in_tree(field.codes.codes)
    ]
    if not field.codes.ordered and not any(one.depth for one in listed):
        listed.sort(key=lambda one: (not one.chosen, -(one.persons or 0)))
    yield from listed
    yield from (Option(one, one, True) for one in chosen if one not in field.codes.codes)


def _in_tree(codes: Mapping[str, Code]) -> Iterator[tuple[Code, int]]:
    """Every code below its parent, with its depth."""
    children: dict[str, list[Code]] = {}
    for code in codes.values():
        children.setdefault(code.parent, []).append(code)
    todo = [(code, 0) for code in reversed(children.get("", []))]
    while todo:
        code, depth = todo.pop()
        yield code, depth
        todo.extend((child, depth + 1) for child in reversed(children.get(code.code, [])))


def _histogram(field: Field, coverage: Coverage) -> Chart | None:
    """How many persons have which value of a number, as far as that was released."""
    persons = dict(coverage.persons.get(field.name) or ())
    if field.type is not Type.INTEGER or not persons:
        return None
    rows = sorted((low, value) for value in persons if (low := number_in(value)) is not None)
    told = [Bar(value, persons[value], number(persons[value]), short=str(low)) for low, value in rows]
    return charts.histogram(
        _("In the catalogue"), _("persons"), told, _("Released numbers only, summed over datasets.")
    )


def _count_editor(made: Editor, sent: Sent, vocabulary: Vocabulary, coverage: Coverage) -> Editor:
    of = first(sent, "of")
    keys = [one for one in vocabulary.fields.values() if one.type is Type.KEY]
    of = of if "of" in sent else keys[0].name if keys else ""
    op = first(sent, "op") or OPS[0]
    counted = [Option(one.name, spoken(one.label), one.name == of) for one in keys]
    counted.append(Option("", _("Rows for which a criterion is true"), not of))
    made = replace(
        made,
        counted=tuple(counted),
        ops=tuple(Option(one, _(said), one == op) for one, said in COUNTED.items()),
        number=first(sent, "number") or made.number,
    )
    return _with_inner(made, ("where.",), sent, vocabulary, coverage, of.partition(".")[0])


def _days_editor(made: Editor, sent: Sent, vocabulary: Vocabulary, coverage: Coverage) -> Editor:
    usual = {"first.field": ["condition.day"], "second.field": ["image.modality"]}
    plain = {f"{name}.field": sent[name] for name in ("first", "second") if name in sent}
    made = replace(made, low=first(sent, "low") or made.low, high=first(sent, "high") or made.high)
    return _with_inner(made, ("first.", "second."), usual | dict(sent) | plain, vocabulary, coverage)


def _with_inner(
    made: Editor,
    names: Sequence[str],
    sent: Sent,
    vocabulary: Vocabulary,
    coverage: Coverage,
    entity: str = "",
) -> Editor:
    """With the criteria inside a criterion: which fields they may compare, and what is compared in the chosen one."""
    compared, fields = [], []
    possible = [
        one
        for one in vocabulary.fields.values()
        if can_be_asked(one)
        and one.entity != PERSON
        and (one.entity == entity or (not entity and vocabulary.day(one.entity)))
    ]
    labels = {one.name: f"{entity_label(one, vocabulary)}: {spoken(one.label)}" for one in possible}
    for before in names:
        chosen = first(sent, f"{before}field")
        fields.append(tuple(Option(name, label, name == chosen) for name, label in labels.items()))
        field = vocabulary.get(chosen) if chosen in labels else None
        if field is not None and (before == "where." or not places_in_time(field, vocabulary)):
            compared.append(_compared(before, field, sent, coverage))
    return replace(made, compared=tuple(compared), fields=tuple(fields))


def places_in_time(field: Field, vocabulary: Vocabulary) -> bool:
    """Whether the field is the day of its rows: as a side of `within_days` it stands for any of them."""
    return vocabulary.day(field.entity) == field.name


def as_filled_in(sent: Sent, vocabulary: Vocabulary) -> dict[str, Sequence[str]]:
    """What a form's fields sent, without the empty ones that only stand ready, and with the sides of `within_days` that
    are a day as such. A range with one empty end is open there."""
    filled: dict[str, Sequence[str]] = {
        name: [one for one in values if one] if name.endswith("value") else values
        for name, values in sent.items()
    }
    for before in ("", "where.", "first.", "second."):
        ends = [bool(one) for one in sent.get(f"{before}value", ())]
        if first(sent, f"{before}how") == How.BETWEEN and ends in ([True, False], [False, True]):
            filled[f"{before}how"] = [How.LEAST if ends[0] else How.MOST]
    for name in ("first", "second"):
        field = vocabulary.get(first(sent, f"{name}.field"))
        if field is not None and places_in_time(field, vocabulary):
            filled[name] = [field.name]
    if (first(sent, "where.field") and any(filled.get("where.value", ()))) or first(
        sent, "where.how"
    ) == How.UNKNOWN:
        filled["where"] = ["yes"]
    return filled
