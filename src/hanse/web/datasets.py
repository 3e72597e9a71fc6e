"""`/datasets`: the catalogue, found by words and facets; the address of the page is the view."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.core.view import FACETS, MAX_SIZE, Sort, View, parse
from hanse.hub.app import Hub
from hanse.hub.datasets import API
from hanse.hub.formats import CSV, JSON
from hanse.hub.shelf import Found, Shelf, Value
from hanse.web import compare, dataset
from hanse.web.answers import in_shell
from hanse.web.dataset import named
from hanse.web.language import N_, address, current
from hanse.web.language import gettext as _
from hanse.web.pictures import silent
from hanse.web.render import render

OPEN = ("cancer_type", "modality", "body_part", "country")  # facets that are open at first
MOST = 60  # values of one facet that are listed at once
MOST_KEPT, MAX_QUERY, MAX_PAGE = 300, 500, 256 << 10  # pages, characters of the address of one, and its bytes
MOST_NOTICES = 10  # of each kind
COMPARED = "dataset"  # the name under which datasets are chosen to be compared

SORTS: Mapping[Sort, str] = {
    Sort.RELEVANCE: N_("Best match"),
    Sort.PERSONS: N_("Most persons"),
    Sort.NEWEST: N_("Newest"),
    Sort.TITLE: N_("Title"),
}
FILES: Mapping[str, str] = {CSV: "CSV", JSON: "JSON", "ttl": "Turtle", "jsonld": "JSON-LD", "rdf": "RDF/XML"}


Key = tuple[str, str, bool]  # language, query, packed


class Kept:
    """Pages as they were made, while the index is the same: most visitors look at the same few views."""

    def __init__(self) -> None:
        self._kept: tuple[Shelf | None, dict[Key, Response]] = (None, {})

    def page(self, shelf: Shelf, key: Key, make: Callable[[], Response]) -> Response:
        """The page of this key, made when it is not there."""
        kept = self._kept
        if kept[0] is not shelf:
            kept = self._kept = (shelf, {})
        pages = kept[1]
        found = pages.get(key) or make()
        if len(key[1]) <= MAX_QUERY and len(found.body) <= MAX_PAGE:
            if len(pages) >= MOST_KEPT:
                pages.clear()
            pages[key] = found
        return found


@dataclass(frozen=True, slots=True)
class Option:
    """A value of a facet as a box to tick."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet as a group of boxes; `more` leads to the page that lists all its values, when not all are here."""

    name: str
    title: str
    options: Sequence[Option]
    open: bool
    more: str


def routes(hub: Hub) -> list[Route]:
    """The catalogue, one dataset, and two side by side."""

    kept = Kept()

    def show(request: Request) -> Response:
        shelf = hub.library.shelf()
        key = (current(), request.url.query, "gzip" in request.headers.get("accept-encoding", ""))
        return kept.page(shelf, key, lambda: page(request, hub, shelf))

    return [Route("/datasets", show), *compare.routes(hub), *dataset.routes(hub)]


def page(request: Request, hub: Hub, shelf: Shelf) -> Response:
    """The page of the view that the request's address says."""
    view, unknown = parse(request.query_params.multi_items(), also=(COMPARED,))
    found = shelf.find(view, current())
    if found.view.page > found.pages:
        found = shelf.find(view.on(found.pages), current())
    view = found.view
    return render(
        request,
        "datasets/list.html",
        headers={"HX-Push-Url": listing(view), "Vary": "Accept-Encoding, HX-Request"},
        found=found,
        view=view,
        notices=notices(found, unknown),
        facets=[facet(found, name) for name in FACETS],
        chips=chips(found),
        sorts=sorts(view),
        files=[(label, file(view, ending)) for ending, label in FILES.items()],
        listing=listing,
        page_address=lambda page: listing(view.on(page)),
        silent=silent,
        python=in_python(hub.space.url, view),
        command=on_command_line(hub.space.url, view),
        value_label=lambda facet, value: named(facet, value, shelf.label(facet, value)),
    )


def listing(view: View) -> str:
    """The address of the page that shows a view."""
    query = view.address()
    return address("/datasets") + (f"?{query}" if query else "")


def sorts(view: View) -> list[tuple[str, str, bool]]:
    """The orders in which the view can be had, the page of each, and whether it is this one."""
    return [(_(label), listing(view.sorted_by(sort)), sort is view.sort) for sort, label in SORTS.items()]


def file(view: View, ending: str) -> str:
    """The address of a view as a file, as much of it as one answer holds."""
    return f"{API}.{ending}?{view.of_size(MAX_SIZE).address()}"


def facet(found: Found, name: str) -> Facet:
    """A facet with its values: those that most datasets have, or all when the view asks for the whole of it."""
    values, view = found.facets[name], found.view
    chosen = [one for one in values if one.chosen]
    shown = values if view.whole == name else values[:MOST]
    shown = [*shown, *(one for one in chosen if one not in shown)]
    return Facet(
        name,
        _(FACETS[name]),
        [Option(one.value, named(name, one.value, one.label), one.count, one.chosen) for one in shown],
        name in OPEN or bool(chosen) or view.whole == name,
        listing(view.listing_all(name)) if len(shown) < len(values) else "",
    )


def chips(found: Found) -> list[tuple[str, str]]:
    """Every filter that is set, and the page without it."""
    text = found.view.text
    said = [(_("“%(text)s”") % {"text": text}, listing(found.view.about("")))] if text else []
    values = ((name, one) for name, facet in found.facets.items() for one in facet if one.chosen)
    return said + [(_named(name, one), listing(found.view.toggled(name, one.value))) for name, one in values]


def _named(facet: str, one: Value) -> str:
    return _("%(facet)s: %(value)s") % {
        "facet": _(FACETS[facet]),
        "value": named(facet, one.value, one.label),
    }


def notices(found: Found, unknown: Sequence[str]) -> list[str]:
    """What of the address was not understood."""
    said = [
        _("“%(name)s” is no filter of this catalogue and was left out.") % {"name": name}
        for name in unknown[:MOST_NOTICES]
    ]
    left_out = _("%(facet)s “%(value)s” is not known here and was left out.")
    values = found.ignored[:MOST_NOTICES]
    return said + [left_out % {"facet": _(FACETS[name]), "value": value} for name, value in values]


def in_python(hub: str, view: View) -> str:
    """The same view as a program for the Python client."""
    said = [repr(view.text)] if view.text else []
    said += [f"{facet}={list(values)!r}" for facet, values in view.chosen.items()]
    said += [f"sort={view.sort.value!r}"] if view.sort is not Sort.RELEVANCE else []
    call = ", ".join(said)
    if len(call) > 60:
        call = "\n    " + ",\n    ".join(said) + ",\n"
    return f"from hanse.client import Hanse\n\nfound = Hanse({hub!r}).datasets({call})"


def on_command_line(hub: str, view: View) -> str:
    """The same view as a command."""
    options = [
        f"--{facet.replace('_', '-')} {in_shell(value)}"
        for facet, values in view.chosen.items()
        for value in values
    ]
    options += [f"--sort {view.sort.value}"] if view.sort is not Sort.RELEVANCE else []
    words = [in_shell(view.text)] if view.text else []
    return " ".join(["hanse datasets", "--hub", in_shell(hub), *options, *words])
