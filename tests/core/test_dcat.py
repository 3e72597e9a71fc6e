"""Records as RDF: what the official shapes demand is there, and no text of a stranger breaks a document."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import rdflib
from pyshacl import validate
from rdflib import RDF, Graph, URIRef
from tests.core import records
from tests.core.records import SPACE

from hanse.core import dcat, rdf, schemaorg
from hanse.core.dcat import Page
from hanse.core.rdf import Literal, Triple
from hanse.core.record import Description, Record, Rights
from hanse.lib.rdf import FORMATS, write

METADATA = Path(__file__).parents[3] / "shared" / "data" / "metadata"
HEALTH = "healthdcat-ap-r8/non-public-shapes.ttl"
DCAT_AP = ("dcat-ap-3.0.1/dcatap301-shapes.ttl", "dcat-ap-3.0.1/dcatap301-range.ttl")
READERS = {"turtle": "turtle", "json-ld": "json-ld", "rdf-xml": "xml", "n-triples": "nt"}


def read(triples: tuple[Triple, ...], format: str = "turtle") -> Graph:
    return Graph().parse(data=write(triples, FORMATS[format]), format=READERS[format])


def of(record: Record) -> Graph:
    return read(dcat.dataset(record, "Node", SPACE))


def uri(name: str) -> URIRef:
    return URIRef(rdf.term(name).value)


def shapes(*names: str, rights: Rights = Rights.NON_PUBLIC) -> Graph:
    """The official shapes; those of public and restricted data differ in the right and in what is only for others."""
    if not METADATA.is_dir():
        pytest.skip("the official shapes are not beside the checkout")
    return _shapes(names, rights)


@cache
def _shapes(names: tuple[str, ...], rights: Rights) -> Graph:
    graph = Graph()
    for name in names:
        text = (
            (METADATA / name)
            .read_text(encoding="utf-8")
            .replace("<http://data.europa.eu/r5r>", "<http://data.europa.eu/r5r/>")
        )
        if rights is not Rights.NON_PUBLIC:
            text = text.replace("access-right/NON_PUBLIC", f"access-right/{rights}")
        graph.parse(data=text, format="turtle")
    return graph


def violations(graph: Graph, shapes: Graph) -> str:
    conforms, _, words = validate(graph, shacl_graph=shapes, advanced=False, inplace=False)
    return "" if conforms else words


@pytest.mark.shared
@pytest.mark.parametrize("rights", Rights)
def test_a_full_record_conforms_to_healthdcat_ap_and_dcat_ap(rights: Rights) -> None:
    graph = of(records.full(rights))
    assert violations(graph, shapes(HEALTH, rights=rights)) == ""
    assert violations(graph, shapes(*DCAT_AP)) == ""


@pytest.mark.shared
def test_a_record_of_a_dataset_without_a_description_conforms_to_dcat_ap() -> None:
    assert violations(of(records.small()), shapes(*DCAT_AP)) == ""


@pytest.mark.shared
@pytest.mark.parametrize("member", ["categories", "access_body", "keywords", "provenance"])
def test_what_our_profile_calls_missing_the_official_shapes_call_missing(member: str) -> None:
    record = records.full()
    nothing = getattr(Description("x", {}), member)
    lacking = replace(record, said=replace(record.said, **{member: nothing}))
    assert "Violation" in violations(of(lacking), shapes(HEALTH))


@pytest.mark.shared
def test_a_page_of_the_catalogue_conforms() -> None:
    page = Page(
        f"{SPACE.url}/catalogue.ttl?page=1", f"{SPACE.url}/catalogue.ttl", f"{SPACE.url}/catalogue.ttl", 2
    )
    other = replace(records.full(), id="dataset_other")
    graph = read(dcat.catalogue([(records.full(), "A"), (other, "B")], page, SPACE))
    assert len(list(graph.objects(URIRef(SPACE.catalogue.value), uri("dcat:dataset")))) == 2
    assert violations(graph, shapes(*DCAT_AP)) == ""


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("record", [records.full, records.small, records.hostile])
def test_every_format_says_the_same(format: str, record: Callable[[], Record]) -> None:
    triples = dcat.dataset(record(), "Node", SPACE)
    assert set(read(triples, format)) == set(read(triples, "n-triples"))
    assert len(read(triples, format)) == len(set(triples))


def texts(triples: tuple[Triple, ...], predicate: str) -> list[str]:
    verb = rdf.term(predicate)
    return [value.text for _, one, value in triples if one == verb and isinstance(value, Literal)]


def test_a_text_of_a_stranger_is_a_text_in_every_format() -> None:
    triples = dcat.dataset(records.hostile(), "Node", SPACE)
    title = texts(triples, "dct:title")[0]
    assert "<script>alert(1)</script>" in title
    for format in FORMATS:
        found = read(triples, format).value(URIRef(SPACE.id(records.ID).value), uri("dct:title"), any=True)
        assert str(found) == title


def test_no_address_of_a_stranger_is_anything_but_one_of_the_web() -> None:
    iris = {
        value.value
        for _, _, value in dcat.dataset(records.hostile(), "Node", SPACE)
        if isinstance(value, rdf.Iri)
    }
    assert all(iri.startswith(("https://", "http://")) for iri in iris)
    assert not any(letter in iri for iri in iris for letter in ' <>"{}|\\^`\n')


def test_ten_thousand_variables_are_written() -> None:
    graph = of(records.hostile(10_000))
    columns = URIRef("http://www.w3.org/ns/csvw#Column")
    assert len(list(graph.subjects(RDF.type, columns))) == 10_000


def test_the_data_are_described_in_terms_of_eucaim() -> None:
    graph, it = of(records.full()), URIRef(SPACE.id(records.ID).value)
    eucaim = rdflib.Namespace("https://cancerimage.eu/ontology/EUCAIM#")
    health = rdflib.Namespace("http://healthdataportal.eu/ns/health#")
    assert {str(one) for one in graph.objects(it, eucaim.hasImageModality)} == {
        "http://radlex.org/RID/RID10312",
        "https://hub.example.org/api/v1/vocabulary#image.modality.MG",
    }
    assert str(graph.value(it, eucaim.hasCondition)) == "http://snomed.info/id/254837009"
    assert [int(graph.value(it, health[name])) for name in ("minTypicalAge", "maxTypicalAge")] == [40, 69]
    assert int(graph.value(it, health.numberOfUniqueIndividuals)) == 900
    assert str(graph.value(it, uri("dcat:version"))) == "2.0.0"


def test_a_withheld_number_is_not_written() -> None:
    withheld = replace(records.full(), counts=records.small().counts)
    assert (
        "numberOfUniqueIndividuals"
        not in write(dcat.dataset(withheld, "Node", SPACE), FORMATS["turtle"]).decode()
    )


def test_a_value_without_a_released_number_is_not_said_to_be_there() -> None:
    """Whether one person has a value is not told in words either."""
    full = records.full()
    hidden = {
        field: tuple(replace(cell, counts=records.small().counts) for cell in cells)
        for field, cells in full.breakdowns.items()
    }
    record = replace(full, breakdowns=hidden, said=replace(full.said, cancer_types=()))
    turtle = write(dcat.dataset(record, "Node", SPACE), FORMATS["turtle"]).decode()
    for term in ("hasImageModality", "hasBirthSex", "hasCondition", "TypicalAge"):
        assert term not in turtle
    assert "measurementTechnique" not in schemaorg.dataset(record, "Node", SPACE)


def test_pages_of_the_catalogue_lead_on() -> None:
    here = f"{SPACE.url}/api/v1/datasets?page=2"
    page = Page(here, here, here, 30, next=f"{here}3", previous=f"{here}1")
    graph = read(dcat.catalogue([], page, SPACE))
    hydra = rdflib.Namespace("http://www.w3.org/ns/hydra/core#")
    assert str(graph.value(URIRef(here), hydra.next)).endswith("page=23")
    assert int(graph.value(URIRef(here), hydra.totalItems)) == 30
    assert json.loads(write(dcat.catalogue([], page, SPACE), FORMATS["json-ld"]))
