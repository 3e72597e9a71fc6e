"""What a method of analysis is: a step at each node and a merge of what the steps gave, both pure functions.

One round is enough for every method here, and all bins stand in the parameters: nothing that the hub makes is an
input of a step. Aggregates are JSON: lists of numbers whose shape follows from the parameters.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hanse.analysis.data import Table
from hanse.analysis.result import Result
from hanse.core import shape
from hanse.core.errors import BadAnalysis, BadEnvelope
from hanse.core.fields import Vocabulary
from hanse.core.release import Draw, Limits

Parameters = TypeVar("Parameters")
Merged = TypeVar("Merged")
Aggregate = Mapping[str, Any]

MAX_CELLS = 50_000  # of one aggregate


@dataclass(frozen=True, slots=True)
class Method(Generic[Parameters, Merged]):
    """`parameters` reads JSON with a vocabulary, `canonical` writes them with nothing left out, `fields` are those that
    a step needs. `step` and `merge` are exact; `release` makes of what was merged what may be seen."""

    name: str
    about: str
    parameters: Callable[[Any, Vocabulary], Parameters]
    canonical: Callable[[Parameters], dict[str, Any]]
    fields: Callable[[Parameters], tuple[str, ...]]
    step: Callable[[Table, Parameters], dict[str, Any]]
    merge: Callable[[Sequence[Aggregate], Parameters], Merged]
    release: Callable[[Merged, Parameters, Limits, Draw], Result]

    def read(self, body: Any, vocabulary: Vocabulary) -> Parameters:
        """The parameters in a stranger's JSON. Raises `BadAnalysis` that says what is wrong with them."""
        try:
            return self.parameters(body, vocabulary)
        except BadEnvelope as error:
            raise BadAnalysis(
                error.detail, hint=f"docs/analyses.md shows the parameters of {self.name}."
            ) from None


def persons(aggregate: Aggregate) -> int:
    """How many persons a step has seen."""
    return shape.number(aggregate, "persons")


def bounded(cells: int) -> None:
    """Raises `BadAnalysis` when an aggregate would be larger than any that is carried."""
    if cells > MAX_CELLS:
        raise BadAnalysis(
            f"The parameters ask for {cells} numbers; at most {MAX_CELLS} are carried.",
            hint="Use fewer bins, codes or groups.",
        )


def counts(aggregate: Aggregate, name: str, *size: int) -> NDArray[np.int64]:
    """Whole numbers from 0 in nested lists of exactly this size. Raises `BadAnalysis`."""
    try:
        found = np.array(aggregate[name])
    except (KeyError, ValueError, OverflowError):
        found = np.array(None)
    if found.dtype.kind != "i" or found.shape != size or (found < 0).any() or (found > shape.MAX_COUNT).any():
        raise BadAnalysis(
            f"The member {name!r} of an intermediate is not {' x '.join(map(str, size))} counts.",
            hint="The node answered with something else than this method's intermediate; its operator can say why.",
        )
    return found


def merged_counts(aggregates: Sequence[Aggregate], name: str, *size: int) -> NDArray[np.int64]:
    """The sum of the counts of all nodes; zeros when there is none."""
    return sum((counts(one, name, *size) for one in aggregates), np.zeros(size, np.int64))


def number(aggregate: Aggregate, name: str) -> float:
    """A finite number. Raises `BadAnalysis`."""
    value: Any = aggregate.get(name)
    if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
        raise BadAnalysis(f"The member {name!r} of an intermediate is not a finite number.")
    return float(value)
