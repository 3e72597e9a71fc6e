"""What changed from one version of a dataset to the next, as far as the catalogue was told of both.

Only released numbers are compared, and each is shown as it was told: what lies between two of them is not the number of
persons who came or went.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hanse.core.answer import Counts
from hanse.core.record import Record


@dataclass(frozen=True, slots=True)
class Told:
    """What a node told of one version: its released counts, the fields of which it has data, and what made it."""

    version: int
    counts: Counts
    fields: tuple[str, ...]
    vocabulary: str = ""
    software: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What one version says otherwise than the one before it. A pair is what was said before and since; None where both
    say the same."""

    version: int
    since: int
    counts: tuple[Counts, Counts] | None = None
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    vocabulary: tuple[str, str] | None = None
    software: tuple[str, str] | None = None

    @property
    def nothing(self) -> bool:
        """Whether all that is told of both is the same."""
        return not (self.counts or self.came or self.went or self.vocabulary or self.software)


def told(record: Record, software: str) -> Told | None:
    """What a record tells of its newest version; None of a dataset without one."""
    if record.version is None:
        return None
    return Told(record.version, record.counts, record.fields, record.vocabulary, software)


def changes(history: Sequence[Told]) -> Iterator[Change]:
    """The changes between every two neighbours of what was told, oldest first."""
    for before, after in pairwise(sorted(history, key=lambda one: one.version)):
        yield Change(
            after.version,
            before.version,
            (before.counts, after.counts) if before.counts != after.counts else None,
            tuple(one for one in after.fields if one not in before.fields),
            tuple(one for one in before.fields if one not in after.fields),
            _differing(before.vocabulary, after.vocabulary),
            _differing(before.software, after.software),
        )


def _differing(before: str, after: str) -> tuple[str, str] | None:
    return (before, after) if before and after and before != after else None
