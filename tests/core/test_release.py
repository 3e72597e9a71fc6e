"""The rules for numbers that people see, and attacks on them by somebody who knows the rules and all that is shown."""

from collections import deque
from contextlib import suppress
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hanse.core.errors import BadInput, Refused
from hanse.core.release import (
    WITHHELD,
    Draw,
    Limits,
    check_intermediate,
    coarse,
    cross,
    dice,
    dominated,
    groups,
    shown,
    significant,
    steps,
    strictest,
    summed,
    withheld,
)

LIMITS = Limits()
NO_ORDER = (False, False)


# Intermediates


def _draw(limits: Limits, words: bytes = b"words") -> Draw:
    return dice(b"secret", words, limits)


def test_an_intermediate_needs_enough_persons_and_a_budget() -> None:
    draw = _draw(LIMITS)
    check_intermediate(10, 99, LIMITS, draw)
    with pytest.raises(Refused) as few:
        check_intermediate(9, 0, LIMITS, draw)
    with pytest.raises(Refused) as spent:
        check_intermediate(1000, 100, LIMITS, draw)
    assert (few.value.more["rule"], spent.value.more["rule"]) == ("minimum", "budget")
    assert "9" not in few.value.detail + few.value.hint


def test_with_noise_nobody_knows_with_how_many_persons_an_intermediate_is_refused() -> None:
    """Nor is one about too few persons ever handed out."""
    limits = Limits(noise=5)
    given = {persons: sum(_given(persons, limits, at) for at in range(200)) for persons in (9, 15, 25, 30)}
    assert given[9] == 0
    assert 0 < given[15] < given[25] < 200
    assert given[30] == 200


def _given(persons: int, limits: Limits, at: int) -> bool:
    with suppress(Refused):
        check_intermediate(persons, 0, limits, _draw(limits, bytes([at])))
        return True
    return False


def test_of_several_limits_the_strictest_counts() -> None:
    found = strictest([Limits(threshold=5, rounding=20, steps=3), Limits(threshold=12, share=0.5, noise=4)])
    assert found == Limits(threshold=12, rounding=20, steps=3, share=0.5, noise=4)


def test_limits_that_protect_nobody_are_refused() -> None:
    for wrong in ({"threshold": 1}, {"rounding": 0}, {"minimum": 0}, {"noise": -1}, {"share": float("nan")}):
        with pytest.raises(BadInput):
            Limits(**wrong)


# Categories


def test_neighbours_with_too_few_persons_become_one() -> None:
    assert groups(np.array([3, 4, 5, 30, 2, 11, 9]), LIMITS, ordered=True) == ((0, 1, 2), (3,), (4, 5, 6))


def test_small_categories_without_an_order_go_together_or_are_left_out() -> None:
    assert groups(np.array([3, 40, 8, 30]), LIMITS, ordered=False) == ((1,), (3,), (0, 2))
    assert groups(np.array([3, 40, 0, 30]), LIMITS, ordered=False) == ((1,), (3,))


@settings(deadline=None)
@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=12), ordered=st.booleans())
def test_every_shown_category_stands_for_enough_persons(counts: list[int], ordered: bool) -> None:
    kept = groups(np.array(counts), LIMITS, ordered=ordered)
    assert all(sum(counts[at] for at in one) >= 10 for one in kept)
    places = [at for one in kept for at in one]
    assert len(places) == len(set(places))
    assert not ordered or places in ([], list(range(len(counts))))


def test_two_numbers_that_differ_by_one_category_leave_as_many_possibilities_as_the_threshold() -> None:
    """Of any two nested counts that may be shown, the difference is not known more closely than that."""
    whole = range(10, 90)
    seen: dict[tuple[int, int], set[int]] = {}
    for large, small in product(whole, whole):
        if small <= large:
            pair = tuple(shown(np.array([large, small]), LIMITS).tolist())
            seen.setdefault(pair, set()).add(large - small)
    inside = [found for (large, small), found in seen.items() if 20 <= small <= large <= 70]
    assert min(map(len, inside)) >= LIMITS.threshold


