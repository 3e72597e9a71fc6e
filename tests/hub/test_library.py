"""The index follows the records, whoever changes them, and reads again only what changed."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.hub.test_catalogue import describe, node, record
from tests.hub.test_registry import decide

from hanse.core.view import View
from hanse.domains import VOCABULARY
from hanse.hub import library
from hanse.hub.library import Library


def names(held: Library) -> list[str]:
    return [card.name for card in held.refresh().cards]


def test_the_index_follows_what_nodes_describe(records: sa.Engine) -> None:
    held = Library(records, VOCABULARY)
    assert names(held) == []
    turku = node(records)
    describe(records, turku, record(turku, "a"), record(turku, "b"))
    assert names(held) == ["a", "b"]
    describe(records, turku, record(turku, "b"), later=timedelta(seconds=1))
    assert names(held) == ["b"]
    decide(records, "remove", turku)
    assert names(held) == []


def test_an_index_is_kept_while_nothing_changes_and_books_while_their_node_says_nothing_new(
    records: sa.Engine,
) -> None:
    turku, lisbon = node(records, "Turku"), node(records, "Lisbon")
    describe(records, turku, record(turku, "a"))
    held = Library(records, VOCABULARY)
    first = held.refresh()
    assert held.refresh() is first
    describe(records, lisbon, record(lisbon, "b"))
    assert held.refresh().cards[1] is first.cards[0]


def test_no_node_fills_the_memory_with_words(records: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random words of 64 MB of descriptions took minutes and gigabytes to index."""
    monkeypatch.setattr(library, "NODE_ROOM", 100)
    turku = node(records)
    words = " ".join(f"zz{place}" for place in range(50))
    describe(records, turku, *(record(turku, name, words) for name in "ab"))
    held = Library(records, VOCABULARY).refresh()
    assert held.find(View(text="zz1")).total == 2
    assert held.find(View(text="zz40")).total == 0


def test_another_process_sees_the_change_soon(records: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "LOOK_EVERY_S", 0.0)
    held = Library(records, VOCABULARY)
    assert len(held.shelf()) == 0
    turku = node(records)
    describe(records, turku, record(turku, "a"))
    held.shelf()
    with held._working:  # the look in the background is done
        assert len(held._shelf or ()) == 1
