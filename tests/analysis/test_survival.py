"""Survival against published numbers, and against a second way to compute it in exact fractions."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.analysis import METHODS, chance, kaplan_meier, survival
from hanse.analysis.data import Coded, Numbers, Table
from hanse.domains import VOCABULARY

# Weeks in remission of 42 patients with leukaemia (Freireich et al., Blood 21, 1963); + is censored.
DRUG = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def followed(*groups: str) -> Table:
    """The persons of written groups; the group is the sex."""
    words = [(at, word) for at, group in enumerate(groups) for word in group.split()]
    return table(
        [float(word.rstrip("+")) for _, word in words],
        [not word.endswith("+") for _, word in words],
        [at for at, _ in words],
    )


def table(days: Sequence[float], dead: Sequence[bool], group: Sequence[int]) -> Table:
    columns = {
        "person.last_contact": Numbers(np.array(days, float)),
        "person.vital_status": Coded(np.array(dead, np.int16), ("alive", "dead")),
        "person.sex": Coded(np.array(group, np.int16), ("female", "male")),
    }
    return Table(len(days), columns)


def parameters(grid: Sequence[int]) -> kaplan_meier.Followed:
    body = {
        "until": "person.last_contact",
        "event": "person.vital_status",
        "happened": ["dead"],
        "grid": list(grid),
        "groups": {"field": "person.sex", "values": ["female", "male"]},
    }
    return METHODS["kaplan_meier"].read(body, VOCABULARY)


def counted(data: Table, grid: Sequence[int]) -> tuple[kaplan_meier.Counted, kaplan_meier.Followed]:
    chosen = parameters(grid)
    return kaplan_meier.merge([kaplan_meier.step(data, chosen)], chosen), chosen


def test_the_published_curve_of_a_leukaemia_trial() -> None:
    """Kalbfleisch and Prentice (2002), 1.1; Collett (2015), example 2.2."""
    merged, chosen = counted(followed(DRUG, PLACEBO), range(37))
    drug, placebo = kaplan_meier.exact(merged, chosen)
    at = [6, 7, 10, 13, 16, 22, 23, 35]
    known = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482, 0.4482]
    np.testing.assert_allclose(drug.survival[at], known, atol=5e-5)
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346, 0.1346]
    np.testing.assert_allclose(np.sqrt(drug.variance[at]), errors, atol=5e-5)
    assert (survival.median(drug), survival.median(placebo)) == (23, 8)


def test_the_published_log_rank_test_of_the_same_trial() -> None:
    """Chi-square 16.79 with the hypergeometric variance (Kleinbaum and Klein, 2012, chapter 2)."""
    merged, _ = counted(followed(DRUG, PLACEBO), range(37))
    at_risk = survival.at_risk(merged.events, merged.censored, merged.persons)
    found = survival.log_rank(at_risk, merged.events)
    assert found is not None
    assert found.chi_square == pytest.approx(16.793, abs=5e-4)
    assert found.freedom == 1
    assert found.p == pytest.approx(4.17e-5, rel=2e-3)


def by_definition(days: Sequence[int], dead: Sequence[bool], grid: Sequence[int]) -> list[Fraction]:
    """The product over the grid, person by person: a day counts at the end of its interval."""
    ends = [next((end for end in grid[1:] if day <= end), None) for day in days]
    found, share = [Fraction(1)], Fraction(1)
    for end in grid[1:]:
        risk = sum(one is None or one >= end for one in ends)
        fallen = sum(one == end and is_dead for one, is_dead in zip(ends, dead, strict=True))
        share *= 1 - Fraction(fallen, risk) if risk else 1
        found.append(share)
    return found


PERSONS = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=60)


@settings(deadline=None)
@given(persons=PERSONS, grid=st.sets(st.integers(1, 45), min_size=1, max_size=12))
def test_the_curve_is_what_its_definition_says(persons: list[tuple[int, bool]], grid: set[int]) -> None:
    days, dead = zip(*persons, strict=True)
    edges = [0, *sorted(grid)]
    merged, chosen = counted(table(days, dead, [0] * len(days)), edges)
    curve = kaplan_meier.exact(merged, chosen)[0]
    known = by_definition(days, dead, edges)
    np.testing.assert_allclose(curve.survival, [float(one) for one in known], rtol=1e-9, atol=1e-12)
    area = sum(one * (high - low) for one, low, high in zip(known, edges, edges[1:], strict=False))
    assert survival.restricted_mean(curve) == pytest.approx(float(area), rel=1e-9)
    assert (curve.low <= curve.survival + 1e-12).all()
    assert (curve.survival <= curve.high + 1e-12).all()


def test_days_can_be_counted_from_another_day_than_the_baseline() -> None:
    data = table([100.0, 200.0, 50.0], [True, True, True], [0, 0, 0])
    data = Table(3, {**data.columns, "treatment.day": Numbers(np.array([90.0, np.nan, 60.0]))})
    body = METHODS["kaplan_meier"].canonical(parameters([0, 5, 10])) | {"start": "treatment.day"}
    chosen = METHODS["kaplan_meier"].read(body, VOCABULARY)
    found = kaplan_meier.step(data, chosen)
    # One is followed for 10 days, one has no start, and one started after the last contact.
    assert found["events"] == [[0, 1], [0, 0]]
    assert found["persons"] == 3


@pytest.mark.parametrize(
    ("value", "freedom", "tail"),
    [
        (3.841458820694124, 1, 0.05),
        (5.991464547107979, 2, 0.05),
        (16.918977604620448, 9, 0.05),
        (124.34211340400407, 100, 0.05),
    ],
)
def test_the_chi_square_distribution_at_its_tabulated_values(value: float, freedom: int, tail: float) -> None:
    assert chance.chi_square_tail(value, freedom) == pytest.approx(tail, rel=1e-9)


def test_the_normal_quantile_of_a_95_percent_band() -> None:
    assert chance.normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=1e-12)
