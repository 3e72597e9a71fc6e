"""The catalogue page of a hub with 10 000 datasets: server time, bytes, many visitors, and what a browser sees.

Visitors look at a page, read for five seconds on average, and go on to another view; no two of the views measured
are alike. The browser is Chromium; slow 4G is 1.6 Mbit/s with 150 ms to each answer, as in Lighthouse. One run asks for
the same view as harvesters do, in RDF.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from tests.records import CANCERS, CITIES, COUNTRIES, MODALITIES, fill
from tests.system_packages import path_of

from benchmarks.federation import at, reachable, row, wait
from hanse.cli.processes import Processes
from hanse.hub import config as hubs
from hanse.hub.config import HubConfig
from hanse.hub.tables import MIGRATIONS
from hanse.lib import sql
from hanse.lib.sql import migrate

DATASETS, VISITORS, SECONDS, READING_S = 10_000, 200, 30, 5.0
SERVER_MS, BYTES_KB, P95_MS, CLICK_MS, PAINT_MS = 30, 100, 300, 150, 600
PAGE = "/en/datasets"
URL = "http://127.0.0.1:8473"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Times of the server, bytes, visitors, and times in the browser."""
    number = 300 if small else DATASETS
    with tempfile.TemporaryDirectory() as home, serving(Path(home), number) as url:
        # Each view once: a hub keeps pages.
        alone = sorted(one for path in views(100) for one in took(url, path, 1))
        crowd = asyncio.run(visits(url, 20 if small else VISITORS, 3 if small else SECONDS))
        turtle = statistics.median(took(url, "/api/v1/datasets.ttl?q=sein&size=100", 3))
        with chromium() as browser:
            wire, paint = cold(browser, url)
            clicks = clicked(browser, url)
    return [
        row(f"catalogue page of {number:,} datasets, median", statistics.median(alone), "ms", SERVER_MS),
        row(f"catalogue page of {number:,} datasets, p95", at(alone, 0.95), "ms"),
        row("catalogue page with all it loads, compressed", wire / 1000, "kB", BYTES_KB),
        row(f"catalogue, {VISITORS} visitors, p95", at(crowd, 0.95), "ms", P95_MS),
        row(
            "catalogue, facet click to results in Chromium, median", statistics.median(clicks), "ms", CLICK_MS
        ),
        row("catalogue, first paint on slow 4G, median", paint, "ms", PAINT_MS),
        row("catalogue, 100 records as Turtle", turtle, "ms"),
    ]


@contextmanager
def serving(home: Path, number: int) -> Iterator[str]:
    """The address of a hub, as a process, whose nodes have described so many datasets."""
    settings = HubConfig(home / "hub", url=URL, port=int(URL.rpartition(":")[2]))
    hubs.init(settings)
    records = sql.engine(settings.database_url)
    migrate(records, MIGRATIONS)
    fill(records, number)
    processes = Processes(home / "logs")
    try:
        processes.start("hub", "hub", "serve", "--home", str(settings.home))
        wait(lambda: reachable(URL))
        httpx.get(URL + PAGE, timeout=120, trust_env=False).raise_for_status()  # waits for the index
        yield URL
    finally:
        processes.stop()


def views(count: int) -> list[str]:
    """Addresses of views that people might look at, the same on every run."""
    chance = random.Random(1)
    return [f"{PAGE}?{'&'.join(_said(chance))}" for _ in range(count)]


def _said(chance: random.Random) -> Iterator[str]:
    words = ("sein", "cancer", "lung", "IRM", "c50", "radiologists", *CITIES)
    if chance.random() < 0.5:
        yield f"q={chance.choice(words)}"
    for facet, values in (("modality", MODALITIES), ("cancer_type", CANCERS), ("country", COUNTRIES)):
        if chance.random() < 0.4:
            yield from (f"{facet}={value}" for value in chance.sample(values, chance.randint(1, 3)))
    yield f"page={chance.randint(1, 5)}"


def took(url: str, path: str, times: int) -> list[float]:
    """Milliseconds from the request to the whole answer, packed, over one connection."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        client.get("/api/v1/nodes")
        return [_timed(client, path) for _ in range(times)]


def _timed(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - began) * 1000


async def visits(url: str, visitors: int, seconds: float) -> list[float]:
    """How long each page took while so many visitors were there, sorted."""
    times: list[float] = []
    paths = views(500)

    async def visitor(number: int, client: httpx.AsyncClient) -> None:
        chance = random.Random(number)
        await asyncio.sleep(chance.uniform(0, READING_S))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.perf_counter()
            (await client.get(chance.choice(paths))).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(chance.expovariate(1 / READING_S))

    # One client with a connection for each: to make a client takes longer than to serve a page.
    limits = httpx.Limits(max_connections=visitors, max_keepalive_connections=visitors)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, limits=limits) as client:
        await asyncio.gather(*(visitor(number, client) for number in range(visitors)))
    return sorted(times)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path_of("chromium"), args=OPTIONS)


def cold(browser: Browser, url: str, times: int = 5) -> tuple[float, float]:
    """Bytes on the wire for a first visit, and the median of its first paint on slow 4G in milliseconds."""
    sizes, paints = [], []
    for _ in range(times):
        page = browser.new_context().new_page()
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.emulateNetworkConditions", SLOW_4G)
        received: list[float] = []
        network.on(
            "Network.loadingFinished", lambda event, into=received: into.append(event["encodedDataLength"])
        )
        page.goto(url + PAGE, wait_until="networkidle")
        sizes.append(sum(received))
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        page.context.close()
    return max(sizes), statistics.median(paints)


CLICK = """name => new Promise(done => {
  const status = document.querySelector('#results [role=status]');
  const before = status.textContent;
  const began = performance.now();
  new MutationObserver((_, observer) => {
    if (document.querySelector('#results [role=status]').textContent === before) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
  document.querySelector(`#facet-${name} input`).click();
})"""


def clicked(browser: Browser, url: str, times: int = 15) -> list[float]:
    """Milliseconds from a click on a facet until its results are painted."""
    page: Page = browser.new_page()
    found = []
    for _ in range(times):
        page.goto(url + PAGE)
        found.append(page.evaluate(CLICK, "modality"))
    page.close()
    return found
