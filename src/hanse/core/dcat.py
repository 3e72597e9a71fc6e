"""Catalogue records as RDF: HealthDCAT-AP Release 8 on DCAT-AP 3.0.1, with the imaging terms of EUCAIM DCAT-AP v2.

`dataset` gives the triples of one record, `catalogue` those of a page of records. Agents carry every kind of contact
that harvesters look for (CKAN: foaf:mbox; GDI: dcat:contactPoint; HealthDCAT-AP: cv:contactPoint), and terms of
authorities carry their type, label and scheme, so that a record can be checked alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hanse.core import dcat_data as data
from hanse.core.fields import Code, CodeList
from hanse.core.policy import Access
from hanse.core.profile import DPV, MAIL, PRIVACY_TERM, first_day
from hanse.core.rdf import Graph, Iri, Triple, address, part, term, text, typed
from hanse.core.record import Agent, Period, Record, Rights
from hanse.core.space import Space

EU = "http://publications.europa.eu/resource/authority/"
HEALTH = "https://hdeu-dcat.data.health.europa.eu/resource/authority/"
EHDS = Iri("http://data.europa.eu/eli/reg/2025/327/oj")
ACCESS = "https://eucaim.github.io/eucaim_dcat_ap/releases/controlled-vocabularies/access-conditions/#"
CANCER = "CANCER_DISEASE"  # the health theme of data on cancer


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a catalogue: its address, those of its neighbours (empty when there is none), and how many
    datasets all pages have."""

    url: str
    first: str
    last: str
    total: int
    next: str = ""
    previous: str = ""


def dataset(record: Record, node: str, space: Space) -> tuple[Triple, ...]:
    """The triples of one record; `node` is the name of the node that describes it, the holder's if no other is said."""
    graph = Graph()
    _dataset(graph, record, node, space)
    return graph.triples


def catalogue(records: Iterable[tuple[Record, str]], page: Page, space: Space) -> tuple[Triple, ...]:
    """The triples of one page of the catalogue: its records, each with the name of its node, and how to go on."""
    graph = Graph()
    whole = graph.thing(space.catalogue, "dcat:Catalog")
    graph.say(whole, "dct:title", text(space.name, "en"))
    graph.say(whole, "dct:description", text(f"Datasets that the nodes of {space.name} describe.", "en"))
    publisher = space.publisher or space.name
    graph.say(
        whole, "dct:publisher", _plain_agent(graph, Iri(f"{whole.value}#publisher"), publisher, space.url)
    )
    graph.say(whole, "foaf:homepage", _document(graph, space.url))
    _legislation(graph, whole)
    _paging(graph, page)
    for record, node in records:
        graph.say(whole, "dcat:dataset", _dataset(graph, record, node, space))
    return graph.triples


def _paging(graph: Graph, page: Page) -> None:
    """https://www.hydra-cg.com/spec/latest/core/#hydra:PartialCollectionView, which ckanext-dcat follows."""
    here = graph.thing(Iri(page.url), "hydra:PartialCollectionView", "hydra:PagedCollection")
    graph.say(here, "hydra:totalItems", typed(page.total, "xsd:integer"))
    for name in ("first", "last", "next", "previous"):
        if to := getattr(page, name):
            graph.say(here, f"hydra:{name}", Iri(to))


def _dataset(graph: Graph, record: Record, node: str, space: Space) -> Iri:
    it = graph.thing(space.id(record.id), "dcat:Dataset")
    _texts(graph, it, record)
    _coded(graph, it, record, space)
    _rights(graph, it, record)
    _agents(graph, it, record, node)
    data.numbers(graph, it, record)
    data.imaging(graph, it, record, space)
    data.conditions(graph, it, record, space)
    data.variables(graph, it, record, space)
    data.quality(graph, it, record)
    data.versions(graph, it, record)
    _distributions(graph, it, record, space)
    return it


TEXTS = {
    "title": "dct:title",
    "keywords": "dcat:keyword",
    "population": "healthdcatap:populationCoverage",
}
ADDRESSES = {
    "documentation": ("foaf:page", "foaf:Document"),
    "conforms_to": ("dct:conformsTo", "dct:Standard"),
}
PERIODS = {"collected": "dct:temporal", "kept": "healthdcatap:retentionPeriod"}


def _texts(graph: Graph, it: Iri, record: Record) -> None:
    said = record.said
    graph.say(it, "dct:identifier", typed(it.value, "xsd:anyURI"))
    graph.texts(it, "dct:description", said.about or said.title)
    for member, predicate in TEXTS.items():
        graph.texts(it, predicate, getattr(said, member))
    for member, (predicate, kind) in ADDRESSES.items():
        for one in getattr(said, member):
            graph.say(it, predicate, _document(graph, one, kind))
    graph.say(it, "dcat:landingPage", _document(graph, said.link))
    if said.provenance:
        statement = graph.thing(part(it, "provenance"), "dct:ProvenanceStatement")
        graph.texts(statement, "rdfs:label", said.provenance)
        graph.say(it, "dct:provenance", statement)
    for place, identifier in enumerate(said.identifiers, 1):
        other = graph.thing(part(it, f"identifier-{place}"), "adms:Identifier")
        graph.say(other, "skos:notation", text(identifier))
        graph.say(it, "adms:identifier", other)
    for member, predicate in PERIODS.items():
        graph.say(it, predicate, _period(graph, part(it, member), getattr(said, member)))
    if said.citation:
        graph.say(it, "dct:bibliographicCitation", text(said.citation))


