"""The criteria of one entity over all rows of its table at once, without SQL.

`core.meaning` says what they mean; the tests compare. Truth has three values, and so there are two masks: where a node
is true, and where it is false. Where it is neither it is unknown, as in SQL.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanse.core.fields import Field, Type, Vocabulary
from hanse.core.meaning import satisfies
from hanse.core.query import And, Between, Compare, Criterion, In, IsNull, Node, Not, Or, children, literals
from hanse.node.columns import NUMBERED, Columns

Mask = NDArray[np.bool_]

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal,
    "<>": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def can_scan(node: Node, vocabulary: Vocabulary) -> bool:
    """Whether a node is made of criteria on codes, truth values and numbers alone."""
    if isinstance(node, And | Or | Not):
        return all(can_scan(child, vocabulary) for child in children(node))
    if not isinstance(node, Criterion):
        return False
    field = vocabulary.fields[node.field]
    return field.type in NUMBERED or field.type in (Type.CODE, Type.BOOLEAN)


def true_rows(node: Node, columns: Columns, vocabulary: Vocabulary) -> NDArray[np.intp]:
    """The places of the rows of which a node is true; its criteria are all of one entity."""
    return np.flatnonzero(_truth(node, columns, vocabulary)[0])


def _truth(node: Node, columns: Columns, vocabulary: Vocabulary) -> tuple[Mask, Mask]:
    if isinstance(node, Not):
        true, false = _truth(node.term, columns, vocabulary)
        return false, true
    if isinstance(node, And | Or):
        parts = [_truth(term, columns, vocabulary) for term in node.terms]
        joined, other = (
            (np.logical_and, np.logical_or) if isinstance(node, And) else (np.logical_or, np.logical_and)
        )
        return _join(joined, (true for true, _ in parts)), _join(other, (false for _, false in parts))
    field = vocabulary.fields[node.field]
    values = columns.values(field)
    known = ~np.isnan(values) if field.type in NUMBERED else values >= 0
    if isinstance(node, IsNull):
        return ~known, known
    holds = _number(node, values) if field.type in NUMBERED else _code(node, field, vocabulary)[values]
    return known & holds, known & ~holds


def _join(join: Callable[[Mask, Mask], Mask], masks: Iterable[Mask]) -> Mask:
    return reduce(join, masks)


def _number(node: Criterion, values: Any) -> Mask:
    match node:
        case Compare(op=op, value=value):
            return _COMPARED[op](values, value)
        case In(values=listed):
            return np.isin(values, np.array(listed, float))
        case Between(low=low, high=high):
            return (values >= low) & (values <= high)
    raise TypeError(f"{type(node).__name__} does not speak of numbers")


def _code(node: Criterion, field: Field, vocabulary: Vocabulary) -> Mask:
    """For the number of each code, and last for -1, whether the criterion holds of it."""
    values: tuple[Any, ...] = tuple(field.codes.codes) if field.codes else (False, True)
    holds = np.zeros(len(values) + 1, bool)
    if isinstance(node, In) or (isinstance(node, Compare) and node.op in ("=", "<>")):
        places = {value: place for place, value in enumerate(values)}
        holds[[places[value] for value in literals(node) if value in places]] = True
        return ~holds if isinstance(node, Compare) and node.op == "<>" else holds
    holds[:-1] = [satisfies(node, value, vocabulary) is True for value in values]
    return holds
