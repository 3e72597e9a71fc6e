"""The builder's picture of a question, both ways: groups of criteria, joined at two levels, and the question they make.

A form says less than the language does. What it cannot say raises `Unfit`, and the question is shown as text. Nothing
here knows of pages: `web.acts` changes a form, `web.sent` reads a criterion from what a page sent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hanse.core.fields import Field, Type, Vocabulary
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
    Question,
    Value,
    Within,
    WithinDays,
)


class Joint(StrEnum):
    AND = "and"
    OR = "or"

    @property
    def other(self) -> "Joint":
        return Joint.OR if self is Joint.AND else Joint.AND


class How(StrEnum):
    """How a criterion compares its field with its values."""

    IS = "is"  # one of the values
    WITHIN = "within"  # one of the codes, or one below them
    LESS = "<"
    MOST = "<="
    MORE = ">"
    LEAST = ">="
    BETWEEN = "between"
    CONTAINS = "contains"  # the text, in any case of letters
    LIKE = "like"  # a pattern of CQL2
    UNKNOWN = "unknown"  # the row has no value


class Rows(StrEnum):
    """Of which rows a group speaks."""

    SAME = "same"  # of those that all such groups speak of together
    ANOTHER = "another"  # of any others: exists(...)
    NONE = "none"  # there are none: NOT exists(...)


@dataclass(frozen=True, slots=True)
class Condition:
    """A criterion on one field. Its values stand as they were typed."""

    field: str
    how: How
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are: rows for which `where` is true, or different values of the field `of` among them."""

    of: str
    where: Condition | None
    op: str
    number: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Apart:
    """From `low` to `high` days lie between a row of one kind and one of another; a side is a condition, or the field
    that places any row of its kind in time."""

    first: Condition | str
    second: Condition | str
    low: int
    high: int
    negated: bool = False


Part = Condition | Counted | Apart


@dataclass(frozen=True, slots=True)
class Group:
    """Criteria that stand together. `joint` joins them; in a group of the same rows it is the form's other one."""

    parts: tuple[Part, ...]
    joint: Joint = Joint.OR
    rows: Rows = Rows.SAME


@dataclass(frozen=True, slots=True)
class Form:
    """All groups of a question; a form without groups asks for everyone."""

    groups: tuple[Group, ...] = ()
    joint: Joint = Joint.AND


class Why(StrEnum):
    """Why a question is shown as text."""

    DEPTH = "depth"  # groups inside groups
    CRITERION = "criterion"  # a criterion that the builder has no form for
    FIELD = "field"  # a field that is not in the vocabulary


