"""The catalogue's index in memory: text and facets, asked in one pass.

It is made from the records and never changed: when the records change, another one takes its place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanse.core.fields import Code, CodeList, Vocabulary
from hanse.core.record import Text, Tier, english, spoken
from hanse.core.view import FACETS, Sort, View
from hanse.hub.card import KINDS, OTHER, PERSONS, PERSONS_UNKNOWN, RIGHTS, TIERS, UNKNOWN, Book, Card
from hanse.hub.fulltext import FullText, Mask, Scores, fold

# What a match is worth in a title, a code's label, a name, a keyword, a description.
WEIGHTS = (10.0, 6.0, 6.0, 4.0, 1.0)
NEAR = 4  # related datasets of one
TIER_ORDER = list(Tier)

CODED: Mapping[str, str] = {
    "cancer_type": "condition.cancer_type",
    "modality": "image.modality",
    "body_part": "image.body_part",
    "license": "image.license",
}
FIXED: Mapping[str, Mapping[str, str]] = {
    "rights": {one.value: label for one, label in RIGHTS.items()},
    "tier": {one.value: label for one, label in TIERS.items()},
    "kind": KINDS,
    "persons": {value: label for _, value, label in PERSONS} | {UNKNOWN: PERSONS_UNKNOWN},
    "license": {OTHER: "Other terms"},
}
IN_ORDER = frozenset({"persons", "tier"})  # facets whose values have an order of their own

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet, and of how many datasets when the facet's own choice is set aside."""

    value: str
    label: Text
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a view: the view as it was understood, what of it was not, and how a word was probably meant."""

    view: View
    cards: tuple[Card, ...]
    total: int
    facets: Mapping[str, tuple[Value, ...]]
    ignored: tuple[tuple[str, str], ...] = ()
    meant: str = ""

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.view.size))


@dataclass(frozen=True, slots=True)
class _Column:
    """A facet: its values, and where they stand: dataset `rows[i]` has the value `values[places[i]]`."""

    values: tuple[str, ...]
    labels: tuple[Text, ...]
    rows: Rows
    places: Rows

    def having(self, wanted: Iterable[str], size: int) -> Mask:
        """The datasets that have one of these values."""
        chosen = [place for place, value in enumerate(self.values) if value in set(wanted)]
        mask = np.zeros(size, dtype=bool)
        mask[self.rows[np.isin(self.places, chosen)]] = True
        return mask

    def counts(self, mask: Mask) -> NDArray[np.intp]:
        """How many of these datasets have each value."""
        return np.bincount(self.places[mask[self.rows]], minlength=len(self.values))


class Shelf:
    """The datasets of `books`, to be found by text and facets. Values without a code list of the vocabulary are
    labelled by themselves."""

    def __init__(self, books: Sequence[Book], vocabulary: Vocabulary) -> None:
        self.cards = [one.card for one in books]
        self._vocabulary = vocabulary
        self._places = {card.id: place for place, card in enumerate(self.cards)}
        self._columns = {facet: self._column(facet) for facet in FACETS}
        self._by_title: dict[str, Rows] = {}
        self._text = FullText((one.texts for one in books), WEIGHTS)

    def __len__(self) -> int:
        return len(self.cards)

    def get(self, id: str) -> Card | None:
        """The dataset with this id."""
        place = self._places.get(id)
        return None if place is None else self.cards[place]

    def find(self, view: View, language: str = "en") -> Found:
        """The page of the catalogue that `view` asks for, with the counts of all facets, labelled for a reader of
        `language`."""
        view, ignored = self._understood(view)
        rows, scores = self._text.find(view.text)
        missing = {
            facet: ~self._columns[facet].having(values, len(self)) for facet, values in view.chosen.items()
        }
        missed = sum(missing.values(), np.zeros(len(self), dtype=np.int8)) + ~rows
        facets = {
            facet: self._values(facet, missed == missing.get(facet, 0), view, language) for facet in FACETS
        }
        found = np.flatnonzero(missed == 0)
        page = self._sorted(found, scores, view.sort, language)[(view.page - 1) * view.size :][: view.size]
        cards = tuple(self.cards[place] for place in page)
        meant = self._text.meant(view.text) if view.text and not rows.any() else ""
        return Found(view, cards, len(found), facets, ignored, meant)

    def near(self, id: str) -> tuple[Card, ...]:
        """The datasets that have most in common with this one: cancer types, modalities and parts of the body,
        rare ones counting more; empty when nothing has."""
        place = self._places.get(id)
        if place is None:
            return ()
        score = np.zeros(len(self))
        for facet in ("cancer_type", "modality", "body_part"):
            column = self._columns[facet]
            weight = np.zeros(len(column.values))
            held = column.places[column.rows == place]
            weight[held] = 1 / np.sqrt(np.bincount(column.places, minlength=len(column.values))[held])
            score += np.bincount(column.rows, weight[column.places], minlength=len(self))
        score[place] = 0
        best = np.argsort(-score, kind="stable")[:NEAR]
        return tuple(self.cards[one] for one in best if score[one] > 0)

    def _column(self, facet: str) -> _Column:
        pairs = [(row, value) for row, card in enumerate(self.cards) for value in card.values[facet]]
        values = tuple(FIXED[facet]) if facet in IN_ORDER else tuple(sorted({value for _, value in pairs}))
        places = {value: place for place, value in enumerate(values)}
        return _Column(
            values,
            tuple(self.label(facet, value) for value in values),
            np.array([row for row, _ in pairs], dtype=np.intp),
            np.array([places[value] for _, value in pairs], dtype=np.intp),
        )

    def label(self, facet: str, value: str) -> Text:
        """How a value of a facet is said, by language; itself when it has no label."""
        if fixed := FIXED.get(facet, {}).get(value):
            return english(fixed)
        if code := self._code(facet, value):
            return code.label
        return english(self._nodes.get(value, value) if facet == "holder" else value)

    @cached_property
    def _nodes(self) -> Mapping[str, str]:
        return {card.source.id: card.source.name for card in self.cards}

    def _codes(self, facet: str) -> CodeList | None:
        field = self._vocabulary.get(CODED.get(facet, ""))
        return field.codes if field else None

    def _code(self, facet: str, name: str) -> Code | None:
        codes = self._codes(facet)
        code = codes.find(name) if codes else None
        return codes.codes[code] if codes and code else None

    def _understood(self, view: View) -> tuple[View, tuple[tuple[str, str], ...]]:
        """The view with every value under its code, and the values that nothing is known of."""
        chosen: dict[str, list[str]] = {}
        ignored = []
        for facet, values in view.chosen.items():
            for value in values:
                if known := self._value(facet, value):
                    chosen.setdefault(facet, []).append(known)
                else:
                    ignored.append((facet, value))
        return replace(view.choosing(chosen), page=view.page), tuple(ignored)

    def _value(self, facet: str, said: str) -> str | None:
        """The value that somebody means: as it is written, in other letters, or by another name of its code."""
        known = self._columns[facet].values
        if said in known or said in FIXED.get(facet, {}):
            return said
        if code := self._code(facet, said):
            return code.code
        folded = {fold(value): value for value in (*known, *FIXED.get(facet, {}))}
        folded |= {fold(name): id for id, name in self._nodes.items()} if facet == "holder" else {}
        return folded.get(fold(said))

    def _values(self, facet: str, mask: Mask, view: View, language: str) -> tuple[Value, ...]:
        column = self._columns[facet]
        counts = column.counts(mask).tolist()
        rows = zip(column.values, column.labels, counts, strict=True)
        values = [Value(value, label, count, view.holds(facet, value)) for value, label, count in rows]
        lost = set(view.chosen.get(facet, ())) - set(column.values)  # chosen, and no dataset has them
        values += [Value(value, self.label(facet, value), 0, True) for value in sorted(lost)]
        shown = [one for one in values if one.count or one.chosen or view.zeros]
        if facet not in IN_ORDER:
            shown.sort(key=lambda one: (-one.count, fold(spoken(one.label, (language, "en"))), one.value))
        return tuple(shown)

    def _sorted(self, rows: Rows, scores: Scores, sort: Sort, language: str) -> Rows:
        keys = (*self._keys(sort, scores), self._titles(language))
        return rows[np.lexsort([key[rows] for key in reversed(keys)])]

    def _keys(self, sort: Sort, scores: Scores) -> tuple[NDArray[Any], ...]:
        """What comes first has the least number in the first key, and so on."""
        if sort is Sort.RELEVANCE:
            return -scores, self._least[Tier], self._least[Sort.PERSONS]
        return (self._least[sort],) if sort in self._least else ()

    @cached_property
    def _least(self) -> Mapping[Any, NDArray[Any]]:
        tiers = [-TIER_ORDER.index(card.tier) for card in self.cards]
        _, age = np.unique([card.created for card in self.cards], return_inverse=True)
        persons = [-1 if card.counts.persons is None else card.counts.persons for card in self.cards]
        return {Tier: np.array(tiers), Sort.PERSONS: -np.array(persons), Sort.NEWEST: -age}

    def _titles(self, language: str) -> NDArray[np.intp]:
        """The place of each dataset when they are sorted by title."""
        if language not in self._by_title:
            titles = [fold(spoken(card.title, (language, "en"))) for card in self.cards]
            place = np.empty(len(self), dtype=np.intp)
            place[sorted(range(len(self)), key=titles.__getitem__)] = np.arange(len(self))
            self._by_title[language] = place
        return self._by_title[language]
