"""What analyses tell together: one ledger for each dataset over all permits, and noise that a node adds itself."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.node.permitted import (
    CURVE,
    HIDDEN,
    Node,
    allow,
    make,
    order,
    ordered,
    permit_for,
    publish,
    result_of,
)

from hanse.analysis import METHODS, noise
from hanse.core import release
from hanse.core.errors import Problem
from hanse.core.permit import Permit
from hanse.core.policy import Policy
from hanse.core.scope import Limits, Purpose
from hanse.domains import VOCABULARY
from hanse.lib import log, sql
from hanse.node.gate import Visit

NOISY = Limits(minimum=10, rounding=5, budget=100, noise=5)
AGES = {"variable": {"field": "person.age", "edges": [40, 50, 60, 70, 80]}}
GROUPED = CURVE | {"groups": {"field": "person.sex", "values": ["female", "male"]}}
VISIT = Visit("somebody", "count", "1")
TWO = {"variables": [{"field": "person.sex"}, {"field": "person.age", "edges": [40, 60, 80]}]}


def aggregate(node: Node, said: Permit, /, **changes: Any) -> dict[str, Any]:
    found = result_of(node, node.gate.use(ordered(order(node, said, **changes)))).aggregate
    assert isinstance(found, Mapping)
    return dict(found)


def ages(node: Node, said: Permit, selection: str = "") -> np.ndarray:
    found = aggregate(node, said, method="histogram", parameters=AGES, selection=selection)
    return np.array(found["counts"])


def rule(node: Node, said: Permit, /, **changes: Any) -> str:
    with pytest.raises(Problem) as caught:
        node.gate.use(ordered(order(node, said, **changes)))
    return str(caught.value.more["rule"])


def uses(node: Node) -> int:
    with sql.read(node.store.records) as connection:
        return sum(one.kind == "use" for one in log.entries(connection))


# One ledger


def test_a_dataset_gives_out_so_many_tables_over_all_permits(tmp_path: Path) -> None:
    node = make(tmp_path, policy=Policy(analyses=2))
    one = allow(node, permit_for(node))
    other = allow(node, permit_for(node, purpose=Purpose.STATISTICS), one)
    first = ages(node, one)
    aggregate(node, other, purpose=Purpose.STATISTICS)
    opened = uses(node)
    assert rule(node, one, selection="person.age < 60") == "dataset budget"
    assert rule(node, other, selection="person.age < 60", purpose=Purpose.STATISTICS) == "dataset budget"
    assert uses(node) == opened, "nothing is opened for an order that is refused"
    assert (ages(node, one) == first).all(), "what was given out before is given out again"


def test_a_person_is_counted_in_as_many_tables_as_there_are_variables(tmp_path: Path) -> None:
    node = make(tmp_path, policy=Policy(analyses=2))
    said = allow(node, permit_for(node))
    aggregate(node, said, method="describe", parameters=TWO)
    assert rule(node, said) == "dataset budget"


def test_a_new_version_begins_no_new_account(tmp_path: Path) -> None:
    node = make(tmp_path, policy=Policy(analyses=2))
    said = allow(node, permit_for(node))
    ages(node, said)
    publish(node.store, "lung", 0, 199, policy=Policy(analyses=2))
    node.gate.refresh()
    aggregate(node, said, version=2)
    assert rule(node, said, version=2, selection="person.age < 60") == "dataset budget"


def test_who_asks_without_a_permit_uses_up_nothing_that_a_permit_gives(tmp_path: Path) -> None:
    """And the other way round: the search answers as before."""
    policy = Policy(analyses=1, distinct_most=1)
    node = make(tmp_path, policy=policy)
    said = allow(node, permit_for(node))
    ages(node, said)
    (found,) = node.gate.count(VISIT, "person.age > 60 AND person.sex = 'female'")
    assert found.counts.rule != "capped"
    assert rule(node, said) == "dataset budget"


# Noise


def test_what_a_permit_with_noise_gets_is_never_the_true_number(tmp_path: Path) -> None:
    node = make(tmp_path)
    exact = allow(node, permit_for(node))
    noisy = allow(node, permit_for(node, limits=NOISY), exact)
    apart = ages(node, noisy) - ages(node, exact)
    assert apart.any()
    assert (abs(apart) <= 10).all()


def test_the_same_question_has_the_same_noise_under_every_permit(tmp_path: Path) -> None:
    """Whoever has several permits, and friends with more, cannot average the noise away."""
    node = make(tmp_path)
    one = allow(node, permit_for(node, limits=NOISY))
    other = allow(node, permit_for(node, limits=NOISY), one)
    wordings = (
        "person.age >= 50 AND person.sex = 'female'",
        "person.sex = 'female' AND person.age >= 50",
    )
    seen = {tuple(ages(node, said, words)) for said in (one, other) for words in wordings}
    assert len(seen) == 1


def test_the_same_question_with_other_dice_is_another_table(tmp_path: Path) -> None:
    """Many permits with a little more noise each would be many draws for nothing."""
    node = make(tmp_path, policy=Policy(analyses=2))
    more = [replace(NOISY, noise=sides) for sides in (5, 6, 7)]
    permits: list[Permit] = []
    for limits in more:
        permits.append(allow(node, permit_for(node, limits=limits), *permits))
    ages(node, permits[0])
    ages(node, permits[1])
    assert rule(node, permits[2], method="histogram", parameters=AGES) == "dataset budget"


def test_the_holder_asks_for_noise_whatever_the_permit_says(tmp_path: Path) -> None:
    node = make(tmp_path, policy=Policy(analysis_noise=7))
    found = aggregate(node, allow(node, permit_for(node)), method="histogram", parameters=AGES)
    assert noise(found) == 7
    found = aggregate(node, allow(node, permit_for(node, limits=NOISY)), method="describe", parameters=TWO)
    assert noise(found) == 7


def test_what_was_made_under_earlier_rules_of_the_holder_does_not_leave(tmp_path: Path) -> None:
    """A holder who asks for noise while an order is carried out gets it."""
    node = make(tmp_path)
    said = allow(node, permit_for(node))
    aggregate(node, said)
    publish(node.store, "lung", 0, 200, policy=replace(HIDDEN, analysis_noise=7))
    assert rule(node, said) == "policy"
    node.gate.refresh()
    assert noise(aggregate(node, said)) == 7


def test_two_versions_that_differ_by_one_person_have_noise_of_their_own(tmp_path: Path) -> None:
    """With the same noise the difference of the two would be that person."""
    node = make(tmp_path)
    said = allow(node, permit_for(node, limits=NOISY))
    before = ages(node, said)
    publish(node.store, "lung", 0, 199)
    node.gate.refresh()
    found = aggregate(node, said, method="histogram", parameters=AGES, version=2)
    assert abs(before - np.array(found["counts"])).sum() > 1


def test_two_datasets_with_the_same_persons_have_noise_of_their_own(tmp_path: Path) -> None:
    node = make(tmp_path)
    twin = publish(node.store, "twin", 0, 200)
    node.gate.refresh()
    said = permit_for(node, limits=NOISY)
    (grant,) = said.scope.datasets
    said = allow(node, permit_for(node, limits=NOISY, datasets=(grant, replace(grant, dataset=twin))))
    found = aggregate(node, said, dataset=twin, method="histogram", parameters=AGES)
    assert (ages(node, said) != np.array(found["counts"])).any()


def test_two_selections_that_differ_by_one_person_do_not_show_the_person(tmp_path: Path) -> None:
    """Person 41 is the only woman of 41 who was followed for 287 days."""
    node = make(tmp_path)
    exact = allow(node, permit_for(node))
    noisy = allow(node, permit_for(node, limits=NOISY), exact)
    without = "NOT (person.age = 41 AND person.last_contact = 287)"
    assert (ages(node, exact) - ages(node, exact, without)).sum() == 1
    told = [
        (
            ages(node, noisy, f"person.age <> {at}") - ages(node, noisy, f"person.age <> {at} AND {without}")
        ).sum()
        for at in range(60, 70)
    ]
    assert len(set(told)) > 3


def test_a_selection_that_may_have_too_few_persons_is_refused_by_its_noisy_number(tmp_path: Path) -> None:
    """Otherwise nine known persons and a tenth would tell by a refusal whether the tenth is there. Persons of one age
    are five."""
    node = make(tmp_path)
    said = allow(node, permit_for(node, limits=NOISY))
    for age in range(50, 60, 2):
        assert rule(node, said, selection=f"person.age >= {age} AND person.age < {age + 2}") == "minimum"


def test_how_many_persons_were_selected_is_no_count_beside_the_table(tmp_path: Path) -> None:
    """It would be a second noisy answer about the same persons."""
    node = make(tmp_path)
    said = allow(node, permit_for(node, limits=NOISY))
    assert "persons" not in aggregate(node, said)
    assert "persons" not in aggregate(node, said, method="describe", parameters=TWO)


def test_over_two_nodes_the_noise_adds_up_and_no_test_is_shown(tmp_path: Path) -> None:
    north, south = make(tmp_path / "north", 0, 150), make(tmp_path / "south", 150, 300)
    said = permit_for(north, south, limits=NOISY)
    parts = [aggregate(one, allow(one, said), parameters=GROUPED) for one in (north, south)]
    method = METHODS["kaplan_meier"]
    parameters = method.read(GROUPED, VOCABULARY)
    limits = release.Limits(noise=sum(map(noise, parts)), rounding=5)
    assert limits.noise == 10
    found = method.release(method.merge(parts, parameters), parameters, limits)
    test = next(one for one in found.sheets if one.title == "Log-rank test")
    assert [row[1].value for row in test.rows] == [None, None, None]
