"""`/datasets/ID`: everything that is known of a dataset, pictures first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hanse.core import schemaorg
from hanse.core.answer import Counts, Rule
from hanse.core.change import Change, changes
from hanse.core.errors import NotFound
from hanse.core.fields import Type, Vocabulary
from hanse.core.profile import MAIL, is_address
from hanse.core.record import Agent, Quality, Record, Text, Variable
from hanse.core.view import MAX_PAGE
from hanse.hub import catalogue, history
from hanse.hub.app import Hub
from hanse.hub.catalogue import Entry
from hanse.hub.datasets import API, CATALOG, ONES, signposts
from hanse.hub.formats import HTML, JSON, by_accept
from hanse.hub.shelf import FIXED
from hanse.lib import sql
from hanse.web import saying
from hanse.web.answers import in_shell
from hanse.web.language import N_, address, current, preferred, speaking
from hanse.web.language import gettext as _
from hanse.web.pictures import pictures, silent
from hanse.web.render import render

PER_PAGE = 100  # variables
NEAR = 3  # related datasets
NAMED = 6  # variables that came or went with a version
FILES = {"ttl": "Turtle", "jsonld": "JSON-LD", "rdf": "RDF/XML", "json": "JSON"}

TYPES: Mapping[Type, str] = {
    Type.CODE: N_("code"),
    Type.TEXT: N_("text"),
    Type.INTEGER: N_("whole number"),
    Type.NUMBER: N_("number"),
    Type.BOOLEAN: N_("yes or no"),
    Type.DAY: N_("day"),
    Type.KEY: N_("key"),
}
# The dimensions of a quality report, each with the question that it answers.
DIMENSIONS: Mapping[str, tuple[str, str]] = {
    "completeness": (N_("Completeness"), N_("Is a value there where one belongs?")),
    "uniqueness": (N_("Uniqueness"), N_("Is everything there only once?")),
    "validity": (N_("Validity"), N_("Is every value of its type, within its range, and a known code?")),
    "consistency": (N_("Consistency"), N_("Do things that belong together agree?")),
    "integrity": (N_("Integrity"), N_("Is every file whole, and does it find what it refers to?")),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A variable: what it is, how many persons have a value, and their share of all, when both are told."""

    label: str
    name: str
    type: str  # or its unit
    about: str
    text: str
    share: float | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a dataset's variables, grouped by what they are about."""

    groups: Sequence[tuple[str, Sequence[Row]]]
    total: int
    page: int
    pages: int


def routes(hub: Hub) -> list[Route]:
    """One dataset."""

    def show(request: Request) -> Response:
        id = request.path_params["dataset"]
        with sql.read(hub.records) as connection:
            found = catalogue.some(connection, [id])
            told = history.of(connection, id)
        if not found:
            raise NotFound(
                N_("There is no such dataset."), hint=N_("It may have been withdrawn, or its node has left.")
            )
        (entry,) = found
        record, shelf = entry.record, hub.library.shelf()
        return render(
            request,
            "datasets/one.html",
            headers={"Link": signposts(entry, hub.space.url)},
            entry=entry,
            record=record,
            said=record.said,
            pictures=pictures(record, hub.vocabulary),
            sheet=sheet(record, hub.vocabulary, _page(request)),
            label=lambda list_, code: coded(hub, list_, code),
            contacts=contacts(record),
            changes={one.version: what_changed(one, hub.vocabulary) for one in changes(told)},
            citation=citation(entry, hub.space.url),
            near=shelf.near(id)[:NEAR],
            files=[(name, f"{API}/{id}.{ending}") for ending, name in FILES.items() if ending in ONES],
            id_address=f"{hub.space.url}/id/{id}",
            structured=schemaorg.dataset(record, entry.source.name, hub.space, current()),
            silent=silent,
            dimension=dimension,
            is_address=is_address,
            value_label=lambda facet, value: named(facet, value, shelf.label(facet, value)),
            variables_address=lambda page: address(f"/datasets/{id}", variables=page) + "#variables",
            python=f"from hanse.client import Hanse\n\ndataset = Hanse({hub.space.url!r}).dataset({id!r})",
            command=f"curl -L {in_shell(f'{hub.space.url}/id/{id}')} -H 'Accept: text/turtle'",
        )

    return [Route("/datasets/{dataset}", show)]


async def identified(request: Request) -> Response:
    """`/id/DATASET`, the persistent address: leads people to the page, and programs to the record in the format that
    they accept (https://www.w3.org/TR/cooluris/#r303gendocument). `/id/catalogue` is the catalogue itself."""
    id = quote(request.path_params["dataset"], safe="")
    ending = by_accept(request.headers.get("accept", ""), (HTML, *ONES))
    whole = id == "catalogue"
    if ending == HTML:
        with speaking(preferred(request.headers.get("accept-language", ""))):
            to = address("/datasets" if whole else f"/datasets/{id}")
    elif whole:
        to = f"{API if ending == JSON else CATALOG}.{ending}"
    else:
        to = f"{API}/{id}.{ending}"
    return RedirectResponse(to, 303, headers={"Vary": "Accept, Accept-Language"})


def _page(request: Request) -> int:
    said = request.query_params.get("variables", "")
    return min(max(int(said), 1), MAX_PAGE) if said.isascii() and said.isdigit() and len(said) < 9 else 1