# Tables


def interval(counts: np.ndarray, hidden: np.ndarray, row: int, column: int) -> tuple[int, int]:
    """The least and the greatest value that a hidden cell can have, given all shown cells and all margins: the table is
    a network, in which a change of the cell flows back over other hidden cells."""
    up = flow(counts, hidden, (row, column), start=("column", column), end=("row", row))
    down = flow(counts, hidden, (row, column), start=("row", row), end=("column", column))
    here = int(counts[row, column])
    return here - min(down, here), here + up


def flow(counts: np.ndarray, hidden: np.ndarray, cell: tuple[int, int], start: tuple, end: tuple) -> int:
    """The largest flow (Edmonds and Karp) where a row gives to a column without bound, by raising the cell, and a
    column to a row by lowering it. Bounded by ten thousand, more than any count here."""
    room = {}
    for at in map(tuple, np.argwhere(hidden).tolist()):
        if at != cell:
            room["row", at[0], at[1]] = 10_000
            room["column", at[1], at[0]] = int(counts[at])
    total = 0
    while True:
        before = {start: None}
        todo = deque([start])
        while todo and end not in before:
            kind, place = todo.popleft()
            other = "column" if kind == "row" else "row"
            for (this, source, target), left in room.items():
                if this == kind and source == place and left > 0 and (other, target) not in before:
                    before[other, target] = (kind, place)
                    todo.append((other, target))
        if end not in before:
            return total
        path, at = [], end
        while before[at] is not None:
            path.append((before[at], at))
            at = before[at]
        least = min(room[source[0], source[1], target[1]] for source, target in path)
        for source, target in path:
            room[source[0], source[1], target[1]] -= least
            room[target[0], target[1], source[1]] += least
        total += least
        if total >= 10_000:
            return total


TABLES = st.integers(2, 6).flatmap(
    lambda rows: st.integers(2, 6).flatmap(
        lambda columns: st.lists(
            st.integers(0, 60) | st.integers(0, 12), min_size=rows * columns, max_size=rows * columns
        ).map(lambda cells: np.array(cells).reshape(rows, columns))
    )
)


@settings(deadline=None, max_examples=150)
@given(counts=TABLES)
def test_no_withheld_cell_follows_from_the_margins(counts: np.ndarray) -> None:
    """Its possible values are as many as the threshold, even if the margins and all other cells were exact."""
    assume(counts.sum(axis=0).min() >= 10)
    assume(counts.sum(axis=1).min() >= 10)
    hidden = withheld(counts, counts < 10, 10)
    assert hidden[counts < 10].all()
    for row, column in np.argwhere(hidden):
        low, high = interval(counts, hidden, row, column)
        assert high - low >= 10


def test_the_intervals_are_those_that_trying_all_tables_gives() -> None:
    """The oracle of the test above, held against the plainest one."""
    counts = np.array([[3, 5, 2], [4, 1, 6], [2, 7, 3]])
    hidden = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool)
    places = np.argwhere(hidden)
    fits = []
    for values in product(range(13), repeat=len(places) - 3):
        tried = counts.copy()
        tried[tuple(places[: len(values)].T)] = values
        tried[1, 2] = counts[1].sum() - tried[1, :2].sum()
        tried[2, 2] = counts[:, 2].sum() - tried[:2, 2].sum()
        tried[2, 1] = counts[2].sum() - tried[2, [0, 2]].sum()
        same = (tried.sum(0) == counts.sum(0)).all() and (tried.sum(1) == counts.sum(1)).all()
        if same and (tried >= 0).all():
            fits.append(tried)
    for row, column in places:
        values = [one[row, column] for one in fits]
        assert interval(counts, hidden, row, column) == (min(values), max(values))


