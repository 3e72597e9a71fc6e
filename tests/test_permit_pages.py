"""The whole way by clicking only: a researcher on the portal, an officer at the authority, one at each hospital."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.types import ASGIApp
from tests.desk.chromium import place, serving, signed_in
from tests.federation import HOSPITALS, OFFICER, Permitting, permitting
from tests.test_permits import pooled, released
from tests.web.conftest import browser, watch

from hanse.analysis.result import Result
from hanse.authority.home import opened
from hanse.core.release import Limits
from hanse.desk import authority, node
from hanse.desk.site import make_desk
from hanse.node.store import Store

__all__ = ("browser",)
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PATIENTLY = 90_000  # milliseconds
PROJECT = "Survival with lung cancer"
CURVE = {"until": "person.last_contact", "event": "person.vital_status", "happened": ["dead"]}
DAYS = [0, 90, 180, 365, 730]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[Permitting]:
    with permitting(tmp_path_factory.mktemp("pages"), serve) as made:
        yield made


@pytest.fixture
def officer(browser: Browser, space: Permitting) -> Iterator[Page]:
    """Somebody who has signed in at the authority."""
    with opened(space.authority.home) as home, ExitStack() as desk:
        where, port = place()
        desk.enter_context(serving(make_desk(authority.desk(home, port), authority.pages(home)), where))
        yield desk.enter_context(signed_in(browser, port, home.records, OFFICER))


@pytest.fixture
def managers(browser: Browser, space: Permitting) -> Iterator[list[Page]]:
    """Somebody who has signed in at each hospital."""
    with ExitStack() as desks:
        found = []
        for one in space.hospitals:
            where, port = place()
            store = Store(one.home)
            desks.enter_context(serving(make_desk(node.desk(store, one, port), node.pages(store)), where))
            found.append(desks.enter_context(signed_in(browser, port, store.records, OFFICER)))
        yield found


@pytest.fixture
def researcher(browser: Browser, space: Permitting) -> Iterator[Page]:
    context = browser.new_context(base_url=space.url, accept_downloads=True)
    context.set_default_timeout(PATIENTLY)
    page = context.new_page()
    wrong: list[str] = []
    watch(page, space.url, wrong)
    yield page
    context.close()
    assert wrong == []


def test_from_an_application_to_a_curve_and_a_revocation(
    space: Permitting, researcher: Page, officer: Page, managers: list[Page], tmp_path: Path
) -> None:
    fingerprint = apply(researcher)
    give(officer, fingerprint)
    for manager, decide in zip(managers, (approve, approve, refuse), strict=True):
        decide(manager)

    researcher.get_by_role("link", name="To the permit").click(timeout=PATIENTLY)
    order(researcher)
    with researcher.expect_download() as waited:
        researcher.get_by_role("button", name="CSV: Curve").click()
    waited.value.save_as(tmp_path / "curve.csv")
    assert rows((tmp_path / "curve.csv").read_text(encoding="utf-8-sig")) == rows(pooled_curve())
    expect(researcher.get_by_text("Not everybody is in it.")).to_be_visible(timeout=PATIENTLY)

    revoke(officer)
    for manager in managers[:2]:
        expect_revoked(manager)
    assert all(space.verified())


def apply(page: Page) -> str:
    """Applies for all datasets with a new key of this browser; its fingerprint, as the person reads it out."""
    datasets = [one["id"] for one in page.request.get("/api/v1/datasets").json()["datasets"]]
    page.goto(f"/en/apply?{urlencode({'dataset': datasets}, doseq=True)}")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name of the project").fill(PROJECT)
    page.get_by_label("Reasons").fill("To learn how long patients live.")
    page.get_by_label("Your name").fill("Principal Investigator")
    page.get_by_label("Your organisation").fill("University of the North")
    page.get_by_label("Its country").select_option("FI")
    page.get_by_role("button", name="See what you will sign").click()
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_role("heading", name=PROJECT)).to_be_visible(timeout=PATIENTLY)
    return page.locator(".fingerprint").first.inner_text().removesuffix("kept by a web page")


def give(page: Page, fingerprint: str) -> None:
    """Compares the fingerprint and signs the permit as it was asked for."""
    until_shown(page, lambda: page.get_by_role("link", name=PROJECT))
    page.get_by_role("link", name=PROJECT).click()
    page.get_by_label("Fingerprint that you heard").fill(fingerprint)
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("link", name="Draft a permit").click()
    page.get_by_role("button", name="Sign with passkey").click()
    expect(page.get_by_text("Signed.")).to_be_visible(timeout=PATIENTLY)


def approve(page: Page) -> None:
    open_permit(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(f"Approved by {OFFICER}")).to_be_visible(timeout=PATIENTLY)


def refuse(page: Page) -> None:
    open_permit(page)
    page.get_by_role("link", name="Refuse").click()
    page.get_by_label("The reason, on one line.").fill("Not our patients.")
    page.get_by_role("button", name="Show what I sign").click()
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text(f"Forbidden by {OFFICER}")).to_be_visible(timeout=PATIENTLY)


def open_permit(page: Page) -> None:
    """Opens the permit, which comes after the application of the same name, and may be approved or refused."""
    until_shown(page, lambda: page.get_by_role("link", name=PROJECT))
    for _ in range(60):
        page.get_by_role("link", name=PROJECT).first.click()
        page.wait_for_load_state()
        if page.get_by_role("button", name="Approve").count():
            return
        page.wait_for_timeout(500)
        page.goto("/en/")
    raise AssertionError("the permit did not come")


def until_shown(page: Page, wanted: Callable[[], Locator]) -> None:
    """Looks again until the page shows what is on its way."""
    for _ in range(60):
        page.goto("/en/")
        if wanted().count():
            return
        page.wait_for_timeout(500)
    raise AssertionError("it did not come")


def order(page: Page) -> None:
    """Orders a survival curve of all datasets from the permit's page, and waits until two nodes are in it."""
    page.get_by_role("link", name="Survival").click()
    page.get_by_label("Days at which the curve may fall").fill(", ".join(map(str, DAYS)))
    for box in page.get_by_role("group", name="Datasets").get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="See what you will sign").click()
    page.get_by_role("button", name="Sign and send").click()
    page.wait_for_url("**/runs/run_*")
    expect(page.get_by_text("verified", exact=True)).to_have_count(2, timeout=PATIENTLY)


def revoke(page: Page) -> None:
    page.goto("/en/permits")
    page.locator("tbody a").first.click()
    page.get_by_label("The reason, on one line.").fill("The project has ended.")
    page.get_by_role("button", name="Show what I sign").click()
    page.get_by_role("button", name="Revoke with passkey").click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible(timeout=PATIENTLY)


def expect_revoked(page: Page) -> None:
    until_shown(page, lambda: page.get_by_text("revoked by the authority"))


def pooled_curve() -> str:
    """The curve over the rows of the two hospitals that approved, in one table."""
    one, two, _ = HOSPITALS
    found: Result = released(pooled(one, two), CURVE | {"grid": DAYS}, Limits())
    return next(sheet for sheet in found.sheets if sheet.title == "Curve").to_csv()


def rows(table: str) -> list[str]:
    return table.split()
