"""What anybody may know of a dataset as a whole, and the record that the catalogue makes of it.

All numbers come through the gate, which releases them; everyone broken down by one field is one question that costs
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hanse.core import plain
from hanse.core.answer import Cell, Counts, Rule
from hanse.core.fields import Field, Vocabulary
from hanse.core.policy import Access
from hanse.core.record import Description, Quality, Record, Variable, Version
from hanse.node.report import DIMENSIONS
from hanse.node.store import QUALITY, Published

BREAKDOWNS = (
    "image.modality",
    "image.body_part",
    "image.manufacturer",
    "image.study_year",
    "image.sequence",
    "person.sex",
    "person.age",
    "condition.cancer_type",
)
MAX_CELLS = 100  # of one breakdown, those with the most persons
COARSE = 5  # per cent: the shares of the quality report of protected data


@dataclass(frozen=True, slots=True)
class Portrait:
    """The released counts of all of a dataset, of those who have a value in a field, and of the values of a few
    fields. A field without a released count is not told: one person's treatment is not the dataset's."""

    total: Counts
    variables: Mapping[str, Counts]  # by field, all that may be known to have data
    breakdowns: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.variables)


def fields(vocabulary: Vocabulary) -> list[Field]:
    """The fields by which everyone is broken down."""
    return [found for name in BREAKDOWNS if (found := vocabulary.get(name)) and found.breakdown]


def record(published: Published, portrait: Portrait, versions: Sequence[Version]) -> Record:
    """The catalogue's record of a dataset."""
    manifest = published.manifest
    return Record(
        id=manifest.dataset,
        access=published.policy.access,
        counts=portrait.total,
        said=published.description,
        breakdowns={name: _largest(cells) for name, cells in portrait.breakdowns.items() if cells},
        variables=tuple(
            Variable(name, _coarsely(portrait.variables[name], portrait.total))
            for name in manifest.columns
            if name in portrait.variables
        ),
        quality=_quality(manifest.provenance.get(QUALITY), published.policy.access),
        vocabulary=manifest.vocabulary,
        versions=tuple(sorted(versions, key=lambda version: version.version))[-plain.MAX_VERSIONS :],
    )


def _coarsely(counts: Counts, total: Counts) -> Counts:
    """The persons who have a value, of protected data in tenths of all. Many fields have values for the very same
    persons: as many counts of them would average the noise away."""
    if counts.rule is not Rule.ROUNDED:
        return counts
    if not total.persons or not counts.persons:
        return Counts(Rule.WITHHELD)
    tenths = min(10, max(1, round(10 * counts.persons / total.persons)))
    return Counts(Rule.ROUNDED, tenths * total.persons // 10, rounding=total.persons // 10)


def unpublished(dataset: str, said: Description) -> Record:
    """The record of a dataset of which nothing but its description is known."""
    return Record(dataset, Access.NONE, Counts(Rule.NOT_COUNTED), said)


def _largest(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The cells with the most persons, in the order in which all stand."""
    kept = sorted(cells, key=lambda cell: -(cell.counts.persons or 0))[:MAX_CELLS]
    return tuple(cell for cell in cells if cell in kept) if len(cells) > MAX_CELLS else cells


def _quality(shares: Any, access: Access) -> tuple[Quality, ...]:
    """The shares of sound values as they were frozen with the version; of protected data only coarsely."""
    step = 1 if access is Access.OPEN else COARSE
    found = shares if isinstance(shares, dict) and access is not Access.NONE else {}
    return tuple(
        Quality(name, round(100 * found[name] / step) * step, DIMENSIONS[name][0])
        for name in DIMENSIONS
        if name in found
    )
