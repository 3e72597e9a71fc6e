"""The authority's page in real Chromium, with a passkey of its own: from a link to a permit that verifies."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect
from tests.authority.office import SPARE, THEIRS, WORKING, Office, application, office, signed
from tests.core.permits import hash_of
from tests.desk.conftest import OFFICER
from tests.web.conftest import AXE, browser, watch
from tests.web.test_every_page import RULES, violations

from hanse.authority import permits
from hanse.authority.home import Home
from hanse.core import clock
from hanse.core.application import Application
from hanse.desk import authority
from hanse.desk.entrance import link_to
from hanse.desk.site import listening, make_desk
from hanse.lib import accounts, assertions, jws, sql

__all__ = ("browser",)
pytestmark = pytest.mark.browser
EXCEPTION = "Nobody has opted out yet."


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("desk") / "authority") as one:
        yield one


@pytest.fixture(scope="module")
def waiting(here: Office) -> list[Application]:
    """Applications: one that is decided in these tests, one of which nothing is checked, one with checked keys."""
    made = [application(here.settings.id, project=f"Project {n}") for n in (1, 2, 3)]
    for one in made:
        here.take(signed(one))
    here.check_all(made[2])
    return made


@pytest.fixture(scope="module")
def asked(waiting: list[Application]) -> Application:
    """The one that is decided."""
    return waiting[0]


@pytest.fixture(scope="module")
def port(here: Office) -> Iterator[int]:
    """Where the page is served."""
    (first, *others) = listening(0)
    number = int(first.getsockname()[1])
    for one in others:
        one.close()
    home = Home(here.settings, here.key, here.records)
    app = make_desk(authority.desk(home, number), authority.pages(home))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, args=([first],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield number
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def page(browser: Browser, here: Office, asked: Application, port: int) -> Iterator[Page]:
    """An officer who has come in through the link, with a virtual authenticator; whatever the browser complains of
    fails the tests."""
    wrong: list[str] = []
    context = browser.new_context(base_url=f"http://localhost:{port}", bypass_csp=True)
    page = context.new_page()
    watch(page, f"http://localhost:{port}", wrong)
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    passkeys: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": passkeys})
    with sql.begin(here.records) as connection:
        secret = accounts.invite(connection, OFFICER, clock.now())
    page.goto(link_to(port, secret))
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Applications")).to_be_visible()
    yield page
    context.close()
    assert wrong == []


def test_from_the_link_to_a_permit_that_verifies(page: Page, here: Office, asked: Application) -> None:
    page.goto("/en/")
    page.get_by_role("link", name=asked.project).click()
    for person, key in ((0, WORKING), (0, SPARE), (1, THEIRS)):
        box = page.locator(".asking").nth(person)
        box.get_by_label("Fingerprint that you heard").fill(jws.fingerprint(key.public.kid))
        box.get_by_role("button", name="Compare").click()
        expect(page.locator(".asking").nth(person).get_by_text("checked by telephone").first).to_be_visible()
    page.get_by_role("link", name="Draft a permit").click()
    page.get_by_label("Fewest persons that a number stands for").fill("40")
    page.get_by_label("Or the reason, on one line").fill(EXCEPTION)
    page.get_by_role("button", name="Draft again").click()
    expect(page.get_by_text("stand for 40 persons at least").first).to_be_visible()
    page.get_by_role("button", name="Sign with passkey").click()
    expect(page.get_by_text("Signed.")).to_be_visible()
    with sql.read(here.records) as connection:
        (given,) = permits.all_of(connection, here.key)  # verified with the authority's key
        (agreed,) = assertions.verify(connection)
    assert given.permit.scope.limits.minimum == 40
    assert (agreed.document, agreed.entry.body["who"]) == (given.hash, {"officer": OFFICER})


def test_a_permit_is_revoked_with_a_passkey(page: Page, here: Office) -> None:
    page.goto("/en/permits")
    page.locator("tbody a").first.click()
    page.get_by_label("The reason, on one line.").fill("The project has ended.")
    page.get_by_role("button", name="Show what I sign").click()
    page.get_by_role("button", name="Revoke with passkey").click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    with sql.read(here.records) as connection:
        assert len(list(assertions.verify(connection))) == 2


def places(here: Office, waiting: list[Application]) -> dict[str, str]:
    """A page of each kind, by name."""
    decided, unchecked, checked = (f"/en/applications/{hash_of(one)}" for one in waiting)
    with sql.read(here.records) as connection:
        (given,) = permits.all_of(connection, here.key)
    scope = waiting[2].scope
    less = f"begins={scope.begins:%Y-%m-%d}&ends={scope.ends:%Y-%m-%d}&minimum=50&rounding=10&budget=20"
    return {
        "applications": "/en/",
        "decided": decided,
        "unchecked": unchecked,
        "not-to-draft": f"{unchecked}/draft",
        "draft": f"{checked}/draft?narrow=1&dataset=0&person=0&operation=count&{less}&sealed=1&exception=None.",
        "refusal": f"{unchecked}/refusal?reason=No.",
        "permits": "/en/permits",
        "permit": f"/en/permits/{given.permit.id}",
        "log": "/en/log",
        "log-french": "/fr/log",
        "enter": "/en/enter",
        "nothing": "/en/nothing-there",
    }


def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(
    page: Page, here: Office, waiting: list[Application]
) -> None:
    for name, path in places(here, waiting).items():
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(path)
        page.evaluate(Path(AXE).read_text(encoding="utf-8"))
        assert violations(page, runOnly=RULES) == [], name
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert violations(page, runOnly=["color-contrast"]) == [], name
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390, name


def test_an_officer_signs_out(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/en/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
