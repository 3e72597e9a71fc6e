"""From `hanse apply --login` to checked keys, with a hub that tries to come between."""

import json
import re
import shutil
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from tests.federation import Permitting, permitting
from tests.openid import CLIENT, Issuer

from hanse.authority import applications, checks
from hanse.authority import permits as decisions
from hanse.authority.home import opened
from hanse.cli import root
from hanse.client import Hanse
from hanse.client.access import Applicant, Wish
from hanse.client.authorities import Known
from hanse.core import clock, login, permit
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Problem, Refused
from hanse.core.login import Client, Logins
from hanse.core.permit import authority_id
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey

OFFICER = "First Officer"
GUIDE = Path(__file__).parents[2] / "docs" / "researcher.md"


@pytest.fixture(scope="module")
def issuer(serve: Callable[[ASGIApp], str]) -> Issuer:
    return Issuer(serve)


@pytest.fixture(scope="module")
def space(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str], issuer: Issuer
) -> Iterator[Permitting]:
    """A hub, and an authority that accepts logins at the provider."""
    with permitting(tmp_path_factory.mktemp("permitting"), serve) as made:
        words = ("authority", "provider", "add", issuer.url, "--client", CLIENT, "--officer", OFFICER)
        added = hanse(made.url, made.authority.home, *words, "--home", str(made.authority.home))
        assert added.exit_code == 0, added.output
        until(lambda: Hanse(made.url).authority().accepted())
        yield made


