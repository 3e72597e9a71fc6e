"""The authority's page in real Chromium, with a passkey of its own: from a link to a permit that verifies."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from tests.authority.office import SPARE, THEIRS, WORKING, Office, application, office, signed
from tests.core.permits import hash_of
from tests.desk.chromium import is_for_everybody, place, serving, signed_in
from tests.desk.conftest import OFFICER
from tests.web.conftest import browser

from hanse.authority import permits
from hanse.authority.home import Home
from hanse.core.application import Application
from hanse.desk import authority
from hanse.desk.site import make_desk
from hanse.lib import assertions, jws, sql

__all__ = ("browser",)
pytestmark = pytest.mark.browser
EXCEPTION = "Nobody has opted out yet."


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("desk") / "authority") as one:
        yield one


@pytest.fixture(scope="module")
def waiting(here: Office) -> list[Application]:
    """Applications: one that is decided in these tests, a hostile one of which nothing is checked, one with checked
    keys."""
    made = [application(here.settings.id, project=f"Project {n}") for n in (1, 2, 3)]
    made[1] = hostile(made[1])
    for one in made:
        here.take(signed(one))
    here.check_all(made[2])
    return made


def hostile(said: Application) -> Application:
    """The application with markup and words without end in every text."""
    text = f"<img src=x onerror=alert(1)>{'W' * 120}<script>alert(1)</script>"
    persons = tuple(
        replace(one, name=f"{text}{n}", organisation=text) for n, one in enumerate(said.scope.persons)
    )
    datasets = tuple(replace(one, name=text) for one in said.scope.datasets)
    scope = replace(said.scope, persons=persons, datasets=datasets)
    return replace(said, project=text, reasons=(text * 20, "مرحبا " * 50 + "."), scope=scope)


@pytest.fixture(scope="module")
def asked(waiting: list[Application]) -> Application:
    """The one that is decided."""
    return waiting[0]


@pytest.fixture(scope="module")
def port(here: Office) -> Iterator[int]:
    """Where the page is served."""
    where, number = place()
    home = Home(here.settings, here.key, here.records)
    with serving(make_desk(authority.desk(home, number), authority.pages(home)), where):
        yield number


@pytest.fixture(scope="module")
def page(browser: Browser, here: Office, waiting: list[Application], port: int) -> Iterator[Page]:
    with signed_in(browser, port, here.records, OFFICER) as one:
        yield one


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
    page.get_by_role("button", name="Draft").click()
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


def places(here: Office, waiting: list[Application]) -> list[str]:
    """A page of each kind."""
    decided, unchecked, checked = (f"/en/applications/{hash_of(one)}" for one in waiting)
    with sql.read(here.records) as connection:
        (given,) = permits.all_of(connection, here.key)
    scope = waiting[2].scope
    less = f"begins={scope.begins:%Y-%m-%d}&ends={scope.ends:%Y-%m-%d}&minimum=50&rounding=10&budget=20"
    return [
        "/en/",
        decided,
        unchecked,
        f"{unchecked}/draft",
        f"{checked}/draft?narrow=1&dataset=0&person=0&operation=count&{less}&sealed=1&exception=None.",
        f"{unchecked}/refusal?reason=No.",
        "/en/permits",
        f"/en/permits/{given.permit.id}",
        "/en/log",
        "/fr/log",
        "/en/enter",
        "/en/nothing-there",
    ]


def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(
    page: Page, here: Office, waiting: list[Application]
) -> None:
    for path in places(here, waiting):
        is_for_everybody(page, path)


@pytest.fixture(scope="module")
def elsewhere(port: int) -> Iterator[str]:
    """A page of another origin on this machine, as a hub has it, that tries what it can with the officer's browser."""
    desk = f"http://localhost:{port}/en"
    html = f"""<!doctype html><title>Elsewhere</title>
        <form id="leave" method="post" action="{desk}/leave"><input name="form" value="guess"></form>
        <iframe name="framed" src="{desk}/applications"></iframe>
        <a href="{desk}/applications">a link</a>"""

    async def page(_request: Request) -> HTMLResponse:
        return HTMLResponse(html)

    where, number = place()
    with serving(Starlette(routes=[Route("/", page)]), where):
        yield f"http://127.0.0.1:{number}/"


def test_a_page_elsewhere_reads_frames_and_sends_nothing(page: Page, elsewhere: str, port: int) -> None:
    other = page.context.new_page()
    other.goto(elsewhere)
    read = """async desk => {
        const ways = [{credentials: "include"}, {credentials: "include", mode: "no-cors"}, {method: "POST"}];
        const asked = ways.map(how => fetch(desk, how).then(answer => answer.text()).catch(() => ""));
        return (await Promise.all(asked)).join("");
    }"""
    assert other.evaluate(read, f"http://localhost:{port}/en/applications") == ""
    framed = other.frame("framed")
    assert framed is None or "Applications" not in framed.content()
    with other.expect_navigation():
        other.evaluate("document.querySelector('#leave').submit()")
    assert "This comes from another site." in other.content()
    other.close()
    page.goto("/en/applications")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_officer_signs_out(page: Page) -> None:
    page.goto("/en/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
