"""The question: CQL2 (OGC 21-065) as frozen plain data.

The nodes here are what `core.reading` makes of text or JSON, what `core.check` compares with a vocabulary, and
what `core.meaning` defines the truth of; docs/architecture.md says the same in words.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hanse.core.fields import PERSON

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    op: str  # = <> < <= > >=
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Between:
    field: str
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class Like:
    """`%` any text, `_` any character, `\\` takes the next character as it is; `fold` ignores case (CASEI)."""

    field: str
    pattern: str
    fold: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    field: str


@dataclass(frozen=True, slots=True)
class Within:
    """The code or one below it in its code list."""

    field: str
    code: str


@dataclass(frozen=True, slots=True)
class And:
    terms: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    terms: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    term: "Node"


@dataclass(frozen=True, slots=True)
class Exists:
    where: "Node"


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of the only entity of `where`, or distinct values of `field` (among the rows where `where` is true)."""

    field: str | None
    where: "Node | None"
    op: str
    number: int


@dataclass(frozen=True, slots=True)
class WithinDays:
    """`low <= day(second) - day(first) <= high`; a side is a criterion over one entity, or the name of a day field."""

    first: "Node | str"
    second: "Node | str"
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Everyone:
    """The question without criteria."""


Criterion = Compare | In | Between | Like | IsNull | Within
Node = Criterion | And | Or | Not | Exists | Count | WithinDays | Everyone
OPENS_ROWS = (Exists, Count, WithinDays)


@dataclass(frozen=True, slots=True)
class Use:
    """A field that a question needs without comparing it: what `count` counts, the day of `within_days`."""

    field: str


