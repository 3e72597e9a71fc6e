"""The catalogue over HTTP: one view in every format, pages that lead on, and nothing that breaks it."""

import csv
import io
from collections.abc import Callable, Iterator

import httpx
import pyoxigraph as ox
import pytest
from starlette.types import ASGIApp
from tests.records import hub_of

from hanse.core.view import FACETS
from hanse.hub.formats import RDF, by_accept, defused

LIST = "/api/v1/datasets"
DATASET = ox.NamedNode("http://www.w3.org/ns/dcat#Dataset")
NEXT = ox.NamedNode("http://www.w3.org/ns/hydra/core#next")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[httpx.Client]:
    """A hub with 120 datasets of three nodes."""
    app = hub_of(tmp_path_factory.mktemp("hub"), 120, nodes=3)
    with httpx.Client(base_url=serve(app), trust_env=False, timeout=60) as client:
        yield client


def test_a_view_is_one_page_with_the_counts_of_all_facets(hub: httpx.Client) -> None:
    body = hub.get(LIST, params={"q": "sein", "modality": ["MR", "CT"], "size": 2}).json()
    assert len(body["datasets"]) == 2
    assert all("breast" in one["cancer_types"] or "BREAST" in str(one) for one in body["datasets"])
    assert set(body["facets"]) == set(FACETS)
    chosen = [one["value"] for one in body["facets"]["modality"] if one["chosen"]]
    assert sorted(chosen) == ["CT", "MR"]
    assert body["facets"]["cancer_type"][0]["label"]["fr"]


def test_next_leads_through_all_datasets_once(hub: httpx.Client) -> None:
    ids, address = [], f"{LIST}?size=50"
    while address:
        body = hub.get(address).json()
        ids += [one["id"] for one in body["datasets"]]
        address = body["next"]
    assert len(ids) == len(set(ids)) == body["total"] == 120


def test_what_says_nothing_here_is_ignored_and_named(hub: httpx.Client) -> None:
    body = hub.get(LIST, params={"colour": "red", "modality": "purple"}).json()
    assert body["total"] == 120
    assert body["ignored"] == [{"name": "colour", "value": ""}, {"name": "modality", "value": "purple"}]
    assert hub.get(LIST, params={"q": "brest"}).json()["meant"] == "breast"


@pytest.mark.parametrize(
    "query",
    ["q=%ff%fe%00", "q=" + "x" * 5000, "modality=%", "q=%22%27)%20OR%201=1--", "holder=" + "%F0%9F" * 500],
)
def test_no_query_breaks_it(hub: httpx.Client, query: str) -> None:
    assert hub.get(f"{LIST}?{query}").status_code == 200


@pytest.mark.parametrize("query", ["page=0", "page=x", "size=100000", "sort=price"])
def test_a_page_that_cannot_be_is_the_askers_mistake(hub: httpx.Client, query: str) -> None:
    answer = hub.get(f"{LIST}?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_table_holds_all_of_the_view_and_no_formula(hub: httpx.Client) -> None:
    answer = hub.get(f"{LIST}.csv", params={"cancer_type": "breast", "size": 1})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == hub.get(LIST, params={"cancer_type": "breast"}).json()["total"]
    assert all(row["persons"] == "" for row in rows if row["rule"] in ("withheld", "not counted"))
    assert [defused(text) for text in ("=1+1", "@x", "-2", "+3", "a=b")] == [
        "'=1+1",
        "'@x",
        "'-2",
        "'+3",
        "a=b",
    ]


@pytest.mark.parametrize("ending", RDF)
def test_a_view_is_given_as_rdf(hub: httpx.Client, ending: str) -> None:
    answer = hub.get(f"{LIST}.{ending}", params={"q": "lung", "size": 3})
    assert answer.headers["content-type"].startswith(RDF[ending].media_type)
    triples = ox.parse(answer.content, format=RDF[ending].writer)
    assert sum(triple.object == DATASET for triple in triples) == 3


def test_a_harvester_reads_the_whole_catalogue_page_by_page(hub: httpx.Client) -> None:
    found, address = set(), "/catalog?size=50"
    while address:
        answer = hub.get(address, headers={"Accept": "text/turtle"})
        triples = list(ox.parse(answer.content, format=ox.RdfFormat.TURTLE))
        found |= {triple.subject for triple in triples if triple.object == DATASET}
        following = [triple.object.value for triple in triples if triple.predicate == NEXT]
        address = following[0].removeprefix("https://hub.example.org") if following else ""
    assert len(found) == 120


def test_the_format_is_what_the_reader_likes_best() -> None:
    offered = ("json", "csv", "ttl")
    likes = {
        "": "json",
        "*/*": "json",
        "text/csv;q=0.5, text/turtle": "ttl",
        "text/*": "csv",
        "a;q=x": "json",
    }
    assert {accept: by_accept(accept, offered) for accept in likes} == likes


def test_one_dataset_has_its_record_in_every_format_and_says_where_they_are(hub: httpx.Client) -> None:
    (one,) = hub.get(LIST, params={"size": 1}).json()["datasets"]
    answer = hub.get(f"{LIST}/{one['id']}")
    assert answer.json() == one
    links = httpx.Headers(answer.headers)["link"]
    assert f'<https://hub.example.org/id/{one["id"]}>; rel="cite-as"' in links
    for ending, written in RDF.items():
        assert f'/{one["id"]}.{ending}>; rel="describedby"; type="{written.media_type}"' in links
        assert hub.get(f"{LIST}/{one['id']}.{ending}").content
    for missing in (f"{LIST}/dataset_nobody", f"{LIST}/{one['id']}.exe", f"{LIST}.exe", "/catalog.csv"):
        assert hub.get(missing).status_code == 404
