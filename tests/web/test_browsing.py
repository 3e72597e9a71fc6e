"""What a visitor does outside the catalogue and the cohort page, in real Chromium."""

import re

import httpx
import pytest
from playwright.sync_api import expect
from tests.web.conftest import Open

pytestmark = pytest.mark.browser
WEIGHT = 100_000  # bytes on the wire of a first visit


def test_from_home_to_the_catalogue_with_the_keyboard_only(visit: Open) -> None:
    page = visit("/en/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("screening")
    page.keyboard.press("Enter")
    page.wait_for_url("**/en/datasets?q=screening")
    expect(page.get_by_role("heading", name="Dataset screening")).to_be_visible()


def test_the_box_takes_a_question_to_its_page(visit: Open) -> None:
    page = visit("/en/")
    page.get_by_role("searchbox").fill("person.sex = 'female' AND image.modality = 'MR'")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("/en/cohort\\?q=person.sex"))


def test_a_known_word_leads_to_datasets_and_to_a_question(visit: Open) -> None:
    page = visit("/en/search?q=breast")
    page.get_by_role("link", name="Cancer type: Breast cancer").click()
    expect(page).to_have_url(re.compile("/en/cohort\\?q=condition.cancer_type"))


def test_the_language_changes_and_the_place_stays(visit: Open) -> None:
    page = visit("/en/rules/1.1?since=1.0")
    page.get_by_role("link", name="Français").click()
    page.wait_for_url("**/fr/rules/1.1?since=1.0")
    expect(page.get_by_role("heading", name="Règles de participation")).to_be_visible()


def test_a_country_on_the_map_leads_to_its_node(visit: Open) -> None:
    page = visit("/en/nodes")
    page.get_by_role("link", name="Finland: 1").first.click()
    expect(page.get_by_role("heading", name="Hospital Turku")).to_be_visible()
    expect(page.get_by_role("link", name="Dataset screening")).to_be_visible()


def test_a_command_is_copied_with_one_button(visit: Open) -> None:
    page = visit("/en/api", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "curl http" in page.evaluate("navigator.clipboard.readText()")


def test_without_scripts_the_box_the_menus_and_the_charts_work(visit: Open) -> None:
    page = visit("/en/", java_script_enabled=False)
    page.get_by_text("As a table").click()
    expect(page.get_by_role("row", name="Finland 1")).to_be_visible()
    page.get_by_role("searchbox").fill("screening")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/en/datasets?q=screening")


@pytest.mark.parametrize("path", ["/en/", "/en/datasets"])
def test_a_first_visit_is_light(visit: Open, path: str) -> None:
    page = visit("/en/nothing-yet")
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert len(sizes) >= 3  # page, script, typeface
    assert sum(sizes) < WEIGHT


def test_assets_are_kept_for_ever_and_come_packed(federation: str) -> None:
    with httpx.Client(base_url=federation, trust_env=False, timeout=60) as client:
        page = client.get("/en/").text
        script = page.partition('fetchpriority="low" src="')[2].partition('"')[0]
        packed, plain = (client.get(script, headers={"Accept-Encoding": how}) for how in ("gzip", "identity"))
        assert "immutable" in packed.headers["Cache-Control"]
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.text == plain.text
        assert client.get("/static/hanse.css").status_code == 404
        assert client.get("/static/..%2fassets.py").status_code == 404