def _document(graph: Graph, url: str, kind: str = "foaf:Document") -> Iri | None:
    found = address(url)
    return graph.thing(found, kind) if found else None


DATES = {4: "xsd:gYear", 7: "xsd:gYearMonth", 10: "xsd:date"}


def _period(graph: Graph, iri: Iri, period: Period | None) -> Iri | None:
    ends = {"dcat:startDate": period.start, "dcat:endDate": period.end} if period else {}
    known = {predicate: day for predicate, day in ends.items() if first_day(day)}
    for predicate, day in known.items():
        graph.say(iri, predicate, typed(day, DATES[len(day)]))
    return graph.thing(iri, "dct:PeriodOfTime") if known else None


# Member of a description: property, authority list, type, code list.
CODED = {
    "categories": ("healthdcatap:healthCategory", f"{HEALTH}healthcategories", "skos:Concept", "category"),
    "themes": ("healthdcatap:healthTheme", f"{HEALTH}health-theme", "skos:Concept", "theme"),
    "languages": ("dct:language", f"{EU}language", "dct:LinguisticSystem", "language"),
    "country": ("dct:spatial", f"{EU}country", "dct:Location", "country"),
    "frequency": ("dct:accrualPeriodicity", f"{EU}frequency", "dct:Frequency", "frequency"),
}
PRIVACY = {
    "legal_bases": "dpv:hasLegalBasis",
    "purposes": "dpv:hasPurpose",
    "personal_data": "dpv:hasPersonalData",
}


def _coded(graph: Graph, it: Iri, record: Record, space: Space) -> None:
    said = record.said
    for member, (predicate, scheme, kind, codes) in CODED.items():
        value = getattr(said, member)
        if member == "themes" and not value and said.cancer_types:
            value = (CANCER,)
        for code in (value,) if isinstance(value, str) else value:
            if found := space.codes[codes].codes.get(code):
                graph.say(it, predicate, _authority(graph, scheme, kind, found))
    heal = Code("HEAL", {"en": "Health"})
    graph.say(it, "dcat:theme", _authority(graph, f"{EU}data-theme", "skos:Concept", heal))
    for member, predicate in PRIVACY.items():
        graph.say(it, predicate, *map(_privacy, getattr(said, member)))
    for method in said.collection:
        known = method.startswith("SPEC") and method.isalnum() and method.isascii()
        graph.say(it, "eucaim:collectionMethod", term(f"eucaim:{method}") if known else address(method))


def _authority(graph: Graph, scheme: str, kind: str, code: Code) -> Iri:
    one = graph.thing(Iri(f"{scheme}/{code.systems.get('authority', code.code)}"), kind)
    graph.say(one, "skos:inScheme", Iri(scheme))
    graph.texts(one, "skos:prefLabel", code.label)
    return one


def _privacy(name: str) -> Iri | None:
    prefix, _, rest = name.partition(":")
    return Iri(DPV[prefix] + rest) if PRIVACY_TERM.fullmatch(name) else address(name)


def _rights(graph: Graph, it: Iri, record: Record) -> None:
    right = graph.thing(Iri(f"{EU}access-right/{record.rights}"), "dct:RightsStatement")
    graph.say(right, "skos:inScheme", Iri(f"{EU}access-right"))
    graph.say(it, "dct:accessRights", right)
    _legislation(graph, it)
    name, label = _DATA[record.said.synthetic, record.rights is Rights.PUBLIC]
    kind = graph.thing(term(f"dpv:{name}"), "skos:Concept")
    graph.say(kind, "skos:prefLabel", text(label, "en"))
    graph.say(it, "dct:type", kind)


_DATA = {  # of synthetic data, of public ones
    (True, True): ("SyntheticData", "Synthetic data"),
    (True, False): ("SyntheticData", "Synthetic data"),
    (False, True): ("Data", "Data"),
    (False, False): ("PseudonymisedData", "Pseudonymised data"),
}


def _legislation(graph: Graph, it: Iri) -> None:
    graph.say(it, "dcatap:applicableLegislation", graph.thing(EHDS, "eli:LegalResource"))


def _agents(graph: Graph, it: Iri, record: Record, node: str) -> None:
    said = record.said
    holder = said.holder or Agent(node, page=it.value)
    publisher = _agent(graph, part(it, "holder"), holder)
    graph.say(it, "dct:publisher", publisher)
    graph.say(it, "geodcatap:custodian", publisher)
    if said.access_body:
        graph.say(it, "healthdcatap:hdab", _agent(graph, part(it, "access-body"), said.access_body))
    if contact := said.contact or said.holder:
        graph.say(it, "dcat:contactPoint", _kind(graph, part(it, "contact"), contact))


