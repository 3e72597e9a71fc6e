"""Applying and running from the command line, against a hub with an authority and hospitals."""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.types import ASGIApp
from tests.federation import Permitting, permitting

from hanse.authority import config as authorities
from hanse.cli import root
from hanse.client import Hanse
from hanse.core.errors import BadAnalysis, BadEnvelope, BadInput, BadQuestion, Refused, Unreachable
from hanse.lib.jws import FileKey

CURVE = ("until=person.last_contact", "event=person.vital_status", 'happened=["dead"]', "grid=[0,90,365,730]")


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[Permitting]:
    with permitting(tmp_path_factory.mktemp("permitting"), serve) as made:
        yield made


def hanse(space: Permitting, home: Path, *words: str, typed: str = "") -> Result:
    env = {"HANSE_HUB": space.url, "HANSE_HOME": str(home), "HANSE_PASSPHRASE": "four words make one"}
    return CliRunner(env=env).invoke(root, list(words), input=typed, prog_name="hanse")


def test_from_the_application_to_the_result(space: Permitting, tmp_path: Path) -> None:
    home, spare, crate = tmp_path / "home", tmp_path / "spare.json", tmp_path / "result.zip"
    assert hanse(space, home, "key", "new", "--spare", str(spare)).exit_code == 0
    asked = tmp_path / "application.yaml"
    (authority,) = json.loads(hanse(space, home, "applications", "--authorities", "--json").stdout)
    datasets = [one["id"] for one in Hanse(space.url).datasets("lung")]
    said = {"datasets": datasets, "reasons": ["To learn."], "project": "Survival", "name": "A researcher"}
    asked.write_text(json.dumps(said | {"organisation": "University", "country": "FI"}))  # which is YAML too

    stopped = hanse(space, home, "apply", str(asked), "--authority", authority["id"], typed="n\n")
    assert stopped.exit_code == 1
    assert "Sign exactly this?" in stopped.stderr
    unasked = hanse(space, home, "apply", str(asked), "--authority", authority["id"]).exception
    assert isinstance(unasked, BadInput)
    assert "add --yes" in unasked.hint
    sent = hanse(space, home, "apply", str(asked), "--authority", authority["id"], typed="y\n")
    assert (sent.exit_code, len(sent.stdout.split()[-1])) == (0, 64)

    permit = space.permit()
    for at in range(3):
        space.approve(at, permit)
    ran = hanse(space, home, "analyse", "kaplan_meier", *CURVE, "--permit", permit, "--out", str(crate))
    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout.startswith("# ")
    assert ran.stderr.count("carried out") == 3
    assert crate.read_bytes().startswith(b"PK")

    with pytest.raises(Refused, match="another authority"):
        Hanse(space.url, authority=FileKey.generate().public.fingerprint).permit(permit)

    (listed,) = json.loads(hanse(space, home, "runs", "list", "--json").stdout)
    assert (listed["project"], listed["method"], listed["state"]) == (
        "Survival",
        "kaplan_meier",
        "3 of 3 answered",
    )
    assert hanse(space, home, "runs", "list").stdout.splitlines()[1].startswith(listed["run"])
    again = hanse(space, home, "runs", "show", listed["run"], "--json")
    assert json.loads(again.stdout)["provenance"]["missing"] == []
    verified_as_in_the_guide(space, home, tmp_path, listed["run"])
    refused_to_a_stranger(space, tmp_path)
    lost = hanse(space, home, "runs", "show", listed["run"], "--hub", "http://127.0.0.1:9")
    assert isinstance(lost.exception, Unreachable)
    assert f"hanse runs show {listed['run']}" in lost.exception.hint
    (shown,) = json.loads(hanse(space, home, "applications", "--json").stdout)
    assert shown["authority"]["state"] == "granted"
    assert {one["state"] for one in shown["nodes"]} <= {"waiting", "delivered", "approved"}


