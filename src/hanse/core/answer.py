"""What comes back: one row per node, one per dataset, one state per criterion, one rule per number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class CriterionState(StrEnum):
    APPLIED = "applied"
    UNSUPPORTED = "unsupported"  # the dataset has no such field
    UNKNOWN_VALUE = "unknown value"  # the node's vocabulary has no such value


class NodeState(StrEnum):
    ANSWERED = "answered"
    WAITING = "waiting"  # asked, not yet answered (only while answers come in)
    LATE = "late"  # was asked and did not answer before the deadline
    OFFLINE = "offline"  # has not called the hub lately
    REFUSED = "refused"  # answered, and said no
    FAILED = "failed"  # answered that something broke, or answered with something unusable


class Rule(StrEnum):
    """Why a number is what it is."""

    EXACT = "exact"
    ROUNDED = "rounded"  # with noise, then rounded
    WITHHELD = "withheld"  # there may be too few persons; none at all is withheld too
    EARLIER = "earlier answer"  # no more new questions are answered; this one was, and got this then
    CAPPED = "too many questions"  # no more new questions are answered, and this is one
    NOT_COUNTED = "not counted"  # a criterion was not applied, or the dataset answers nobody


@dataclass(frozen=True, slots=True)
class Counts:
    """Three numbers with their units, and the rule that made them; all None when the rule gives no numbers."""

    rule: Rule
    persons: int | None = None
    studies: int | None = None
    series: int | None = None
    threshold: int | None = None  # of a withheld count: there are certainly fewer persons than this
    rounding: int | None = None

    @property
    def known(self) -> bool:
        return self.persons is not None


@dataclass(frozen=True, slots=True)
class CriterionAnswer:
    criterion: str  # as text
    state: CriterionState
    note: str = ""  # "applied as person.age >= 50: ages are answered in bands of 5 years"


@dataclass(frozen=True, slots=True)
class Cell:
    """One bar of a breakdown."""

    value: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class DatasetAnswer:
    dataset: str
    name: str
    title: str
    version: int
    access: str
    criteria: tuple[CriterionAnswer, ...]
    counts: Counts
    breakdowns: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """What one node says to one question; for a node that said nothing, what the hub knows of its state."""

    node: str
    name: str
    country: str
    state: NodeState
    at: str
    took_ms: int | None = None
    vocabulary: str = ""
    software: str = ""
    datasets: tuple[DatasetAnswer, ...] = ()
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over datasets. A person may be counted twice; withheld counts are not in the sums, their number is."""

    persons: int
    studies: int
    series: int
    datasets_counted: int
    datasets_withheld: int
    datasets_not_counted: int
    exact: bool
    nodes_answered: int
    nodes: int
    note: str = "Sums over datasets: a person who is in two datasets is counted twice."


def totals(answers: Iterable[NodeAnswer]) -> Totals:
    """The sums of what is known, and how much is not."""
    answers = list(answers)
    counts = [dataset.counts for answer in answers for dataset in answer.datasets]
    known = [one for one in counts if one.known]
    return Totals(
        persons=sum(one.persons or 0 for one in known),
        studies=sum(one.studies or 0 for one in known),
        series=sum(one.series or 0 for one in known),
        datasets_counted=len(known),
        datasets_withheld=sum(one.rule is Rule.WITHHELD for one in counts),
        datasets_not_counted=sum(one.rule in (Rule.NOT_COUNTED, Rule.CAPPED) for one in counts),
        exact=all(one.rule is Rule.EXACT for one in counts),
        nodes_answered=sum(answer.state is NodeState.ANSWERED for answer in answers),
        nodes=len(answers),
    )
