"""`hanse demo`: how its nodes and its authority join the hub, once and again, and what its processes do."""

import io
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from starlette.types import ASGIApp

from hanse.authority import config as authorities
from hanse.cli import demo, members, root
from hanse.cli.members import Member
from hanse.cli.processes import Processes, processes
from hanse.core import greeting
from hanse.core.errors import Unreachable
from hanse.core.permit import Kind
from hanse.hub import config as hubs
from hanse.hub import registry
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.hub.registry import State
from hanse.lib import sql
from hanse.node import config as nodes

HOSPITAL = Member("turku", "Hospital Turku", "FI", lambda store, progress: None, True)
ARCHIVE = Member("archive", "Public archive", "US", lambda store, progress: None, False)


@pytest.fixture
def hub(tmp_path: Path, serve: Callable[[ASGIApp], str]) -> HubConfig:
    settings = HubConfig(tmp_path / "hub")
    hubs.init(settings)
    return HubConfig(tmp_path / "hub", url=serve(make_app(settings)))


def test_who_takes_part_is_let_in_once_and_joins_again_as_it_is(hub: HubConfig, tmp_path: Path) -> None:
    for _ in range(2):
        authority = members.authority(tmp_path / "authority", hub)
        key = authorities.key(authority.home).public.kid
        for member in (HOSPITAL, ARCHIVE):
            members.join(tmp_path / member.slug, hub, member, key)
    with sql.read(sql.engine(hub.database_url)) as connection:
        found = registry.participants(connection)
    assert {(one.name, one.state, one.role) for one in found} == {
        (HOSPITAL.name, State.ACTIVE, greeting.Role.NODE),
        (ARCHIVE.name, State.ACTIVE, greeting.Role.NODE),
        (authority.name, State.ACTIVE, greeting.Role.AUTHORITY),
    }
    (pinned,) = nodes.read(tmp_path / "turku").authorities
    assert (pinned.kid, pinned.kinds) == (key, {Kind.AGREEMENT, Kind.EHDS})
    assert nodes.read(tmp_path / "archive").authorities == ()


def test_a_home_from_before_authorities_learns_to_accept_one(hub: HubConfig, tmp_path: Path) -> None:
    home = tmp_path / "turku"
    members.join(home, hub, replace(HOSPITAL, protected=False), "")
    assert nodes.read(home).authorities == ()
    authority = members.authority(tmp_path / "authority", hub)
    members.join(home, hub, HOSPITAL, authorities.key(authority.home).public.kid)
    assert [one.name for one in nodes.read(home).authorities] == [authority.name]


def test_the_application_that_it_writes_can_be_signed_and_is_not_written_over(
    hub: HubConfig, tmp_path: Path
) -> None:
    authority = members.authority(tmp_path / "authority", hub)
    members.join(tmp_path / "turku", hub, HOSPITAL, authorities.key(authority.home).public.kid)
    path = tmp_path / "application.yaml"
    members.application(path, authority.id, [tmp_path / "turku"])
    said = path.read_text()
    path.write_text(said + "days: 30\n")
    members.application(path, authority.id, [tmp_path / "turku"])
    assert path.read_text() == said + "days: 30\n"
    me = ["--home", str(tmp_path / "me"), "--passphrase", "four words make one"]
    made = CliRunner().invoke(root, ["key", "new", "--spare", str(tmp_path / "spare.json"), *me])
    assert made.exit_code == 0, made.output
    asked = CliRunner().invoke(root, ["apply", str(path), "--hub", hub.url, "--yes", *me])
    # Nothing is published in this test: the application is read, and its dataset looked up.
    assert asked.exception is not None
    assert "dataset" in str(asked.exception)


def test_a_process_that_ends_by_itself_is_named_with_its_log(tmp_path: Path) -> None:
    with processes(tmp_path / "logs") as started:
        started.start("idle", "node", "serve", "--home", str(tmp_path / "nothing"))
        with pytest.raises(Unreachable, match="idle has ended with status") as caught:
            started.wait_for(lambda: False, threading.Event())
    assert str(tmp_path / "logs" / "idle.log") in caught.value.hint
    assert "no node" in (tmp_path / "logs" / "idle.log").read_text()


def test_of_those_that_end_by_themselves_others_are_let_go_and_the_one_that_all_need_is_not(
    tmp_path: Path,
) -> None:
    with processes(tmp_path / "logs") as started:
        for name in ("hub", "turku"):
            started.start(name, "node", "serve", "--home", str(tmp_path / "nothing"))
        end = time.monotonic() + 60
        found: list[Unreachable] = []
        while not found:
            assert time.monotonic() < end, "it did not end"
            found = started.ended(but="hub")
            time.sleep(0.05)
        assert "turku has ended" in found[0].detail
        assert "turku.log" in found[0].hint
        assert (started.ended(but="hub"), len(started)) == ([], 1)
        with pytest.raises(Unreachable, match="hub has ended"):
            started.wait_for(lambda: False, threading.Event())


def test_without_a_terminal_a_node_says_a_line_for_each_quarter_of_the_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with demo.bars(Console(file=io.StringIO())) as begin:
        show = begin(HOSPITAL)
        for done in range(101):
            show(done, 100, "headers")
        show(7, 0, "files found")
        show(1, 1, "ready")
    said = capsys.readouterr().err.splitlines()
    assert said == [
        *(f"Hospital Turku: headers, {done} of 100" for done in (0, 25, 50, 75, 100)),
        "Hospital Turku: files found",
        "Hospital Turku: ready",
    ]


def test_all_processes_end_with_the_block(hub: HubConfig, tmp_path: Path) -> None:
    def running(started: Processes) -> int:
        authority = members.authority(tmp_path / "authority", hub)
        started.start("authority", "authority", "serve", "--home", str(authority.home))
        started.wait_for(lambda: _called(hub), threading.Event())
        return started.pid("authority")

    with processes(tmp_path / "logs") as started:
        pid = running(started)
        started.check()
    assert not Path(f"/proc/{pid}").exists()


def _called(hub: HubConfig) -> bool:
    with sql.read(sql.engine(hub.database_url)) as connection:
        return any(one.seen for one in registry.authorities(connection))
