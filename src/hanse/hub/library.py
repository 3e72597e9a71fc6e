"""The catalogue's index of today in a running hub: made anew, in the background, when nodes describe other datasets."""

import logging
import threading
import time

import sqlalchemy as sa

from hanse.core.fields import Vocabulary
from hanse.hub import catalogue
from hanse.hub.card import ROOM, Book, book
from hanse.hub.shelf import Shelf
from hanse.lib import sql

LOOK_EVERY_S = 1.0
NODE_ROOM = 8_000_000  # characters of the texts of all datasets of a node in which words are found
log = logging.getLogger(__name__)


class Library:
    """Keeps a `Shelf` that is at most a little older than the records, which another process may have changed.

    A look at the stamps of all nodes, at most every `LOOK_EVERY_S`, tells whether it is; only what changed is read.
    Nobody waits for a new index but the first who asks.
    """

    def __init__(self, records: sa.Engine, vocabulary: Vocabulary) -> None:
        self._records = records
        self._vocabulary = vocabulary
        self._held: dict[catalogue.Source, tuple[str, list[Book]]] = {}
        self._shelf: Shelf | None = None
        self._looked = float("-inf")
        self._working = threading.Lock()

    def shelf(self) -> Shelf:
        """The index; the records were looked at lately."""
        if self._shelf is None:
            return self.refresh()
        if time.monotonic() - self._looked > LOOK_EVERY_S and self._working.acquire(blocking=False):
            self._looked = time.monotonic()
            threading.Thread(target=self._catch_up, name="catalogue-index", daemon=True).start()
        return self._shelf

    def refresh(self) -> Shelf:
        """The index of the records as they are now."""
        with self._working:
            return self._renewed()

    def _catch_up(self) -> None:
        try:
            self._renewed()
        except Exception:  # the index of before serves on, and the next look tries again
            log.exception("The index of the catalogue could not be renewed")
        finally:
            self._working.release()

    def _renewed(self) -> Shelf:
        with sql.read(self._records) as connection:
            sources = catalogue.sources(connection)
            held = {one: self._books(connection, one) for one in sources}
        if self._shelf is None or held != self._held:
            books = [book for _, books in held.values() for book in books]
            self._shelf, self._held = Shelf(books, self._vocabulary), held
        self._looked = time.monotonic()
        return self._shelf

    def _books(self, connection: sa.Connection, source: catalogue.Source) -> tuple[str, list[Book]]:
        """The books of a node: those of before while its stamp is the same."""
        before = self._held.get(source)
        if before is not None and before[0] == source.stamp:
            return before
        entries = catalogue.entries(connection, source.id)
        room = min(ROOM, NODE_ROOM // max(1, len(entries)))
        return source.stamp, [book(one, self._vocabulary, room) for one in entries]