@pytest.fixture(scope="module")
def person(space: Permitting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys, which take their time to be made, and the spare one beside it."""
    folder = tmp_path_factory.mktemp("person")
    words = ("key", "new", "--spare", str(folder / "spare.json"))
    assert hanse(space.url, folder / "home", *words).exit_code == 0
    return folder


@pytest.fixture
def home(person: Path, tmp_path: Path) -> Path:
    """A person's folder with keys, who relied on nobody yet."""
    shutil.copytree(person, tmp_path, dirs_exist_ok=True)
    return tmp_path / "home"


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The person's browser: it goes where it is sent. What it was sent to."""
    sent: list[str] = []

    def go(address: str) -> bool:
        sent.append(address)
        httpx.get(address, follow_redirects=True, trust_env=False)
        return True

    monkeypatch.setattr(webbrowser, "open", go)
    return sent


def hanse(url: str, home: Path, *words: str, typed: str = "") -> Result:
    env = {"HANSE_HUB": url, "HANSE_HOME": str(home), "HANSE_PASSPHRASE": "four words make one"}
    return CliRunner(env=env).invoke(root, list(words), input=typed, prog_name="hanse")


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (value := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return value


def asking(space: Permitting, **said: Any) -> list[str]:
    """The words of an application for the hospitals' data."""
    datasets = [one["id"] for one in Hanse(space.url).datasets("lung")]
    told = {
        "project": "Survival",
        "reason": "To learn.",
        "name": "A researcher",
        "organisation": "University",
    }
    words = [word for name, text in {**told, "country": "FI", **said}.items() for word in (f"--{name}", text)]
    return ["apply", *words, *(word for one in datasets for word in ("--dataset", one))]


def checked(space: Permitting, hash: str) -> bool:
    """Whether the authority knows whose all keys of an application are."""
    with opened(space.authority.home) as here, sql.read(here.records) as connection:
        try:
            found = checks.of(connection, applications.get(connection, hash).signed.hash)
        except NotFound:
            return False
    return len(found) == 2 and all(one.login for one in found.values())


def test_a_login_from_the_command_line_checks_all_keys(
    space: Permitting, home: Path, browser: list[str], issuer: Issuer
) -> None:
    name = Hanse(space.url).authority().name
    sent = hanse(space.url, home, *asking(space, authority=name), "--login", typed="y\n")
    assert sent.exit_code == 0, sent.stderr
    assert "for the first time" in sent.stderr
    hash = sent.stdout.split()[-1]
    until(lambda: checked(space, hash))
    assert browser[0].startswith(f"{issuer.url}/authorize?")

    with opened(space.authority.home) as here, sql.read(here.records) as connection:
        drafted = decisions.draft(connection, here.settings, here.key, hash, {})
    (person,) = permit.decode(drafted.payload).scope.persons
    assert person.login is not None
    assert (person.login.issuer, person.login.subject) == (issuer.url, "subject-1")
    (shown,) = json.loads(hanse(space.url, home, "applications", "--json").stdout)
    assert [one["state"] for one in shown["logins"]] == ["delivered"]


def test_a_login_may_come_later_and_the_authority_is_introduced_once(
    space: Permitting, home: Path, browser: list[str]
) -> None:
    fingerprint = Hanse(space.url).authority().key.fingerprint
    sent = hanse(space.url, home, *asking(space, authority=fingerprint), "--yes")
    assert "for the first time" not in sent.stderr  # who names the fingerprint has compared it
    hash = sent.stdout.split()[-1]
    logged_in = hanse(space.url, home, "login", hash[:12])
    assert logged_in.exit_code == 0, logged_in.stderr
    assert logged_in.stderr.count("working") == logged_in.stderr.count("spare") == 1
    until(lambda: checked(space, hash))
    assert (
        "for the first time"
        not in hanse(space.url, home, *asking(space, authority="access body"), "--yes").stderr
    )


def test_without_a_browser_the_address_is_printed_and_an_end_is_said(space: Permitting, home: Path) -> None:
    hash = hanse(space.url, home, *asking(space, authority=space.authority.id), "--yes").stdout.split()[-1]
    waited = hanse(space.url, home, "login", hash, "--no-browser", "--wait", "1")
    assert "/authorize?" in waited.stderr
    assert "Nobody logged in within 1 seconds" in str(waited.exception)


def test_nobody_logs_in_for_a_key_that_is_not_theirs(
    space: Permitting, home: Path, browser: list[str]
) -> None:
    """A hub, or a colleague, writes an application in which a strange key stands under the person's name."""
    evil, hub = FileKey.generate(), Hanse(space.url)
    working = json.loads(hanse(space.url, home, "key", "show", "--json").stdout)["jwk"]
    applicant = Applicant("A researcher", "University", "FI", jws.PublicKey.from_jwk(working))
    datasets = tuple(one["id"] for one in hub.datasets("lung"))
    hash = hub.apply(Wish("", datasets, "Survival", ("To learn.",)), applicant, evil)
    refused = hanse(space.url, home, "login", hash, "--key", str(home.parent / "spare.json"))
    assert isinstance(refused.exception, BadInput)  # it does not even name this one
    refused = hanse(space.url, home, "login", hash)
    assert isinstance(refused.exception, Refused)
    assert evil.public.fingerprint in refused.exception.detail
    assert browser == []


def test_the_example_of_the_guide_is_an_application(space: Permitting, home: Path, tmp_path: Path) -> None:
    (text,) = re.findall(
        r"^```yaml\n(authority.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    said = yaml.safe_load(text)
    said["authority"] = Hanse(space.url).authority().key.fingerprint
    said["datasets"] = [one["id"] + "@1" for one in Hanse(space.url).datasets("lung")]
    (tmp_path / "application.yaml").write_text(yaml.safe_dump(said))
    shown = hanse(space.url, home, "apply", str(tmp_path / "application.yaml"), "--dry-run")
    assert shown.exit_code == 0, shown.exception
    for words in (
        "version 1 (",
        "spe:example",
        "prohibition to export",
        "until 2027-12-31",
        "53(1)(e)",
        "'lung'",
    ):
        assert words in shown.stderr
    assert json.loads(hanse(space.url, home, "applications", "--json").stdout) == []


def test_options_are_written_as_documents_write_them(space: Permitting, home: Path) -> None:
    said = {
        "operation": "view",
        "kind": "ehds",
        "purpose": "53(1)(d)",
        "environment": "spe:example",
        "budget": "7",
    }
    shown = hanse(space.url, home, *asking(space, authority=space.authority.id, **said), "--dry-run")
    assert shown.exit_code == 0, shown.output
    for words in ("view: look at", "data permit of", "Article 53(1)(d)", "spe:example", "7 orders at most"):
        assert words in shown.stderr


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"condition": "prohibition to sell"}, "sell"),
        ({"until": "tomorrow"}, "2027-01-31"),
        ({"until": "2020-01-01"}, "before it begins"),
        ({"environment": "My Desk"}, "environment"),
        ({"selection": "image.modalty = "}, "question"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_asked_for_is_named_before_anything_is_signed(
    space: Permitting, home: Path, said: dict[str, str], words: str
) -> None:
    refused = hanse(space.url, home, *asking(space, authority=space.authority.id, **said), "--yes")
    assert isinstance(refused.exception, Problem)
    assert words in refused.exception.detail + refused.exception.title + refused.exception.hint
    assert json.loads(hanse(space.url, home, "applications", "--json").stdout) == []


class LyingHub:
    """Passes everything on to the hub, and shows an authority of its own under the name of the real one."""

    def __init__(self, behind: str) -> None:
        self.behind, self.key = behind, FileKey.generate()
        self.changes: dict[str, Any] = {}

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        async with httpx.AsyncClient(base_url=self.behind, trust_env=False) as hub:
            path = f"{request.url.path}?{request.url.query}"
            found = await hub.request(request.method, path, content=await request.body())
        body = found.json()
        for row in body.get("authorities", ()):
            row.update({**self._mine(), **self.changes})
        return JSONResponse(body, found.status_code)

    def _mine(self) -> dict[str, Any]:
        kid = self.key.public.kid
        return {"id": authority_id(kid), "kid": kid, "jwk": self.key.public.jwk}

    def logins(self, issuer: str) -> str:
        """Its own client, in the name of the real authority, signed with its own key."""
        real = Hanse(self.behind).authority().id
        said = Logins(real, 9, (Client(issuer, "evil"),), ReplyKey.generate().jwk, clock.now())
        return jws.issue(self.key, said, login.LOGINS_TYP)


@pytest.fixture
def lying(space: Permitting, serve: Callable[[ASGIApp], str]) -> tuple[LyingHub, str]:
    hub = LyingHub(space.url)
    return hub, serve(hub.app())


def test_a_hub_that_offers_its_own_authority_is_found_out(
    space: Permitting, home: Path, lying: tuple[LyingHub, str]
) -> None:
    _, url = lying
    real = Hanse(space.url).authority()
    by_fingerprint = hanse(url, home, *asking(space, authority=real.key.fingerprint), "--yes")
    assert isinstance(by_fingerprint.exception, NotFound)
    with pytest.raises(NotFound):
        Hanse(url, authority=real.key.fingerprint).authority()
    with pytest.raises(Refused, match="another authority"):
        Hanse(url, authority=real.key.fingerprint).authority(real.name)

    assert hanse(space.url, home, *asking(space, authority=real.name), "--yes").exit_code == 0
    by_name = hanse(url, home, *asking(space, authority=real.name), "--yes")
    assert isinstance(by_name.exception, Refused)
    assert "has another key than before" in by_name.exception.detail


def test_another_authority_under_a_known_name_is_refused_by_its_own_id_too(
    space: Permitting, home: Path, lying: tuple[LyingHub, str]
) -> None:
    """Somebody copied the id from a list of the hub."""
    hub, url = lying
    real = Hanse(space.url).authority()
    Known(home).keep(real.key.kid, real.name)
    words = asking(space, authority=authority_id(hub.key.public.kid))
    assert isinstance(hanse(url, home, *words, "--yes").exception, Refused)


def test_who_declines_to_sign_does_not_rely_on_the_authority(
    space: Permitting, home: Path, lying: tuple[LyingHub, str]
) -> None:
    _, url = lying
    name = Hanse(space.url).authority().name
    assert "for the first time" in hanse(url, home, *asking(space, authority=name), typed="n\n").stderr
    assert "Nothing was signed" in hanse(url, home, *asking(space, authority=name), "--dry-run").stderr
    assert hanse(space.url, home, *asking(space, authority=name), "--yes").exit_code == 0


def test_a_hub_cannot_say_where_to_log_in(
    space: Permitting, home: Path, lying: tuple[LyingHub, str], browser: list[str], issuer: Issuer
) -> None:
    hub, url = lying
    hash = hanse(space.url, home, *asking(space, authority=space.authority.id), "--yes").stdout.split()[-1]
    assert isinstance(hanse(url, home, "login", hash).exception, NotFound)
    real = Hanse(space.url).authority()
    hub.changes = {"id": real.id, "kid": real.key.kid, "jwk": real.key.jwk, "logins": hub.logins(issuer.url)}
    assert isinstance(hanse(url, home, "login", hash).exception, BadEnvelope)
    assert browser == []