def _agent(graph: Graph, iri: Iri, agent: Agent) -> Iri:
    _plain_agent(graph, iri, agent.name, agent.homepage)
    mail, page = _mail(agent), address(agent.page)
    graph.say(iri, "foaf:mbox", mail)
    if mail or page:
        point = graph.thing(Iri(f"{iri.value}-contact"), "cv:ContactPoint")
        graph.say(point, "cv:email", text(agent.email) if mail else None)
        graph.say(point, "cv:contactPage", page)
        graph.say(iri, "cv:contactPoint", point)
        graph.say(iri, "dcat:contactPoint", _kind(graph, Iri(f"{iri.value}-card"), agent))
    return iri


def _plain_agent(graph: Graph, iri: Iri, name: str, homepage: str) -> Iri:
    graph.thing(iri, "foaf:Agent", "foaf:Organization")
    graph.say(iri, "foaf:name", text(name))
    graph.say(iri, "foaf:homepage", _document(graph, homepage))
    return iri


def _kind(graph: Graph, iri: Iri, agent: Agent) -> Iri:
    graph.thing(iri, "vcard:Kind", "vcard:Organization")
    graph.say(iri, "vcard:fn", text(agent.name))
    graph.say(iri, "vcard:hasEmail", _mail(agent))
    graph.say(iri, "vcard:hasURL", address(agent.page))
    return iri


def _mail(agent: Agent) -> Iri | None:
    return Iri(f"mailto:{agent.email}") if MAIL.fullmatch(agent.email) else None


def _distributions(graph: Graph, it: Iri, record: Record, space: Space) -> None:
    page = address(record.said.link) or it
    how = "DOWNLOAD" if record.rights is Rights.PUBLIC else "REMOTE_PROCESSING"
    access = _distribution(graph, it, "access", "Access through the holder", page, how)
    _terms_of_use(graph, access, record, space)
    if record.access is Access.NONE:
        return
    found = _distribution(graph, it, "search", "Counts by question", space.search, "REMOTE_PROCESSING")
    service = graph.thing(part(space.catalogue, "search"), "dcat:DataService")
    graph.say(service, "dct:title", text(f"Search of {space.name}", "en"))
    graph.say(service, "dcat:endpointURL", space.search)
    graph.say(service, "dcat:endpointDescription", Iri(f"{space.url}/api/v1/openapi.json"))
    graph.say(service, "dcat:servesDataset", it)
    graph.say(found, "dcat:accessService", service)


def _distribution(graph: Graph, it: Iri, name: str, title: str, url: Iri, how: str) -> Iri:
    one = graph.thing(part(it, name), "dcat:Distribution")
    graph.say(it, "dcat:distribution", one)
    graph.say(one, "dct:title", text(title, "en"))
    graph.say(one, "dcat:accessURL", url)
    graph.say(one, "dct:rights", graph.thing(Iri(ACCESS + how), "dct:RightsStatement"))
    _legislation(graph, one)
    return one


def _terms_of_use(graph: Graph, access: Iri, record: Record, space: Space) -> None:
    """The licence, and an ODRL policy: public data may be used, others with consent; both as DUO's conditions say."""
    graph.say(access, "dct:license", _license(graph, access, record.said.license, space))
    policy = graph.thing(Iri(f"{access.value}-policy"), "odrl:Policy")
    permission = graph.thing(Iri(f"{access.value}-permission"), "odrl:Permission")
    graph.say(access, "odrl:hasPolicy", policy)
    graph.say(policy, "odrl:permission", permission)
    graph.say(permission, "odrl:action", term("odrl:use"))
    if record.rights is not Rights.PUBLIC:
        duty = graph.thing(Iri(f"{access.value}-duty"), "odrl:Duty")
        graph.say(permission, "odrl:duty", duty)
        graph.say(duty, "odrl:action", term("odrl:obtainConsent"))
    codes = space.codes["use_condition"].codes
    for code in [codes[one] for one in record.said.conditions if one in codes]:
        name = code.code.replace(":", "_")
        constraint = graph.thing(Iri(f"{access.value}-{name}"), "odrl:Constraint")
        graph.texts(constraint, "rdfs:label", code.label)
        graph.say(constraint, "odrl:leftOperand", term("odrl:purpose"))
        graph.say(constraint, "odrl:operator", term("odrl:isA"))
        graph.say(constraint, "odrl:rightOperand", Iri(f"http://purl.obolibrary.org/obo/{name}"))
        graph.say(permission, "odrl:constraint", constraint)


def _license(graph: Graph, access: Iri, license: str, space: Space) -> Iri | None:
    """The licence by its address; one without an address by its words."""
    if not license:
        return None
    where = address(license_address(license, space.codes["license"]))
    document = graph.thing(where or Iri(f"{access.value}-licence"), "dct:LicenseDocument")
    graph.say(document, "rdfs:label", text(license) if not where else None)
    return document


def license_address(license: str, licenses: CodeList) -> str:
    """The address of a licence's text: of a code that has one, or the address itself; empty when there is none."""
    names: Sequence[str] = (license,)
    if code := licenses.codes.get(license):
        names = code.synonyms
    return next((name for name in names if name.startswith(("https://", "http://"))), "")
