"""The cohort page in Chromium: how long after the question the first node's answer can be seen, and how many streams.

The federation is that of `benchmarks.federation` with four nodes of protected data, which answer on a time grid of
100 ms; every question is new. The time runs from the click on the question until the next frame that shows an answer.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright
from tests.system_packages import path_of

from benchmarks.federation import ask, at, new, row, running

NODES = 4
QUESTIONS = 15
VISIBLE_MS, STREAMS = 200, 1
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]

# Runs before anything of the page does; its clock starts when the browser is told to go there.
WATCH = """
new MutationObserver((_changes, observer) => {
  if (!document.querySelector(".node.answered")) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.seen = performance.now(); });
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
"""


def rows(small: bool = False) -> list[dict[str, Any]]:
    """The first answer seen, with and without charts, and the most streams that one question opened."""
    with tempfile.TemporaryDirectory() as home, running(Path(home), 2 if small else NODES) as (url, _nodes):
        ask(url, "image.modality = 'MR'")  # the first question makes every node load what it needs
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path_of("chromium"), args=CHROMIUM)
            page = browser.new_context(base_url=url).new_page()
            page.add_init_script(WATCH)
            numbers = iter(range(1_000_000))
            count = 3 if small else QUESTIONS
            measured(page, new(next(numbers)))  # the assets are in the browser's cache from now on
            plain = [measured(page, new(next(numbers))) for _ in range(count)]
            drawn = [measured(page, new(next(numbers)), "&charts=yes") for _ in range(count)]
            browser.close()
    seen = sorted(milliseconds for milliseconds, _ in plain)
    with_charts = sorted(milliseconds for milliseconds, _ in drawn)
    most = max(streams for _, streams in plain + drawn)
    return [
        row("cohort page, median until the first answer is seen", statistics.median(seen), "ms", VISIBLE_MS),
        row("cohort page, p95 until the first answer is seen", at(seen, 0.95), "ms"),
        row("cohort page, median with charts asked along", statistics.median(with_charts), "ms"),
        row("cohort page, streams for a question", most, "streams", STREAMS),
    ]


def measured(page: Page, question: str, more: str = "") -> tuple[float, int]:
    """Milliseconds until the first answer was seen, and how many streams were opened until all had answered."""
    streams: list[str] = []

    def count(request: Any) -> None:
        if "/cohort/stream" in request.url:
            streams.append(request.url)

    page.on("request", count)
    page.goto(f"/en/cohort?q={quote(question)}{more}")
    page.wait_for_selector(".sums:not(.open)")
    page.remove_listener("request", count)
    return float(page.evaluate("window.seen")), len(streams)
