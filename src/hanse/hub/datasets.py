"""The catalogue over HTTP: `/api/v1/datasets` finds and describes datasets; `/catalog` is all of it, for harvesters."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, create_model
from starlette.requests import Request

from hanse.core import dcat, plain
from hanse.core.rdf import address
from hanse.core.record import Rights
from hanse.core.space import Space
from hanse.core.view import FACETS, MAX_PAGE, MAX_SIZE, Sort, parse
from hanse.hub import catalogue
from hanse.hub.catalogue import Entry
from hanse.hub.formats import CSV, JSON, MEDIA_TYPES, RDF, by_accept, by_ending, table
from hanse.hub.library import Library
from hanse.hub.shelf import Found
from hanse.lib import rdf, sql

API = "/api/v1/datasets"
CATALOG = "/catalog"
SIZE = 100  # datasets of one answer, when nothing is said

Browse = create_model(
    "Browse",
    __doc__="A view of the catalogue: values of one facet are alternatives; all facets and all words must hold.",
    q=(
        str,
        Field("", description="Words: of titles, descriptions, keywords and names, and all names of codes."),
    ),
    **{facet: (list[str], Field([], description=label)) for facet, label in FACETS.items()},  # type: ignore[call-overload]
    sort=(Sort, Sort.RELEVANCE),
    zeros=(str, Field("", description="`yes`: facets list values too that nothing found has.")),
    page=(int, Field(1, ge=1, le=MAX_PAGE)),
    size=(int, Field(SIZE, ge=1, le=MAX_SIZE)),
)


class FacetValue(BaseModel):
    """A value of a facet, and how many datasets have it when the facet's own choice is set aside."""

    value: str
    label: dict[str, str]
    count: int
    chosen: bool


class Ignored(BaseModel):
    """A part of the request that says nothing here."""

    name: str
    value: str = ""


class DatasetPage(BaseModel):
    """One page of the datasets found. `meant` is how a word that stands nowhere was probably meant."""

    datasets: list[dict[str, Any]]
    total: int
    facets: dict[str, list[FacetValue]]
    ignored: list[Ignored]
    meant: str
    next: str | None


@dataclass(frozen=True, slots=True)
class Pages:
    """The addresses of the pages of what was found, each a `path` with its query."""

    path: str
    found: Found

    def address(self, page: int) -> str:
        query = self.found.view.on(page).address()
        return f"{self.path}?{query}" if query else self.path

    @property
    def named(self) -> dict[str, str]:
        """The first and the last page, and the neighbours of this one where there are any."""
        here, last = self.found.view.page, self.found.pages
        pages = {"first": 1, "last": last, "previous": min(here - 1, last), "next": here + 1}
        return {name: self.address(page) for name, page in pages.items() if 1 <= page <= last}


@dataclass(frozen=True)
class Desk:
    """Answers with datasets in the format that is asked for; `space` is the catalogue that they stand in."""

    records: sa.Engine
    library: Library
    space: Space

    def found(self, request: Request, ending: str, path: str = API) -> Response:
        """One page of what a request asks for; as CSV, all of it."""
        view, unknown = parse(request.query_params.multi_items(), size=SIZE)
        shelf = self.library.shelf()
        if ending == CSV:
            cards = shelf.find(replace(view, page=1, size=max(1, len(shelf)))).cards
            return _answer(table(cards), CSV, {"Content-Disposition": 'attachment; filename="datasets.csv"'})
        found = shelf.find(view)
        with sql.read(self.records) as connection:
            entries = catalogue.some(connection, [card.id for card in found.cards])
        if ending == JSON:
            pages = Pages(path, found)
            return _answer(orjson.dumps(_listed(found, entries, unknown, pages)), JSON, _links(pages))
        pages = Pages(f"{self.space.url}{path}.{ending}", found)
        return _answer(self._as_rdf(entries, pages, ending), ending, _links(pages))

    def _as_rdf(self, entries: Sequence[Entry], pages: Pages, ending: str) -> bytes:
        page = dcat.Page(url=pages.address(pages.found.view.page), total=pages.found.total, **pages.named)
        records = [(entry.record, entry.source.name) for entry in entries]
        return rdf.write(dcat.catalogue(records, page, self.space), RDF[ending])

    def one(self, dataset: str, ending: str) -> Response:
        """One dataset; `NotFound` when no approved node describes it."""
        with sql.read(self.records) as connection:
            entry = catalogue.entry(connection, dataset)
        if ending == JSON:
            body = orjson.dumps(described(entry))
        else:
            body = rdf.write(dcat.dataset(entry.record, entry.source.name, self.space), RDF[ending])
        return _answer(body, ending, {"Link": signposts(entry, self.space.url)})


