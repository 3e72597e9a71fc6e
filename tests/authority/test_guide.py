"""The guide's examples in their order, against a real hub over the real link: from an application to a revocation."""

import json
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from starlette.types import ASGIApp
from tests import backups
from tests.authority.office import SPARE, THEIRS, WORKING, application, signed
from tests.core import permits as core_permits
from tests.serving import Serving

from hanse.authority import config
from hanse.cli import root
from hanse.core import bodies, clock, document, greeting, ids
from hanse.core import permit as permits
from hanse.core.envelope import Envelope
from hanse.core.errors import Problem
from hanse.core.status import STATUS_TYP, Status
from hanse.core.status import decode as decode_status
from hanse.hub import config as hubs
from hanse.hub import registry
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey, PublicKey
from hanse.link import enrolment
from hanse.link.caller import Hub
from hanse.link.outbound import Outbound

GUIDE = Path(__file__).parents[2] / "docs" / "authority.md"
HELLO = greeting.Hello(greeting.PROTOCOLS, "test", "test")


def examples() -> list[list[str]]:
    """The commands of the guide as words, without `hanse`."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


class Federation:
    """A hub, and a node that collects what it is sent."""

    def __init__(self, folder: Path, serve: Callable[[ASGIApp], str]) -> None:
        self.settings = HubConfig(folder / "hub")
        hubs.init(self.settings)
        self.url = serve(make_app(self.settings))
        self.node = FileKey.generate()
        self.documents: list[str] = []
        self._stop = threading.Event()
        hub = Hub(self.url, self.settings.key().public.kid)
        enrolment.request(hub, self.node, enrolment.Token.read(self.invite()), "Turku", "FI", HELLO)
        self.approve(ids.of_node(self.node.public.kid))
        link = Outbound(hub, self.node, HELLO, folder / "seen.db", hold_s=1.0)
        self._thread = threading.Thread(target=link.run, args=(self._take, self._stop), daemon=True)
        self._thread.start()

    def _take(self, message: Envelope) -> None:
        self.documents += bodies.documents(message.body)

    def invite(self) -> str:
        records = sql.engine(self.settings.database_url)
        with sql.begin(records) as connection:
            return registry.invite(connection, self.settings.key().public.kid, "a test", clock.now()).text()

    def approve(self, participant: str) -> None:
        records = sql.engine(self.settings.database_url)
        with sql.begin(records) as connection:
            registry.decide(connection, "approve", participant, clock.now())

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def arrived(self, key: PublicKey, typ: str, decode: Callable[[bytes], Any]) -> list[Any]:
        """The documents of one type by this key that the node has got."""
        found = []
        for token in list(self.documents):
            try:
                found.append(jws.read(token, key, typ, decode).document)
            except Problem:
                continue
        return found


@pytest.fixture(scope="module")
def federation(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]
) -> Iterator[Federation]:
    made = Federation(tmp_path_factory.mktemp("guide"), serve)
    yield made
    made.stop()


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.05)
    return value


@pytest.fixture
def serving_in() -> Iterator[Callable[[Path], Serving]]:
    """Serves in a home; whatever still runs at the end is ended."""
    started: list[Serving] = []

    def serve_in(home: Path) -> Serving:
        started.append(Serving("authority", "serve", "--home", str(home)))
        return started[-1]

    yield serve_in
    for one in started:
        if one.process.poll() is None:
            one.kill()


def run(*words: str) -> str:
    result = CliRunner().invoke(root, words)
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_from_an_application_to_a_revocation(
    federation: Federation,
    serving_in: Callable[[Path], Serving],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANSE_AUTHORITY_HOME", str(tmp_path / "authority"))
    lines = iter(examples())
    names = {"https://hub.example.org": federation.url, "hanse1.TOKEN": federation.invite()}

    def follow(command: str) -> str:
        """Runs the next line of the guide, with real names in the place of those of the example."""
        words = [names.get(word, word) for word in next(lines)]
        assert words[1] == command
        return run(*words)

    assert "pending" in follow("init")
    settings, key = config.read(tmp_path / "authority"), config.key(tmp_path / "authority").public
    federation.approve(ids.of_node(key.kid))
    assert next(lines) == ["authority", "serve"]
    serving = serving_in(tmp_path / "authority")
    assert "http://localhost:8090/en/passkey?pass=" in follow("officer")
    assert next(lines) == ["authority", "page"]  # tests/cli/test_officers.py serves it
    assert "passkey" in follow("decisions")

    asked = asked_of(settings.id, federation)
    httpx.post(
        f"{federation.url}/api/v1/applications", json={"token": signed(asked)}, trust_env=False
    ).raise_for_status()
    hash = core_permits.hash_of(asked)
    until(lambda: json.loads(run("authority", "applications", "--json")))
    names |= {"3f9a": hash[:12]} | {
        f"FINGERPRINT {n}": one.public.fingerprint for n, one in enumerate((WORKING, SPARE, THEIRS), 1)
    }
    assert hash[:11] in follow("applications")
    assert "NOT CHECKED" in follow("show")
    assert "2 of 2" in follow("check")
    assert "1 of 1" in follow("check")
    shown = follow("permit")

    # The applicant gets it from the hub, and the node over its link: the same bytes, with the words that were shown.
    (given,) = until(lambda: federation.arrived(key, permits.TYP, permits.decode))
    assert core_permits.hash_of(given) in shown
    said = httpx.get(f"{federation.url}/api/v1/applications/{hash}", trust_env=False).json()
    assert jws.identity(said["permit"]) == core_permits.hash_of(given)
    assert newest(federation, key).current == {given.id: core_permits.hash_of(given)}

    # Killed, and a decision made meanwhile: it is sent when somebody serves again.
    serving.kill()
    names["permit_01kb2m3n4p5q6r7s8t9v0w1x2y"] = given.id
    assert given.id in follow("permits")
    backup = backups.copy(tmp_path / "authority" / "authority.db")
    follow("amend")
    serving = serving_in(tmp_path / "authority")
    amended = until(
        lambda: [one for one in federation.arrived(key, permits.TYP, permits.decode) if one.version == 2]
    )
    assert amended[0].amends == core_permits.hash_of(given)
    until(lambda: newest(federation, key).current == {given.id: core_permits.hash_of(amended[0])})

    follow("revoke")
    until(lambda: newest(federation, key).revoked == (given.id,))
    assert "revoke" in follow("log")

    # The machine was lost, and the backup does not know of the revocation.
    serving.kill()
    before = newest(federation, key).number
    backups.restore(tmp_path / "authority" / "authority.db", backup)
    serving = serving_in(tmp_path / "authority")
    revoke = ("--officer", "Second Officer", "--reason", "The project has ended.")
    assert "after `hanse authority resume`" in run("authority", "revoke", given.id, *revoke)
    assert newest(federation, key).number == before
    follow("resume")
    until(lambda: newest(federation, key).number > before)
    assert newest(federation, key).revoked == (given.id,)
    assert [*lines] == []
    assert run("audit", "verify", "--home", str(tmp_path / "authority"))
    serving.stop()
    assert serving.process.returncode == 0


def asked_of(authority: str, federation: Federation) -> Any:
    """An application for one dataset of the node."""
    said = application(authority)
    dataset = replace(said.scope.datasets[0], node=ids.of_node(federation.node.public.kid))
    return replace(said, scope=replace(said.scope, datasets=(dataset,)))


def newest(federation: Federation, key: PublicKey) -> Status:
    found = until(lambda: federation.arrived(key, STATUS_TYP, decode_status))
    return max(found, key=lambda one: one.number)


def test_the_file_of_the_guide_narrows(tmp_path: Path) -> None:
    from hanse.authority import narrowing

    (example,) = re.findall(
        r"^```json\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (tmp_path / "narrow.json").write_text(example)
    changes = narrowing.read(tmp_path / "narrow.json")
    after = narrowing.narrowed(core_permits.PERMIT, changes)
    assert after.scope.limits.minimum == 20
    assert document.encode(after) != document.encode(core_permits.PERMIT)