def verified_as_in_the_guide(space: Permitting, home: Path, folder: Path, run: str) -> None:
    """Every command of the section, with real names in the place of those of the text."""
    guide = (Path(__file__).parents[2] / "docs" / "researcher.md").read_text(encoding="utf-8")
    section = guide.partition("\n### Verify a result\n")[2].partition("\n### ")[0]
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)).splitlines()
    hospital, fingerprint = space.hospitals[0], authorities.key(space.authority.home).public.fingerprint
    body = json.loads(hanse(space, home, "runs", "verify", str(folder / "result.zip"), "--json").stdout)
    entry = next(
        one["log_entry"] for one in body["provenance"]["answers"] if one["node"] == hospital.id
    ).split()[0]
    names = {"RUN": run, "17": entry, "demo/turku": str(hospital.home)}
    names |= {"3d1c 0a52 9b7e 4f60 81aa c2d3 5e6f 7081": fingerprint}
    said = []
    for line in lines:
        words, _, out = line.partition(" > ")
        rest = [names.get(word, word) for word in shlex.split(words)[1:]]
        rest = [str(folder / one) if one.endswith((".zip", ".tlog-proof")) else one for one in rest]
        found = hanse(space, home, *rest)
        assert found.exit_code == 0, (line, found.stderr)
        if out:
            (folder / out).write_text(found.stdout)
        said.append(found.stdout)
    assert "You rely on this authority." in said[0]
    assert fingerprint in said[0]
    assert said[0].count(", log entry ") == 3
    assert "A researcher (University) signed for the numbers" in said[0]
    hashes = [re.findall("crate ([0-9a-f]{64})$", one, re.MULTILINE) for one in said]
    assert hashes[0] == hashes[3] != []
    assert json.loads(said[1])["authority"]["relied"] == "pinned"
    assert re.search(r"The entry for dataset_\w+@1 is in the log whose head stands in", said[-1])


def refused_to_a_stranger(space: Permitting, folder: Path) -> None:
    """Whoever knows nobody learns what they have to compare; another authority and another proof are refused."""
    verify = ("runs", "verify", str(folder / "result.zip"))
    unknown = hanse(space, folder / "other", *verify)
    assert "You do not know this authority: compare the fingerprint" in unknown.stdout
    assert "The numbers: " in unknown.stdout
    other = hanse(space, folder / "other", *verify, "--authority", FileKey.generate().public.fingerprint)
    assert isinstance(other.exception, Refused)
    first = hanse(space, folder, "audit", "proof", "1", "--home", str(space.hospitals[0].home)).stdout
    (folder / "first.tlog-proof").write_text(first)
    unrelated = hanse(space, folder, *verify, "--proof", str(folder / "first.tlog-proof"))
    assert isinstance(unrelated.exception, BadEnvelope)


def test_the_spare_key_and_a_device_order_too(space: Permitting, tmp_path: Path) -> None:
    home, spare, laptop = tmp_path / "home", tmp_path / "spare.json", tmp_path / "laptop"
    hanse(space, home, "key", "new", "--spare", str(spare))
    said = {"project": "Ages", "reason": "To learn.", "name": "Another", "organisation": "University"}
    words = [f"--{name}={text}" for name, text in said.items()]
    datasets = [f"--dataset={one['id']}" for one in Hanse(space.url).datasets("lung")]
    to = ("--authority", space.authority.id, "--country", "FI")
    assert hanse(space, home, "apply", *words, *datasets, *to, "--yes").exit_code == 0
    permit = space.permit()
    space.approve(0, permit)
    one = ("analyse", "kaplan_meier", *CURVE, "--permit", permit, "--node", space.hospitals[0].id)

    by_spare = hanse(space, home, *one, "--key", str(spare))
    assert by_spare.exit_code == 0, by_spare.stderr

    hanse(space, laptop, "key", "new", "--spare", str(tmp_path / "other.json"))
    (tmp_path / "laptop.json").write_text(hanse(space, laptop, "key", "show", "--json").stdout)
    delegation = str(tmp_path / "delegation.jws")
    for operation, allowed in (("count", False), ("analyse", True)):
        narrow = ("--permit", permit, "--operation", operation, "--out", delegation)
        assert hanse(space, home, "key", "delegate", str(tmp_path / "laptop.json"), *narrow).exit_code == 0
        ran = hanse(space, laptop, *one, "--delegation", delegation)
        assert (ran.exit_code == 0) is allowed, ran.stderr
        assert ("for the first time" in ran.stderr) is not allowed  # whom the laptop relies on is said once


