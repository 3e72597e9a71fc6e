"""A dataset as the catalogue knows it: what its holder says of it, and what its data say through disclosure control.

The members are those of HealthDCAT-AP Release 8 and EUCAIM DCAT-AP v2 under plain names; `core.dcat` gives each its
term, `core.profile` says which must be there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hanse.core.answer import Cell, Counts
from hanse.core.policy import Access

Text = Mapping[str, str]  # the same text by language, as BCP 47 names it: {"en": "...", "fr": "..."}
Words = Mapping[str, tuple[str, ...]]  # short texts by language


class Rights(StrEnum):
    """Who may use the data (dct:accessRights); the names are those of the EU's access-right list."""

    PUBLIC = "PUBLIC"
    RESTRICTED = "RESTRICTED"
    NON_PUBLIC = "NON_PUBLIC"

    @classmethod
    def under(cls, access: Access) -> "Rights":
        """Those of data that answer in this way, when nothing else is said."""
        return cls.PUBLIC if access is Access.OPEN else cls.NON_PUBLIC


class Tier(StrEnum):
    """What can be done with a dataset from here (EUCAIM's levels of interoperability)."""

    CATALOGUE = "catalogue"  # 1: it can be found, and asked for
    SEARCHABLE = "searchable"  # 2: it answers questions
    COMPUTABLE = "computable"  # 3: it can be computed on where it lies


@dataclass(frozen=True, slots=True)
class Agent:
    """An organisation (foaf:Agent), reached at `email` or `page`."""

    name: str
    email: str = ""
    page: str = ""  # where one writes to it
    homepage: str = ""
    country: str = ""  # ISO 3166-1, two letters


@dataclass(frozen=True, slots=True)
class Period:
    """From the first to the last day, each `YYYY-MM-DD`, `YYYY-MM`, `YYYY` or open."""

    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What the holder says. Only `name` and `title` must be there for a dataset to be published; what a catalogue of
    health data demands besides is in `core.profile`."""

    name: str  # short, unique in the node: letters, digits, dashes
    title: Text
    about: Text = field(default_factory=dict)
    keywords: Words = field(default_factory=dict)
    license: str = ""  # a code of the vocabulary's licences, or an address
    link: str = ""  # the holder's own page about it (dcat:landingPage)
    documentation: tuple[str, ...] = ()  # addresses
    country: str = ""
    synthetic: bool = False
    cancer_types: tuple[str, ...] = ()  # codes of condition.cancer_type
    languages: tuple[str, ...] = ()  # of the data
    holder: Agent | None = None  # dct:publisher
    contact: Agent | None = None  # dcat:contactPoint
    access_body: Agent | None = None  # healthdcatap:hdab
    rights: Rights | None = (
        None  # when None, what the policy says: open data are PUBLIC, all others NON_PUBLIC
    )
    categories: tuple[str, ...] = ()  # of Article 51 of Regulation (EU) 2025/327, as the EU's list names them
    themes: tuple[str, ...] = ()  # of the EU's list of health themes
    legal_bases: tuple[str, ...] = ()  # DPV
    purposes: tuple[str, ...] = ()  # DPV
    personal_data: tuple[str, ...] = ()  # DPV
    conditions: tuple[str, ...] = ()  # of use: DUO, "DUO:0000042"
    provenance: Text = field(default_factory=dict)
    population: Text = field(default_factory=dict)  # whom it covers
    collection: tuple[str, ...] = ()  # EUCAIM: how it was collected
    collected: Period | None = None  # dct:temporal
    kept: Period | None = None  # healthdcatap:retentionPeriod
    frequency: str = ""  # of updates, as the EU's frequency list names it
    conforms_to: tuple[str, ...] = ()  # addresses of standards
    identifiers: tuple[str, ...] = ()  # that others gave it: DOIs, addresses
    citation: str = ""  # of the publication to be cited


@dataclass(frozen=True, slots=True)
class Variable:
    """A field of the vocabulary of which the dataset has data, and how many persons have a value in it."""

    field: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Quality:
    """One dimension of the quality report: how many checks were made and how many found something. `share` is that of
    sound values, in whole percent."""

    dimension: str
    share: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a dataset, as the catalogue knows it; a withdrawn one keeps its place."""

    version: int
    digest: str  # of the manifest
    created: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A dataset as its node describes it to the catalogue. Every number in it was released by disclosure control."""

    id: str  # dataset_...
    access: Access
    counts: Counts  # of all persons, under the dataset's policy
    said: Description
    breakdowns: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)  # of all persons, by field
    variables: tuple[Variable, ...] = ()
    quality: tuple[Quality, ...] = ()
    vocabulary: str = ""
    versions: tuple[Version, ...] = ()

    @property
    def name(self) -> str:
        return self.said.name

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the vocabulary of which it has data."""
        return tuple(one.field for one in self.variables)

    @property
    def rights(self) -> Rights:
        return self.said.rights or Rights.under(self.access)

    @property
    def tier(self) -> Tier:
        return Tier.CATALOGUE if self.access is Access.NONE else Tier.SEARCHABLE

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of rows: `image`, `condition`, ..."""
        return frozenset(name.partition(".")[0] for name in self.fields)

    @property
    def version(self) -> int | None:
        """The newest version that was not withdrawn."""
        return max((one.version for one in self.versions if not one.withdrawn), default=None)


def released(cells: Iterable[Cell]) -> Iterator[str]:
    """The values of a breakdown of which a number of persons was released that is not 0."""
    return (cell.value for cell in cells if cell.counts.persons)


def english(text: str) -> Text:
    """A text that exists in English only."""
    return {"en": text} if text else {}


def spoken(text: Text, languages: tuple[str, ...] = ("en",)) -> str:
    """The text in the first of these languages that it has, else in any; empty when there is none."""
    for language in languages:
        if language in text:
            return text[language]
    return next(iter(text.values()), "")
