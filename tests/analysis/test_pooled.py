"""Federated equals pooled: merging the steps of any parts gives what one step over all persons gives."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.examples import PARAMETERS, people, split

from hanse.analysis import METHODS, kaplan_meier
from hanse.analysis.describe import Described
from hanse.domains import VOCABULARY


def through_json(aggregate: dict[str, Any]) -> dict[str, Any]:
    """As an aggregate arrives: over the wire."""
    return json.loads(json.dumps(aggregate))


def plain(merged: Any) -> np.ndarray:
    """All numbers of what was merged."""
    if isinstance(merged, np.ndarray):
        return merged.ravel().astype(float)
    if isinstance(merged, kaplan_meier.Counted):
        return np.concatenate([merged.events.ravel(), merged.censored.ravel(), merged.beyond])
    if isinstance(merged, Described):
        moments = merged.moments
        return np.array(
            [*merged.counts, *([moments.n, moments.mean, moments.squares] if moments else [])], float
        )
    return np.concatenate([plain(one) for one in merged])


@pytest.mark.parametrize("name", METHODS)
@settings(deadline=None, max_examples=30)
@given(persons=st.integers(0, 400), nodes=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_parts_merge_to_the_whole(name: str, persons: int, nodes: int, seed: int) -> None:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    everybody = people(persons, seed)
    parts = [through_json(method.step(one, parameters)) for one in split(everybody, nodes, seed)]
    pooled = method.merge([method.step(everybody, parameters)], parameters)
    np.testing.assert_allclose(plain(method.merge(parts, parameters)), plain(pooled), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_the_order_of_nodes_does_not_matter(name: str) -> None:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    parts = [method.step(one, parameters) for one in split(people(500), 5)]
    there, back = method.merge(parts, parameters), method.merge(parts[::-1], parameters)
    np.testing.assert_allclose(plain(there), plain(back), rtol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_parameters_are_read_again_as_the_same(name: str) -> None:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    assert method.read(through_json(method.canonical(parameters)), VOCABULARY) == parameters


@pytest.mark.parametrize("name", METHODS)
def test_no_row_is_in_an_aggregate(name: str) -> None:
    """Its size follows from the parameters, not from the persons."""
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)

    def numbers(body: Any) -> int:
        parts = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
        return sum(map(numbers, parts)) if isinstance(body, dict | list) else 1

    few, many = (method.step(people(count), parameters) for count in (20, 2000))
    assert numbers(few) == numbers(many)
    assert set(method.fields(parameters)) <= people(1).columns.keys()


@pytest.mark.parametrize("name", METHODS)
def test_nobody_at_all_is_an_answer_too(name: str) -> None:
    method = METHODS[name]
    parameters = method.read(PARAMETERS[name], VOCABULARY)
    assert plain(method.merge([method.step(people(0), parameters)], parameters)).sum() == 0
