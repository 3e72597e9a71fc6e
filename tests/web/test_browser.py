"""What a person sees and does, in Chromium."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests import canned
from tests.system_packages import path_of
from tests.web.test_page import application

pytestmark = pytest.mark.browser
ASKED = f"/?q={quote(canned.QUESTION)}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path_of("chromium"), args=options)


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(application())


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page; complaints of the browser and requests to other places fail the test."""
    context = browser.new_context(base_url=address)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append("a script of a node ran"), dialog.dismiss()))
    page.on("request", lambda request: None if request.url.startswith(address) else wrong.append(request.url))
    yield page
    context.close()
    assert wrong == []


def test_answers_arrive_node_by_node_over_one_stream(page: Page) -> None:
    streams: list[str] = []
    page.on(
        "request", lambda request: streams.append(request.url) if "/search/stream" in request.url else None
    )
    page.goto(ASKED)
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    expect(page.locator(".figure").first).to_have_text("~7,215 persons")
    expect(page.get_by_role("row", name="Duke breast cancer MRI")).to_contain_text("900")
    expect(page.locator(".node .state")).to_have_text(
        ["answered in 41 ms", "answered in 112 ms", "offline", "failed"]
    )
    page.wait_for_timeout(300)
    assert len(streams) == 1


def test_a_true_hub_answers_on_its_page(browser: Browser, federation: str) -> None:
    context = browser.new_context(base_url=federation)
    page = context.new_page()
    page.goto(f"/?q={quote(canned.QUESTION)}")
    expect(page.get_by_role("status")).to_contain_text("2 of 3 nodes answered", timeout=20_000)
    expect(page.get_by_role("row", name="Dataset breast-mr")).to_contain_text("224")
    expect(page.get_by_role("row", name="Dataset any-mr")).to_contain_text("no such data here")
    context.close()


def test_a_question_is_asked_with_the_keyboard_and_stands_in_the_address(page: Page) -> None:
    page.goto("/")
    page.keyboard.type("person.sex = 'female'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=person.sex*")
    expect(page.get_by_role("textbox")).to_have_value("person.sex = 'female'")
    page.go_back()
    expect(page.get_by_role("textbox")).to_have_value("")


def test_an_example_is_one_click_away(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="CT and MR of one person").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")


def test_datasets_that_count_0_are_folded_away(page: Page) -> None:
    page.goto(ASKED)
    row = page.get_by_role("row", name="Collection 178")
    expect(row).to_be_hidden()
    page.get_by_text("164 datasets with 0 persons").click()
    expect(row).to_be_visible()


def test_a_question_that_cannot_be_read_is_an_alert_at_its_place(page: Page) -> None:
    page.goto("/?q=image.modalty+%3D+'MR'")
    expect(page.get_by_role("alert").locator("mark")).to_have_text("image.modalty")


def test_a_stream_that_breaks_is_said_and_not_asked_again(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address)
    page = context.new_page()
    asked: list[str] = []
    page.route("**/search/stream*", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(ASKED)
    expect(page.get_by_text("The connection to the hub was lost")).to_be_visible()
    page.wait_for_timeout(500)
    assert len(asked) == 1
    context.close()


def test_without_scripts_all_answers_come_at_once(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("textbox").fill(canned.QUESTION)
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("row", name="Duke breast cancer MRI")).to_contain_text("900")
    context.close()


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(ASKED)
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_the_first_tab_skips_to_the_answers(page: Page) -> None:
    page.goto(ASKED)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the answers")).to_be_focused()