@dataclass(frozen=True, slots=True)
class Question:
    root: Node

    @property
    def json(self) -> Any:
        return to_json(self.root)

    @property
    def text(self) -> str:
        return to_text(self.root)


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node that are nodes themselves."""
    match node:
        case And(terms) | Or(terms):
            return terms
        case Not(term) | Exists(term):
            return (term,)
        case Count(where=where):
            return () if where is None else (where,)
        case WithinDays(first, second):
            return tuple(one for one in (first, second) if not isinstance(one, str))
    return ()


def criteria(node: Node) -> tuple[Criterion | Use, ...]:
    """Every use of a field, in the order of the text."""
    match node:
        case Compare() | In() | Between() | Like() | IsNull() | Within():
            return (node,)
        case Count(field=str(field)):
            return (Use(field), *(use for child in children(node) for use in criteria(child)))
        case WithinDays(first, second):
            sides = (((Use(one),) if isinstance(one, str) else criteria(one)) for one in (first, second))
            return tuple(use for side in sides for use in side)
    return tuple(use for child in children(node) for use in criteria(child))


def entity(field: str) -> str:
    return field.partition(".")[0]


def rows_of(node: Node) -> frozenset[str]:
    """The entities, other than the person, of which this part of the question chooses rows."""
    if isinstance(node, OPENS_ROWS):
        return frozenset()
    if isinstance(node, Criterion):
        return frozenset({entity(node.field)} - {PERSON})
    return frozenset().union(*(rows_of(child) for child in children(node)))


def map_criteria(node: Node, change: Callable[[Criterion], Node]) -> Node:
    """The same question with every criterion changed."""

    def inside(one: Node) -> Node:
        return map_criteria(one, change)

    match node:
        case And(terms):
            return And(tuple(map(inside, terms)))
        case Or(terms):
            return Or(tuple(map(inside, terms)))
        case Not(term):
            return Not(inside(term))
        case Exists(where):
            return Exists(inside(where))
        case Count(field, where, op, number):
            return Count(field, None if where is None else inside(where), op, number)
        case WithinDays(first, second, low, high):
            sides = [one if isinstance(one, str) else inside(one) for one in (first, second)]
            return WithinDays(sides[0], sides[1], low, high)
        case Everyone():
            return node
    return change(node)


def ordered(node: Node) -> Node:
    """The same question with what is joined by AND or OR, and the values of lists, in one order and once each: two
    ways to write it become one."""
    match node:
        case And(terms) | Or(terms):
            same = {to_text(term): term for term in map(ordered, terms)}
            joined = tuple(same[text] for text in sorted(same))
            return joined[0] if len(joined) == 1 else And(joined) if isinstance(node, And) else Or(joined)
        case In(field, values):
            return In(field, tuple(sorted(set(values), key=repr)))
        case Not(term):
            return Not(ordered(term))
        case Exists(where):
            return Exists(ordered(where))
        case Count(field, where, op, number):
            return Count(field, None if where is None else ordered(where), op, number)
        case WithinDays(first, second, low, high):
            sides = [one if isinstance(one, str) else ordered(one) for one in (first, second)]
            return WithinDays(sides[0], sides[1], low, high)
    return node


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from walk(child)


def literals(use: Criterion | Use) -> tuple[Value, ...]:
    match use:
        case Compare(value=value):
            return (value,)
        case In(values=values):
            return values
        case Between(low=low, high=high):
            return (low, high)
        case Like(pattern=pattern):
            return (pattern,)
        case Within(code=code):
            return (code,)
    return ()


def to_json(node: Node) -> Any:
    """CQL2 JSON, the same for the same question."""

    def prop(name: str) -> dict[str, str]:
        return {"property": name}

    match node:
        case Compare(field, op, value):
            return {"op": op, "args": [prop(field), value]}
        case In(field, values):
            return {"op": "in", "args": [prop(field), list(values)]}
        case Between(field, low, high):
            return {"op": "between", "args": [prop(field), low, high]}
        case Like(field, pattern, fold):
            sides = [prop(field), pattern]
            return {
                "op": "like",
                "args": [{"op": "casei", "args": [one]} for one in sides] if fold else sides,
            }
        case IsNull(field):
            return {"op": "isNull", "args": [prop(field)]}
        case Within(field, code):
            return {"op": "within", "args": [prop(field), code]}
        case And(terms) | Or(terms):
            return {"op": "and" if isinstance(node, And) else "or", "args": [to_json(one) for one in terms]}
        case Not(term):
            return {"op": "not", "args": [to_json(term)]}
        case Exists(where):
            return {"op": "exists", "args": [to_json(where)]}
        case Count(field, where, op, number):
            args = ([prop(field)] if field else []) + ([to_json(where)] if where else [])
            return {"op": op, "args": [{"op": "count", "args": args}, number]}
        case WithinDays(first, second, low, high):
            sides = [prop(one) if isinstance(one, str) else to_json(one) for one in (first, second)]
            return {"op": "within_days", "args": [*sides, low, high]}
    return True


def to_text(node: Node | Use) -> str:
    """CQL2 text that reads back as the same question."""
    match node:
        case Compare(field, op, value):
            return f"{_name(field)} {op} {_literal(value)}"
        case In(field, values):
            return f"{_name(field)} IN ({', '.join(_literal(value) for value in values)})"
        case Between(field, low, high):
            return f"{_name(field)} BETWEEN {_literal(low)} AND {_literal(high)}"
        case Like(field, pattern, fold):
            return " LIKE ".join(
                f"CASEI({one})" if fold else one for one in (_name(field), _literal(pattern))
            )
        case IsNull(field):
            return f"{_name(field)} IS NULL"
        case Within(field, code):
            return f"within({_name(field)}, {_literal(code)})"
        case And(terms) | Or(terms):
            word = " AND " if isinstance(node, And) else " OR "
            return word.join(
                f"({to_text(one)})" if isinstance(one, And | Or) else to_text(one) for one in terms
            )
        case Not(term):
            return f"NOT ({to_text(term)})"
        case Exists(where):
            return f"exists({to_text(where)})"
        case Count(field, where, op, number):
            args = ([_name(field)] if field else []) + ([to_text(where)] if where else [])
            return f"count({', '.join(args)}) {op} {number}"
        case WithinDays(first, second, low, high):
            sides = [_name(one) if isinstance(one, str) else to_text(one) for one in (first, second)]
            return f"within_days({', '.join(sides)}, {low}, {high})"
        case Use(field):
            return field
    return ""


def _name(field: str) -> str:
    return field if re.fullmatch(r"[A-Za-z][\w.]*", field) else f'"{field}"'


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
