"""The methods that may be ordered at nodes: each a local step and a merge, by name."""

from collections.abc import Mapping
from typing import Any

from hanse.analysis.crosstab import CROSSTAB
from hanse.analysis.describe import DESCRIBE
from hanse.analysis.histogram import HISTOGRAM
from hanse.analysis.kaplan_meier import KAPLAN_MEIER
from hanse.analysis.method import Method, noise
from hanse.core.errors import BadAnalysis

__all__ = ["METHODS", "find", "noise"]

METHODS: Mapping[str, Method[Any, Any]] = {
    one.name: one for one in (DESCRIBE, CROSSTAB, HISTOGRAM, KAPLAN_MEIER)
}


def find(name: str) -> Method[Any, Any]:
    """The method of this name. Raises `BadAnalysis`: a node runs nothing that is not registered."""
    if name not in METHODS:
        raise BadAnalysis("There is no such method.", hint=f"Choose one of {', '.join(METHODS)}.")
    return METHODS[name]
