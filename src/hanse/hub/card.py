"""What the catalogue's index keeps of a dataset: what a list shows of it, its facets, and the words that find it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from babel import Locale

from hanse.core.answer import Counts
from hanse.core.fields import Code, CodeList, Vocabulary
from hanse.core.record import Record, Rights, Text, Tier, Version, english, released
from hanse.core.view import MAX_VALUE, clean
from hanse.hub.catalogue import Entry, Source

_COUNTRY = re.compile("[A-Z]{2}")
_LOCALES = (Locale("en"), Locale("fr"))  # in whose names countries are found
ROOM = 40_000  # characters of a dataset's texts in which words are found; an index of a word takes hundreds of bytes
ABOUT = 400  # characters of a description that a list may show
OTHER = "other"  # terms of use that are no licence of the vocabulary
UNKNOWN = "unknown"  # so many persons as disclosure control keeps to itself

# The classes of the facet `persons`: from how many on, the value, and how it is said.
PERSONS = (
    (10_000, "from-10000", "10,000 or more"),
    (1000, "1000-9999", "1,000 to 9,999"),
    (100, "100-999", "100 to 999"),
    (0, "below-100", "below 100"),
)
PERSONS_UNKNOWN = "Not told"

RIGHTS: Mapping[Rights, str] = {
    Rights.PUBLIC: "Open to all",
    Rights.RESTRICTED: "Under conditions",
    Rights.NON_PUBLIC: "With a permit",
}
TIERS: Mapping[Tier, str] = {
    Tier.CATALOGUE: "Catalogue",
    Tier.SEARCHABLE: "Searchable",
    Tier.COMPUTABLE: "Computable",
}
KINDS: Mapping[str, str] = {
    "person": "Persons",
    "condition": "Diagnoses",
    "treatment": "Treatments",
    "observation": "Measurements",
    "image": "Images",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A dataset in a list. `values` are those of its facets; of a code list's tree, with all that lie above them."""

    id: str
    name: str
    source: Source
    title: Text
    about: Text
    country: str
    holder: str  # the organisation; the node's name when the record names none
    rights: Rights
    tier: Tier
    counts: Counts
    synthetic: bool
    cancer_types: tuple[str, ...]
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    license: str
    version: int | None
    created: str  # of the newest version
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Book:
    """A card, and the dataset's texts: titles, labels of its codes, names, keywords, descriptions."""

    card: Card
    texts: tuple[str, str, str, str, str]


def book(entry: Entry, vocabulary: Vocabulary, room: int = ROOM) -> Book:
    """The part of a record that the index keeps: of its texts at most `room` characters. Only numbers that were
    released are in it, and a value of which nobody is known is not."""
    card = _card(entry, vocabulary)
    card = replace(card, values=_values(card, entry.record, vocabulary))
    title, labels, *others = _texts(entry.record, card, vocabulary)
    kept = []
    for text in (title, *others):
        kept.append(text[:room])
        room -= len(kept[-1])
    title, names, keywords, about = kept
    return Book(card, (title, labels, names, keywords, about))


def _card(entry: Entry, vocabulary: Vocabulary) -> Card:
    source, record, said = entry.source, entry.record, entry.record.said
    cancer_types = _known(vocabulary, "condition.cancer_type", said.cancer_types)
    modalities, body_parts = (
        _known(vocabulary, field, released(record.breakdowns.get(field, ())))
        for field in ("image.modality", "image.body_part")
    )
    newest = max((one for one in record.versions if not one.withdrawn), key=_number, default=None)
    return Card(
        id=record.id,
        name=record.name,
        source=source,
        title=_by_language(said.title, MAX_VALUE) or english(said.name),
        about=_by_language(said.about, ABOUT),
        country=(said.country or source.country).upper(),
        holder=said.holder.name if said.holder else source.name,
        rights=record.rights,
        tier=record.tier,
        counts=record.counts,
        synthetic=said.synthetic,
        cancer_types=cancer_types,
        modalities=modalities,
        body_parts=body_parts,
        license=said.license,
        version=newest.version if newest else None,
        created=newest.created if newest else "",
        values={},
    )


