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
from hanse.core.scope import MAX_NOISE

Parameters = TypeVar("Parameters")
Merged = TypeVar("Merged")
Aggregate = Mapping[str, Any]

MAX_CELLS = 50_000  # of one aggregate


@dataclass(frozen=True, slots=True)
class Method(Generic[Parameters, Merged]):
    """`parameters` reads JSON with a vocabulary, `canonical` writes them with nothing left out, `fields` are those that
    a step needs. `step` and `merge` are exact, `blur` adds a node's noise to what its step gave, and `release` makes of
    what was merged what may be seen. `tables` is in how many of the counted tables one person is."""

    name: str
    about: str
    parameters: Callable[[Any, Vocabulary], Parameters]
    canonical: Callable[[Parameters], dict[str, Any]]
    fields: Callable[[Parameters], tuple[str, ...]]
    step: Callable[[Table, Parameters], dict[str, Any]]
    blur: Callable[[Aggregate, Parameters, Draw], dict[str, Any]]
    merge: Callable[[Sequence[Aggregate], Parameters], Merged]
    release: Callable[[Merged, Parameters, Limits], Result]
    tables: Callable[[Parameters], int] = lambda _: 1

    def read(self, body: Any, vocabulary: Vocabulary) -> Parameters:
        """The parameters in a stranger's JSON. Raises `BadAnalysis` that says what is wrong with them."""
        try:
            return self.parameters(body, vocabulary)
        except BadEnvelope as error:
            raise BadAnalysis(
                error.detail, hint=f"docs/analyses.md shows the parameters of {self.name}."
            ) from None

    def carried(
        self, exact: dict[str, Any], parameters: Parameters, noise: int, draw: Draw
    ) -> dict[str, Any]:
        """What leaves a node: what the step gave, with the noise of `draw`, which has these sides."""
        return {**self.blur(exact, parameters, draw), "noise": noise} if noise else exact


def noise(aggregate: Aggregate) -> int:
    """The sides of the dice that a node added to each count; 0 is none."""
    return shape.number({"noise": 0} | dict(aggregate), "noise", most=MAX_NOISE)


def blurred(aggregate: Aggregate, draw: Draw, *names: str) -> dict[str, Any]:
    """An aggregate with errors on these counts, which may then be less than none: cut off there, they would on average
    be too many. How many persons were selected is left out: it would be one more count of each."""
    found = {name: one for name, one in aggregate.items() if name != "persons"}
    for name in names:
        counts = np.array(found[name])
        found[name] = (counts + draw(name, counts.size).reshape(counts.shape)).tolist()
    return found


def bounded(cells: int) -> None:
    """Raises `BadAnalysis` when an aggregate would be larger than any that is carried."""
    if cells > MAX_CELLS:
        raise BadAnalysis(
            f"The parameters ask for {cells} numbers; at most {MAX_CELLS} are carried.",
            hint="Use fewer bins, codes or groups.",
        )


def counts(aggregate: Aggregate, name: str, *size: int) -> NDArray[np.int64]:
    """Whole numbers in nested lists of exactly this size, from 0 or as far below as noise takes them. Raises
    `BadAnalysis`."""
    try:
        found = np.array(aggregate[name])
    except (KeyError, ValueError, OverflowError):
        found = np.array(None)
    outside = (
        found.dtype.kind != "i" or (found < -2 * noise(aggregate)).any() or (found > shape.MAX_COUNT).any()
    )
    if outside or found.shape != size:
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
