"""What holds on every page, in real Chromium: WCAG 2.2 AA as far as axe finds it, light and dark; phones; headers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page
from starlette.routing import Mount, Route
from tests.web.conftest import AXE, watch
from tests.web.places import PLACES, places

from hanse.hub.app import make_app
from hanse.hub.config import HubConfig, init
from hanse.web.site import of_hub

pytestmark = pytest.mark.browser
LIVE = {"cohorts-asked", "cohorts-text"}  # pages on which something arrives later
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def paths(federation: str) -> dict[str, str]:
    return places(federation)


@pytest.fixture(scope="module")
def page(browser: Browser, federation: str) -> Iterator[Page]:
    """One page for all visits; the policy of our pages, which keeps other scripts out, is lifted for axe."""
    context = browser.new_context(base_url=federation, bypass_csp=True, color_scheme="light")
    page = context.new_page()
    wrong: list[str] = []
    watch(page, federation, wrong)
    yield page
    context.close()
    assert wrong == []


def violations(page: Page, **options: Any) -> list[str]:
    """What axe finds: rule, element and why."""
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]
    ]


@pytest.mark.parametrize("name", PLACES)
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(
    page: Page, paths: dict[str, str], name: str
) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(paths[name])
    if name in LIVE:
        page.wait_for_load_state("networkidle")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(page, runOnly=RULES) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, runOnly=["color-contrast"]) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("language", ["en", "fr"])
def test_headers_title_and_language_of_every_page(federation: str, language: str) -> None:
    with httpx.Client(base_url=federation, trust_env=False, timeout=60) as client:
        for name, path in places(federation, language).items():
            answer = client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
            wanted = {"nothing-there": 404}.get(name, 200)
            assert answer.status_code in (wanted, 422), name
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';"), name
            assert answer.headers["Referrer-Policy"] == "no-referrer", name
            assert answer.headers["X-Content-Type-Options"] == "nosniff", name
            assert f'<html lang="{language}">' in answer.text, name
            assert re.search(r"<title>[^<]+ – [^<]+</title>|<title>Hanse", answer.text), name
            assert not re.search(r"<[^>]* (style|on\w+)=", answer.text), name
            assert len(re.findall(r"<h1\b", answer.text)) == 1, name


# Routes that no visit of a page is for, and who looks at them instead.
ELSEWHERE = {
    "/cohort/stream": "test_cohort.py",
    "/cohort/{id}": "test_cohort.py",
    "/applications/{hash}": "test_permits.py",
    "/permits/{id}": "test_permits.py",
    "/permits/{id}/run": "test_permits.py",
    "/operator": "test_operator.py",
    "/operator/enter": "test_operator.py",
}


def test_every_page_is_visited_by_these_tests(tmp_path: Path) -> None:
    """A new page fails here until it stands in `tests/web/places.py`."""
    settings = HubConfig(tmp_path)
    init(settings)
    (english,) = (one for one in make_app(settings, of_hub).routes if getattr(one, "path", "") == "/en")
    assert isinstance(english, Mount)
    pages = {one.path for one in english.routes if isinstance(one, Route) and "GET" in (one.methods or ())}
    documents = {path for path in pages if re.search(r"\.(\w+|{\w+})$", path)}  # the same as JSON, CSV, ...
    visited = [path.partition("?")[0] for path in PLACES.values()]
    left = {
        one for one in pages - documents - set(ELSEWHERE) if not any(map(_pattern(one).fullmatch, visited))
    }
    assert left == set()


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
