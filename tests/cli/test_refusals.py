"""Whatever is wrong with what somebody asks, they are told what it is and what to do: on the command line, in Python
and over HTTP. A refusal of a node names its rule."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from starlette.types import ASGIApp
from tests.federation import Permitting, permitting

from hanse.cli import root
from hanse.client import Hanse
from hanse.core.errors import BadAnalysis, BadInput, BadQuestion, NotFound, Problem, Refused
from hanse.lib import jws
from hanse.lib.jws import FileKey
from hanse.node.store import Store
from hanse.node.withdraw import withdraw

CURVE = ("until=person.last_contact", "event=person.vital_status", 'happened=["dead"]')
GRID = "grid=[0,90,365]"
NOBODY = "permit_01kb2m3n4p5q6r7s8t9v0w1x2y"
OPENS = "four words make one"


def histogram(field: str, edges: Any) -> tuple[str, str]:
    return "histogram", f"variable={json.dumps({'field': field, 'edges': edges})}"


@dataclass(frozen=True)
class Researcher:
    """Somebody with keys and a permit: one hospital approved it, one has not decided, one stopped it."""

    space: Permitting
    home: Path
    said: dict[str, Any]
    permit: str

    def hanse(self, *words: str, passphrase: str = OPENS) -> Result:
        env = {"HANSE_HUB": self.space.url, "HANSE_HOME": str(self.home), "HANSE_PASSPHRASE": passphrase}
        return CliRunner(env=env).invoke(root, list(words), prog_name="hanse")

    def told(self, *words: str, passphrase: str = OPENS) -> Problem:
        """What the command is refused with; it says what is wrong, and what to do."""
        problem = self.hanse(*words, passphrase=passphrase).exception
        assert isinstance(problem, Problem), problem
        assert problem.hint
        return problem

    def ordered(self, *words: str, at: int = 0) -> Problem:
        return self.told("analyse", *words, "--permit", self.permit, "--node", self.space.hospitals[at].id)


@pytest.fixture(scope="module")
def somebody(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]
) -> Iterator[Researcher]:
    folder = tmp_path_factory.mktemp("refusals")
    with permitting(folder / "space", serve) as space:
        said = {
            "project": "Ages",
            "reasons": ["To learn."],
            "name": "A",
            "organisation": "B",
            "country": "FI",
        }
        said |= {"authority": space.authority.id, "operations": ["count", "analyse"]}
        said["datasets"] = [one["id"] for one in Hanse(space.url).datasets("lung")]
        me = Researcher(space, folder / "home", said, "")
        me.hanse("key", "new", "--spare", str(folder / "spare.json"))
        (folder / "asked.yaml").write_text(json.dumps(said))  # which is YAML too
        assert me.hanse("apply", str(folder / "asked.yaml"), "--yes").exit_code == 0
        permit = space.permit()
        space.approve(0, permit)
        space.forbid(2, permit)
        yield Researcher(space, me.home, said, permit)


@pytest.mark.parametrize(
    ("changes", "kind", "detail", "hint"),
    [
        ({"purpose": "fun"}, BadInput, "purpose: 'fun' is not one of '53(1)(a)'", "hanse apply --help"),
        ({"operations": ["dance"]}, BadInput, "operations: 'dance' is not one of", "hanse apply --help"),
        ({"operations": "count"}, BadInput, "operations must be a list", "dash"),
        ({"kind": "open"}, BadInput, "kind: 'open' is not one of", "hanse apply --help"),
        ({"days": "many"}, BadInput, "days: 'many'", "hanse apply --help"),
        ({"minimum": 0}, BadInput, "minimum: 0", "hanse apply --help"),
        ({"begins": "tomorrow"}, BadInput, "day", "2027-01-31"),
        ({"ends": "2020-01-01"}, BadInput, "end before it begins", "later day"),
        ({"begins": "9999-12-01"}, BadInput, "after the year 9999", "earlier day"),
        ({"country": "Finland"}, BadInput, "ISO 3166-1", "hanse apply --help"),
        ({"project": {"a": 1}}, BadInput, "project must be one value", "hanse apply --help"),
        ({"environments": ["Our SPE"]}, BadInput, "environment", "hanse apply --help"),
        ({"conditions": ["prohibition to sell"]}, BadInput, "not known: sell", "docs/permits.md"),
        ({"conditions": ["prohibition to export"]}, BadInput, "permit nobody to aggregate", "permission to"),
        ({"members": ["nowhere.yaml"]}, BadInput, "nowhere.yaml cannot be read", "file of this name"),
        ({"fun": 1}, BadInput, "something else than", "NAME: VALUE"),
        ({"authority": "nobody"}, NotFound, "no such authority", "hanse applications --authorities"),
        ({"datasets": ["dataset_x"]}, NotFound, "no dataset with this id", "hanse datasets"),
        ({"datasets": ["dataset_x@new"]}, BadInput, "whole number", "DATASET@3"),
        ({"selection": "person.agge > 5"}, BadQuestion, "no field person.agge", "person.age"),
        ({"selection": "person.age = 'x'"}, BadQuestion, "person.age holds a number", "without quotes"),
        ({"selection": "person.sex = 'Female'"}, BadQuestion, "did you mean 'female'?", "hanse vocabulary"),
        ({"selection": "person.sex ="}, BadQuestion, "not CQL2", "single quotes"),
    ],
    ids=str,
)
def test_an_application_that_cannot_be_made(
    somebody: Researcher, tmp_path: Path, changes: dict[str, Any], kind: type[Problem], detail: str, hint: str
) -> None:
    (tmp_path / "asked.yaml").write_text(json.dumps(somebody.said | changes))
    found = somebody.told("apply", str(tmp_path / "asked.yaml"), "--yes")
    assert isinstance(found, kind)
    assert detail in found.detail
    assert hint in found.hint


@pytest.mark.parametrize(
    ("words", "kind", "detail", "hint"),
    [
        (("dance",), BadAnalysis, "no such method", "kaplan_meier"),
        (("histogram",), BadAnalysis, "'variable' is not an object", "docs/analyses.md"),
        (("histogram", "fun=1"), BadAnalysis, "members among variable", "docs/analyses.md"),
        (("histogram", "fun"), BadInput, "NAME=VALUE", "docs/analyses.md"),
        (histogram("image.study_description", [0, 1]), BadAnalysis, "free text", "codes, numbers and days"),
        (histogram("person.agge", [0, 1]), BadAnalysis, "not in the vocabulary", "person.age"),
        (histogram("person.age", ["a", 1]), BadAnalysis, "not a list of", '"edges": [0, 50, 70]'),
        (histogram("person.age", "0,1"), BadAnalysis, "not a list of", '"edges": [0, 50, 70]'),
        (histogram("person.age", [5, 1]), BadAnalysis, "numbers that rise", "[0, 50, 70, 120]"),
        (("kaplan_meier", *CURVE, "grid=0,90"), BadAnalysis, "not a list of", '"grid": [0, 50, 70]'),
        (("count", "edges=[0,1]"), BadAnalysis, "no parameters", "selection"),
        (("count", "--selection", "person.agge > 5"), BadQuestion, "no field person.agge", "person.age"),
    ],
    ids=str,
)
def test_an_analysis_that_cannot_be_ordered(
    somebody: Researcher, words: tuple[str, ...], kind: type[Problem], detail: str, hint: str
) -> None:
    found = somebody.ordered(*words)
    assert isinstance(found, kind)
    assert detail in found.detail
    assert hint in found.hint


@pytest.mark.parametrize(
    ("words", "at", "rule", "needed"),
    [
        (("count",), 1, "approval", "The holder's approval"),
        (("count",), 2, "veto", "The holder's consent"),  # though nobody approved it either
        (
            ("count", "--selection", "condition.psa > 5"),
            0,
            "selection",
            "fields and values that the dataset has",
        ),
        (histogram("condition.psa", [0, 5, 10]), 0, "parameters", "another field"),
        (
            ("kaplan_meier", *CURVE, GRID, "--selection", "person.age > 110"),
            0,
            "minimum",
            "Select more persons",
        ),
    ],
    ids=["not approved", "vetoed", "selection", "no such data", "nobody"],
)
def test_an_order_that_a_node_refuses(
    somebody: Researcher, words: tuple[str, ...], at: int, rule: str, needed: str
) -> None:
    found = somebody.ordered(*words, at=at)
    assert isinstance(found, Refused)
    assert f"(rule: {rule})" in found.detail
    assert needed in found.hint


def test_a_count_of_nobody_is_withheld_like_one_of_a_few(somebody: Researcher) -> None:
    where = ("--permit", somebody.permit, "--node", somebody.space.hospitals[0].id)
    found = somebody.hanse("analyse", "count", "--selection", "person.age > 110", *where)
    assert found.exit_code == 0
    assert found.stdout.strip().endswith("withheld,withheld,withheld")
    assert "1 dataset withheld" in found.stderr


def test_a_key_a_passphrase_and_a_delegation_are_read_before_anything_is_sent(
    somebody: Researcher, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    for raw in (b"{}", b"\xff\x00", b"[" * 9000):
        file.write_bytes(raw)
        by_key = somebody.ordered("count", "--key", str(file))
        by_device = somebody.ordered("count", "--delegation", str(file))
        assert "holds no key" in by_key.detail
        assert "delegation cannot be used" in by_device.detail
        assert "hanse key delegate" in by_device.hint
    file.write_bytes(b"")
    assert "is empty" in somebody.ordered("count", "--delegation", str(file)).detail
    file.write_text(jws.issue(FileKey.generate(), {"a": 1}, "hanse-delegation+jws"))
    assert (
        "a key that the permit does not name" in somebody.ordered("count", "--delegation", str(file)).detail
    )
    wrong = somebody.told("analyse", "count", "--permit", somebody.permit, passphrase="not these words")
    assert "passphrase" in wrong.detail
    with pytest.raises(BadInput, match="does not name this key"):
        Hanse(somebody.space.url).run(somebody.permit, "count", {}, FileKey.generate())


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("analyse", "count", "--permit", NOBODY), NotFound),
        (("analyse", "count", "--permit", "../permits"), NotFound),
        (("applications", "abc"), NotFound),
        (("applications", "a" * 64), NotFound),
        (("login", "a" * 64), NotFound),
        (("runs", "show", "run_x"), NotFound),
    ],
    ids=str,
)
def test_what_is_not_there(somebody: Researcher, words: tuple[str, ...], kind: type[Problem]) -> None:
    assert isinstance(somebody.told(*words), kind)


def _signed(typ: str) -> str:
    return jws.issue(FileKey.generate(), {"a": 1}, typ)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/applications", {"token": "x"}, "bad-envelope"),
        ("/applications", {"token": _signed("hanse-application+jws")}, "bad-envelope"),
        ("/applications", {"token": _signed("hanse-order+jws")}, "bad-envelope"),
        ("/applications", {}, "bad-input"),
        ("/applications", {"token": "x" * 70_000}, "bad-input"),
        (f"/applications/{'a' * 64}/logins", {"token": "x"}, "not-found"),
        ("/orders", {"orders": [{"order": "x"}]}, "bad-envelope"),
        ("/orders", {"orders": [{"order": _signed("hanse-order+jws")}]}, "bad-envelope"),
        ("/orders", {"orders": []}, "bad-input"),
        ("/orders", "nonsense", "bad-input"),
    ],
    ids=range(10),
)
def test_bad_input_over_http_is_a_problem_with_a_hint(
    somebody: Researcher, path: str, body: Any, kind: str
) -> None:
    told = httpx.post(f"{somebody.space.url}/api/v1{path}", json=body, trust_env=False).json()
    assert told["type"] == f"/problems/{kind}"
    assert told["detail"]
    assert told["hint"]


def test_a_run_is_shown_to_nobody_without_a_visit(somebody: Researcher) -> None:
    for headers in ({}, {"Authorization": "Hanse x"}, {"Authorization": "Bearer x"}):
        told = httpx.get(f"{somebody.space.url}/api/v1/runs/run_x", headers=headers, trust_env=False).json()
        assert (told["type"], bool(told["hint"])) == ("/problems/bad-envelope", True)


def test_a_dataset_that_was_withdrawn_meanwhile(somebody: Researcher) -> None:
    """Last, since it stays withdrawn."""
    withdraw(Store(somebody.space.hospitals[0].home), "lung@1", "by mistake")
    end = time.monotonic() + 60
    while len(Hanse(somebody.space.url).datasets("lung")) == 3:
        assert time.monotonic() < end, "the hub did not hear of it"
        time.sleep(0.1)
    found = somebody.ordered("count")
    assert isinstance(found, NotFound)
    assert "published any more" in found.detail
