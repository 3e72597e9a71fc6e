"""Triples as Turtle, JSON-LD (expanded form), RDF/XML and N-Triples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from hanse.core.rdf import PREFIXES, Iri, Literal, Term, Triple


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write RDF: how it is called in addresses and on command lines, its media type, its writer."""

    name: str
    media_type: str
    ending: str
    writer: ox.RdfFormat


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format("turtle", "text/turtle", "ttl", ox.RdfFormat.TURTLE),
        Format("json-ld", "application/ld+json", "jsonld", ox.RdfFormat.JSON_LD),
        Format("rdf-xml", "application/rdf+xml", "rdf", ox.RdfFormat.RDF_XML),
        Format("n-triples", "application/n-triples", "nt", ox.RdfFormat.N_TRIPLES),
    )
}


def write(triples: Iterable[Triple], format: Format) -> bytes:
    """The document that holds these triples, in UTF-8."""
    prefixes = None if format.name == "n-triples" else dict(PREFIXES)
    made = (ox.Triple(_node(subject), _node(verb), _term(value)) for subject, verb, value in triples)
    written = ox.serialize(made, format=format.writer, prefixes=prefixes)
    assert written is not None
    return _in_order(written) if format.name == "turtle" else written


def _in_order(turtle: bytes) -> bytes:
    """The document with its prefixes in the order of their names; they come in another one each time."""
    lines = turtle.split(b"\n", len(PREFIXES))
    return b"\n".join([*sorted(lines[:-1]), lines[-1]])


def _term(value: Term) -> ox.NamedNode | ox.Literal:
    return _literal(value) if isinstance(value, Literal) else _node(value)


def _node(iri: Iri) -> ox.NamedNode:
    return ox.NamedNode(iri.value)


def _literal(value: Literal) -> ox.Literal:
    if value.datatype:
        return ox.Literal(value.text, datatype=ox.NamedNode(value.datatype))
    try:
        return ox.Literal(value.text, language=value.language or None)
    except ValueError:  # no language tag of BCP 47
        return ox.Literal(value.text)