def test_without_partners_a_cell_would_follow_by_subtraction() -> None:
    """What complementary suppression is for."""
    counts = np.array([[3, 50, 60], [70, 80, 90], [75, 85, 95]])
    only = counts < 10
    assert interval(counts, only, 0, 0) == (3, 3)
    hidden = withheld(counts, only, 10)
    assert hidden.sum() == 4
    low, high = interval(counts, hidden, 0, 0)
    assert high - low >= 10


@settings(deadline=None, max_examples=100)
@given(counts=TABLES, ordered=st.tuples(st.booleans(), st.booleans()))
def test_no_shown_number_of_a_table_stands_for_too_few(
    counts: np.ndarray, ordered: tuple[bool, bool]
) -> None:
    found = cross(counts, LIMITS, ordered=ordered)
    table = summed(summed(counts, found.rows), found.columns, 1)
    if found.total is None:
        assert not table.size
        return
    assert (table[found.cells != WITHHELD] >= 10).all()
    assert min(*table.sum(axis=0), *table.sum(axis=1)) >= 10
    assert {number % 10 for number in (found.total, *found.row_totals, *found.column_totals)} == {0}


def test_a_table_of_too_few_persons_is_not_shown() -> None:
    found = cross(np.array([[1, 2], [3, 3]]), LIMITS, ordered=NO_ORDER)
    assert (found.rows, found.columns, found.total) == ((), (), None)


def test_a_category_with_too_few_persons_is_in_no_total() -> None:
    """Otherwise the total without the others would give it."""
    found = cross(np.array([[50, 60], [40, 30], [1, 2]]), LIMITS, ordered=NO_ORDER)
    assert found.rows == ((0,), (1,))
    assert found.total == 180


def test_a_table_of_a_hundred_by_a_hundred_with_any_share_of_small_cells() -> None:
    for mean in (2, 12, 20, 200):
        counts = np.random.default_rng(5).poisson(mean, (100, 100))
        found = cross(counts, LIMITS, ordered=NO_ORDER)
        assert found.cells.shape == (100, 100)
        assert (counts[found.cells != WITHHELD] >= 10).all()


# Attacks with many tables


def attack(limits: Limits, pairs: int, rng: np.random.Generator) -> bool:
    """Whether a target's category is guessed from pairs of tables with and without the target, padded with other
    persons so that each pair stands at another distance from where rounding jumps."""
    secret, target = rng.bytes(16), int(rng.integers(2))
    told = 0
    for pair in range(pairs):
        others = rng.integers(60, 160, 2)
        counts = others.copy()
        counts[target] += 1
        seen = [
            shown(one + dice(secret, bytes([pair, place]), limits)("counts", 2), limits)
            for place, one in enumerate((counts, others))
        ]
        told += int((seen[0][0] - seen[1][0]) - (seen[0][1] - seen[1][1]))
    guess = int(told < 0) if told else int(rng.integers(2))
    return guess == target


def test_with_noise_two_tables_that_differ_by_one_person_tell_little() -> None:
    """Ten tables with noise of twice the square root of their number, not rounded, as an intermediate is not."""
    rng = np.random.default_rng(11)
    right = np.mean([attack(Limits(noise=7, rounding=1), 5, rng) for _ in range(2000)])
    assert right < 0.60


def test_without_noise_only_the_budget_stands_between_many_tables_and_a_person() -> None:
    """Why a permit that lets somebody choose the persons of many tables asks for noise."""
    rng = np.random.default_rng(11)
    few, many = (np.mean([attack(Limits(), pairs, rng) for _ in range(500)]) for pairs in (1, 60))
    assert few < 0.60
    assert many > 0.95


def test_the_same_question_has_the_same_errors_and_another_one_others() -> None:
    limits = Limits(noise=5)
    again = [dice(b"secret", words, limits)("counts", 200).tolist() for words in (b"one", b"one", b"two")]
    assert again[0] == again[1] != again[2]
    assert max(map(abs, again[0])) <= 10
    assert abs(np.mean(again[0])) < 1.5


def test_two_tables_of_one_question_have_errors_of_their_own() -> None:
    draw = dice(b"secret", b"question", Limits(noise=5))
    assert draw("events", 200).tolist() != draw("censored", 200).tolist()


