"""Short attacks: enough to show that the plain rule falls and that ours does not fall at once.

How good the rules are is measured by `make bench`, on many more hospitals.
"""

import numpy as np
import pytest
from benchmarks import attacks, subtraction
from benchmarks.attacks import ATTACKS, BAR, Earlier, Ours, Plain

TRIALS = 16

BROKEN = [
    (attack, Plain)
    for attack in (
        "difference",
        "padding",
        "threshold shift",
        "series count",
        "difference of breakdowns",
        "known: 9 members, at the threshold",
        "known: 9 members, left out",
        "same or nearly the same",
        "before and after: added",
    )
] + [("known: 9 members, left out", Earlier), ("same or nearly the same", Earlier)]


@pytest.mark.parametrize(("attack", "rules"), BROKEN, ids=lambda one: getattr(one, "name", one))
def test_the_attack_works_against_rules_without_noise(attack, rules):
    assert attacks.play(ATTACKS[attack], rules, TRIALS)[-1].right >= 0.85


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_attack_does_little_against_ours(attack):
    low, _ = attacks.play(ATTACKS[attack], Ours, TRIALS)[-1].interval
    assert low <= BAR


SHOWN = "difference of tables as they are shown"  # rounding alone bears a few


@pytest.mark.parametrize("attack", [one for one in subtraction.ATTACKS if one != SHOWN])
def test_people_with_permits_learn_all_by_subtracting_exact_analyses(attack):
    assert subtraction.play(subtraction.ATTACKS[attack], 0, TRIALS).right == 1


@pytest.mark.parametrize("attack", subtraction.ATTACKS)
def test_people_with_permits_learn_little_from_as_many_tables_as_the_noise_bears(attack):
    sides = subtraction.noise(subtraction.TABLES)
    low, _ = subtraction.play(subtraction.ATTACKS[attack], sides, 4 * TRIALS).interval
    assert low <= BAR


def test_solving_equations_does_little_against_ours():
    plain, ours = (attacks.play_reconstruction(rules, 2)[-1] for rules in (Plain, Ours))
    assert plain.right >= 0.65
    assert ours.interval[0] <= BAR


def test_on_the_grid_all_kinds_of_answers_take_the_same_time():
    assert attacks.timing(20, 60_000).auc == 0.5


def test_an_interval_holds_the_share_and_narrows_with_n():
    few, many = attacks.Success(60, 0.6, 0.6, 40), attacks.Success(60, 0.6, 0.6, 4000)
    assert few.interval[0] < many.interval[0] < 0.6 < many.interval[1] < few.interval[1]


def test_auc_counts_ties_half():
    assert attacks.auc(np.array([1.0, 1.0]), np.array([True, False])) == 0.5
    assert attacks.auc(np.array([2.0, 1.0]), np.array([True, False])) == 1.0
