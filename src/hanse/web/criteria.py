"""Criteria as people read them: a sentence for each, and the groups in which they stand."""

from collections.abc import Mapping
from dataclasses import dataclass

from hanse.core.fields import PERSON, Field, Type, Vocabulary, fold
from hanse.web.acts import Place
from hanse.web.builder import Apart, Condition, Counted, Form, Group, How, Joint, Part, Rows
from hanse.web.language import N_
from hanse.web.language import gettext as _
from hanse.web.saying import spoken

MOST_VALUES = 12  # of a list in a sentence
LONGEST_CODE = 4  # of those that people know, such as MR

# How a comparison is said: of one value, of several, and denied.
SAID: Mapping[How, tuple[str, str, str, str]] = {
    How.IS: (N_("is"), N_("is one of"), N_("is not"), N_("is none of")),
    How.WITHIN: (
        N_("is or lies below"),
        N_("is or lies below one of"),
        N_("is not and does not lie below"),
        N_("is not and does not lie below one of"),
    ),
    How.LESS: (N_("less than"), "", N_("not less than"), ""),
    How.MOST: (N_("at most"), "", N_("not at most"), ""),
    How.MORE: (N_("more than"), "", N_("not more than"), ""),
    How.LEAST: (N_("at least"), "", N_("not at least"), ""),
    How.BETWEEN: ("", N_("from … to"), "", N_("not from … to")),
    How.CONTAINS: (N_("contains"), "", N_("does not contain"), ""),
    How.LIKE: (N_("matches"), "", N_("does not match"), ""),
    How.UNKNOWN: (N_("is unknown"), "", N_("is known"), ""),
}
UNITS = {"years": N_("years"), "days": N_("days")}  # others are written alike in all languages
COUNTED: Mapping[str, str] = {
    ">=": N_("at least"),
    "<=": N_("at most"),
    "=": N_("exactly"),
    ">": N_("more than"),
    "<": N_("less than"),
    "<>": N_("any number but"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A criterion in words: what it is about, how it compares, and with what."""

    kind: str  # of the rows: Image, Person
    subject: str
    relation: str
    objects: tuple[str, ...] = ()
    more: str = ""  # a second part, "where ..."

    @property
    def text(self) -> str:
        """The whole in one line."""
        parts = (self.subject, self.relation, ", ".join(self.objects), self.more)
        return " ".join(part for part in parts if part)


def sentence(part: Part, vocabulary: Vocabulary) -> Sentence:
    """One criterion in the language of the page."""
    match part:
        case Counted():
            return _counted(part, vocabulary)
        case Apart(first, second, low, high):
            said = [_side(one, vocabulary) for one in (first, second)]
            words = (
                _("not %(low)s to %(high)s days after")
                if part.negated
                else _("%(low)s to %(high)s days after")
            )
            days = words % {"low": low, "high": high}
            return Sentence(_("Time"), said[1], days, (said[0],))
    field = vocabulary.fields[part.field]
    several = len(part.values) > 1
    relation = _(SAID[part.how][2 * part.negated + several])
    objects = _objects(part, field)
    if part.how is How.BETWEEN and len(objects) == 2:
        relation = relation.partition("…")[0].strip()
        objects = (f"{objects[0]} – {objects[1]}",)
    unit = "" if part.how is How.UNKNOWN else unit_of(field)
    return Sentence(entity_label(field, vocabulary), spoken(field.label), relation, objects, unit)


def unit_of(field: Field) -> str:
    """The unit that is said after a value; a year needs none."""
    if field.unit == "year":
        return ""
    return _(UNITS[field.unit]) if field.unit in UNITS else field.unit


def _objects(part: Condition, field: Field) -> tuple[str, ...]:
    shown = tuple(value_label(field, value) for value in part.values[:MOST_VALUES])
    left = len(part.values) - len(shown)
    return (*shown, _("%(n)s more") % {"n": left}) if left else shown


def _counted(part: Counted, vocabulary: Vocabulary) -> Sentence:
    where = sentence(part.where, vocabulary) if part.where else None
    name = vocabulary.get(part.of)
    kind = entity_label(name, vocabulary) if name else where.kind if where else ""
    subject = _("Number of: %(what)s") % {"what": spoken(name.label) if name else kind}
    relation = _(COUNTED[part.op])
    if part.negated:
        relation = _("not %(what)s") % {"what": relation}
    more = _("where %(criterion)s") % {"criterion": where.text} if where else ""
    return Sentence(kind, subject, relation, (str(part.number),), more)


def _side(side: Condition | str, vocabulary: Vocabulary) -> str:
    if isinstance(side, str):
        return spoken(vocabulary.fields[side].label) if side in vocabulary.fields else side
    return sentence(side, vocabulary).text


def entity_label(field: Field, vocabulary: Vocabulary) -> str:
    return spoken(vocabulary.entities[field.entity].label)


def value_label(field: Field, value: str) -> str:
    """A value in the language of the page, with its code where people use that: magnetic resonance (MR)."""
    if field.type is Type.BOOLEAN:
        return _("yes") if value == "true" else _("no")
    code = field.codes.codes.get(value) if field.codes else None
    if code is None:
        return value
    label = spoken(code.label)
    known_by_code = value.isupper() and len(value) <= LONGEST_CODE and fold(label) != fold(value)
    return f"{label} ({value})" if known_by_code else label


# ---- groups


@dataclass(frozen=True, slots=True)
class Line:
    """A criterion as a line of the builder."""

    place: Place
    sentence: Sentence
    negated: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A group as the builder draws it; `kinds` names the rows that it is about. `clash` says that the rows which it
    shares with others can hardly satisfy all of them."""

    place: Place
    rows: Rows
    joint: Joint
    kinds: str
    lines: tuple[Line, ...]
    movable: bool
    clash: bool = False


def blocks(form: Form, vocabulary: Vocabulary) -> list[Block]:
    """The groups of a form, in their order."""
    clashing = _clashing(form)
    return [_block(number, group, vocabulary, number in clashing) for number, group in enumerate(form.groups)]


def _block(number: int, group: Group, vocabulary: Vocabulary, clash: bool) -> Block:
    lines = tuple(
        Line(Place(number, place), sentence(part, vocabulary), part.negated)
        for place, part in enumerate(group.parts)
    )
    kinds = {
        one.field.partition(".")[0]: None
        for one in group.parts
        if isinstance(one, Condition) and not one.field.startswith(f"{PERSON}.")
    }
    said = ", ".join(spoken(vocabulary.entities[one].label).lower() for one in kinds)
    return Block(Place(number), group.rows, group.joint, said, lines, bool(kinds), clash)


def _clashing(form: Form) -> set[int]:
    """Groups that want one row to have two different values of a field: the second of each pair."""
    wanted: dict[str, set[str]] = {}
    found = set()
    for place, group in enumerate(form.groups if form.joint is Joint.AND else ()):
        alone = group.parts[0] if len(group.parts) == 1 and group.rows is Rows.SAME else None
        if isinstance(alone, Condition) and alone.how is How.IS and not alone.negated:
            earlier = wanted.setdefault(alone.field, set(alone.values))
            if not earlier & set(alone.values) and not alone.field.startswith(f"{PERSON}."):
                found.add(place)
    return found
