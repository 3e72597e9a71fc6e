"""Ages for askers without a permit: a question's limits move to the edges of bands.

A field of the vocabulary that has a `band` (ages: 5 years) is known to such askers as 0-4, 5-9, and so on.
"""

import math

from hanse.core.fields import Vocabulary
from hanse.core.query import Between, Compare, Criterion, In, Node, Not, Question, Value, map_criteria


def banded(question: Question, vocabulary: Vocabulary) -> Question:
    """The question with the limits of banded fields at the nearest edges of their bands, criterion by criterion.

    `age > 50` and `age >= 51` become `age >= 50`; `age = 63` becomes `age BETWEEN 60 AND 64`.
    """

    def change(node: Criterion) -> Node:
        band = vocabulary.fields[node.field].band
        return _banded(node, band) if band and isinstance(node, Compare | Between | In) else node

    return Question(map_criteria(question.root, change))


def _banded(node: Compare | Between | In, width: int) -> Node:
    match node:
        case Compare(field, "=", value):
            return _band(field, value, width)
        case Compare(field, "<>", value):
            return Not(_band(field, value, width))
        case Compare(field, ">=" | ">" as op, value):
            return Compare(field, ">=", _edge(value if op == ">=" else _next(value), width))
        case Compare(field, op, value):
            return Compare(field, "<", _edge(value if op == "<" else _next(value), width))
        case Between(field, low, high):
            first, last = _edge(low, width), _edge(_next(high), width) - 1
            return Between(field, first, last) if first < last else _band(field, low, width)
        case In(field, values):
            bands = {_floor(value, width) for value in values}
            return In(field, tuple(age for band in sorted(bands) for age in range(band, band + width)))


def _band(field: str, value: Value, width: int) -> Between:
    """The band in which a value lies."""
    return Between(field, _floor(value, width), _floor(value, width) + width - 1)


def _next(value: Value) -> int:
    """The first whole number above."""
    return math.floor(float(value)) + 1


def _floor(value: Value, width: int) -> int:
    return math.floor(float(value) / width) * width


def _edge(value: Value, width: int) -> int:
    """The nearest edge of a band; the lower one for a value in the middle."""
    return math.ceil(float(value) / width - 0.5) * width
