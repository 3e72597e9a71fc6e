"""Dates become whole days since the person's baseline: the first diagnosis if there is one, else the first image.

A row holds `values` by column, and `dates` (ISO 8601) by column for those of its days that are known as dates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

Row = Mapping[str, Any]
MAX_AGE = 120


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where a person's days start: `baseline` is None when nothing is dated, or when days were given without it."""

    baseline: date | None
    birth: date | None

    def placed(self, row: Row) -> dict[str, Any]:
        """The row's values, its dates as days; a date stays NULL when there is no day to count from."""
        days = {column: self.day(text) for column, text in row["dates"].items()} if self.baseline else {}
        return {**days, **row["values"]}

    def day(self, text: str) -> int | None:
        return (date.fromisoformat(text) - self.baseline).days if self.baseline else None

    def age(self, at: date | None) -> int | None:
        """Completed years; None when either day is unknown or the number cannot be an age."""
        if at is None or self.birth is None:
            return None
        years = at.year - self.birth.year - ((at.month, at.day) < (self.birth.month, self.birth.day))
        return years if 0 <= years <= MAX_AGE else None


def timeline(conditions: Sequence[Row], images: Sequence[Row], births: Iterable[str]) -> Timeline:
    """The timeline of a person with these rows. When a diagnosis is given as a day without a date, the baseline is its
    day 0 and nobody knows the date: images then have no days."""
    diagnosed = [row["dates"]["day"] for row in conditions if "day" in row["dates"]]
    relative = any("day" in row["values"] for row in conditions)
    imaged = [row["dates"]["day"] for row in images if "day" in row["dates"]]
    dated = diagnosed or ([] if relative else imaged)
    born = sorted(filter(None, births))
    return Timeline(
        date.fromisoformat(min(dated)) if dated else None, date.fromisoformat(born[0]) if born else None
    )
