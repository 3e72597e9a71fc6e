"""What somebody sees of the catalogue, and the address that says so: the same names on the page, in the API, in Python
and on the command line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import urlencode

# The facets of the catalogue in the order in which they are shown, with their English labels.
FACETS: Mapping[str, str] = {
    "cancer_type": "Cancer type",
    "modality": "Modality",
    "body_part": "Body part",
    "country": "Country",
    "holder": "Node",
    "rights": "Access",
    "tier": "What can be done",
    "kind": "Kind of data",
    "persons": "Persons",
    "license": "Licence",
}

MAX_TEXT = 200  # characters of a search
MAX_VALUES = 50  # of one facet
MAX_VALUE = 300  # characters
MAX_PAGE = 10_000
MAX_SIZE = 1000  # datasets on one page
SIZE = 20


class Sort(StrEnum):
    RELEVANCE = "relevance"  # without a text: what answers questions first, then the largest
    TITLE = "title"
    PERSONS = "persons"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class View:
    """A search of the catalogue. Values of one facet are alternatives; all facets and all words must hold."""

    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # values by facet, sorted, never empty
    sort: Sort = Sort.RELEVANCE
    zeros: bool = False  # whether facets list the values that no dataset found has
    whole: str = ""  # the facet of which all values are listed
    page: int = 1
    size: int = SIZE

    def holds(self, facet: str, value: str) -> bool:
        """Whether this value of the facet is chosen."""
        return value in self.chosen.get(facet, ())

    def toggled(self, facet: str, value: str) -> "View":
        """The first page with one value chosen that is not, or let go that is."""
        values = set(self.chosen.get(facet, ())) ^ {value}
        return self.choosing(dict(self.chosen) | {facet: values})

    def choosing(self, chosen: Mapping[str, Iterable[str]]) -> "View":
        """The first page with these values chosen and no others."""
        return replace(self, chosen=_ordered(chosen), page=1)

    def on(self, page: int) -> "View":
        """Another page of the same."""
        return replace(self, page=page)

    def about(self, text: str) -> "View":
        """The first page of another text."""
        return replace(self, text=text, page=1)

    def sorted_by(self, sort: Sort) -> "View":
        """The first page of the same in another order."""
        return replace(self, sort=sort, page=1)

    def listing_all(self, facet: str) -> "View":
        """The same with all values of this facet."""
        return replace(self, whole=facet)

    def of_size(self, size: int) -> "View":
        """The first page of the same, with so many datasets on it, and its facets as usual."""
        return replace(self, size=size, page=1, whole="", zeros=False)

    def address(self) -> str:
        """The query of an address that says this view; what is as usual is left out."""
        pairs = [(facet, value) for facet, values in self.chosen.items() for value in values]
        plain = View()
        said = {
            "q": self.text,
            "sort": "" if self.sort is plain.sort else self.sort.value,
            "zeros": "yes" if self.zeros else "",
            "whole": self.whole,
            "page": "" if self.page == plain.page else str(self.page),
            "size": "" if self.size == plain.size else str(self.size),
        }
        text, *others = ((name, value) for name, value in said.items())
        return urlencode([pair for pair in (text, *pairs, *others) if pair[1]])


def parse(
    pairs: Iterable[tuple[str, str]], also: Iterable[str] = (), size: int = SIZE
) -> tuple[View, tuple[str, ...]]:
    """The view that the query of an address says, and the names in it that say nothing here (those in `also` are
    somebody else's). Whatever is sent, there is a view: what cannot be understood counts as not said. `size` is that
    of a page when none is said."""
    said: dict[str, list[str]] = {}
    for name, value in pairs:
        said.setdefault(clean(name, 50), []).append(value)
    last = {name: values[-1] for name, values in said.items()}
    view = View(
        text=clean(last.get("q", ""), MAX_TEXT),
        chosen=_ordered({facet: said[facet] for facet in FACETS if facet in said}),
        sort=Sort(last["sort"]) if last.get("sort") in list(Sort) else Sort.RELEVANCE,
        zeros=last.get("zeros") == "yes",
        whole=last["whole"] if last.get("whole") in FACETS else "",
        page=_whole(last.get("page", ""), MAX_PAGE, 1),
        size=_whole(last.get("size", ""), MAX_SIZE, size),
    )
    known = {"q", "sort", "zeros", "whole", "page", "size", *FACETS, *also}
    return view, tuple(sorted(set(said) - known - {""}))


def clean(text: str, most: int) -> str:
    """One line of at most `most` characters, without what cannot be shown."""
    shown = text[: 4 * most]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else " " for letter in shown)
    return " ".join(shown.split())[:most].strip()


def _ordered(chosen: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    cleaned = {facet: {clean(value, MAX_VALUE) for value in chosen.get(facet, ())} - {""} for facet in FACETS}
    return {facet: tuple(sorted(values)[:MAX_VALUES]) for facet, values in cleaned.items() if values}


def _whole(text: str, most: int, usual: int) -> int:
    """A whole number from 1 to `most`; what is no number is the usual one."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return usual
    return min(max(int(digits), 1), most)
