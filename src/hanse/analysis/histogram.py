"""`histogram`: how many persons have a number between given edges."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanse.analysis import distribution, method, variable
from hanse.analysis.data import Table
from hanse.analysis.method import Aggregate, Method
from hanse.analysis.result import Result
from hanse.analysis.variable import Variable
from hanse.core import shape
from hanse.core.errors import BadAnalysis
from hanse.core.fields import Vocabulary
from hanse.core.release import Draw, Limits


def _parameters(body: Any, vocabulary: Vocabulary) -> Variable:
    body = shape.members(body, "parameters", frozenset({"variable"}))
    found = variable.read(body.get("variable"), "variable", vocabulary)
    if not found.edges:
        raise BadAnalysis(f"{found.field} holds codes.", hint="Use describe for codes.")
    return found


def _canonical(parameters: Variable) -> dict[str, Any]:
    return {"variable": parameters.as_dict()}


def _fields(parameters: Variable) -> tuple[str, ...]:
    return (parameters.field,)


def step(data: Table, parameters: Variable) -> dict[str, Any]:
    """Persons by bin, then below, above and without a value."""
    return {"persons": data.persons, "counts": distribution.counted(data, parameters).tolist()}


def blur(aggregate: Aggregate, parameters: Variable, draw: Draw) -> dict[str, Any]:
    """The same with noise on each count."""
    return method.blurred(aggregate, draw, "counts")


def merge(aggregates: Sequence[Aggregate], parameters: Variable) -> NDArray[np.int64]:
    """The counts over all nodes."""
    return method.merged_counts(aggregates, "counts", parameters.size)


def release(merged: NDArray[np.int64], parameters: Variable, limits: Limits) -> Result:
    """A table and a figure; neighbouring bins with too few persons become one."""
    shown = distribution.distribution(merged, parameters, limits)
    return Result("histogram", (shown.sheet(),), shown.figure(), limits, shown.notes())


HISTOGRAM: Method[Variable, NDArray[np.int64]] = Method(
    "histogram",
    "How many persons have a number between given edges.",
    _parameters,
    _canonical,
    _fields,
    step,
    blur,
    merge,
    release,
)
