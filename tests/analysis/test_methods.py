"""The methods: what they take, what they refuse, and what people see of them."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.analysis.examples import PARAMETERS, people, split

from hanse import analysis
from hanse.analysis import METHODS, crosstab, describe
from hanse.analysis.data import Numbers, Table
from hanse.analysis.result import Number, Result, Sheet
from hanse.core.errors import BadAnalysis, BadEnvelope
from hanse.core.release import Limits, Why, dice
from hanse.domains import VOCABULARY

LIMITS = Limits()


def released(name: str, table: Table, body: Any = None, limits: Limits = LIMITS) -> Result:
    method = METHODS[name]
    parameters = method.read(body or PARAMETERS[name], VOCABULARY)
    merged = method.merge([method.step(one, parameters) for one in split(table, 3)], parameters)
    return method.release(merged, parameters, limits)


def sheet(result: Result, title: str) -> Sheet:
    return next(one for one in result.sheets if one.title == title)


def values(result: Result, title: str) -> dict[str, list[Any]]:
    return {
        str(row[0]): [one.value if isinstance(one, Number) else one for one in row[1:]]
        for row in sheet(result, title).rows
    }


# Parameters

AGE = {"field": "person.age", "edges": [0, 50, 100]}
SURVIVAL = PARAMETERS["kaplan_meier"]
SEX = {"field": "person.sex"}
WRONG = {
    "no parameters": ("describe", None, "parameters"),
    "nothing to describe": ("describe", {"variables": []}, "one or more different fields"),
    "a field twice": ("describe", {"variables": [SEX, SEX]}, "one or more different fields"),
    "an unknown member": ("histogram", {"variable": AGE, "code": "import os"}, "members among variable"),
    "an unknown field": ("histogram", {"variable": {"field": "person.agee", "edges": [0, 1]}}, "not in the vocabulary"),
    "free text": ("describe", {"variables": [{"field": "image.series_description"}]}, "free text"),
    "a key": ("describe", {"variables": [{"field": "image.study"}]}, "only groups rows"),
    "mixed values": ("describe", {"variables": [{"field": "observation.value"}]}, "different measurements"),
    "codes for a number": ("describe", {"variables": [{"field": "person.age", "values": ["1"]}]}, "holds numbers"),
    "edges for a code": ("describe", {"variables": [{"field": "person.sex", "edges": [0, 1]}]}, "holds codes"),
    "no edges": ("describe", {"variables": [{"field": "person.age"}]}, "two or more numbers that rise"),
    "edges that fall": ("histogram", {"variable": AGE | {"edges": [50, 0]}}, "two or more numbers that rise"),
    "one edge": ("histogram", {"variable": AGE | {"edges": [50]}}, "two or more numbers that rise"),
    "an edge that is no number": ("histogram", {"variable": AGE | {"edges": [0, float("nan")]}}, "finite numbers"),
    "an edge beyond all numbers": ("histogram", {"variable": AGE | {"edges": [0, 10**400]}}, "finite numbers"),
    "an edge that is a truth value": ("histogram", {"variable": AGE | {"edges": [0, True]}}, "finite numbers"),
    "too many edges": ("histogram", {"variable": AGE | {"edges": list(range(600))}}, "a list of at most"),
    "a histogram of codes": ("histogram", {"variable": SEX}, "holds codes"),
    "an unknown code": ("describe", {"variables": [SEX | {"values": ["femal"]}]}, "not different codes"),
    "no codes at all": ("describe", {"variables": [SEX | {"values": []}]}, "not different codes"),
    "a field by itself": ("crosstab", {"rows": SEX, "columns": SEX}, "the same field"),
    "too many cells": (
        "crosstab",
        {
            "rows": {"field": "person.age", "edges": list(range(400))},
            "columns": {"field": "condition.age_at_diagnosis", "edges": list(range(400))},
        },
        "at most 50000",
    ),
    "a grid without a beginning": ("kaplan_meier", SURVIVAL | {"grid": [1, 2]}, "begins with 0"),
    "a grid of hours": ("kaplan_meier", SURVIVAL | {"grid": [0, 0.5]}, "part of a day"),
    "time that is no day": ("kaplan_meier", SURVIVAL | {"until": "person.age"}, "of type integer"),
    "an event that is a number": ("kaplan_meier", SURVIVAL | {"event": "person.age"}, "of type integer"),
    "an event that never happens": ("kaplan_meier", SURVIVAL | {"happened": []}, "not different codes"),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_parameters_that_cannot_be_used_are_refused_with_a_reason(why: str) -> None:
    name, body, said = WRONG[why]
    with pytest.raises(BadAnalysis) as refused:
        METHODS[name].read(body, VOCABULARY)
    assert said in refused.value.detail
    assert "femal" not in refused.value.detail


def test_only_registered_methods_are_found() -> None:
    assert analysis.find("histogram") is METHODS["histogram"]
    with pytest.raises(BadAnalysis, match="no such method"):
        analysis.find("../../bin/sh")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "forged", [{}, {"persons": -1}, {"counts": [[1.5]]}, {"variables": [{}]}, {"events": "all"}]
)
def test_an_intermediate_of_another_shape_is_refused(name: str, forged: dict[str, Any]) -> None:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    with pytest.raises(BadAnalysis):
        method.merge([method.step(people(20), parameters), forged], parameters)


def test_an_intermediate_with_negative_counts_is_refused() -> None:
    method = METHODS["histogram"]
    parameters = method.read(PARAMETERS["histogram"], VOCABULARY)
    good = method.step(people(20), parameters)
    with pytest.raises(BadAnalysis):
        method.merge([good, good | {"counts": [-5, *good["counts"][1:]]}], parameters)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to everything in a JSON value; of a list to its first members."""
    within = (
        value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    )
    for key, one in within:
        yield (*way, key)
        yield from places(one, (*way, key))


