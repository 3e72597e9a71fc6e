"""A browser for tests of pages, and what every page must keep while a test looks at it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.system_packages import path_of

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
Open = Callable[..., Page]


@pytest.fixture(scope="module")  # while Playwright runs, no other test of the process may use asyncio
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path_of("chromium"), args=OPTIONS)


@pytest.fixture
def visit(browser: Browser, federation: str) -> Iterator[Open]:
    """`visit(path, **context)` opens a page of a real hub with nodes. Complaints of the browser, scripts of others and
    requests to other places fail the test."""
    wrong: list[str] = []
    contexts = []

    def visit(path: str, **how: Any) -> Page:
        contexts.append(browser.new_context(base_url=federation, **how))
        page = contexts[-1].new_page()
        watch(page, federation, wrong)
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


def watch(page: Page, hub: str, wrong: list[str]) -> None:
    """Notes what must not happen on any page."""
    # That a page is missing is no complaint: some tests look for one.
    missing = "the server responded with a status of 4"
    page.on(
        "console",
        lambda said: wrong.append(said.text) if said.type == "error" and missing not in said.text else None,
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda asked: None if asked.url.startswith(hub) else wrong.append(asked.url))