@settings(deadline=None)
@given(counts=st.lists(st.integers(0, 60), min_size=2, max_size=8), words=st.binary(max_size=4))
def test_with_noise_no_shown_category_stands_for_too_few(counts: list[int], words: bytes) -> None:
    limits = Limits(noise=5)
    seen = np.array(counts) + dice(b"secret", words, limits)("counts", len(counts))
    for ordered in (False, True):
        for one in groups(seen, limits, ordered=ordered):
            assert sum(counts[at] for at in one) >= 10


# Sums


def test_a_sum_that_one_or_two_persons_make_is_not_shown() -> None:
    edges = [0, 10, 100, 1000]
    assert dominated(np.array([500, 0, 2]), edges, LIMITS)  # two may have 1000 each, the others nothing
    assert dominated(np.array([0, 10, 1]), edges, LIMITS)  # 1000 beside ten that have 10 each
    assert dominated(np.array([0, 0, 1]), edges, LIMITS)
    assert not dominated(np.array([0, 500, 2]), edges, LIMITS)
    assert not dominated(np.array([0, 0, 30]), edges, LIMITS)


@settings(deadline=None)
@given(values=st.lists(st.floats(-50, 199), min_size=2, max_size=30))
def test_the_bounds_of_bins_never_miss_a_dominated_sum(values: list[float]) -> None:
    edges = [-50, -20, 0, 5, 20, 50, 100, 200]
    largest = sorted(map(abs, values), reverse=True)
    total = sum(largest)
    is_dominated = sum(largest[:2]) > 0.9 * total or total - sum(largest[:2]) < 0.1 * largest[0]
    assert not is_dominated or dominated(np.histogram(values, edges)[0], edges, LIMITS)


def test_a_mean_is_shown_so_that_one_person_cannot_be_seen() -> None:
    """A person one spread away moves the mean by spread / n, a tenth of the step."""
    assert coarse(63.2871, 12.9, 1000, LIMITS) == 63.0
    assert coarse(63.2871, 12.9, 100_000, LIMITS) == 63.29
    assert coarse(50.0, 0.0, 100, LIMITS) == 50.0
    assert significant(16.7929) == 17


# Curves


def test_a_curve_falls_only_where_enough_had_the_event() -> None:
    found = steps(np.array([3, 4, 5, 0, 20, 1]), np.array([0, 2, 0, 3, 9, 0]), 200, LIMITS)
    assert found is not None
    assert found.points == (2, 4)
    assert found.events.tolist() == [10, 30]  # 12 and 32, rounded
    assert found.censored.tolist() == [0, 10]  # 2 at first, which is too few, then 14


def test_a_curve_ends_where_too_few_are_followed() -> None:
    found = steps(np.array([12, 12, 12]), np.array([0, 0, 0]), 40, LIMITS)
    assert found is not None
    assert found.points == (0, 1)


def test_a_small_group_has_no_curve() -> None:
    assert steps(np.array([4, 4]), np.array([0, 0]), 9, LIMITS) is None


@settings(deadline=None)
@given(
    happened=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), min_size=1, max_size=20),
    beyond=st.integers(0, 60),
)
def test_no_difference_between_points_of_a_curve_stands_for_too_few(
    happened: list[tuple[int, int]], beyond: int
) -> None:
    """Neither the events, nor who left, nor who remains."""
    events, censored = (np.array(one) for one in zip(*happened, strict=True))
    persons = int(events.sum() + censored.sum() + beyond)
    found = steps(events, censored, persons, Limits(rounding=1))
    if found is None:
        assert persons < 10
        return
    fallen, left = (np.diff(one, prepend=0) for one in (found.events, found.censored))
    assert (fallen >= 10).all()
    assert ((left == 0) | (left >= 10)).all()
    assert (persons - found.events - found.censored >= 10).all()
    gone = np.cumsum(events + censored)
    assert all(persons - gone[at] >= 10 for at in found.points)
