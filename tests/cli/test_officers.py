"""`hanse authority officer` and `page`, as they are typed; the page is a process of its own."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from tests.authority.office import OFFICER, Office, application, office, signed
from tests.core.permits import hash_of

from hanse.cli.authority import authority
from hanse.core.errors import BadInput, NotFound, Problem


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as one:
        yield one


def run(here: Office, *words: str) -> Result:
    result = CliRunner().invoke(authority, [*words, "--home", str(here.settings.home)])
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_an_officer_is_let_in_listed_and_removed(here: Office) -> None:
    link = run(here, "officer", "add", OFFICER, "--port", "8123").stdout.strip()
    assert re.fullmatch(r"http://localhost:8123/en/passkey\?pass=[0-9a-f]{64}", link)
    run(here, "officer", "add", OFFICER)  # a link for one more passkey
    (one,) = json.loads(run(here, "officer", "list", "--json").stdout)
    assert (one["name"], one["passkeys"]) == (OFFICER, 0)
    assert OFFICER in run(here, "officer", "list").stdout
    run(here, "officer", "remove", OFFICER)
    assert json.loads(run(here, "officer", "list", "--json").stdout) == []
    with pytest.raises(NotFound):
        run(here, "officer", "remove", OFFICER)
    with pytest.raises(BadInput):
        run(here, "officer", "add", "x")


def test_a_decision_by_command_has_no_passkey_and_is_listed_as_such(here: Office) -> None:
    said = application(here.settings.id)
    here.take(signed(said))
    run(here, "refuse", hash_of(said), "--officer", OFFICER, "--reason", "No.")
    (one,) = json.loads(run(here, "decisions", "--json").stdout)
    assert (one["kind"], one["about"], one["passkey"]) == ("refuse", hash_of(said), "")
    assert "by command" in run(here, "decisions").stdout


def test_the_page_is_served_to_this_machine_until_it_is_stopped(here: Office) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "hanse", "authority", "page", "--port", str(port)]
    served = subprocess.Popen(
        [*command, "--home", str(here.settings.home)], stderr=subprocess.PIPE, text=True
    )
    try:
        with httpx.Client(base_url=f"http://localhost:{port}", trust_env=False, timeout=60) as client:
            assert "Sign in" in answer(client, served).text
            again = subprocess.run(
                [*command, "--home", str(here.settings.home)], capture_output=True, text=True, check=False
            )
        assert again.returncode == 5
        assert "not free" in again.stderr
    finally:
        served.terminate()
        assert served.wait(20) in (0, -15)


def answer(client: httpx.Client, served: subprocess.Popen[str]) -> httpx.Response:
    """The page where officers sign in, once it is there."""
    while True:
        assert served.poll() is None, served.stderr and served.stderr.read()
        try:
            return client.get("/en/enter")
        except httpx.ConnectError:
            time.sleep(0.1)
