"""What the catalogue's records say field by field: who has data in it, and how many persons have which value.

Every number was released when its record was made; those that were withheld are in no sum.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from hanse.core.record import Text
from hanse.hub import catalogue
from hanse.hub.catalogue import Entry, Source
from hanse.lib import sql

LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Coverage:
    """The fields of some datasets: how many datasets and nodes have data in each, and, where breakdowns were released,
    how many persons have each value."""

    datasets: Counter[str] = field(default_factory=Counter)
    nodes: Counter[str] = field(default_factory=Counter)
    persons: Mapping[str, Counter[str]] = field(default_factory=dict)
    titles: Mapping[str, Text] = field(default_factory=dict)  # by the id of the dataset
    of_nodes: int = 0


def of_node(entries: Sequence[Entry]) -> Coverage:
    """The coverage of one node's datasets."""
    datasets = Counter(name for one in entries for name in one.record.fields)
    persons: dict[str, Counter[str]] = {}
    for one in entries:
        for name, cells in one.record.breakdowns.items():
            found = persons.setdefault(name, Counter())
            found.update({cell.value: cell.counts.persons for cell in cells if cell.counts.persons})
    titles = {one.record.id: one.record.said.title for one in entries}
    return Coverage(datasets, Counter(datasets.keys()), persons, titles, of_nodes=1)


def together(parts: Iterable[Coverage]) -> Coverage:
    """The coverage of several nodes."""
    parts = list(parts)
    names = {name for one in parts for name in one.persons}
    return Coverage(
        sum((one.datasets for one in parts), Counter()),
        sum((one.nodes for one in parts), Counter()),
        {name: sum((one.persons.get(name, Counter()) for one in parts), Counter()) for name in names},
        {id: title for one in parts for id, title in one.titles.items()},
        of_nodes=sum(one.of_nodes for one in parts),
    )


class Watcher:
    """Knows the coverage of the hub's catalogue; only nodes that described something new since are read again."""

    def __init__(self, records: sa.Engine) -> None:
        self._records = records
        self._parts: dict[Source, tuple[str, Coverage]] = {}
        self._known = Coverage()
        self._looked = float("-inf")
        self._looking = threading.Lock()

    def coverage(self) -> Coverage:
        """What is known, at most a little late; only the first who asks waits for others."""
        if time.monotonic() - self._looked > LOOK_EVERY_S and self._looking.acquire(
            blocking=self._looked == float("-inf")
        ):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._known

    def _look(self) -> None:
        with sql.read(self._records) as connection:
            sources = catalogue.sources(connection)
            parts = {one: self._part(connection, one) for one in sources}
        if [*parts] != [*self._parts] or any(part is not self._parts[one] for one, part in parts.items()):
            self._parts = parts
            self._known = together(part for _, part in parts.values())
        self._looked = time.monotonic()

    def _part(self, connection: sa.Connection, source: Source) -> tuple[str, Coverage]:
        before = self._parts.get(source)
        if before is not None and before[0] == source.stamp:
            return before
        return source.stamp, of_node(catalogue.entries(connection, source.id))