class Unfit(ValueError):
    """The question says more than a form can."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class BadValue(ValueError):
    """A value that was typed and that its field cannot have; `kind` is what the field holds."""

    def __init__(self, typed: str, kind: Type | None = None) -> None:
        super().__init__("a value cannot be used")
        self.typed, self.kind = typed, kind


# Which comparisons a field of a type offers, the usual one first.
OFFERED: Mapping[Type, tuple[How, ...]] = {
    Type.CODE: (How.IS, How.WITHIN, How.UNKNOWN),
    Type.TEXT: (How.CONTAINS, How.IS, How.LIKE, How.UNKNOWN),
    Type.INTEGER: (How.BETWEEN, How.LEAST, How.MOST, How.MORE, How.LESS, How.IS, How.UNKNOWN),
    Type.NUMBER: (How.BETWEEN, How.LEAST, How.MOST, How.MORE, How.LESS, How.IS, How.UNKNOWN),
    Type.DAY: (How.BETWEEN, How.LEAST, How.MOST, How.MORE, How.LESS, How.IS, How.UNKNOWN),
    Type.BOOLEAN: (How.IS, How.UNKNOWN),
    Type.KEY: (),
}
_LIMITS = (How.LEAST, How.MOST, How.MORE, How.LESS)


def offered(field: Field) -> tuple[How, ...]:
    """The comparisons that make sense for a field: those of its type, and limits where its codes have an order."""
    hows = OFFERED[field.type]
    if field.codes is not None and not any(code.parent for code in field.codes.codes.values()):
        hows = tuple(how for how in hows if how is not How.WITHIN)
    return (*hows[:-1], *_LIMITS, hows[-1]) if field.codes is not None and field.codes.ordered else hows


def form_of(question: Question, vocabulary: Vocabulary) -> Form:
    """The form that says the same as the question; raises `Unfit` when there is none."""
    root = question.root
    if isinstance(root, Everyone):
        return Form()
    if _is_part(root, vocabulary):
        return Form((Group((_part(root, vocabulary),)),))
    match root:
        case And(terms):
            return Form(tuple(_group(one, Joint.OR, vocabulary) for one in terms))
        case Or(terms) if all(_is_part(one, vocabulary) for one in terms):
            return Form((Group(tuple(_part(one, vocabulary) for one in terms)),))
        case Or(terms):
            return Form(tuple(_group(one, Joint.AND, vocabulary) for one in terms), Joint.OR)
    return Form((_group(root, Joint.OR, vocabulary),))


def _group(node: Node, joint: Joint, vocabulary: Vocabulary) -> Group:
    match node:
        case Exists(where):
            return replace(_opened(where, vocabulary), rows=Rows.ANOTHER)
        case Not(Exists(where)):
            return replace(_opened(where, vocabulary), rows=Rows.NONE)
        case And(terms) | Or(terms) if not _is_part(node, vocabulary):
            return Group(tuple(_part(one, vocabulary) for one in terms), joint)
    return Group((_part(node, vocabulary),), joint)


def _opened(where: Node, vocabulary: Vocabulary) -> Group:
    """What stands inside `exists`: its criteria may be joined either way."""
    joint = Joint.OR if isinstance(where, Or) else Joint.AND
    return _group(where, joint, vocabulary)


def _is_part(node: Node, vocabulary: Vocabulary) -> bool:
    try:
        _part(node, vocabulary)
    except Unfit:
        return False
    return True


def _part(node: Node, vocabulary: Vocabulary) -> Part:
    match node:
        case Not(Not()):
            raise Unfit(Why.CRITERION)
        case Not(term):
            part = _part(term, vocabulary)
            if part.negated:  # <> is = denied already
                raise Unfit(Why.CRITERION)
            return replace(part, negated=True)
        case Count(field, where, op, number):
            inside = None if where is None else _condition(where, vocabulary)
            return Counted(field or "", inside, op, number)
        case WithinDays(first, second, low, high):
            sides = [one if isinstance(one, str) else _condition(one, vocabulary) for one in (first, second)]
            return Apart(sides[0], sides[1], low, high)
    return _condition(node, vocabulary)


def _condition(node: Node, vocabulary: Vocabulary) -> Condition:
    made = _plain_condition(node)
    field = vocabulary.get(made.field)
    if field is None:
        raise Unfit(Why.FIELD)
    if made.how not in offered(field):
        raise Unfit(Why.CRITERION)
    return made


def _plain_condition(node: Node) -> Condition:
    match node:
        case Not(Not()):
            raise Unfit(Why.CRITERION)
        case Not(term):
            inside = _plain_condition(term)
            if inside.negated:
                raise Unfit(Why.CRITERION)
            return replace(inside, negated=True)
        case Compare(field, "=" | "<>" as op, value):
            return Condition(field, How.IS, (typed(value),), negated=op == "<>")
        case Compare(field, op, value):
            return Condition(field, How(op), (typed(value),))
        case In(field, values):
            return Condition(field, How.IS, tuple(map(typed, values)))
        case Between(field, low, high):
            return Condition(field, How.BETWEEN, (typed(low), typed(high)))
        case Like(field, pattern, fold):
            return _text_condition(field, pattern, fold)
        case IsNull(field):
            return Condition(field, How.UNKNOWN)
        case Within(field, code):
            return Condition(field, How.WITHIN, (code,))
        case Or(terms):  # several codes, each with those below it
            codes = [one for one in terms if isinstance(one, Within)]
            if len(codes) == len(terms) and len({one.field for one in codes}) == 1:
                return Condition(codes[0].field, How.WITHIN, tuple(one.code for one in codes))
    raise Unfit(Why.DEPTH)


_MEANING_SOMETHING = re.compile(r"[%_\\]")


def _text_condition(field: str, pattern: str, fold: bool) -> Condition:
    if not fold:
        return Condition(field, How.LIKE, (pattern,))
    middle = pattern[1:-1] if len(pattern) > 2 and pattern[0] == pattern[-1] == "%" else "%"
    text = re.sub(r"\\(.)", r"\1", middle, flags=re.DOTALL)
    if _pattern(text) != pattern:
        raise Unfit(Why.CRITERION)
    return Condition(field, How.CONTAINS, (text,))


def _pattern(text: str) -> str:
    return "%" + _MEANING_SOMETHING.sub(r"\\\g<0>", text) + "%"


def typed(value: Value) -> str:
    """A value as somebody would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def question_of(form: Form, vocabulary: Vocabulary) -> Question:
    """The question that a form makes; raises `BadValue` for what cannot be read."""
    groups = [_group_node(group, vocabulary) for group in form.groups if group.parts]
    return Question(_joined(groups, form.joint))


