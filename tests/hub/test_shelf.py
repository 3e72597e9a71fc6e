"""The index counts as one would by hand, finds by all the names of a code, and keeps to itself what was withheld."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records import WITHHELD, records

from hanse.core.answer import Cell, Counts, Rule
from hanse.core.policy import Access
from hanse.core.record import Description, Record, spoken
from hanse.core.view import FACETS, Sort, View, parse
from hanse.domains import VOCABULARY
from hanse.hub.card import Card, book
from hanse.hub.catalogue import Entry, Source
from hanse.hub.shelf import Shelf

SOURCES = [Source(f"node_{place}", f"Hospital {place}", "DE") for place in range(5)]


@cache
def shelf() -> Shelf:
    """An index of 300 datasets of five nodes."""
    entries = [Entry(SOURCES[place % 5], record) for place, record in enumerate(records(300))]
    return Shelf([book(entry, VOCABULARY) for entry in entries], VOCABULARY)


def of(*made: Record) -> Shelf:
    return Shelf([book(Entry(SOURCES[0], record), VOCABULARY) for record in made], VOCABULARY)


def record(name: str = "a", title: str = "A dataset", **members: object) -> Record:
    counts = members.pop("counts", Counts(Rule.EXACT, 120, 130, 500))
    breakdowns = members.pop("breakdowns", {})
    said = Description(name, {"en": title}, **members)  # type: ignore[arg-type]
    return Record(f"dataset_{name}", Access.OPEN, counts, said, breakdowns)  # type: ignore[arg-type]


def seen(query: str) -> View:
    return parse([tuple(one.split("=")) for one in query.split("&")])[0]  # type: ignore[misc]


def titles(index: Shelf, query: str) -> list[str]:
    return [spoken(card.title) for card in index.find(seen(query)).cards]


values = st.sampled_from(
    [(facet, value) for card in shelf().cards for facet in FACETS for value in card.values[facet]]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(values, max_size=5))
def test_facets_count_what_one_counts_by_hand(chosen: list[tuple[str, str]]) -> None:
    by_facet: dict[str, set[str]] = {}
    for facet, value in chosen:
        by_facet.setdefault(facet, set()).add(value)
    found = shelf().find(View(size=1000).choosing(by_facet))

    def held(card: Card, apart: str = "") -> bool:
        return all(wanted & {*card.values[facet]} for facet, wanted in by_facet.items() if facet != apart)

    assert {card.id for card in found.cards} == {card.id for card in shelf().cards if held(card)}
    assert found.total == len(found.cards)
    for facet in FACETS:
        counted: dict[str, int] = {}
        for card in shelf().cards:
            for value in card.values[facet] if held(card, facet) else ():
                counted[value] = counted.get(value, 0) + 1
        assert {one.value: one.count for one in found.facets[facet] if one.count} == counted


def test_values_stand_by_count_then_label_and_zeros_are_shown_on_demand() -> None:
    view = View().choosing({"modality": ["US"], "country": ["FI"]})
    found = shelf().find(view)
    rows = [(-one.count, one.label["en"].casefold()) for one in found.facets["cancer_type"]]
    assert rows == sorted(rows)
    assert all(one.count or one.chosen for values in found.facets.values() for one in values)
    every = shelf().find(parse([("modality", "US"), ("country", "FI"), ("zeros", "yes")])[0])
    assert any(one.count == 0 for one in every.facets["cancer_type"])


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("sein", 1),
        ("IRM", 1),
        ("c50", 1),
        ("Breast Cancer", 1),
        ("mamm", 1),
        ("dataset_a", 1),
        ("Germany", 1),
        ("x", 0),
    ],
)
def test_a_dataset_is_found_by_all_names_of_its_codes(text: str, total: int) -> None:
    cells = {"image.modality": (Cell("MR", Counts(Rule.EXACT, 9)),)}
    index = of(record(cancer_types=("breast",), breakdowns=cells))
    assert index.find(View(text=text)).total == total


def test_a_code_is_found_by_those_above_it_in_the_tree() -> None:
    index = of(record(cancer_types=("small-cell-lung",)), record("b", cancer_types=("breast",)))
    assert titles(index, "cancer_type=lung") == ["A dataset"]


def test_a_value_may_be_said_by_another_name_and_one_that_means_nothing_is_ignored_with_a_notice() -> None:
    cells = {"image.modality": (Cell("MR", Counts(Rule.EXACT, 9)),)}
    found = of(record(breakdowns=cells)).find(seen("modality=MRI&modality=colour&holder=hospital 0"))
    assert found.view.chosen == {"modality": ("MR",), "holder": ("node_0",)}
    assert found.ignored == (("modality", "colour"),)
    assert found.total == 1


def test_a_value_that_exists_but_nobody_has_finds_nothing_and_stays_chosen() -> None:
    found = of(record()).find(seen("modality=CT"))
    assert found.total == 0
    (one,) = found.facets["modality"]
    assert (one.value, one.count, one.chosen) == ("CT", 0, True)


def test_withheld_numbers_are_no_facet_and_no_zero() -> None:
    cells = {"image.modality": (Cell("MR", WITHHELD), Cell("CT", Counts(Rule.EXACT, 0)))}
    found = of(record(counts=WITHHELD, breakdowns=cells)).find(View())
    assert found.facets["modality"] == ()
    assert {one.value for one in found.facets["persons"] if one.count} == {"unknown"}


def test_sorting_puts_the_largest_newest_or_first_title_first_and_the_untold_last() -> None:
    known = [card.counts.persons for card in shelf().find(View(sort=Sort.PERSONS, size=1000)).cards]
    told = [persons for persons in known if persons is not None]
    assert known == sorted(told, reverse=True) + [None] * (len(known) - len(told))
    created = [card.created for card in shelf().find(View(sort=Sort.NEWEST, size=1000)).cards]
    assert created == sorted(created, reverse=True)
    assert titles(of(record("b", "Älter"), record("a", "Zebra"), record("c", "alt")), "sort=title") == [
        "alt",
        "Älter",
        "Zebra",
    ]


def test_pages_hold_every_dataset_once() -> None:
    view = View(size=7)
    pages = shelf().find(view).pages
    ids = [card.id for page in range(1, pages + 1) for card in shelf().find(view.on(page)).cards]
    assert sorted(ids) == sorted(card.id for card in shelf().cards)
    assert shelf().find(view.on(pages + 1)).cards == ()


def test_a_word_with_one_wrong_letter_is_suggested_right() -> None:
    assert shelf().find(View(text="brest")).meant == "breast"


def test_a_dataset_whose_title_cannot_be_seen_has_its_name_for_one() -> None:
    assert titles(of(record("breast-mr", title=" \u200b\u202e ")), "sort=title") == ["breast-mr"]


def test_related_datasets_have_something_in_common() -> None:
    index = of(
        record("a", cancer_types=("breast",)),
        record("b", cancer_types=("breast",)),
        record("c", cancer_types=("lung",)),
    )
    assert [card.id for card in index.near("dataset_a")] == ["dataset_b"]
    assert index.near("dataset_c") == index.near("nobody") == ()


def test_an_empty_catalogue_is_searched_like_any_other() -> None:
    found = Shelf([], VOCABULARY).find(seen("q=x&modality=MR"))
    assert (found.total, found.pages, found.cards) == (0, 1, ())