LISTS = (JSON, CSV, *RDF)
ONES = (JSON, *RDF)


def routes(desk: Desk) -> APIRouter:
    """`/api/v1/datasets` and `/catalog`; the format is said by an ending, or by `Accept`."""
    router = APIRouter(responses={"default": {"description": "A problem (RFC 9457)"}})
    asked = Annotated[Browse, Query()]  # type: ignore[valid-type]  # what is documented; `parse` reads it

    @router.get(API, summary="Find datasets", response_model=DatasetPage)
    def datasets(request: Request, _: asked) -> Response:
        """One page of the datasets found, with the counts of all facets."""
        return desk.found(request, by_accept(request.headers.get("accept", ""), LISTS))

    @router.get(API + ".{ending}", summary="Find datasets, as json, csv, ttl, jsonld, rdf or nt")
    def datasets_as(request: Request, ending: str, _: asked) -> Response:
        return desk.found(request, by_ending(ending, LISTS))

    @router.get(API + "/{dataset}.{ending}", summary="One dataset, as json, ttl, jsonld, rdf or nt")
    def dataset_as(dataset: str, ending: str) -> Response:
        return desk.one(dataset, by_ending(ending, ONES))

    @router.get(API + "/{dataset}", summary="One dataset")
    def dataset(request: Request, dataset: str) -> Response:
        return desk.one(dataset, by_accept(request.headers.get("accept", ""), ONES))

    @router.get(CATALOG, summary="The whole catalogue for harvesters, in pages")
    def catalog(request: Request, _: asked) -> Response:
        """DCAT-AP with `hydra:next` leading from page to page."""
        return desk.found(request, by_accept(request.headers.get("accept", ""), RDF), CATALOG)

    @router.get(CATALOG + ".{ending}", summary="The whole catalogue, as ttl, jsonld, rdf or nt")
    def catalog_as(request: Request, ending: str, _: asked) -> Response:
        return desk.found(request, by_ending(ending, RDF), CATALOG)

    return router


def described(entry: Entry) -> dict[str, Any]:
    """A dataset as `GET /api/v1/datasets/{dataset}` gives it."""
    record = entry.record
    return plain.record_to_plain(record) | {
        "node": entry.source.id,
        "node_name": entry.source.name,
        "version": record.version,
        "fields": record.fields,
        "rights": record.rights,
        "tier": record.tier,
    }


def signposts(entry: Entry, url: str) -> str:
    """Where a program finds what belongs to a dataset: a `Link` header as https://signposting.org/FAIR has it."""
    id, said = entry.record.id, entry.record.said
    licence = address(said.license)
    links = [
        (f"{url}/id/{id}", "cite-as", ""),
        ("https://schema.org/Dataset", "type", ""),
        *([(licence.value, "license", "")] if licence else []),
        *((f"{url}{API}/{id}.{ending}", "describedby", MEDIA_TYPES[ending]) for ending in ONES),
    ]
    if entry.record.rights is Rights.PUBLIC and (item := address(said.link)):
        links.append((item.value, "item", ""))
    return ", ".join(_link(*one) for one in links)


def _link(address: str, relation: str, kind: str = "") -> str:
    return f'<{address}>; rel="{relation}"' + (f'; type="{kind}"' if kind else "")


def _links(pages: Pages) -> dict[str, str]:
    """Web links to other pages (RFC 8288)."""
    relations = {"previous": "prev"}
    return {"Link": ", ".join(_link(to, relations.get(name, name)) for name, to in pages.named.items())}


def _listed(found: Found, entries: Sequence[Entry], unknown: Sequence[str], pages: Pages) -> dict[str, Any]:
    ignored = [{"name": name, "value": ""} for name in unknown]
    return {
        "datasets": [described(entry) for entry in entries],
        "total": found.total,
        "facets": {facet: [asdict(one) for one in values] for facet, values in found.facets.items()},
        "ignored": ignored + [{"name": facet, "value": value} for facet, value in found.ignored],
        "meant": found.meant,
        "next": pages.named.get("next"),
    }


def _answer(body: bytes, ending: str, headers: Mapping[str, str]) -> Response:
    return Response(body, media_type=MEDIA_TYPES[ending], headers={"Vary": "Accept", **headers})
