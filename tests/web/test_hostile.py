"""What a hostile node describes, and a hostile visitor sends, costs and breaks nothing but their own page."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import httpx
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp
from tests import canned
from tests.records import NODES, hub_of, node_row, records
from tests.web.canned_hub import application

from hanse.core import clock, ids
from hanse.core.answer import Cell, Counts, NodeAnswer, NodeState, Rule
from hanse.core.record import Description, Record
from hanse.domains import VOCABULARY
from hanse.hub import catalogue
from hanse.hub.shelf import Shelf
from hanse.hub.tables import NODE
from hanse.lib import sql
from hanse.web.datasets import MAX_PAGE, MOST_NOTICES, Kept
from hanse.web.pictures import MOST_BARS, MOST_CHARTS, MOST_FOLDED, pictures
from hanse.web.site import of_hub

KID = "evil"


def hostile() -> list[Record]:
    """Ages that are digits and no numbers, and more of them than anybody could live."""
    (plain,) = records(1, KID, seed=9)
    ages = ["²", "٣", "9" * 300, "1-²", "-", *map(str, range(1995))]
    return [
        replace(
            plain,
            id=ids.of_dataset(KID, f"evil-{start}"),
            said=Description(f"evil-{start}", {"en": "Evil"}),
            breakdowns={
                "person.age": tuple(Cell(age, Counts(Rule.EXACT, 5)) for age in ages[start : start + 500])
            },
        )
        for start in range(0, 2000, 500)
    ]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[httpx.Client]:
    """A hub of whose nodes one is hostile."""
    app = hub_of(tmp_path_factory.mktemp("hub"), 20, nodes=2, pages=of_hub)
    with sql.begin(app.state.hub.records) as connection:
        connection.execute(NODE.insert().values(**node_row(NODES, KID, clock.text(clock.now()))))
        catalogue.describe(connection, ids.of_node(KID), hostile(), clock.now())
    with httpx.Client(base_url=serve(app), trust_env=False, timeout=60) as client:
        yield client


def test_ages_that_are_no_numbers_break_no_page(web: httpx.Client) -> None:
    """`²` is a digit to Python and no number: one node could have ended the editor of ages for everybody."""
    shown = web.get("/en/cohort?ask=no&at=new&field=person.age")
    assert shown.status_code == 200
    one, other, *_ = hostile()
    assert web.get(f"/en/datasets/{one.id}").status_code == 200
    assert web.get(f"/en/datasets/compare?dataset={one.id}&dataset={other.id}").status_code == 200


def test_a_chart_of_thousands_of_values_has_a_bounded_place(web: httpx.Client) -> None:
    shown = web.get("/en/cohort?ask=no&at=new&field=person.age")
    assert 100 < shown.text.count('<rect class="hit"') < 300


def test_a_dataset_of_thousands_of_values_has_a_bounded_page() -> None:
    """25 000 values made a page of 12 MB."""
    (plain,) = records(1, KID, seed=9)
    cells = tuple(Cell(f"value {place}", Counts(Rule.EXACT, 5)) for place in range(500))
    large = replace(plain, breakdowns={f"field.{place}": cells for place in range(50)})
    made = pictures(large, VOCABULARY)
    bars = [len(one.chart.bars) + len(one.rest.bars if one.rest else ()) for one in made]
    assert sum(bars) == MOST_CHARTS * (MOST_BARS + MOST_FOLDED)


def test_what_is_not_understood_is_said_in_a_bounded_place(web: httpx.Client) -> None:
    query = "&".join(f"unknown-{place}=1&holder=nobody-{place}" for place in range(300))
    assert web.get(f"/en/datasets?{query}").text.count("was left out") <= 2 * MOST_NOTICES


def test_no_large_page_is_kept_in_memory(web: httpx.Client) -> None:
    """Every query is a page of its own, and a page of a thousand datasets has megabytes."""
    kept = Kept()
    shelf = Shelf([], VOCABULARY)
    made = [Response(b"x" * size) for size in (MAX_PAGE, MAX_PAGE + 1)]
    pages = [[kept.page(shelf, ("en", str(len(one.body)), True), lambda one=one: one) for one in made]]
    again = [kept.page(shelf, ("en", str(len(one.body)), True), lambda: Response()) for one in made]
    assert pages[0] == made
    assert [one is before for one, before in zip(again, made, strict=True)] == [True, False]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/en/nowhere",
        "/en/datasets",
        "/en/cohort.csv?q=(",
        "/en/cohort.json?q=(",
        "/en/cohort/stream?q=(",
        "/static/nothing.js",
        "/id/catalogue",
        "/catalog",
        "/link/v1/hub",
        "/api/v1/nodes",
        "/api/v1/nowhere",
        "/api/v1/datasets.rdf",
        "/api/v1/datasets.csv",
        "/api/v1/datasets?page=x",
        "/api/v1/openapi.json",
    ],
)
def test_no_answer_is_run_framed_or_taken_for_something_else(web: httpx.Client, path: str) -> None:
    headers = web.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"].split(",")[0] in ("no-cache", "no-store")
    assert len(headers.get_list("Cache-Control")) == 1


def test_others_are_served_while_a_large_answer_is_read(
    tmp_path: Path, serve: Callable[[ASGIApp], str]
) -> None:
    """A node may claim any number of numbers, which take seconds to read and to draw."""
    cells = tuple(Cell(str(age), Counts(Rule.EXACT, 5)) for age in range(500))
    breakdowns = dict.fromkeys(("person.age", "image.study_year", "image.modality"), cells)
    held = replace(canned.dataset("d", "Large", canned.exact(2000)), breakdowns=breakdowns)
    large = NodeAnswer("node_evil", "x", "XX", NodeState.ANSWERED, canned.AT, 1, datasets=(held,) * 15)
    address = serve(application(tmp_path, (large,)))
    asking = Thread(
        target=httpx.get,
        args=(f"{address}/en/cohort?ask=yes&charts=yes&live=no",),
        kwargs={"timeout": 120, "trust_env": False},
    )
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as other:
        other.get("/link/v1/hub")
        asking.start()
        served = 0
        while asking.is_alive():
            other.get("/link/v1/hub")
            served += asking.is_alive()
    assert served > 10  # a hub that reads and draws at one go serves one or two meanwhile
