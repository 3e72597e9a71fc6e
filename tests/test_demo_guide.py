"""The commands of "A permit in the demo" in their order, in a federation that is named like the demo's."""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from starlette.types import ASGIApp
from tests.federation import Permitting, permitting

from hanse.cli import root
from hanse.cli.members import PROJECT
from hanse.node.store import Store

GUIDE = Path(__file__).parents[1] / "docs" / "permits.md"
HOSPITALS = ("turku", "ghent", "lisbon")
SERVED = ("node", "page")  # what runs until it is stopped has tests of its own


@pytest.fixture
def demo(
    tmp_path: Path, serve: Callable[[ASGIApp], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Permitting]:
    """The folder of a demo, in which its authority and hospitals have their homes."""
    with permitting(tmp_path / "space", serve) as space:
        (tmp_path / "demo").mkdir()
        (tmp_path / "demo" / "authority").symlink_to(space.authority.home)
        for name, hospital in zip(HOSPITALS, space.hospitals, strict=True):
            (tmp_path / "demo" / name).symlink_to(hospital.home)
        datasets = [Store(one.home).dataset_id("lung") for one in space.hospitals]
        said = {"authority": space.authority.id, "datasets": datasets, **PROJECT}
        (tmp_path / "demo" / "application.yaml").write_text(yaml.safe_dump(said))
        monkeypatch.chdir(tmp_path)
        yield space


class Terminal:
    """Runs the next command of the section, with real names in the place of those of the text."""

    def __init__(self, hub: str) -> None:
        section = GUIDE.read_text(encoding="utf-8").partition("\n## A permit in the demo\n")[2]
        blocks = re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
        words = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
        self.left = [one for one in words if tuple(one[:2]) != SERVED]
        self.names: dict[str, str] = {}
        self._runner = CliRunner(
            env={"HANSE_HUB": hub, "HANSE_HOME": "me", "HANSE_PASSPHRASE": "four words make one"}
        )

    def next(self, *command: str, also: tuple[str, ...] = ()) -> str:
        """What it prints on the terminal; `also` are words in the place of what is typed there."""
        words = [self.names.get(word, word) for word in self.left.pop(0)]
        assert tuple(words[: len(command)]) == command
        return self.run(*words, *also)

    def run(self, *words: str) -> str:
        found = self._runner.invoke(root, words, input="y\n", prog_name="hanse")
        assert found.exit_code == 0, found.output
        return found.output


def until(found: Callable[[], str]) -> str:
    end = time.monotonic() + 60
    while not (value := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)
    return value


def waiting(terminal: Terminal) -> str:
    """The id of the permit that waits at the first hospital."""
    asked = json.loads(
        terminal.run("node", "approvals", "--home", "demo/turku", "--json").split("\nNext: ")[0]
    )
    return next((one["id"] for one in asked if one["state"] == "waiting"), "")


def test_a_permit_in_the_demo(demo: Permitting) -> None:
    terminal = Terminal(demo.url)
    made = terminal.next("key", "new")
    fingerprints = re.findall(r"^fingerprint (.+)$", made, re.MULTILINE)
    hash = re.findall(r"^([0-9a-f]{64})$", terminal.next("apply"), re.MULTILINE)[0]
    terminal.names |= {f"FINGERPRINT {place}": one for place, one in enumerate(fingerprints, 1)}
    terminal.names["3f9a"] = hash[:6]
    listed = ("authority", "applications", "--home", "demo/authority")
    until(lambda: hash[:6] if hash[:6] in terminal.run(*listed) else "")
    terminal.next("authority", "applications")
    assert "2 of 2 keys are checked" in terminal.next("authority", "check")
    terminal.next("authority", "permit", also=("--yes",))

    terminal.names["permit_01kb2m3n4p5q6r7s8t9v0w1x2y"] = permit = until(lambda: waiting(terminal))
    for name in ("ghent", "lisbon"):
        asked = ("node", "approvals", "--home", f"demo/{name}")
        until(lambda asked=asked: permit if permit in terminal.run(*asked) else "")
    assert f"Permit {permit}" in terminal.next("node", "approvals")
    for decision in ("approve", "approve", "refuse"):
        terminal.next("node", decision)
    assert "passkey?pass=" in terminal.next("node", "officer", "add")

    assert "granted" in terminal.next("applications")
    assert "Counted in 2 datasets." in terminal.next("analyse", "count")
    curve = terminal.next("analyse")
    assert curve.count(" carried out") == 2
    assert f"Not in it: {demo.hospitals[2].id} (refused)" in curve
    assert "Principal Investigator" in terminal.next("runs", "verify")
    assert "Revoked" in terminal.next("authority", "revoke")
    assert "intermediate of kaplan_meier" in terminal.next("node", "uses")
    for _ in range(2):
        assert "holds together" in terminal.next("audit", "verify")
    assert terminal.left == []
