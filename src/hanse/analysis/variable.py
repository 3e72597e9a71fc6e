"""A field with its categories: codes in an order, or numbers between edges. All that a step counts is counted by these.

The categories stand in the order's parameters, so that every node counts by the same ones, whatever it holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanse.analysis.data import Table
from hanse.core import shape
from hanse.core.errors import BadAnalysis
from hanse.core.fields import Field, Identifying, Type, Vocabulary

MAX_CATEGORIES = 500
TRUTH = ("false", "true")
CODED = frozenset({Type.CODE, Type.BOOLEAN})
NUMBERED = frozenset({Type.INTEGER, Type.NUMBER, Type.DAY})

# A value of a person's first row of these means something only together with what was measured.
_MIXED = frozenset({"observation.value", "observation.unit"})


@dataclass(frozen=True, slots=True)
class Variable:
    """`values` are codes that mean themselves; `edges` rise, and a bin holds its lower edge and not its upper one.

    The places of categories are 0, 1, ... in this order; after them come `others`.
    """

    field: str
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()
    unit: str = ""

    @property
    def ordered(self) -> bool:
        return bool(self.edges)

    @property
    def categories(self) -> int:
        return len(self.edges) - 1 if self.edges else len(self.values)

    @property
    def others(self) -> tuple[str, ...]:
        """What a person can be who is in no category."""
        return ("below", "above", "missing") if self.edges else ("other", "missing")

    @property
    def size(self) -> int:
        return self.categories + len(self.others)

    def places(self, table: Table) -> NDArray[np.int64]:
        """For each person the place of the category, or of the one among `others`."""
        return self._bins(table) if self.edges else self._codes(table)

    def _bins(self, table: Table) -> NDArray[np.int64]:
        values = table.numbers(self.field).values
        found = np.searchsorted(self.edges, values, side="right").astype(np.int64) - 1
        found[found < 0] = self.categories  # below
        # A value at or above the last edge already has the place after `below`.
        found[(found == self.categories) & (values >= self.edges[-1])] += 1
        found[np.isnan(values)] = self.size - 1
        return found

    def _codes(self, table: Table) -> NDArray[np.int64]:
        column = table.coded(self.field)
        known = {value: place for place, value in enumerate(self.values)}
        places = [known.get(name, self.categories) for name in column.names]
        return np.array([*places, self.size - 1], np.int64)[column.places]  # -1 is the last: missing

    def label(self, group: tuple[int, ...]) -> str:
        """A name for categories that are shown as one."""
        if self.edges:
            return f"{_number(self.edges[group[0]])} to < {_number(self.edges[group[-1] + 1])}"
        return " | ".join(self.values[at] for at in group)

    def as_dict(self) -> dict[str, Any]:
        """The JSON object that `read` reads as the same variable."""
        categories = {"edges": list(self.edges)} if self.edges else {"values": list(self.values)}
        return {"field": self.field, **categories}


def _number(value: float) -> str:
    return f"{value:g}" if value != int(value) else str(int(value))


def read(body: Any, name: str, vocabulary: Vocabulary) -> Variable:
    """The variable that a stranger's JSON object describes: `field`, and `values` (all codes of its list, when they are
    left out) or `edges`. Raises `BadAnalysis`, or `BadEnvelope` when it is no such object."""
    body = shape.members(body, name, frozenset({"field", "values", "edges"}))
    field = known(shape.text(body, "field", least=1), vocabulary)
    if field.type in CODED:
        _refuse(body, "edges", field, "codes", "values")
        return Variable(field.name, values=_values(body, field))
    _refuse(body, "values", field, "numbers", "edges")
    return Variable(field.name, edges=_edges(body, field), unit=field.unit)


def known(name: str, vocabulary: Vocabulary, types: frozenset[Type] = CODED | NUMBERED) -> Field:
    """The field of this name, when an analysis may use it as one of these types. Raises `BadAnalysis`."""
    field = vocabulary.get(name)
    if field is None:
        near = vocabulary.near(name)
        raise BadAnalysis(
            "A parameter names a field that is not in the vocabulary.",
            hint=f"Did you mean {near}?" if near else "`hanse vocabulary` lists all fields.",
        )
    if field.type is Type.TEXT or field.identifying is not Identifying.NO:
        raise BadAnalysis(
            f"{name} is free text or may identify somebody.", hint="Analyses take codes, numbers and days."
        )
    if field.type is Type.KEY:
        raise BadAnalysis(f"{name} only groups rows.", hint="Analyses take codes, numbers and days.")
    if name in _MIXED:
        raise BadAnalysis(
            f"{name} holds values of different measurements.",
            hint="Choose a field of one, such as condition.psa.",
        )
    if field.type not in types:
        raise BadAnalysis(f"{name} is of type {field.type}.", hint=f"Needed is {' or '.join(sorted(types))}.")
    return field


def _refuse(body: Mapping[str, Any], member: str, field: Field, holds: str, wanted: str) -> None:
    if member in body:
        raise BadAnalysis(
            f"{field.name} holds {holds} and takes no {member}.", hint=f"Name {wanted} instead."
        )


def _values(body: Mapping[str, Any], field: Field) -> tuple[str, ...]:
    codes = tuple(field.codes.codes) if field.codes else TRUTH
    named = shape.texts(body, "values", most=MAX_CATEGORIES) if "values" in body else codes
    if not named or len(set(named)) != len(named) or not set(named) <= set(codes):
        raise BadAnalysis(
            f"The values for {field.name} are not different codes of its list.",
            hint=f"`hanse vocabulary {field.name}` lists them.",
        )
    if len(named) > MAX_CATEGORIES:
        raise BadAnalysis(
            f"{field.name} has more than {MAX_CATEGORIES} codes.",
            hint="Name those that are wanted in values.",
        )
    return named


def _edges(body: Mapping[str, Any], field: Field) -> tuple[float, ...]:
    edges = numbers(body, "edges", most=MAX_CATEGORIES + 1)
    if len(edges) < 2 or any(not low < high for low, high in pairwise(edges)):
        raise BadAnalysis(
            f"The edges for {field.name} are not two or more numbers that rise.",
            hint='Write them as "edges": [0, 50, 70, 120].',
        )
    return edges


def numbers(body: Mapping[str, Any], name: str, *, most: int) -> tuple[float, ...]:
    """A list of at most `most` finite numbers of at most 1e15, so that whole ones stay exact."""
    found = body.get(name, [])
    if not (isinstance(found, list) and len(found) <= most and all(map(_is_finite, found))):
        raise BadAnalysis(
            f"The member {name!r} is not a list of at most {most} finite numbers.",
            hint=f'Write it as "{name}": [0, 50, 70], without quotes around the numbers.',
        )
    return tuple(float(one) for one in found)


def _is_finite(one: Any) -> bool:
    return type(one) in (int, float) and abs(one) <= 1e15  # a NaN compares false