def test_a_lost_key_is_replaced_by_an_amendment(space: Permitting, tmp_path: Path) -> None:
    home, spare = tmp_path / "home", tmp_path / "spare.json"
    hanse(space, home, "key", "new", "--spare", str(spare))
    said = {"project": "Ages", "reason": "To learn.", "name": "A third", "organisation": "University"}
    dataset = next(
        one["id"] for one in Hanse(space.url).datasets("lung") if one["node"] == space.hospitals[0].id
    )
    words = [f"--{name}={text}" for name, text in {**said, "country": "FI", "dataset": dataset}.items()]
    assert hanse(space, home, "apply", *words, "--authority", space.authority.id, "--yes").exit_code == 0
    permit = space.permit()
    space.approve(0, permit)

    assert hanse(space, home, "key", "rotate").exit_code == 0
    change = ("--authority", space.authority.id, "--amends", permit, "--key", str(spare), "--yes")
    assert hanse(space, home, "apply", *words, *change).exit_code == 0
    assert space.permit() == permit
    amended = newest(space, permit, version=2)
    space.approve(0, amended)

    one = ("analyse", "kaplan_meier", *CURVE, "--permit", amended)
    ran = hanse(space, home, *one)
    assert ran.exit_code == 0, ran.stderr
    (old,) = (home / "keys").glob("working-*.json")
    stranger = hanse(space, home, *one, "--key", str(old)).exception
    assert isinstance(stranger, BadInput)
    assert "The permit does not name this key" in stranger.detail


def newest(space: Permitting, permit: str, version: int) -> str:
    """The hash of this version, once the hub has it."""
    end = time.monotonic() + 60
    while (found := Hanse(space.url).permit(permit)).permit.version < version:
        assert time.monotonic() < end, "the amendment did not come"
        time.sleep(0.1)
    return found.hash


def test_a_colleague_is_named_with_their_own_keys(space: Permitting, tmp_path: Path) -> None:
    for one in ("home", "colleague"):
        hanse(space, tmp_path / one, "key", "new", "--spare", str(tmp_path / f"{one}.json"))
    shown = hanse(space, tmp_path / "colleague", "key", "show", "--json").stdout
    (tmp_path / "keys.json").write_text(shown)
    member = "name: A colleague\norganisation: Hospital\ncountry: NO\nkeys: [keys.json]\n"
    (tmp_path / "member.yaml").write_text(member)
    said = {"project": "Ages", "reason": "To learn.", "name": "A third", "organisation": "University"}
    datasets = [f"--dataset={one['id']}" for one in Hanse(space.url).datasets("lung")]
    words = [f"--{name}={text}" for name, text in {**said, "country": "FI"}.items()]
    dry = ("--authority", space.authority.id, "--member", str(tmp_path / "member.yaml"), "--dry-run")
    found = hanse(space, tmp_path / "home", "apply", *words, *datasets, *dry)
    assert "A colleague, Hospital, NO, member" in found.stderr
    assert json.loads(shown)["kid"] in found.stderr

    for wrong in (member.replace("[keys.json]", "[]"), member + "more: x\n", member + "keys: [", "[]"):
        (tmp_path / "member.yaml").write_text(wrong)
        refused = hanse(space, tmp_path / "home", "apply", *words, *datasets, *dry)
        assert isinstance(refused.exception, BadInput)


