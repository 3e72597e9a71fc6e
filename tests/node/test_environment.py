"""Where a use happens is what the node's owner says of the node, and never what an order or a permit says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.node.permitted import Node, allow, make, order, ordered, permit_for

from hanse.core.errors import BadInput, Problem
from hanse.core.permit import Kind, Permit
from hanse.core.scope import Operation
from hanse.core.terms import Constraint, Effect, Rule
from hanse.node import config

HERE, ELSEWHERE = "spe:turku", "spe:ghent"


def node_in(home: Path, environment: str) -> Node:
    made = make(home)
    made.config = replace(made.config, environment=environment)
    return made


def refused(node: Node, said: Permit, **changes: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        node.gate.use(ordered(order(node, said, **changes)))
    return caught.value


@pytest.mark.parametrize(
    ("kind", "named", "environment", "rule"),
    [
        (Kind.EHDS, (HERE,), HERE, "operation"),  # the permit lets it be opened, and no node offers it yet
        (Kind.EHDS, (HERE,), ELSEWHERE, "environment"),
        (Kind.EHDS, (HERE,), "", "environment"),
        (Kind.EHDS, (), HERE, "environment"),
        (Kind.AGREEMENT, (HERE,), ELSEWHERE, "environment"),
        (Kind.AGREEMENT, (), "", "operation"),
    ],
)
def test_data_of_single_persons_are_for_the_environment_that_the_owner_declared_and_the_permit_names(
    tmp_path: Path, kind: Kind, named: tuple[str, ...], environment: str, rule: str
) -> None:
    node = node_in(tmp_path, environment)
    exception = "Article 71(4)" if kind is Kind.EHDS else ""
    said = allow(node, replace(permit_for(node, environments=named), kind=kind, exception=exception))
    assert refused(node, said, operation=Operation.VIEW, method="", parameters={}).more["rule"] == rule


def test_a_condition_on_the_environment_is_asked_of_the_node(tmp_path: Path) -> None:
    only_here = Rule(Effect.PERMISSION, "aggregate", (Constraint("environment", "eq", HERE),))
    for place, environment in enumerate((HERE, ELSEWHERE, "")):
        node = node_in(tmp_path / str(place), environment)
        said = allow(node, permit_for(node, conditions=(only_here,)))
        if environment == HERE:
            assert node.gate.use(ordered(order(node, said)))
        else:
            found = refused(node, said)
            assert found.more["rule"] == "conditions"
            assert "permission to aggregate if the environment is spe:turku" in found.detail


def test_the_environment_stands_in_the_settings_of_the_node(tmp_path: Path) -> None:
    written = node_in(tmp_path, HERE).config
    config.write(written)
    assert config.read(tmp_path).environment == HERE
    config.write(replace(written, environment="Our SPE"))
    with pytest.raises(BadInput, match="environment"):
        config.read(tmp_path)
