"""The pages of the catalogue, over HTTP and in Chromium, with what hostile nodes describe among the datasets."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient
from tests.records import NODES, WITHHELD, hub_of, node_row, records
from tests.web.conftest import watch

from hanse.core import clock, ids
from hanse.core.answer import Cell, Counts, Rule
from hanse.core.policy import Access
from hanse.core.record import Agent, Description, Record, Variable, Version
from hanse.domains import VOCABULARY
from hanse.hub import catalogue
from hanse.hub.tables import NODE
from hanse.lib import sql
from hanse.web.pictures import picture
from hanse.web.site import of_hub

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}</title>\u202e"
LONG = "x" * 250
KID = "evil"


def hostile() -> list[Record]:
    """A record with HTML in every text, and one with 10 000 variables and only withheld numbers."""
    said = Description(
        "evil",
        {"en": EVIL, "fr": LONG},
        about={"en": EVIL * 20 + LONG},
        keywords={"en": (EVIL[:100],)},
        license=EVIL,
        link="https://evil.example/?q=<script>",
        documentation=('https://evil.example/"><script>',),
        country="<i",
        cancer_types=(EVIL, "breast"),
        languages=(EVIL,),
        holder=Agent(EVIL, email=f"a@b.c{EVIL}", country="<i"),
        contact=Agent(EVIL, email=EVIL, page="https://evil.example/</a>"),
        categories=(EVIL,),
        conditions=(EVIL,),
        provenance={"en": EVIL},
        population={"en": EVIL},
        identifiers=(EVIL,),
        citation=EVIL,
    )
    (plain,) = records(1, KID, seed=9)
    cells = {
        EVIL[:100]: (Cell(EVIL, Counts(Rule.EXACT, 5)),),
        "person.age": (Cell(EVIL, Counts(Rule.EXACT, 5)),),
    }
    bad = replace(plain, id=ids.of_dataset(KID, "evil"), said=said, breakdowns=cells, vocabulary=EVIL[:100])
    many = Description("many", {"en": "Many variables"})
    variables = tuple(Variable(f"x.variable_{place:05}", WITHHELD) for place in range(10_000))
    withheld = {"image.modality": (Cell("MR", WITHHELD),)}
    large = replace(
        plain,
        id=ids.of_dataset(KID, "many"),
        said=many,
        variables=variables,
        counts=WITHHELD,
        breakdowns=withheld,
    )
    return [bad, large]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., str]) -> str:
    """The address of a hub with 80 datasets, and those of a hostile node."""
    app = hub_of(tmp_path_factory.mktemp("hub"), 80, nodes=4, pages=of_hub)
    with sql.begin(app.state.hub.records) as connection:
        connection.execute(
            NODE.insert().values(**node_row(NODES, KID, clock.text(clock.now())) | {"name": EVIL})
        )
        catalogue.describe(connection, ids.of_node(KID), hostile(), clock.now())
    return serve(app)


@pytest.fixture
def web(hub: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub, trust_env=False, timeout=60) as client:
        yield client


def found(page: httpx.Response) -> int:
    """The number of datasets that a page says it has found."""
    assert page.status_code == 200
    said = re.search(r'role="status"><strong>([0-9,]+)</strong>', page.text)
    assert said
    return int(said[1].replace(",", ""))


COMPARED = "/en/datasets/compare?dataset={evil}&dataset={many}"


@pytest.mark.parametrize(
    "path", ["/en/datasets?size=200", "/en/datasets/{evil}", "/fr/datasets/{many}", COMPARED]
)
def test_what_a_node_writes_is_shown_and_never_markup(web: httpx.Client, path: str) -> None:
    named = {name: ids.of_dataset(KID, name) for name in ("evil", "many")}
    page = web.get(path.format(**named))
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "javascript:" not in page.text
    assert "49" not in re.findall(r"\D(49)</title>", page.text)


def test_10_000_variables_come_in_pages(web: httpx.Client) -> None:
    path = f"/en/datasets/{ids.of_dataset(KID, 'many')}"
    first, last = web.get(path), web.get(f"{path}?variables=999999")
    assert "variable_00000" in first.text
    assert "variable_00300" not in first.text
    assert "variable_09999" in last.text
    assert len(first.content) < 200_000


def test_a_withheld_number_is_said_and_is_not_zero(web: httpx.Client) -> None:
    page = web.get(f"/en/datasets/{ids.of_dataset(KID, 'many')}")
    assert "too few persons to show" in page.text
    assert "trop peu" in web.get(f"/fr/datasets/{ids.of_dataset(KID, 'many')}").text


def test_the_address_is_the_view_with_and_without_scripts(web: httpx.Client) -> None:
    everything = found(web.get("/en/datasets"))
    breast = found(web.get("/en/datasets", params={"q": "sein"}))
    assert 0 < breast < everything == 82
    page = web.get("/en/datasets", params={"q": "sein", "sort": "title", "zeros": "yes", "holder": ""})
    assert page.headers["hx-push-url"] == "/en/datasets?q=sein&sort=title&zeros=yes"
    body = web.get("/api/v1/datasets", params={"q": "sein", "size": 1}).json()
    assert body["total"] == breast


@pytest.mark.parametrize(
    "query",
    [
        "q=%ff%00%fe",
        "q=" + "%C3%28" * 100,
        "modality=%00&colour=%F0",
        "page=99999999999&size=-1",
        "sort=&whole=x",
        "&&==&q",
    ],
)
def test_no_address_breaks_the_page(web: httpx.Client, query: str) -> None:
    assert found(web.get(f"/en/datasets?{query}")) >= 0


def test_what_was_left_out_is_said_and_a_word_that_was_meant_offered(web: httpx.Client) -> None:
    page = web.get("/en/datasets", params={"colour": "red", "modality": "purple", "q": "brest"}).text
    assert "“colour” is no filter of this catalogue" in page
    assert "Modality “purple” is not known here" in page
    assert '<a href="/en/datasets?q=breast">breast</a>' in page


def test_a_page_beyond_the_last_is_the_last(web: httpx.Client) -> None:
    assert 'aria-current="page"><span class="hidden">Page </span>5' in web.get("/en/datasets?page=400").text


def test_a_persistent_address_leads_people_to_the_page_and_programs_to_the_record(web: httpx.Client) -> None:
    id = ids.of_dataset(KID, "many")

    def leads(accept: str, what: str = id, language: str = "fr") -> str:
        answer = web.get(f"/id/{what}", headers={"Accept": accept, "Accept-Language": language})
        assert answer.status_code == 303
        return answer.headers["location"]

    assert leads("text/html,*/*;q=0.8") == leads("*/*") == f"/fr/datasets/{id}"
    assert leads("text/turtle") == f"/api/v1/datasets/{id}.ttl"
    assert leads("application/ld+json", "catalogue") == "/catalog.jsonld"
    assert web.get(f"/id/{id}", headers={"Accept": "text/turtle"}, follow_redirects=True).text.startswith(
        "@prefix"
    )


def test_a_dataset_says_what_belongs_to_it_to_programs(web: httpx.Client) -> None:
    id = ids.of_dataset(KID, "evil")
    page = web.get(f"/en/datasets/{id}")
    assert f'<https://hub.example.org/id/{id}>; rel="cite-as"' in page.headers["link"]
    structured = re.search(r'<script type="application/ld\+json">(.*?)</script>', page.text, re.DOTALL)
    assert structured
    assert json.loads(structured[1])["@type"] == "Dataset"


def test_a_version_says_what_is_told_otherwise_than_of_the_one_before(tmp_path: Path) -> None:
    app = hub_of(tmp_path, 1, nodes=1, pages=of_hub)
    old, new = (Version(number, "d" * 64, "2026-11-22T00:00:00Z") for number in (1, 2))
    with sql.begin(app.state.hub.records) as connection:
        (entry,) = catalogue.entries(connection)
        first = replace(
            entry.record,
            counts=Counts(Rule.ROUNDED, 120, 130, 900, rounding=10),
            variables=(Variable("person.age", WITHHELD),),
            vocabulary="2025.01",
            versions=(old,),
        )
        second = replace(
            first,
            counts=Counts(Rule.ROUNDED, 150, 160, 900, rounding=10),
            variables=(Variable("person.sex", WITHHELD),),
            vocabulary="2026.11",
            versions=(old, new),
        )
        for days, record in enumerate((first, second), 1):
            catalogue.describe(connection, entry.source.id, [record], clock.now() + timedelta(days))
    page = TestClient(app).get(f"/en/datasets/{first.id}").text
    told = re.search(r'<ul class="changes">(.*?)</ul>', page, re.DOTALL)
    assert told
    assert re.findall("<li>(.*?)</li>", told[1]) == [
        "Persons: ~120, now ~150.",
        "Came in: Sex.",
        "Went: Age.",
        "Vocabulary 2026.11 instead of 2025.01.",
    ]


def test_a_dataset_that_is_not_there_and_half_a_comparison_lead_somewhere(web: httpx.Client) -> None:
    assert web.get("/en/datasets/dataset_nobody").status_code == 404
    assert '<p class="lead">Ce jeu de données' in web.get("/fr/datasets/dataset_nobody").text
    id = ids.of_dataset(KID, "many")
    assert web.get(f"/en/datasets/compare?dataset={id}").headers["location"] == f"/en/datasets/{id}"
    assert web.get("/en/datasets/compare?dataset=x&dataset=y").headers["location"] == "/en/datasets"


def test_bands_of_which_nothing_is_told_keep_their_place_in_a_histogram() -> None:
    (made,) = records(1, seed=4)
    cells = tuple(Cell(band, Counts(Rule.EXACT, 9)) for band in ("55-59", "40-44", "unknown"))

    def bars(access: Access) -> list[tuple[str, float | None]]:
        record = replace(made, access=access, breakdowns={"person.age": cells})
        return [(bar.label, bar.value) for bar in picture(record, "person.age", VOCABULARY).chart.bars]

    assert bars(Access.OPEN) == [("40-44", 9), ("45-49", 0), ("50-54", 0), ("55-59", 9), ("unknown", 9)]
    assert bars(Access.PROTECTED)[1:3] == [("45-49", None), ("50-54", None)]


# In the browser


@pytest.fixture
def visit(browser: Browser, hub: str) -> Iterator[Callable[..., Page]]:
    wrong: list[str] = []
    contexts = []

    def visit(path: str, **how: object) -> Page:
        contexts.append(browser.new_context(base_url=hub, **how))  # type: ignore[arg-type]
        page = contexts[-1].new_page()
        watch(page, hub, wrong)
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.browser
def test_a_ticked_value_changes_results_and_address_and_keeps_the_focus(visit: Callable[..., Page]) -> None:
    page = visit("/en/datasets")
    expect(page.get_by_role("status")).to_have_text("82 datasets")
    box = page.get_by_role("checkbox", name="Magnetic resonance")
    box.check()
    expect(page.get_by_role("link", name="Modality: Magnetic resonance remove")).to_be_visible()
    expect(page.get_by_role("status")).not_to_have_text("82 datasets")
    expect(page).to_have_url(re.compile(r"/en/datasets\?modality=MR$"))
    expect(box).to_be_focused()
    page.get_by_role("checkbox", name="Computed tomography").check()
    expect(page).to_have_url(re.compile(r"modality=CT&modality=MR$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?modality=MR$"))
    expect(page.get_by_role("checkbox", name="Magnetic resonance")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Computed tomography")).not_to_be_checked()
    page.get_by_role("link", name="Modality: Magnetic resonance remove").click()
    expect(page.get_by_role("status")).to_have_text("82 datasets")


@pytest.mark.browser
def test_typing_finds_while_the_cursor_stays(visit: Callable[..., Page]) -> None:
    page = visit("/en/datasets")
    box = page.get_by_role("searchbox")
    box.press_sequentially("sein")
    expect(page).to_have_url(re.compile(r"\?q=sein$"))
    expect(box).to_be_focused()
    expect(box).to_have_value("sein")


@pytest.mark.browser
def test_without_scripts_filters_are_a_form_and_two_ticked_datasets_are_compared(
    visit: Callable[..., Page],
) -> None:
    page = visit("/en/datasets", java_script_enabled=False)
    page.get_by_role("checkbox", name="Magnetic resonance").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("link", name="Modality: Magnetic resonance remove")).to_be_visible()
    for place in (0, 1):
        page.locator(".dataset input").nth(place).check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Two datasets side by side")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/en/datasets?q=alert", "/fr/datasets/{evil}", COMPARED])
def test_a_phone_shows_hostile_texts_without_sideways_scrolling(
    visit: Callable[..., Page], path: str
) -> None:
    named = {name: ids.of_dataset(KID, name) for name in ("evil", "many")}
    page = visit(path.format(**named), viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