def test_an_application_says_what_it_lacks(space: Permitting, tmp_path: Path) -> None:
    found = hanse(space, tmp_path, "apply", "--project", "Survival", "--yes")
    assert isinstance(found.exception, BadInput)
    assert "authority, datasets, reasons" in found.exception.detail


def test_a_parameter_is_a_pair(space: Permitting, tmp_path: Path) -> None:
    home = tmp_path / "home"
    hanse(space, home, "key", "new", "--spare", str(tmp_path / "spare.json"))
    found = hanse(space, home, "analyse", "histogram", "variable", "--permit", "permit_1")
    assert isinstance(found.exception, BadInput)


def test_what_the_authority_said_to_an_application_is_shown(space: Permitting, tmp_path: Path) -> None:
    home = tmp_path / "home"
    hanse(space, home, "key", "new", "--spare", str(tmp_path / "spare.json"))
    said = {"project": "Ages", "reason": "To learn.", "name": "Another", "organisation": "University"}
    words = [f"--{name}={text}" for name, text in {**said, "country": "FI"}.items()]
    datasets = [f"--dataset={one['id']}" for one in Hanse(space.url).datasets("lung")]
    sent = hanse(space, home, "apply", *words, *datasets, "--authority", space.authority.id, "--yes")
    keys = json.loads(hanse(space, home, "key", "list", "--json").stdout)
    assert "hanse login" not in sent.stderr  # this authority accepts none
    assert all(one["fingerprint"] in sent.stderr for one in keys)
    assert len(keys) == 2

    space.refuse("Not in the public interest.")
    end = time.monotonic() + 60
    while "refused" not in (shown := hanse(space, home, "applications").stdout):
        assert time.monotonic() < end, "the refusal did not come"
        time.sleep(0.1)
    assert "It said: Not in the public interest." in shown


def test_persons_are_counted_under_a_permit(space: Permitting, tmp_path: Path) -> None:
    home = tmp_path / "home"
    hanse(space, home, "key", "new", "--spare", str(tmp_path / "spare.json"))
    said = {"project": "Ages", "reason": "To learn.", "name": "Another", "organisation": "University"}
    words = [f"--{name}={text}" for name, text in {**said, "country": "FI", "operation": "count"}.items()]
    datasets = [f"--dataset={one['id']}" for one in Hanse(space.url).datasets("lung")]
    assert (
        hanse(space, home, "apply", *words, *datasets, "--authority", space.authority.id, "--yes").exit_code
        == 0
    )
    permit = space.permit()
    space.approve(0, permit)
    space.approve(1, permit)
    space.forbid(2, permit)

    ran = hanse(space, home, "analyse", "count", "--permit", permit, "--selection", "person.sex = 'female'")
    assert ran.exit_code == 0, ran.stderr
    *rows, total = [line.split(",") for line in ran.stdout.strip().splitlines()[2:]]
    assert sum(int(row[-3]) for row in rows) == int(total[-3]) > 0
    assert "(refused). The holder stopped the use of its data. (rule: veto)" in ran.stderr
    assert "1 of 2" not in ran.stderr
    (run,) = json.loads(hanse(space, home, "runs", "list", "--json").stdout)
    assert hanse(space, home, "runs", "show", run["run"]).stdout == ran.stdout

    for wrong, said in (("edges=[0,1]", "no parameters"), ("--selection=person.agge > 5", "no field")):
        refused = hanse(space, home, "analyse", "count", wrong, "--permit", permit).exception
        assert isinstance(refused, BadAnalysis | BadQuestion)
        assert said in refused.detail
    analysing = hanse(space, home, "analyse", "kaplan_meier", *CURVE, "--permit", permit).exception
    assert isinstance(analysing, Refused)
    assert "(rule: operation)" in analysing.detail
