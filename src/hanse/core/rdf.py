"""RDF as plain data: triples of addresses and literals, whose terms are written with prefixes (`dct:title`).

There are no blank nodes: what belongs to a thing is named by a fragment of its address, so that two pages of one
catalogue never name different things alike.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

PREFIXES: Mapping[str, str] = {
    "adms": "http://www.w3.org/ns/adms#",
    "csvw": "http://www.w3.org/ns/csvw#",
    "cv": "http://data.europa.eu/m8g/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "dqv": "http://www.w3.org/ns/dqv#",
    "eli": "http://data.europa.eu/eli/ontology#",
    "eucaim": "https://cancerimage.eu/ontology/EUCAIM#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geodcatap": "http://data.europa.eu/930/",
    "healthdcatap": "http://healthdataportal.eu/ns/health#",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


@dataclass(frozen=True, slots=True)
class Iri:
    value: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A text with its language or its datatype, or with neither."""

    text: str
    language: str = ""
    datatype: str = ""  # a full address


Term = Iri | Literal
Triple = tuple[Iri, Iri, Term]


def term(name: str) -> Iri:
    """The address that `dct:title` stands for."""
    prefix, _, rest = name.partition(":")
    return Iri(PREFIXES[prefix] + rest)


def part(it: Iri, name: str) -> Iri:
    """The address of what belongs to a thing."""
    return Iri(f"{it.value}#{name}")


def text(value: str, language: str = "") -> Literal:
    """A literal without the characters that XML cannot hold."""
    return Literal(_UNWRITABLE.sub("", value.replace("\r\n", "\n").replace("\r", "\n")), language)


def typed(value: object, datatype: str) -> Literal:
    """A literal of a datatype: `typed(3, "xsd:nonNegativeInteger")`."""
    return Literal(str(value), datatype=term(datatype).value)


def address(value: str) -> Iri | None:
    """The address, with what may not stand in one percent-encoded; None for what is no address of the web."""
    written = quote(_BARE_PERCENT.sub("%25", _UNWRITABLE.sub("", value)), safe=_RESERVED)
    return Iri(written) if _ADDRESS.fullmatch(written) else None


# https://www.w3.org/TR/xml/#charsets
_UNWRITABLE = re.compile("[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_RESERVED = "%/:?#@!$&'()*+,;=~-._"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~%-]+(:[0-9]{1,5})?([/?][^#]*)?(#[^#]*)?")


@dataclass
class Graph:
    """What is said of each subject, in the order in which it was first said."""

    said: dict[Iri, dict[Triple, None]] = field(default_factory=dict)

    def say(self, subject: Iri, predicate: str, *values: Term | None) -> None:
        """Adds a triple for each value that is there."""
        for value in values:
            if value is not None:
                self.said.setdefault(subject, {})[subject, term(predicate), value] = None

    def thing(self, subject: Iri, *types: str) -> Iri:
        """The subject, said to be of these types."""
        self.say(subject, "rdf:type", *map(term, types))
        return subject

    def texts(self, subject: Iri, predicate: str, texts: Mapping[str, str | Iterable[str]]) -> None:
        """A literal for each text, by language."""
        for language, value in texts.items():
            for one in (value,) if isinstance(value, str) else value:
                self.say(subject, predicate, text(one, language))

    @property
    def triples(self) -> tuple[Triple, ...]:
        return tuple(triple for triples in self.said.values() for triple in triples)
