"""The cohort page in Chromium: how long after the question the first node's answer can be seen, and how many streams.

The federation is that of `benchmarks.federation` with four nodes: one with public data, which answers when it is ready,
and three with protected data, which answer on a time grid of 100 ms; and once more with protected data alone. Every
question is new. The time runs from the click on "Ask" until the next frame that shows an answer; and once, where a
question is opened by its address, from when the browser is told to go there.
"""

import statistics
import tempfile
from collections.abc import Callable
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

# Runs before anything of a page does. Its clock starts with the document, and anew with a click.
WATCH = """
window.began = 0;
const watch = () => new MutationObserver((_changes, observer) => {
  if (!document.querySelector(".node.answered")) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.seen = performance.now() - window.began; });
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
watch();
addEventListener("click", () => { window.began = performance.now(); watch(); }, { capture: true });
"""


def rows(small: bool = False) -> list[dict[str, Any]]:
    """The first answer seen, with and without charts, and the most streams that one question opened."""
    count = 3 if small else QUESTIONS
    mixed, drawn, opened = asked(1, count, (clicked, ""), (clicked, "&charts=yes"), (gone_to, ""))
    (protected,) = asked(0, count, (clicked, ""))
    seen = sorted(milliseconds for milliseconds, _ in mixed)
    most = max(streams for _, streams in (*mixed, *drawn, *opened, *protected))
    return [
        row("cohort page, median until the first answer is seen", statistics.median(seen), "ms", VISIBLE_MS),
        row("cohort page, p95 until the first answer is seen", at(seen, 0.95), "ms"),
        row("cohort page, median with charts asked along", median(drawn), "ms"),
        row("cohort page, median for a question opened by its address", median(opened), "ms"),
        row("cohort page, median when all nodes answer on the grid of 100 ms", median(protected), "ms"),
        row("cohort page, streams for a question", most, "streams", STREAMS),
    ]


def median(found: list[tuple[float, int]]) -> float:
    return statistics.median(milliseconds for milliseconds, _ in found)


Way = Callable[[Page, str], None]


def asked(public: int, count: int, *ways: tuple[Way, str]) -> list[list[tuple[float, int]]]:
    """For each way to ask and addition to the address, what `count` questions measured in a federation with so many
    public nodes."""
    with tempfile.TemporaryDirectory() as home, running(Path(home), NODES, public) as (url, _nodes):
        ask(url, "image.modality = 'MR'")  # the first question makes every node load what it needs
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path_of("chromium"), args=CHROMIUM)
            page = browser.new_context(base_url=url).new_page()
            page.add_init_script(WATCH)
            numbers = iter(range(1_000_000))
            for way, _more in ways:  # the assets are in the browser's cache from now on
                measured(page, way, new(next(numbers)))
            found = [
                [measured(page, way, new(next(numbers)), more) for _ in range(count)] for way, more in ways
            ]
            browser.close()
    return found


def measured(page: Page, way: Way, question: str, more: str = "") -> tuple[float, int]:
    """Milliseconds until the first answer was seen, and how many streams were opened until all had answered."""
    streams: list[str] = []

    def count(request: Any) -> None:
        if "/cohort/stream" in request.url:
            streams.append(request.url)

    page.on("request", count)
    way(page, f"/en/cohort?q={quote(question)}{more}")
    page.wait_for_selector(".sums:not(.open)")
    page.remove_listener("request", count)
    return float(page.evaluate("window.seen")), len(streams)


def clicked(page: Page, address: str) -> None:
    """The question stands on the page, and somebody clicks on "Ask"."""
    page.goto(f"{address}&ask=no", wait_until="networkidle")
    page.click(".ask-now")


def gone_to(page: Page, address: str) -> None:
    """Somebody opens the address of the question."""
    page.goto(address)
