"""The cohort page in Chromium: by clicking only, by keyboard only, without scripts; one stream a question."""

import re
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.types import ASGIApp
from tests import canned
from tests.web.canned_hub import application
from tests.web.conftest import watch

from hanse.core.query import ordered
from hanse.core.reading import read
from hanse.web.cohort import EXAMPLES

pytestmark = pytest.mark.browser
WOMEN_UNDER_50 = EXAMPLES[0][1]
ASKED = f"/en/cohort?q={quote(canned.QUESTION)}"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> str:
    return serve(application(tmp_path_factory.mktemp("hub")))


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page; complaints of the browser and requests to other places fail the test."""
    context = browser.new_context(base_url=address)
    page = context.new_page()
    wrong: list[str] = []
    watch(page, address, wrong)
    yield page
    context.close()
    assert wrong == []


def streams(page: Page) -> list[str]:
    """The streams that the page opens from now on."""
    opened: list[str] = []
    page.on("request", lambda one: opened.append(one.url) if "/cohort/stream" in one.url else None)
    return opened


def question(page: Page) -> str:
    """The question in the address."""
    return parse_qs(urlsplit(page.url).query).get("q", [""])[0]


def same(one: str, other: str) -> bool:
    return ordered(read(one).root) == ordered(read(other).root)


def choose(page: Page, field: str, *values: str, how: str = "", typed: str = "") -> None:
    """Add a criterion by clicking; the first one can be chosen at once."""
    if page.locator(".line").count():
        page.get_by_role("link", name="Add a criterion").click()
    page.locator(".shelves").get_by_role("link", name=field).first.click()
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_visible()
    if how:
        page.get_by_label("How it compares").select_option(how)
    for value in values:
        page.get_by_label(value, exact=True).check()
    if typed:
        page.get_by_label("Value", exact=True).fill(typed)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("link", name="Add a criterion")).to_be_visible()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(120):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("it cannot be reached with the keyboard")


def test_which_hospitals_have_mr_of_young_women_with_breast_cancer_and_a_segmentation_by_clicking(
    page: Page,
) -> None:
    opened = streams(page)
    page.goto("/en/cohort")
    choose(page, "Modality", "Magnetic resonance (MR)")
    choose(page, "Sex", "Female")
    choose(page, "Age", how="<", typed="50")
    choose(page, "Cancer type", "Breast cancer")
    choose(page, "Modality", "Segmentation (SEG)")  # of another image, which the builder proposes itself
    assert same(question(page), WOMEN_UNDER_50)
    assert opened == []
    page.locator(".ask-now").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    assert len(opened) == 1


def test_the_same_with_the_keyboard_only(page: Page) -> None:
    page.goto("/en/cohort")
    for find in ("magnetic", "female", "breast cancer"):
        if page.locator(".line").count():
            tab_to(page, page.get_by_role("link", name="Add a criterion"))
            page.keyboard.press("Enter")
            expect(page.locator("#find")).to_be_focused()
        tab_to(page, page.locator("#find"))
        page.keyboard.type(find)
        hit = page.locator(".hits a").first
        expect(hit).to_contain_text(find, ignore_case=True)
        tab_to(page, hit)
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name="Add", exact=True))
        page.keyboard.press("Enter")
        expect(page.locator(".panel")).to_have_count(0)
    assert same(
        question(page),
        "image.modality = 'MR' AND person.sex = 'female' AND condition.cancer_type = 'breast'",
    )
    tab_to(page, page.locator(".ask-now"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Duke breast cancer MRI")).to_contain_text("900")


def test_answers_arrive_node_by_node_over_one_stream(page: Page) -> None:
    opened = streams(page)
    page.goto(ASKED)
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    expect(page.locator(".stat .value").first).to_have_text("~7,215")
    expect(page.get_by_role("row", name="Duke breast cancer MRI")).to_contain_text("900")
    expect(page.locator(".node .state .badge")).to_have_text(["answered", "answered", "offline", "failed"])
    page.wait_for_timeout(300)
    assert len(opened) == 1


def test_a_click_on_ask_shows_the_answers_on_this_page_and_back_takes_them_away(page: Page) -> None:
    page.goto(f"{ASKED}&ask=no", wait_until="networkidle")
    page.evaluate("window.before = true")
    opened = streams(page)
    page.locator(".ask-now").click()
    expect(page.locator(".sums")).not_to_have_class(re.compile("open"))
    expect(page.locator(".ask-now")).to_be_focused()
    assert page.evaluate("window.before")
    assert len(opened) == 1
    page.go_back()
    expect(page.locator(".node")).to_have_count(0)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_on_a_phone_the_answers_come_into_view_and_focus_stays(
    browser: Browser, address: str, motion: Literal["reduce", "no-preference"]
) -> None:
    context = browser.new_context(
        base_url=address, viewport={"width": 390, "height": 844}, reduced_motion=motion
    )
    page = context.new_page()
    page.goto(f"{ASKED}&ask=no", wait_until="networkidle")
    page.locator(".ask-now").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    for seen in (".sums", ".status", ".node >> nth=0"):
        expect(page.locator(seen)).to_be_in_viewport()
    expect(page.locator(".ask-now")).to_be_focused()
    context.close()


def test_on_a_wide_screen_nothing_moves_when_asking(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto(f"{ASKED}&ask=no", wait_until="networkidle")
    page.locator(".ask-now").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    assert page.evaluate("scrollY") == 0


def test_changing_the_question_keeps_its_answers_and_says_that_they_are_older(page: Page) -> None:
    opened = streams(page)
    page.goto(ASKED)
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    page.get_by_role("button", name="Not: Age at least 52 years").click()
    older = page.get_by_text("These answers are older than the question.")
    expect(older).to_be_visible()
    expect(page.get_by_role("row", name="Duke breast cancer MRI")).to_be_visible()
    assert "NOT (person.age >= 52)" in question(page)
    page.wait_for_timeout(300)
    assert len(opened) == 1
    page.get_by_role("link", name="Ask again").first.click()
    expect(older).to_be_hidden()
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    assert len(opened) == 2
    assert opened[1] != opened[0]


def test_an_act_before_the_one_before_has_landed_changes_nothing(page: Page) -> None:
    page.goto(f"/en/cohort?ask=no&q={quote(canned.QUESTION)}")
    page.evaluate(
        """() => {
          document.querySelector("[value='remove:2.0']").click();
          document.querySelector("[value='deny:0.0']").click();
        }"""
    )
    expect(page.locator(".line")).to_have_count(2)
    page.wait_for_timeout(300)
    assert same(question(page), "image.modality = 'MR' AND condition.cancer_type = 'breast'")
    page.get_by_role("button", name="Not: Modality").click()  # and the next one is taken again
    expect(page.locator("[value='deny:0.0']")).to_have_attribute("aria-pressed", "true")


def test_back_shows_the_question_of_before(page: Page) -> None:
    page.goto(f"/en/cohort?ask=no&q={quote(canned.QUESTION)}")
    page.get_by_role("button", name="Remove: Age at least 52 years").click()
    expect(page.locator(".line")).to_have_count(2)
    page.go_back()
    expect(page.locator(".line")).to_have_count(3)
    assert same(question(page), canned.QUESTION)


def test_a_long_list_of_values_is_searched(page: Page) -> None:
    page.goto("/en/cohort?ask=no&at=new&field=image.modality")
    page.get_by_label("Find a value").fill("irm")
    expect(page.locator(".options li:visible")).to_have_count(1)
    page.get_by_label("Magnetic resonance (MR)").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".line")).to_have_count(1)
    assert question(page) == "image.modality = 'MR'"


def test_a_count_of_studies_with_a_criterion_is_clicked(page: Page) -> None:
    page.goto("/en/cohort")
    page.get_by_role("link", name="A number of studies").click()
    page.get_by_label("where", exact=True).select_option("image.modality")
    page.get_by_label("Magnetic resonance (MR)").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".line")).to_have_count(1)
    assert question(page) == "count(image.study, image.modality = 'MR') >= 2"


def test_typing_is_completed_with_the_keyboard(page: Page) -> None:
    page.goto("/en/cohort?ask=no&view=text")
    area = page.get_by_label("The question in CQL2")
    area.focus()
    page.keyboard.type("image.modal")
    expect(page.get_by_role("option").first).to_contain_text("image.modality")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(area).to_have_value("image.modality ")
    page.keyboard.type("= 'magn")
    expect(page.get_by_role("option").first).to_contain_text("'MR'")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(area).to_have_value("image.modality = 'MR'")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    assert question(page) == "image.modality = 'MR'"


def test_both_views_stay_in_step(page: Page) -> None:
    page.goto("/en/cohort?ask=no&view=text")
    page.get_by_label("The question in CQL2").fill(canned.QUESTION)
    page.get_by_role("button", name="Check").click()
    page.get_by_role("link", name="Builder").click()
    expect(page.locator(".line")).to_have_count(3)
    page.get_by_role("button", name="Remove: Modality is").click()
    expect(page.locator(".line")).to_have_count(2)
    page.get_by_role("link", name="Text").click()
    expect(page.get_by_label("The question in CQL2")).to_have_value(
        "condition.cancer_type = 'breast' AND person.age >= 52"
    )


def test_a_question_that_cannot_be_read_is_an_alert_at_its_place_and_is_not_lost(page: Page) -> None:
    page.goto("/en/cohort?view=text&ask=no")
    area = page.get_by_label("The question in CQL2")
    area.fill("image.modalty = 'MR'")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").locator("mark")).to_have_text("image.modalty")
    expect(area).to_have_value("image.modalty = 'MR'")


def test_a_question_is_kept_and_opened_again(page: Page) -> None:
    page.goto(f"/en/cohort?ask=no&q={quote(canned.QUESTION)}")
    page.get_by_text("Keep this question").click()
    page.get_by_label("Name").fill("Breast MR over 52")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("heading", name="Breast MR over 52")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("2 of 4 nodes answered")
    assert "/en/cohort/question_" in page.url


def test_datasets_that_count_0_are_folded_away(page: Page) -> None:
    page.goto(ASKED)
    row = page.get_by_role("row", name="Collection 178")
    expect(row).to_be_hidden()
    page.get_by_text("164 datasets with 0 persons").click()
    expect(row).to_be_visible()


def test_a_stream_that_breaks_is_said_and_not_asked_again(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address)
    page = context.new_page()
    asked: list[str] = []
    page.route("**/cohort/stream*", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(ASKED)
    expect(page.get_by_text("The connection to the hub was lost")).to_be_visible()
    page.wait_for_timeout(500)
    assert len(asked) == 1
    context.close()


def test_without_scripts_a_question_is_clicked_together_and_answered(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/en/cohort")
    choose(page, "Modality", "Magnetic resonance (MR)")
    choose(page, "Age", how="<", typed="50")
    assert same(question(page), "image.modality = 'MR' AND person.age < 50")
    page.locator(".ask-now").click()
    expect(page.get_by_role("row", name="Duke breast cancer MRI")).to_contain_text("900")
    page.get_by_role("link", name="Text").click()
    page.get_by_label("The question in CQL2").fill("person.sex = 'female'")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("row", name="Duke breast cancer MRI")).to_contain_text("900")
    context.close()


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, viewport={"width": 390, "height": 844})
    page = context.new_page()
    for path in (
        f"{ASKED}&charts=yes",
        "/en/cohort?ask=no&at=new",
        "/en/cohort?ask=no&at=new&field=image.modality",
    ):
        page.goto(path)
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_the_first_tab_skips_to_the_answers(page: Page) -> None:
    page.goto(ASKED)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the answers")).to_be_focused()


def test_a_true_hub_answers_on_its_page(browser: Browser, federation: str) -> None:
    context = browser.new_context(base_url=federation)
    page = context.new_page()
    page.goto(ASKED)
    expect(page.get_by_role("status")).to_contain_text("2 of 3 nodes answered", timeout=20_000)
    expect(page.get_by_role("row", name="Dataset breast-mr")).to_contain_text("224")
    expect(page.get_by_role("row", name="Dataset any-mr")).to_contain_text("no such data here")
    context.close()
