"""What a question means: the simplest engine there is, and the judge of the fast one.

Data of one dataset version are persons; a person is a mapping of entity to rows, a row a mapping of column to value.
Three values: True, False and None (unknown). See docs/architecture.md, "The question".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hanse.core.fields import PERSON, Vocabulary
from hanse.core.query import (
    And,
    Between,
    Compare,
    Count,
    Criterion,
    Everyone,
    Exists,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    Question,
    Within,
    WithinDays,
    children,
    entity,
    rows_of,
)

Row = Mapping[str, Any]
Person = Mapping[str, Sequence[Row]]
Chosen = Mapping[str, Row | None]  # the row that stands for each entity; None is an absent row

IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Selection:
    """The persons for whom the question is true (their places in the data) and the image rows that it speaks of, as
    (place of the person, place of the row among the person's images)."""

    persons: frozenset[int]
    images: frozenset[tuple[int, int]]


def select(question: Question, persons: Sequence[Person], vocabulary: Vocabulary) -> Selection:
    """Every person, every choice of rows, one after the other."""
    found: set[int] = set()
    images: set[tuple[int, int]] = set()
    speaks_of_images = IMAGE in rows_of(question.root)
    for place, person in enumerate(persons):
        for chosen in _choices(question.root, person):
            if _true(question.root, chosen, person, vocabulary):
                found.add(place)
                if speaks_of_images and chosen[IMAGE] is not None:
                    images.update(
                        (place, i) for i, row in enumerate(person.get(IMAGE, ())) if row is chosen[IMAGE]
                    )
    if not speaks_of_images:
        images = {(place, i) for place in found for i in range(len(persons[place].get(IMAGE, ())))}
    return Selection(frozenset(found), frozenset(images))


def _choices(node: Node, person: Person) -> Iterator[Chosen]:
    """All ways to let one row stand for each entity that `node` names."""
    entities = sorted(rows_of(node))
    me = person[PERSON][0] if person.get(PERSON) else {}
    for rows in product(*(person.get(name) or (None,) for name in entities)):
        yield {PERSON: me, **dict(zip(entities, rows, strict=True))}


def _true(node: Node, chosen: Chosen, person: Person, vocabulary: Vocabulary) -> bool | None:
    match node:
        case Everyone():
            return True
        case And() | Or():
            values = [_true(term, chosen, person, vocabulary) for term in children(node)]
            decisive = isinstance(node, Or)
            return decisive if decisive in values else None if None in values else not decisive
        case Not(term):
            value = _true(term, chosen, person, vocabulary)
            return None if value is None else not value
        case Exists(where):
            return any(_true(where, rows, person, vocabulary) for rows in _choices(where, person))
        case Count():
            return compare(_count(node, person, vocabulary), node.op, node.number)
        case WithinDays(first, second, low, high):
            return any(
                low <= later - earlier <= high
                for earlier in _days(first, person, vocabulary)
                for later in _days(second, person, vocabulary)
            )
        case _:
            row = chosen[entity(node.field)]
            return None if row is None else satisfies(node, row.get(node.field.partition(".")[2]), vocabulary)


def satisfies(node: Criterion, value: Any, vocabulary: Vocabulary) -> bool | None:
    """What one criterion says of one value; None when the value is unknown."""
    if isinstance(node, IsNull):
        return value is None
    if value is None:
        return None
    match node:
        case Compare(op="=" | "<>" as op, value=literal):
            return compare(value, op, literal)
        case Compare(field, op, literal):
            return compare(_rank(field, value, vocabulary), op, _rank(field, literal, vocabulary))
        case In(values=values):
            return value in values
        case Between(field, low, high):
            low, value, high = (_rank(field, one, vocabulary) for one in (low, value, high))
            return bool(low <= value <= high)
        case Like(pattern=pattern, fold=fold):
            return _like(value, pattern, fold)
        case Within(field, code):
            codes = vocabulary.fields[field].codes
            return codes is not None and value in codes.within(code)


def _rank(field: str, value: Any, vocabulary: Vocabulary) -> Any:
    """Codes of an ordered list are ordered by their ranks, all else by itself."""
    codes = vocabulary.fields[field].codes
    return codes.codes[value].rank if codes and codes.ordered and value in codes.codes else value


def compare(left: Any, op: str, right: Any) -> bool:
    """`left op right`, op one of = <> < <= > >=."""
    return bool(
        {
            "=": lambda: left == right,
            "<>": lambda: left != right,
            "<": lambda: left < right,
            "<=": lambda: left <= right,
            ">": lambda: left > right,
            ">=": lambda: left >= right,
        }[op]()
    )


def _like(value: str, pattern: str, fold: bool) -> bool:
    parts = re.findall(r"\\.|.", pattern, flags=re.DOTALL)
    regex = "".join({"%": ".*", "_": "."}.get(part, re.escape(part[-1])) for part in parts)
    if fold:
        value, regex = value.lower(), regex.lower()
    return re.fullmatch(regex, value, flags=re.DOTALL) is not None


def _count(node: Count, person: Person, vocabulary: Vocabulary) -> int:
    (name,) = {entity(node.field)} if node.field else rows_of(node.where or Everyone())
    me = person[PERSON][0] if person.get(PERSON) else {}
    rows = [
        row
        for row in person.get(name, ())
        if node.where is None or _true(node.where, {PERSON: me, name: row}, person, vocabulary)
    ]
    if node.field is None:
        return len(rows)
    values = [row.get(node.field.partition(".")[2]) for row in rows]
    return len({value for value in values if value is not None})


def _days(side: Node | str, person: Person, vocabulary: Vocabulary) -> list[int]:
    """The days of the rows for which one side of `within_days` is true."""
    (name,) = {entity(side)} if isinstance(side, str) else rows_of(side)
    column = (vocabulary.day(name) or "").partition(".")[2]
    me = person[PERSON][0] if person.get(PERSON) else {}
    return [
        row[column]
        for row in person.get(name, ())
        if row.get(column) is not None
        and (isinstance(side, str) or _true(side, {PERSON: me, name: row}, person, vocabulary))
    ]
