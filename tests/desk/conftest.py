"""An authority with its page, and an officer who has a passkey."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.authority.office import Office, office
from tests.desk.authenticator import ORIGIN, Authenticator

from hanse.authority.home import Home
from hanse.core import clock
from hanse.desk import authority
from hanse.desk.site import make_desk
from hanse.lib import accounts, sql

OFFICER = "Second Officer"
PORT = 8090


@dataclass
class Sitting:
    """An officer at the page of an office: a browser without scripts, and a passkey."""

    office: Office
    client: TestClient
    passkey: Authenticator = field(default_factory=Authenticator)

    def get(self, path: str, **how: Any) -> str:
        """The text of a page that must be there."""
        answer = self.client.get(path, **how)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data=fields, headers={"Origin": ORIGIN}, follow_redirects=False)

    def enrol(self, name: str = OFFICER) -> None:
        """From the command's link to a passkey."""
        with sql.begin(self.office.records) as connection:
            secret = accounts.invite(connection, name, clock.now())
        page = self.get(f"/en/passkey?pass={secret}")
        made = self.post("/en/passkey", **{"pass": secret}, answer=self.passkey.create(challenge(page)))
        assert made.status_code == 303, made.text

    def sign_in(self) -> Any:
        page = self.get("/en/enter")
        fields = hidden(page, "/en/enter")
        return self.post("/en/enter", **fields | {"answer": self.passkey.get(challenge(page))})

    def decide(self, page: str, action: str) -> Any:
        """Signs a form of a page with the passkey, and sends it."""
        fields = hidden(page, action)
        return self.post(action, **fields | {"answer": self.passkey.get(challenge(page))})


def challenge(page: str) -> str:
    """What the passkey is asked to sign on a page."""
    found = re.search(r'data-options="([^"]*)"', page)
    assert found, page
    said = re.search(r'"challenge": "([^"]+)"', unescape(found[1]))
    assert said
    return said[1]


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to this address."""
    form = re.search(
        rf'<form[^>]*method="post"[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.S
    )
    assert form, page
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[1])
    return {name: unescape(value) for name, value in fields}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path / "authority") as one:
        yield one


@pytest.fixture
def sitting(here: Office) -> Iterator[Sitting]:
    """A page at which nobody is signed in."""
    home = Home(here.settings, here.key, here.records)
    app = make_desk(authority.desk(home, PORT), authority.pages(home))
    with TestClient(app, base_url=ORIGIN) as client:
        yield Sitting(here, client)


@pytest.fixture
def officer(sitting: Sitting) -> Sitting:
    """An officer who is signed in."""
    sitting.enrol()
    assert sitting.sign_in().status_code == 303
    return sitting
