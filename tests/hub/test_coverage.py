"""How many datasets have which fields, and how many persons which values."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.hub.papers import let_all_in
from tests.hub.test_catalogue import describe, node, record

from hanse.core.answer import Cell, Counts, Rule
from hanse.core.record import Variable
from hanse.hub import coverage
from hanse.hub.coverage import Watcher

KNOWN = Counts(Rule.ROUNDED, 120, 130, 600, rounding=10)
WITHHELD = Counts(Rule.WITHHELD, threshold=10)


def with_modalities(one, **persons: Counts):  # type: ignore[no-untyped-def]
    cells = tuple(Cell(value, counts) for value, counts in persons.items())
    variables = (Variable("image.modality", KNOWN),)
    return replace(one, variables=variables, breakdowns={"image.modality": cells})


def test_datasets_nodes_and_released_persons_are_counted(
    records: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "LOOK_EVERY_S", -1.0)
    turku, lisbon = node(records, "Turku"), node(records, "Lisbon")
    watcher = Watcher(records)
    assert watcher.coverage().of_nodes == 2
    describe(
        records,
        turku,
        with_modalities(record(turku, "a"), MR=KNOWN, CT=WITHHELD),
        with_modalities(record(turku, "b"), MR=KNOWN),
    )
    describe(records, lisbon, with_modalities(record(lisbon, "c"), CT=KNOWN))
    found = watcher.coverage()
    assert found.datasets == Counter({"image.modality": 3})
    assert found.nodes == Counter({"image.modality": 2})
    assert found.persons == {"image.modality": Counter(MR=240, CT=120)}
    describe(records, lisbon, later=timedelta(seconds=1))
    assert watcher.coverage().persons == {"image.modality": Counter(MR=240)}


def test_an_unchanged_catalogue_is_not_read_again(
    records: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "LOOK_EVERY_S", -1.0)
    turku = node(records)
    describe(records, turku, record(turku))
    watcher = Watcher(records)
    assert watcher.coverage() is watcher.coverage()


def test_an_authority_is_no_node_that_answers(records: sa.Engine) -> None:
    let_all_in(records)
    assert Watcher(records).coverage().of_nodes == 2
