"""What the catalogue says of the way from one version of a dataset to the next."""

from dataclasses import replace

from tests.core.records import full

from hanse.core.answer import Counts, Rule
from hanse.core.change import Told, changes, told

FIRST = Told(
    1, Counts(Rule.ROUNDED, 120, 130, 600, rounding=10), ("image.modality", "person.age"), "2026.10", "0.1"
)


def test_a_version_says_what_is_told_otherwise_than_of_the_one_before() -> None:
    second = Told(
        3,
        Counts(Rule.ROUNDED, 150, 170, 800, rounding=10),
        ("image.modality", "person.sex"),
        "2026.11",
        "0.1",
    )
    (change,) = changes([second, FIRST])
    assert (change.version, change.since) == (3, 1)
    assert change.counts == (FIRST.counts, second.counts)
    assert (change.came, change.went) == (("person.sex",), ("person.age",))
    assert (change.vocabulary, change.software) == (("2026.10", "2026.11"), None)
    assert not change.nothing


def test_a_version_of_which_the_same_is_told_says_so() -> None:
    (change,) = changes([FIRST, replace(FIRST, version=2)])
    assert change.nothing
    assert not list(changes([FIRST]))


def test_a_record_tells_of_its_newest_version_that_stands() -> None:
    record = full()
    one = told(record, "0.1")
    assert one is not None
    assert (one.version, one.counts, one.fields) == (record.version, record.counts, record.fields)
    assert told(replace(record, versions=()), "0.1") is None
