"""`hanse node`: what the holder of the data decides about permits, and sees of their use."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.types import ASGIApp
from tests.node.permitted import RESEARCHER, Node, make, order, ordered, permit_for, sign
from tests.node.test_permits import application_for

from hanse.authority import config as authorities
from hanse.authority import enrol
from hanse.cli.node import node as command
from hanse.core import application, clock, ids
from hanse.core.errors import NotFound, Problem
from hanse.core.permit import Kind, Permit
from hanse.hub import config as hubs
from hanse.hub import registry
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.lib import jws, sql
from hanse.node import config


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = make(tmp_path / "node")
    config.write(made.config)
    return made


@pytest.fixture
def permit(node: Node) -> Permit:
    said = permit_for(node)
    node.permits.receive([sign(said)])
    node.confirm(said)
    return said


def run(node: Node, *words: str) -> Result:
    result = CliRunner().invoke(command, [*words, "--home", str(node.home)])
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_a_permit_is_shown_approved_used_and_stopped(node: Node, permit: Permit) -> None:
    shown = run(node, "approvals").stdout
    assert shown.startswith(f"[waiting]\nPermit {permit.id}, version 1\n")
    assert "Survival with lung cancer" in shown
    run(node, "approve", permit.id, "--officer", "A data manager")
    node.gate.use(ordered(order(node, permit)))
    seen = run(node, "uses").stdout
    assert re.search(r"left +intermediate of kaplan_meier +permit_", seen)
    assert "Principal Investigator, University of the North" in seen
    run(node, "veto", permit.id, "--reason", "the project changed", "--officer", "A data manager")
    with pytest.raises(Problem) as caught:
        node.gate.use(ordered(order(node, permit)))
    assert caught.value.more["rule"] == "veto"
    assert re.search(r"refused +veto ", run(node, "uses", "--permit", permit.id).stdout)


def test_a_permit_can_be_refused_and_everything_is_there_as_json(node: Node, permit: Permit) -> None:
    run(node, "refuse", permit.id, "--reason", "not our purpose", "--officer", "A data manager")
    (asked,) = json.loads(run(node, "approvals", "--json").stdout)
    assert (asked["id"], asked["state"]) == (permit.id, "vetoed")
    assert asked["text"].startswith(f"Permit {permit.id}")
    assert json.loads(run(node, "uses", "--json").stdout) == []


@pytest.mark.parametrize("decision", ["refuse", "veto"])
def test_a_holder_says_no_to_the_hash_that_is_shown(node: Node, permit: Permit, decision: str) -> None:
    hash = re.findall(r"Next: hanse node approve (\w{64}), or refuse", run(node, "approvals").output)[0]
    told = run(node, decision, hash, "--reason", "not our purpose", "--officer", "A data manager").stdout
    assert f"by A data manager: {permit.id}." in told
    assert json.loads(run(node, "approvals", "--json").stdout)[0]["state"] == "vetoed"


@pytest.mark.parametrize("shown", ["a" * 64, "permit_01kb2m3n4p5q6r7s8t9v0w1x2y", "lung"])
def test_what_is_no_permit_is_not_refused(node: Node, permit: Permit, shown: str) -> None:
    with pytest.raises(NotFound, match="no permit") as caught:
        run(node, "refuse", shown, "--reason", "not our purpose")
    assert caught.value.hint == "`hanse node approvals` lists them."


def test_beside_a_permit_stands_the_application_that_it_answers(node: Node) -> None:
    asked = replace(application_for(node), reasons=("To learn who lives longer.",))
    token = jws.issue(RESEARCHER, asked, application.TYP)
    node.permits.receive([token, sign(replace(permit_for(node), application=jws.identity(token)))])
    shown = run(node, "approvals").stdout
    assert shown.index("[waiting]\nPermit ") < shown.index("[its application]\nApplication ")
    assert "To learn who lives longer." in shown
    (one,) = json.loads(run(node, "approvals", "--json").stdout)
    assert one["application"]["hash"] == jws.identity(token)


def test_the_commitment_to_those_who_opted_out_is_printed_for_the_authority(node: Node) -> None:
    assert len(run(node, "opt-out", "lung").stdout.strip()) == 64


def test_an_authority_is_pinned_for_known_kinds_only(node: Node) -> None:
    result = CliRunner().invoke(command, ["trust", "abc", "--kind", "any", "--home", str(node.home)])
    assert result.exit_code == 2
    assert "'any' is none of ehds, agreement, open" in result.output


def test_an_authority_is_pinned_by_the_thumbprint_of_its_key(
    node: Node, tmp_path: Path, serve: Callable[[ASGIApp], str]
) -> None:
    """The hub hands over the key, and can hand over no other one."""
    settings = HubConfig(tmp_path / "hub")
    hubs.init(settings)
    url = serve(make_app(settings))
    records = sql.engine(settings.database_url)
    with sql.begin(records) as connection:
        token = registry.invite(connection, settings.key().public.kid, "authority", clock.now())
    enrol.enrol(tmp_path / "authority", url, token.text(), "Access Body", "FI")
    key = authorities.key(tmp_path / "authority").public
    with sql.begin(records) as connection:
        registry.decide(connection, "approve", ids.of_node(key.kid), clock.now())
    config.write(replace(node.config, hub=url, authorities=()))
    with pytest.raises(NotFound, match="no authority with this key"):
        run(node, "trust", "x" * 43, "--kind", "ehds")
    assert "may give agreement, ehds" in run(node, "trust", key.kid, "--kind", "ehds,agreement").stdout
    (pinned,) = config.read(node.home).authorities
    assert (pinned.kid, pinned.kinds) == (key.kid, {Kind.EHDS, Kind.AGREEMENT})
    run(node, "trust", key.kid, "--kind", "ehds")
    assert [one.kinds for one in config.read(node.home).authorities] == [{Kind.EHDS}]