def _number(version: Version) -> int:
    return version.version


def _values(card: Card, record: Record, vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    kinds = record.kinds
    license = _known(vocabulary, "image.license", card.license.split(","))  # parts of a dataset may differ
    return {
        "cancer_type": _above(vocabulary, "condition.cancer_type", card.cancer_types),
        "modality": card.modalities,
        "body_part": _above(vocabulary, "image.body_part", card.body_parts),
        "country": (card.country,) if _COUNTRY.fullmatch(card.country) else (),
        "holder": (card.source.id,),
        "rights": (card.rights.value,),
        "tier": (card.tier.value,),
        "kind": tuple(kind for kind in KINDS if kind in kinds),
        "persons": (persons_class(card.counts),),
        "license": license or ((OTHER,) if card.license else ()),
    }


def persons_class(counts: Counts) -> str:
    """The value of the facet `persons`: from a released number only."""
    if counts.persons is None:
        return UNKNOWN
    return next(value for least, value, _ in PERSONS if counts.persons >= least)


def _by_language(text: Text, most: int) -> dict[str, str]:
    cleaned = {language: _cut(clean(one, 4 * most), most) for language, one in text.items()}
    return {language: one for language, one in cleaned.items() if one}


def _cut(text: str, most: int) -> str:
    """At most `most` characters, ended at a word's end."""
    return text if len(text) <= most else text[:most].rpartition(" ")[0] + " …"


def _codes(vocabulary: Vocabulary, field: str) -> CodeList | None:
    known = vocabulary.get(field)
    return known.codes if known else None


def _known(vocabulary: Vocabulary, field: str, names: Iterable[str]) -> tuple[str, ...]:
    """The codes of a field that these names mean; what this vocabulary does not know is no facet."""
    codes = _codes(vocabulary, field)
    found = (codes.find(name) for name in names) if codes else ()
    return tuple(dict.fromkeys(code for code in found if code))


def _above(vocabulary: Vocabulary, field: str, names: Iterable[str]) -> tuple[str, ...]:
    """These codes, and those above them in the tree."""
    codes = _codes(vocabulary, field)
    found: dict[str, None] = {}
    for name in names:
        while name and name not in found and codes:
            found[name] = None
            name = codes.codes[name].parent
    return tuple(found)


def _texts(record: Record, card: Card, vocabulary: Vocabulary) -> tuple[str, str, str, str, str]:
    said = record.said
    countries = [locale.territories.get(card.country, "") for locale in _LOCALES]
    names = [record.id, said.name, card.source.name, card.holder, card.country, *countries, *said.identifiers]
    return (
        " ".join(said.title.values()),
        " ".join(_labels(record, card, vocabulary)),
        " ".join(names),
        " ".join(word for words in said.keywords.values() for word in words),
        " ".join([*said.about.values(), *said.population.values(), said.citation]),
    )


def _labels(record: Record, card: Card, vocabulary: Vocabulary) -> Iterator[str]:
    """All names in all languages of the codes that the dataset has, and of those above them."""
    fields: dict[str, Iterable[str]] = {field: released(cells) for field, cells in record.breakdowns.items()}
    fields |= {
        "condition.cancer_type": card.values["cancer_type"],
        "image.body_part": card.values["body_part"],
        "image.license": card.values["license"],
    }
    for field, values in fields.items():
        if codes := _codes(vocabulary, field):
            yield from (_names(codes.codes[value]) for value in values if value in codes.codes)
    yield from (KINDS[kind] for kind in card.values["kind"])


def _names(code: Code) -> str:
    return " ".join([code.code, *code.label.values(), *code.synonyms, *code.systems.values()])
