"""`/` and `/search`: what this space is and holds, ways in, and one box that understands words, codes and questions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hanse.core.check import check, resolve
from hanse.core.errors import Problem
from hanse.core.fields import Field, Identifying, Vocabulary
from hanse.core.reading import read
from hanse.core.view import MAX_TEXT, View
from hanse.hub.app import Hub
from hanse.hub.shelf import CODED, Shelf, Value
from hanse.web import charts, nodes, saying
from hanse.web.charts import Bar
from hanse.web.language import N_, address, current
from hanse.web.language import gettext as _
from hanse.web.render import render

SHOWN = 8  # bars of a chart
OFFERED = 4  # fields that know a word

# What the box may be given, as examples: a word, a code, a question.
EXAMPLES = (
    N_("breast"),
    N_("prostate MR"),
    "C34",
    "person.age < 50 AND condition.cancer_type = 'breast' AND image.modality = 'MR'",
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the catalogue holds. Persons and series are sums of released numbers; `untold` datasets tell none."""

    datasets: int
    persons: int
    series: int
    untold: int
    exact: bool
    cancer_types: int
    countries: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A code that a word means: field and value in words, the question about it, and the filter of the catalogue."""

    field: str
    value: str
    question: str
    datasets: str


def routes(hub: Hub) -> list[Route]:
    """The home page and its search."""

    async def home(request: Request) -> Response:
        return await run_in_threadpool(_home, request, hub)

    async def search(request: Request) -> Response:
        said = " ".join(request.query_params.get("q", "").split())
        if is_question(said, hub.vocabulary):
            return RedirectResponse(address("/cohort", q=said), 303)
        found = list(offers(said[:MAX_TEXT], hub.vocabulary))
        if not found:
            return RedirectResponse(address("/datasets", q=said[:MAX_TEXT]), 303)
        datasets = hub.library.shelf().find(View(text=said[:MAX_TEXT], size=1), current()).total
        return render(request, "search.html", said=said, offers=found, datasets=datasets)

    return [Route("/", home), Route("/search", search)]


def _home(request: Request, hub: Hub) -> Response:
    shelf = hub.library.shelf()
    members = nodes.members(hub)
    facets = shelf.find(View(size=1), current()).facets
    pictures = [
        charts.bars(title, _("datasets"), _bars(facet, facets[facet]))
        for facet, title in (("cancer_type", _("Cancer types")), ("modality", _("Modalities")))
    ]
    return render(
        request,
        "home.html",
        totals=totals(shelf),
        members=members,
        states=nodes.states(members),
        pictures=pictures,
        map=_map(facets["country"]),
        examples=EXAMPLES,
    )


@lru_cache(maxsize=2)
def totals(shelf: Shelf) -> Totals:
    """The sums over all datasets."""
    counts = [card.counts for card in shelf.cards]
    return Totals(
        datasets=len(shelf),
        persons=sum(one.persons or 0 for one in counts),
        series=sum(one.series or 0 for one in counts),
        untold=sum(not one.known for one in counts),
        exact=not any(one.rounding for one in counts),
        cancer_types=len({name for card in shelf.cards for name in card.cancer_types}),
        countries=len({card.country for card in shelf.cards} - {""}),
    )


def _bars(facet: str, values: tuple[Value, ...]) -> Iterator[Bar]:
    """The values that most datasets have, each leading to them."""
    most = sorted((one for one in values if one.count), key=lambda one: -one.count)
    for one in most[:SHOWN]:
        href = address("/datasets", **{facet: one.value})
        yield Bar(saying.spoken(one.label), one.count, saying.number(one.count), href)


def _map(values: tuple[Value, ...]) -> charts.Map:
    counts = {one.value: one.count for one in values if one.count}
    leads = {code: address("/datasets", country=code) for code in counts}
    return charts.country_map(_("Datasets by country"), _("datasets"), counts, leads)


_LOOKS_ASKED = re.compile(r"[=<>]|\w\(|\b(AND|OR|IN|LIKE|BETWEEN|IS NULL)\b")


def is_question(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a text is a question, or was certainly meant as one: then its page says what is wrong with it."""
    if _LOOKS_ASKED.search(text):
        return True
    try:
        question, _notes = resolve(read(text), vocabulary)
        check(question, vocabulary, text)
    except Problem:
        return False
    return bool(text)


def offers(word: str, vocabulary: Vocabulary) -> Iterator[Offer]:
    """The fields of which the word is a value, those of the catalogue's facets first."""
    facets = {field: facet for facet, field in CODED.items()}
    known = [
        field
        for field in vocabulary.fields.values()
        if field.codes and field.identifying is Identifying.NO and word and field.codes.find(word)
    ]
    for field in sorted(known, key=lambda one: one.name not in facets)[:OFFERED]:
        yield _offer(field, word, facets.get(field.name, ""))


def _offer(field: Field, word: str, facet: str) -> Offer:
    assert field.codes
    code = field.codes.codes[str(field.codes.find(word))]
    return Offer(
        saying.spoken(field.label),
        saying.spoken(code.label),
        address("/cohort", q=f"{field.name} = '{code.code}'"),
        address("/datasets", **{facet: code.code}) if facet else "",
    )