def dimension(one: Quality) -> tuple[str, str]:
    """A dimension of quality and what it asks; in the node's own words when it is none of ours."""
    label, question = DIMENSIONS.get(one.dimension, ("", ""))
    return (_(label), _(question)) if label else (one.dimension, one.words)


def named(facet: str, value: str, label: Text) -> str:
    """A value of a facet in the language of the page."""
    if facet == "country":
        return saying.country(value)
    said = saying.spoken(label)
    return _(said) if said and value in FIXED.get(facet, ()) else said


def coded(hub: Hub, list_: str, code: str) -> str:
    """The name of a code of a description; the code itself when it has none here."""
    codes = hub.space.codes.get(list_)
    known = codes.codes.get(codes.find(code) or "") if codes else None
    return saying.spoken(known.label) if known else code


def licences(said: str) -> list[str]:
    """The licences that a description names: an address, or codes with commas between."""
    return [said] if is_address(said) else [one.strip() for one in said.split(",") if one.strip()]


# Variables


def sheet(record: Record, vocabulary: Vocabulary, page: int) -> Sheet:
    """One page of the variables; those that the vocabulary does not know come last."""
    order = {name: place for place, name in enumerate(vocabulary.fields)}
    known = sorted(record.variables, key=lambda one: (order.get(one.field, len(order)), one.field))
    pages = max(1, -(-len(known) // PER_PAGE))
    page = min(page, pages)
    shown = known[(page - 1) * PER_PAGE : page * PER_PAGE]
    groups = groupby(shown, key=lambda one: _entity(one.field, vocabulary))
    rows = [(name, [_row(one, record.counts, vocabulary) for one in held]) for name, held in groups]
    return Sheet(rows, len(known), page, pages)


def _entity(name: str, vocabulary: Vocabulary) -> str:
    entity = vocabulary.entities.get(name.partition(".")[0])
    return saying.spoken(entity.label) if entity and vocabulary.get(name) else _("Others")


def _row(variable: Variable, whole: Counts, vocabulary: Vocabulary) -> Row:
    field, counts = vocabulary.get(variable.field), variable.counts
    share = None
    if whole.persons and counts.persons is not None:
        share = min(counts.persons / whole.persons, 1.0)  # both are rounded, each for itself
    return Row(
        saying.spoken(field.label) if field else variable.field,
        variable.field,
        field.unit or _(TYPES[field.type]) if field else "",
        field.about if field else "",
        saying.count(counts) if counts.known else silent(counts),
        share,
    )


# Words


def what_changed(change: Change, vocabulary: Vocabulary) -> list[str]:
    """What is told otherwise of a version than of the one before it, in sentences."""
    said = []
    for unit, words in (
        ("persons", N_("Persons: %(before)s, now %(after)s.")),
        ("series", N_("Image series: %(before)s, now %(after)s.")),
    ):
        before, after = (saying.count(one, unit) for one in change.counts or (Counts(Rule.NOT_COUNTED),) * 2)
        if before != after:
            said.append(_(words) % {"before": before, "after": after})
    for words, names in ((N_("Came in: %(names)s."), change.came), (N_("Went: %(names)s."), change.went)):
        if names:
            said.append(_(words) % {"names": _some(names, vocabulary)})
    for words, pair in (
        (N_("Vocabulary %(after)s instead of %(before)s."), change.vocabulary),
        (N_("Software %(after)s instead of %(before)s."), change.software),
    ):
        if pair:
            said.append(_(words) % {"before": pair[0], "after": pair[1]})
    return said or [_("What is told of it stayed the same.")]


def _some(names: Sequence[str], vocabulary: Vocabulary) -> str:
    """The labels of the first few variables, and how many more there are."""
    fields = [(name, vocabulary.get(name)) for name in names[:NAMED]]
    labels = ", ".join(saying.spoken(field.label) if field else name for name, field in fields)
    more = len(names) - len(fields)
    return _("%(names)s and %(n)s more") % {"names": labels, "n": saying.number(more)} if more else labels


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to write to, and in which role."""

    role: str
    agent: Agent
    email: str
    page: str


def contacts(record: Record) -> list[Contact]:
    """Those who can be asked for access; only addresses that are ones."""
    said = record.said
    roles = (
        (_("Contact"), said.contact),
        (_("Data holder"), said.holder),
        (_("Health data access body"), said.access_body),
    )
    return [
        Contact(
            role,
            agent,
            agent.email if MAIL.fullmatch(agent.email) else "",
            next((one for one in (agent.page, agent.homepage) if is_address(one)), ""),
        )
        for role, agent in roles
        if agent
    ]


def citation(entry: Entry, url: str) -> str:
    """How the dataset is cited: as its holder says, else by holder, year, title, version and persistent address."""
    record, said = entry.record, entry.record.said
    if said.citation:
        return said.citation
    newest = max((one.created for one in record.versions if not one.withdrawn), default="")
    version = _("version %(n)s") % {"n": record.version} if record.version else ""
    holder = said.holder.name if said.holder else entry.source.name
    when = f"{holder} ({newest[:4]})" if newest else holder
    parts = (when, saying.spoken(said.title), version, f"{url}/id/{record.id}")
    return ". ".join(part for part in parts if part)
