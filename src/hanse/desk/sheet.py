"""A long list, a sheet of it at a time; which one, the address says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hanse.desk.visit import Visit
from hanse.web.language import address

PER_SHEET = 50

One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Sheet(Generic[One]):
    """What stands on sheet `page` of `pages`, which count from 1, and how many there are in all."""

    path: str
    name: str
    items: Sequence[One]
    page: int
    pages: int
    all: int

    def at(self, page: int) -> str:
        """The address of another sheet of the same list, whose place on the page has its name."""
        return f"{address(self.path, **{self.name: page})}#{self.name}"


def sheet(
    visit: Visit, path: str, name: str, all: int, read: Callable[[int, int], Sequence[One]]
) -> Sheet[One]:
    """The sheet of the list at `path` whose number stands in the address under `name`, or the one next to it.
    `read(start, most)` gives the things from a place on; `all` is how many there are."""
    pages = max(1, -(-all // PER_SHEET))
    said = visit.said(name)
    wanted = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 1
    page = min(max(1, wanted), pages)
    return Sheet(path, name, read((page - 1) * PER_SHEET, PER_SHEET), page, pages, all)