def changed(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    if not way:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = changed(value[way[0]], way[1:], new)
    return copy


HOSTILE = [
    10**400,
    2**63,
    -(2**70),
    -1,
    1e308,
    float("nan"),
    float("inf"),
    1.5,
    True,
    "x",
    None,
    [],
    {},
    [[1]],
]


@pytest.mark.parametrize("name", METHODS)
def test_whatever_a_hostile_node_writes_the_others_are_merged_or_it_is_refused(name: str) -> None:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    one, other = (json.loads(json.dumps(method.step(part, parameters))) for part in split(people(300), 2))
    for way in places(one):
        for value in HOSTILE:
            with suppress(BadAnalysis, BadEnvelope):
                merged = method.merge([changed(one, way, value), other], parameters)
                method.release(merged, parameters, LIMITS)


# Noise


def _with_noise(name: str, table: Table, question: bytes, sides: int = 5) -> dict[str, Any]:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    draw = dice(b"secret", question, Limits(noise=sides))
    return method.carried(method.step(table, parameters), parameters, sides, draw)


def _counts(aggregate: Any) -> np.ndarray:
    """All counts of an intermediate in one row; moments are left out."""
    if isinstance(aggregate, dict):
        kept = [one for name, one in sorted(aggregate.items()) if name not in ("mean", "squares", "noise")]
        return np.concatenate([_counts(one) for one in kept])
    if isinstance(aggregate, list) and aggregate and isinstance(aggregate[0], dict):
        return np.concatenate([_counts(one) for one in aggregate])
    return np.array(aggregate).ravel()


@pytest.mark.parametrize("name", METHODS)
def test_noise_is_on_every_count_bounded_and_nothing_on_average(name: str) -> None:
    method, table = METHODS[name], people(400)
    exact = _counts({**method.step(table, method.read(PARAMETERS[name], VOCABULARY)), "persons": []})
    errors = np.array([_counts(_with_noise(name, table, bytes([at]))) - exact for at in range(200)])
    assert abs(errors).max() <= 10
    assert (errors.std(axis=0) > 3).all()
    assert (abs(errors.mean(axis=0)) < 1.5).all(), "also where nobody is counted"


@pytest.mark.parametrize("name", METHODS)
def test_intermediates_with_noise_are_merged_and_shown(name: str) -> None:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    parts = [_with_noise(name, part, bytes([at])) for at, part in enumerate(split(people(6000), 3))]
    noise = sum(map(analysis.noise, parts))
    assert noise == 15
    found = method.release(method.merge(parts, parameters), parameters, replace(LIMITS, noise=noise))
    assert found.limits.noise == 15
    shown = [
        one.value for each in found.sheets for row in each.rows for one in row if isinstance(one, Number)
    ]
    assert sum(one is not None for one in shown) > 5


def test_moments_with_noise_are_those_of_the_noisy_bins() -> None:
    """The exact mean and the exact sum of squares would tell of one person what the counts hide."""
    one, other = (
        _with_noise("describe", table, b"q")["variables"][1] for table in (people(2000), _older(people(2000)))
    )
    assert one == other, "a person who is older within the same bin changes nothing"
    assert one["mean"] == pytest.approx(63, abs=2)


def _older(table: Table) -> Table:
    ages = table.numbers("person.age").values.copy()
    ages[np.flatnonzero((ages >= 60) & (ages < 69))[0]] += 0.5
    return Table(table.persons, {**table.columns, "person.age": Numbers(ages)})


def test_a_count_with_noise_passes_for_no_association() -> None:
    noisy = replace(LIMITS, noise=5)
    assert values(released("crosstab", people(5000), limits=noisy), "Association")["p"] == [None]
    assert values(released("kaplan_meier", people(4000), limits=noisy), "Log-rank test")["p"] == [None]


@pytest.mark.parametrize("noise", [-1, 10**6, "much", None])
def test_noise_that_is_no_number_of_sides_is_refused(noise: Any) -> None:
    method = METHODS["histogram"]
    parameters = method.read(PARAMETERS["histogram"], VOCABULARY)
    good = method.step(people(20), parameters)
    with pytest.raises(BadEnvelope):
        method.merge([good | {"noise": noise, "counts": [-5, *good["counts"][1:]]}], parameters)


# Against numpy


def test_the_mean_and_the_spread_are_those_of_numpy() -> None:
    table = people(3000)
    parameters = METHODS["describe"].read(PARAMETERS["describe"], VOCABULARY)
    merged = METHODS["describe"].merge(
        [describe.step(one, parameters) for one in split(table, 7)], parameters
    )
    ages = table.numbers("person.age").values
    known = ages[~np.isnan(ages)]
    moments = merged[1].moments
    assert moments.n == len(known)
    assert moments.mean == pytest.approx(known.mean(), rel=1e-9)
    assert moments.deviation == pytest.approx(known.std(ddof=1), rel=1e-9)


def test_counts_between_edges_are_those_of_numpy() -> None:
    values = np.array([-1.0, 0, 0.5, 1, 2.5, 3, 9, np.nan])
    parameters = METHODS["histogram"].read(
        {"variable": {"field": "condition.psa", "edges": [0, 1, 2, 3]}}, VOCABULARY
    )
    found = METHODS["histogram"].step(Table(8, {"condition.psa": Numbers(values)}), parameters)
    # [0, 1) [1, 2) [2, 3), then below, above, missing
    assert found["counts"] == [2, 1, 1, 1, 2, 1]


def test_chi_square_of_a_published_table() -> None:
    """Agresti, Categorical Data Analysis (2002), table 3.2: education and belief, chi-square 69.2 with 4 degrees."""
    found = crosstab.association(np.array([[178, 138, 108], [570, 648, 442], [138, 252, 252]]))
    assert found is not None
    assert found.chi_square == pytest.approx(69.16, abs=0.01)
    assert found.freedom == 4
    assert crosstab.association(np.array([[3, 4], [0, 0]])) is None


# What people see


def test_described_numbers_come_with_their_units_and_rules() -> None:
    result = released("describe", people(2000))
    (row,) = sheet(result, "Numbers").rows
    names = [one.name for one in sheet(result, "Numbers").columns]
    found = dict(zip(names, row, strict=True))
    assert found["unit"] == "years"
    assert found["mean"] == Number(pytest.approx(63, abs=1), Why.COARSE)
    assert found["50%"].value == pytest.approx(63, abs=2)
    assert found["n"].value % 10 == 0
    sexes = values(result, "person.sex")
    assert sexes["other"][0] is None or sexes["other"][0] % 10 == 0
    assert result.figure.kind == "bars"


def test_a_mean_that_one_person_may_dominate_is_withheld_by_name() -> None:
    table = people(100)
    psa = np.full(100, 1.0)
    psa[3] = 9000
    table = Table(100, {**table.columns, "condition.psa": Numbers(psa)})
    body = {"variables": [{"field": "condition.psa", "edges": [0, 4, 10, 10_000]}]}
    (row,) = sheet(released("describe", table, body), "Numbers").rows
    assert row[3] == row[4] == Number(None, Why.DOMINANCE)


def test_a_table_shows_its_margins_and_tests_only_what_is_shown() -> None:
    result = released("crosstab", people(5000))
    found = values(result, "condition.stage_group by person.sex")
    assert set(found) == {"I", "II", "III", "IV", "all shown"}
    assert values(result, "Association")["degrees of freedom"] == [3]
    small = released("crosstab", people(120), limits=replace(LIMITS, threshold=15))
    assert values(small, "Association")["p"] == [None]
    assert any("withheld" in note for note in small.notes)


def test_survival_is_shown_by_group_with_a_test() -> None:
    result = released("kaplan_meier", people(4000))
    summary = values(result, "Summary")
    assert set(summary) == {"female", "male"}
    assert all(row[0] % 10 == 0 and row[1] % 10 == 0 for row in summary.values())
    assert values(result, "Log-rank test")["degrees of freedom"] == [1]
    assert result.figure.kind == "steps"
    for line in result.figure.lines:
        heights = [point.y for point in line.points]
        assert heights == sorted(heights, reverse=True)
        assert all(point.low <= point.y <= point.high for point in line.points)


def test_the_shown_curve_is_near_the_exact_one() -> None:
    method = METHODS["kaplan_meier"]
    parameters = method.read(PARAMETERS["kaplan_meier"], VOCABULARY)
    merged = method.merge([method.step(people(4000), parameters)], parameters)
    exact = analysis.kaplan_meier.exact(merged, parameters)
    result = method.release(merged, parameters, LIMITS)
    for curve, line in zip(exact, result.figure.lines, strict=True):
        for point in line.points:
            at = int(np.flatnonzero(curve.grid == point.x)[0])
            assert point.y == pytest.approx(curve.survival[at], abs=0.01)


@pytest.mark.parametrize("name", METHODS)
def test_too_few_persons_are_shown_as_nothing(name: str) -> None:
    result = released(name, people(9))
    numbers = [one for each in result.sheets for row in each.rows for one in row if isinstance(one, Number)]
    assert {one.value for one in numbers} <= {None, 0}
    assert not any(line.points for line in result.figure.lines)


@pytest.mark.parametrize("name", METHODS)
def test_a_result_is_json_and_csv(name: str) -> None:
    result = released(name, people(600))
    assert json.loads(json.dumps(result.as_dict(), allow_nan=False))["method"] == name
    for one in result.sheets:
        lines = list(csv.reader(io.StringIO(one.to_csv())))
        assert len(lines) == 1 + len(one.rows)
        assert {len(line) for line in lines} == {len(one.columns)}


def test_a_spreadsheet_takes_no_text_of_a_result_for_a_formula() -> None:
    row = ("=1+1", Number(-5, Why.EXACT), "@x", "+3", "-2", "plain")
    found = next(csv.reader(io.StringIO(Sheet("", (), (row,)).to_csv().split("\r\n", 1)[1])))
    assert found == ["'=1+1", "-5", "'@x", "'+3", "'-2", "plain"]
