"""`hanse key`, as it is typed."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hanse.cli import root
from hanse.cli.key import spoken
from hanse.core import ids
from hanse.core.errors import NotSetUp, Problem
from hanse.core.order import DELEGATION_TYP, decode_delegation
from hanse.core.scope import Operation
from hanse.lib import jws, keys
from hanse.lib.keys import Ring

SECRET = {"HANSE_PASSPHRASE": "a long passphrase"}
PERMIT = ids.derived("permit", "one")


def run(*words: object, **more: object) -> Result:
    return CliRunner().invoke(root, [str(one) for one in ("key", *words)], **{"env": SECRET, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("person")
    made = run("new", "--home", home, "--spare", home / "stick.json")
    assert made.exit_code == 0, made.output
    return home


def test_new_makes_two_keys_and_says_what_to_do_with_the_spare_one(home: Path) -> None:
    listed = run("list", "--home", home).output.splitlines()
    assert [one.split()[0] for one in listed] == ["working", "spare"]
    assert (home / "stick.json").exists()


def test_the_passphrase_is_asked_for_twice(tmp_path: Path) -> None:
    words = ("new", "--home", tmp_path, "--spare", tmp_path / "spare.json")
    typed = "a long passphrase\na different one\na long passphrase\na long passphrase\n"
    made = run(*words, env={}, input=typed)
    assert made.exit_code == 0
    assert "do not match" in made.output
    assert "a long passphrase" not in made.output


def test_show_reads_a_fingerprint_out(home: Path) -> None:
    shown = run("show", "--home", home).output
    fingerprint = Ring(home).working().public.fingerprint
    assert fingerprint in shown
    assert spoken("3a0f") == "3 Alfa 0 Foxtrot"
    assert spoken(fingerprint.split()[0]) in shown


def test_a_device_may_order_for_a_while(home: Path, tmp_path: Path) -> None:
    run("new", "--home", tmp_path, "--spare", tmp_path / "spare.json")
    shown = run("show", "--home", tmp_path, "--json").output
    (tmp_path / "device.json").write_text(shown)
    assert json.loads(shown)["pem"] == ""
    done = run(
        *(
            "delegate",
            tmp_path / "device.json",
            "--home",
            home,
            "--permit",
            PERMIT,
            "--out",
            tmp_path / "out",
        ),
        *("--operation", "count", "--operation", "analyse", "--days", 3),
    )
    assert done.exit_code == 0, done.output
    token = (tmp_path / "out").read_text().strip()
    signed = jws.read(token, Ring(home).working().public, DELEGATION_TYP, decode_delegation)
    assert signed.document.kid == Ring(tmp_path).working().public.kid
    assert signed.document.operations == (Operation.COUNT, Operation.ANALYSE)
    assert signed.document.expires - signed.document.issued == timedelta(days=3)


@pytest.mark.parametrize("wrong", [("--days", 31), ("--operation", "everything"), ("--permit", "node_x")])
def test_a_delegation_has_bounds(home: Path, tmp_path: Path, wrong: tuple[object, ...]) -> None:
    words = ("delegate", home / "stick.json", "--home", home, "--permit", PERMIT, "--operation", "count")
    done = run(*words, "--out", tmp_path / "out", *wrong)
    assert done.exit_code == 2 or isinstance(done.exception, Problem)
    assert not (tmp_path / "out").exists()


def test_a_new_working_key_leaves_the_old_one_in_a_file(tmp_path: Path) -> None:
    run("new", "--home", tmp_path, "--spare", tmp_path / "spare.json")
    old, spare = Ring(tmp_path).all()
    rotated = run("rotate", "--home", tmp_path)
    assert rotated.exit_code == 0, rotated.output
    assert "--amends PERMIT --key SPARE" in rotated.output
    new, kept = Ring(tmp_path).all()
    assert new.public != old.public
    assert kept.public == spare.public
    (file,) = (tmp_path / "keys").glob("working-*.json")
    assert keys.load(file).unlock(SECRET["HANSE_PASSPHRASE"]).public == old.public


def test_without_a_key_there_is_nothing_to_rotate(tmp_path: Path) -> None:
    assert isinstance(run("rotate", "--home", tmp_path).exception, NotSetUp)


def test_the_spare_key_delegates_as_the_working_one_does(home: Path, tmp_path: Path) -> None:
    words = ("delegate", home / "stick.json", "--home", home, "--permit", PERMIT, "--operation", "count")
    done = run(*words, "--key", home / "stick.json", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    token = (tmp_path / "out").read_text().strip()
    assert jws.key_id(token) == keys.load(home / "stick.json").public.kid


def test_the_passphrase_of_a_key_that_signs_is_asked_for_once(home: Path, tmp_path: Path) -> None:
    words = ("delegate", home / "stick.json", "--home", home, "--permit", PERMIT, "--operation", "count")
    done = run(*words, "--out", tmp_path / "out", env={}, input="a long passphrase\n")
    assert done.exit_code == 0, done.output
    assert "Passphrase of the working key" in done.output


def test_of_what_is_no_key_of_a_device_it_is_said_how_one_is_made(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}")
    words = ("delegate", tmp_path / "bad.json", "--home", home, "--permit", PERMIT, "--operation", "count")
    problem = run(*words).exception
    assert isinstance(problem, Problem)
    assert "`hanse key show --json`" in problem.hint
