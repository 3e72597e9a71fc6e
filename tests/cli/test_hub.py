"""`hanse hub`: an operator sets up a hub, invites, compares and decides."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from tests.link.proxies import free_port
from tests.link.running import HELLO, Calling, echo

from hanse.cli.hub import hub
from hanse.core import clock, greeting
from hanse.core.errors import Conflict, NotFound, NotSetUp, Unreachable
from hanse.hub import config, registry
from hanse.lib import sql
from hanse.lib.jws import FileKey
from hanse.link.caller import Hub
from hanse.link.enrolment import Token, request
from hanse.link.outbound import Outbound


def run(home: Path, *arguments: str, say: str = "") -> Result:
    done = CliRunner().invoke(hub, [*arguments, "--home", str(home)], input=say)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def enrol(home: Path, key: FileKey) -> None:
    """A node that asks to be let in, without a running hub between."""
    token = Token.read(run(home, "invite", "--name", "for Turku").stdout.strip())
    with sql.begin(sql.engine(config.read(home, {}).database_url)) as connection:
        asked = greeting.Enrol(token.secret, key.public.jwk, "Turku", "FI", HELLO)
        registry.enrol(connection, asked, key.public, clock.now())


def test_init_makes_the_key_once_and_changes_settings(tmp_path: Path) -> None:
    first = run(tmp_path, "init", "--url", "https://hub.example").stdout
    again = run(tmp_path, "init", "--port", "9000").stdout
    fingerprint = config.read(tmp_path, {}).key().public.fingerprint
    assert fingerprint in first
    assert fingerprint in again
    kept = config.read(tmp_path, {})
    assert (kept.url, kept.port) == ("https://hub.example", 9000)
    assert (tmp_path / "keys" / "hub.pem").stat().st_mode & 0o077 == 0


def test_an_operator_compares_the_fingerprint_before_approving(tmp_path: Path) -> None:
    run(tmp_path, "init")
    key = FileKey.generate()
    enrol(tmp_path, key)
    no = run(tmp_path, "approve", "Turku", say="n\n")
    assert key.public.fingerprint in no.stdout
    assert no.exit_code == 1
    (row,) = json.loads(run(tmp_path, "nodes", "--json").stdout)
    assert (row["state"], row["note"], row["fingerprint"]) == ("pending", "for Turku", key.public.fingerprint)
    assert "Turku is active." in run(tmp_path, "approve", "Turku", say="y\n").stdout
    assert "Turku is removed." in run(tmp_path, "remove", "Turku", "--yes").stdout
    with pytest.raises(Conflict, match="removed"):
        run(tmp_path, "refuse", "Turku", "--yes")
    with pytest.raises(NotFound):
        run(tmp_path, "approve", "Oulu")


def test_a_command_before_init_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp) as caught:
        run(tmp_path / "nothing", "nodes")
    assert "hanse hub init" in caught.value.hint


def test_a_hub_serves_and_ends_at_once_while_nodes_are_calling_and_its_log_holds_no_question(
    tmp_path: Path,
) -> None:
    home, port = tmp_path / "hub", free_port()
    run(home, "init", "--port", str(port))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HANSE_")}
    command = [
        sys.executable,
        "-c",
        "from hanse.cli import main; main()",
        "hub",
        "serve",
        "--home",
        str(home),
    ]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        address = Hub(f"http://127.0.0.1:{port}", config.read(home, {}).key().public.kid)
        key, token = FileKey.generate(), Token.read(run(home, "invite").stdout.strip())
        while True:
            try:
                request(address, key, token, "Turku", "FI", HELLO)
                break
            except Unreachable:
                assert process.poll() is None
                time.sleep(0.1)
        run(home, "approve", "Turku", "--yes")
        calling = Calling(Outbound(address, key, HELLO, tmp_path / "seen.db"), echo)
        while not json.loads(run(home, "nodes", "--json").stdout)[0]["last_seen"]:
            time.sleep(0.05)
        link = run(home, "operator-link").stdout.strip()
        for asked in (f"{link}", f"http://127.0.0.1:{port}/en/cohort.csv?q=person.age=61"):
            assert httpx.get(asked, timeout=30, trust_env=False).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr is not None
        said = process.stderr.read()
        assert not any(one in said for one in ("Traceback", "person.age", "pass="))
        calling.stop()