def _group_node(group: Group, vocabulary: Vocabulary) -> Node:
    inside = _joined([part_node(one, vocabulary) for one in group.parts], group.joint)
    if group.rows is Rows.SAME:
        return inside
    return Exists(inside) if group.rows is Rows.ANOTHER else Not(Exists(inside))


def _joined(nodes: Sequence[Node], joint: Joint) -> Node:
    kind = And if joint is Joint.AND else Or
    flat = [term for one in nodes for term in (one.terms if isinstance(one, kind) else (one,))]
    if not flat:
        return Everyone()
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def part_node(part: Part, vocabulary: Vocabulary) -> Node:
    """One criterion of a form as a node of the question; raises `BadValue` for what cannot be read."""

    def inside(one: Condition) -> Node:
        return part_node(one, vocabulary)

    node: Node
    match part:
        case Condition():
            node = _condition_node(part, vocabulary)
        case Counted(of, where, op, number):
            node = Count(of or None, None if where is None else inside(where), op, number)
        case Apart(first, second, low, high):
            sides = [one if isinstance(one, str) else inside(one) for one in (first, second)]
            node = WithinDays(sides[0], sides[1], low, high)
    return Not(node) if part.negated else node


def _condition_node(part: Condition, vocabulary: Vocabulary) -> Node:
    field = vocabulary.fields[part.field]
    if part.how is How.UNKNOWN:
        return IsNull(field.name)
    values = tuple(dict.fromkeys(_value(one, field) for one in part.values))
    one_is_missing = part.how is How.BETWEEN and len(part.values) != 2
    if not values or one_is_missing or (part.how is How.CONTAINS and not values[0]):
        raise BadValue("", field.type)
    match part.how:
        case How.IS:
            return Compare(field.name, "=", values[0]) if len(values) == 1 else In(field.name, values)
        case How.WITHIN:
            return _joined([Within(field.name, str(code)) for code in values], Joint.OR)
        case How.BETWEEN:
            return Between(field.name, values[0], values[-1])
        case How.CONTAINS:
            return Like(field.name, _pattern(str(values[0])), fold=True)
        case How.LIKE:
            return Like(field.name, str(values[0]))
    return Compare(field.name, part.how.value, values[0])


_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)


def _value(text: str, field: Field) -> Value:
    """What was typed, as the type of the field has it; numbers with a point or a comma."""
    if field.type in (Type.CODE, Type.TEXT):
        return text
    text = text.strip()
    if field.type is Type.BOOLEAN:
        if text not in ("true", "false"):
            raise BadValue(text, field.type)
        return text == "true"
    if not _NUMBER.fullmatch(text):
        raise BadValue(text, field.type)
    number = float(text.replace(",", "."))
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else int(number) if number.is_integer() else number
