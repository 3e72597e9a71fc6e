"""What a data holder allows askers without a permit to learn from a dataset: a small table of numbers."""

from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    OPEN = "open"  # public data: exact numbers
    PROTECTED = "protected"  # numbers pass disclosure control
    NONE = "none"  # listed in the catalogue, answers no question


@dataclass(frozen=True, slots=True)
class Policy:
    """`threshold` counts persons, and is also the least number of persons by which two answered questions differ;
    `rounding` is the base of released counts; `grid_ms` is the step of the time at which answers leave."""

    access: Access = Access.PROTECTED
    threshold: int = 10
    rounding: int = 10
    distinct_share: float = 0.5  # distinct cohorts answered, as a share of the dataset's persons
    grid_ms: int = 100
