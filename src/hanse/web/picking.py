"""The fields that a criterion may begin with, found by their names or by those of their values."""

from dataclasses import dataclass
from functools import lru_cache

from hanse.core.fields import Code, Entity, Field, Identifying, Type, Vocabulary, fold
from hanse.hub.coverage import Coverage
from hanse.web.criteria import value_label
from hanse.web.saying import spoken

MOST_FOUND = 8  # values that a search offers
SHOWN = 8  # fields of an entity that are shown at once


@dataclass(frozen=True, slots=True)
class Pick:
    """A field that can be asked, and how many datasets and nodes have data in it."""

    name: str
    label: str
    about: str
    datasets: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """The fields of one entity; those after the first `picks` are folded away."""

    entity: Entity
    picks: tuple[Pick, ...]
    more: tuple[Pick, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A value that a search has found among the code lists."""

    field: str
    label: str
    value: str
    said: str
    persons: int | None


def shelves(vocabulary: Vocabulary, coverage: Coverage, find: str = "") -> list[Shelf]:
    """The fields that can be asked, by entity: the main ones and those of most datasets first; with `find`, those whose
    names or labels hold it."""
    wanted = fold(find)
    found = []
    for entity in vocabulary.entities.values():
        fields = [one for one in vocabulary.of(entity.name) if can_be_asked(one) and _called(one, wanted)]
        if not wanted and len(fields) > SHOWN + 1:  # sorting is stable: the vocabulary's order among equals
            fields.sort(key=lambda one: (not one.breakdown, -coverage.datasets[one.name]))
        picks = [_pick(one, coverage) for one in fields]
        shown = SHOWN if len(picks) > SHOWN + 1 and not wanted else len(picks)
        if picks:
            found.append(Shelf(entity, tuple(picks[:shown]), tuple(picks[shown:])))
    return sorted(found, key=lambda one: -sum(pick.datasets for pick in (*one.picks, *one.more)))


def _pick(field: Field, coverage: Coverage) -> Pick:
    datasets, nodes = coverage.datasets[field.name], coverage.nodes[field.name]
    return Pick(field.name, spoken(field.label), field.about, datasets, nodes)


def hits(vocabulary: Vocabulary, coverage: Coverage, find: str) -> list[Hit]:
    """Values whose code, label or synonym begins with `find`, or has a word that does; those of most persons first."""
    wanted = fold(find)
    if len(wanted) < 2:
        return []
    found = [
        Hit(
            field.name,
            spoken(field.label),
            code.code,
            value_label(field, code.code),
            persons_with(coverage, field, code.code),
        )
        for field in vocabulary.fields.values()
        if field.codes and can_be_asked(field)
        for code in field.codes.codes.values()
        if any(word.startswith(wanted) for name in names_of(code) for word in _beginnings(name))
    ]
    found.sort(key=lambda one: (one.persons is None, -(one.persons or 0), -coverage.datasets[one.field]))
    return found[:MOST_FOUND]


@lru_cache(maxsize=1 << 15)  # of all names of a vocabulary, which every letter of a search goes through
def _beginnings(name: str) -> tuple[str, ...]:
    """A name, and each of its words, as a search compares them."""
    return (fold(name), *map(fold, name.split()))


def can_be_asked(field: Field) -> bool:
    return field.identifying is not Identifying.YES and field.type is not Type.KEY


def _called(field: Field, wanted: str) -> bool:
    return any(wanted in fold(name) for name in (field.name, *field.label.values(), field.about))


def names_of(code: Code) -> tuple[str, ...]:
    return (code.code, *code.label.values(), *code.synonyms)


def persons_with(coverage: Coverage, field: Field, value: str) -> int | None:
    return coverage.persons[field.name].get(value) if field.name in coverage.persons else None
