"""`/datasets/compare`: two datasets side by side, and where they differ."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hanse.core.answer import Counts, Rule
from hanse.core.fields import Field, Type, Vocabulary
from hanse.core.policy import Access
from hanse.core.record import Record
from hanse.hub import catalogue
from hanse.hub.app import Hub
from hanse.hub.catalogue import Entry
from hanse.lib import sql
from hanse.web import charts, saying
from hanse.web.charts import Bar, Chart, number_in
from hanse.web.criteria import value_label
from hanse.web.dataset import coded, licences, named
from hanse.web.language import N_, address
from hanse.web.language import gettext as _
from hanse.web.pictures import silent, telling
from hanse.web.render import render

MOST = 12  # bars of one chart
CUT = 100  # values of a breakdown; a node tells no more, so that what is missing in as many may have been left out
LISTED = 200  # variables that only one of them has


@dataclass(frozen=True, slots=True)
class Line:
    """A property of both; `differs` when they do not say the same."""

    label: str
    said: tuple[str, str]

    @property
    def differs(self) -> bool:
        return self.said[0] != self.said[1]


@dataclass(frozen=True, slots=True)
class Variables:
    """The names of the variables that both have, and those that only one has."""

    both: int
    only: tuple[Sequence[str], Sequence[str]]


def routes(hub: Hub) -> list[Route]:
    """Two datasets; with fewer than two the way leads back to where one chooses them."""

    def compare(request: Request) -> Response:
        ids = list(dict.fromkeys(request.query_params.getlist("dataset")))[:2]
        with sql.read(hub.records) as connection:
            found = catalogue.some(connection, ids)
        if len(found) < 2:
            leads = f"/datasets/{found[0].record.id}" if found else "/datasets"
            return RedirectResponse(address(leads), 303)
        one, other = found
        return render(
            request,
            "datasets/compare.html",
            pair=(one.record, other.record),
            lines=[Line(_(label), (say(hub, one), say(hub, other))) for label, say in LINES.items()],
            charts=beside(one.record, other.record, hub.vocabulary),
            variables=variables(one.record, other.record, hub.vocabulary),
        )

    return [Route("/datasets/compare", compare)]


def _counted(unit: str) -> Callable[[Hub, Entry], str]:
    def say(hub: Hub, entry: Entry) -> str:
        counts: Counts = entry.record.counts
        return saying.count(counts, unit) if counts.known else silent(counts)

    return say


def _listed(read: Callable[[Hub, Entry], Sequence[str]]) -> Callable[[Hub, Entry], str]:
    return lambda hub, entry: ", ".join(sorted(read(hub, entry))) or saying.NONE


def _facet(facet: str) -> Callable[[Hub, Entry], str]:
    def read(hub: Hub, entry: Entry) -> Sequence[str]:
        shelf = hub.library.shelf()
        card = shelf.get(entry.record.id)
        return (
            [named(facet, value, shelf.label(facet, value)) for value in card.values[facet]] if card else []
        )

    return _listed(read)


def _words(list_: str, member: str) -> Callable[[Hub, Entry], str]:
    return _listed(
        lambda hub, entry: [coded(hub, list_, code) for code in getattr(entry.record.said, member)]
    )


def _versions(_hub: Hub, entry: Entry) -> str:
    version = entry.record.version
    return saying.NONE if version is None else str(version)


# What is compared, by its label: how a dataset says it.
LINES: Mapping[str, Callable[[Hub, Entry], str]] = {
    N_("Data holder"): lambda hub, entry: entry.record.said.holder.name if entry.record.said.holder else "",
    N_("Node"): lambda hub, entry: entry.source.name,
    N_("Country"): _facet("country"),
    N_("Access"): _facet("rights"),
    N_("What can be done"): _facet("tier"),
    N_("Kind of data"): _facet("kind"),
    N_("Persons"): _counted("persons"),
    N_("Studies"): _counted("studies"),
    N_("Series"): _counted("series"),
    N_("Cancer type"): _words("cancer_type", "cancer_types"),
    N_("Modality"): _facet("modality"),
    N_("Body part"): _facet("body_part"),
    N_("Licence"): _listed(
        lambda hub, entry: [coded(hub, "license", one) for one in licences(entry.record.said.license)]
    ),
    N_("Conditions of use"): _words("use_condition", "conditions"),
    N_("Languages of the data"): _listed(
        lambda hub, entry: list(map(saying.tongue, entry.record.said.languages))
    ),
    N_("Version"): _versions,
}


def beside(one: Record, other: Record, vocabulary: Vocabulary) -> list[tuple[Chart, Chart]]:
    """Charts of the breakdowns that both have, each pair with the same values in the same order."""
    shared = [name for name in one.breakdowns if name in other.breakdowns and vocabulary.get(name)]
    return [_pair(vocabulary.fields[name], one, other) for name in telling(dict.fromkeys(shared))]


def _pair(field: Field, one: Record, other: Record) -> tuple[Chart, Chart]:
    counts = [{cell.value: cell.counts for cell in record.breakdowns[field.name]} for record in (one, other)]
    every = dict.fromkeys(value for held in counts for value in held)
    most = {value: max(held[value].persons or 0 for held in counts if value in held) for value in every}
    values = sorted(most, key=lambda value: (-most[value], value))[:MOST]
    if field.type is Type.INTEGER:
        values.sort(key=lambda value: (number_in(value) or 0, value))
    title = saying.spoken(field.label)
    bars = (
        charts.bars(title, _("persons"), _bars(field, values, held, record.access))
        for held, record in zip(counts, (one, other), strict=True)
    )
    return next(bars), next(bars)


def _bars(field: Field, values: Sequence[str], counts: Mapping[str, Counts], access: Access) -> Iterator[Bar]:
    """A bar for each value; of open data one that is not told has nobody, of others nothing is known."""
    nobody = Counts(Rule.EXACT, 0) if access is Access.OPEN and len(counts) < CUT else None
    for value in values:
        held = counts.get(value, nobody)
        said = _("not told") if held is None else silent(held) or saying.count(held)
        yield Bar(value_label(field, value), held.persons if held else None, said)


def variables(one: Record, other: Record, vocabulary: Vocabulary) -> Variables:
    """Which variables both have, and which only one of them."""
    first, second = set(one.fields), set(other.fields)

    def labels(names: set[str]) -> list[str]:
        known = ((vocabulary.get(name), name) for name in sorted(names)[:LISTED])
        return [saying.spoken(field.label) if field else name for field, name in known]

    return Variables(len(first & second), (labels(first - second), labels(second - first)))
