"""A count under a permit: sums of what is known, and who withheld, as a search shows them."""

from dataclasses import replace
from typing import Any

import pytest
from tests.core import permits

from hanse.client import count
from hanse.client.access import Granted
from hanse.client.run import Part
from hanse.core.errors import BadEnvelope
from hanse.core.order import Order
from hanse.core.release import Limits, Why
from hanse.core.result import Result
from hanse.core.scope import Operation
from hanse.lib.jws import FileKey

ROUNDED = {
    "rule": "rounded",
    "persons": 120,
    "studies": 130,
    "series": 400,
    "threshold": None,
    "rounding": 10,
}
EXACT = {"rule": "exact", "persons": 7, "studies": 7, "series": 9}
WITHHELD = {"rule": "withheld", "threshold": 10}
LIMITS = Limits(threshold=10, rounding=10, minimum=10)
COUNTING = replace(permits.ORDER, operation=Operation.COUNT, method="", parameters={})
GRANTED = Granted(
    permits.PERMIT,
    permits.hash_of(permits.PERMIT),
    "",
    [{"node": permits.NODE, "name": "Hospital", "dataset": permits.DATASET, "dataset_name": "Prostate MRI"}],
    FileKey.generate().public,
)


def result(asked: Order, aggregate: Any) -> Result:
    return Result(
        order=permits.hash_of(asked),
        permit=asked.permit,
        node=asked.node,
        dataset=asked.dataset,
        version=asked.version,
        manifest="0" * 64,
        software="hanse",
        entry_number=1,
        entry_hash="0" * 64,
        at=permits.AT,
        aggregate=aggregate,
        sealed="",
    )


def part(aggregate: Any, **place: Any) -> Part:
    asked = replace(COUNTING, **place)
    return Part(asked, "hash", "carried out", result(asked, aggregate))


def test_the_sums_are_those_of_what_is_known_and_say_who_withheld() -> None:
    elsewhere = {"node": permits.OTHER_NODE, "dataset": permits.OTHER_DATASET}
    missing = Part(replace(COUNTING, node=permits.OTHER_NODE), "hash", "late")
    found, sums = count.released(GRANTED, [part(ROUNDED), part(WITHHELD, **elsewhere), missing], LIMITS)
    (sheet,) = found.sheets
    assert [row[0] for row in sheet.rows] == ["Prostate MRI, Hospital", permits.OTHER_DATASET, "all shown"]
    assert [str(cell) for cell in sheet.rows[1][1:]] == ["withheld"] * 3
    assert [str(cell) for cell in sheet.rows[2][1:]] == ["120", "130", "400"]
    assert (sums.persons, sums.datasets_counted, sums.datasets_withheld) == (120, 1, 1)
    assert "1 dataset withheld, not in the sums." in found.notes[0]
    assert found.notes[1].startswith("Rounded: Carries noise")
    assert found.notes[2].startswith("Withheld: Too few persons to say how many")


def test_numbers_of_public_data_are_exact_and_a_sum_with_others_is_not() -> None:
    public, _ = count.released(GRANTED, [part(EXACT)], LIMITS)
    assert public.sheets[0].rows[-1][1].why is Why.EXACT  # type: ignore[union-attr]
    elsewhere = {"node": permits.OTHER_NODE, "dataset": permits.OTHER_DATASET}
    mixed, _ = count.released(GRANTED, [part(EXACT), part(ROUNDED, **elsewhere)], LIMITS)
    assert mixed.sheets[0].rows[-1][1].why is Why.ROUNDED  # type: ignore[union-attr]


def test_a_sum_of_nothing_is_no_zero() -> None:
    found, _ = count.released(GRANTED, [part(WITHHELD)], LIMITS)
    assert [[str(cell) for cell in row] for row in found.sheets[0].rows] == [
        ["Prostate MRI, Hospital", "withheld", "withheld", "withheld"]
    ]


@pytest.mark.parametrize("aggregate", [{}, {"rule": "withheld", "persons": 5}, {"rule": "exact"}, None])
def test_what_is_no_count_is_not_shown_as_one(aggregate: Any) -> None:
    with pytest.raises(BadEnvelope):
        count.read(result(COUNTING, aggregate))
