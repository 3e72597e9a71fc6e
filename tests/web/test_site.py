"""What every page of the portal keeps: languages, headers, problems; over plain HTTP and without a browser."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator

import httpx
import pytest

from hanse.web.language import preferred


@pytest.fixture(scope="module")
def web(federation: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=federation, trust_env=False, timeout=60) as client:
        yield client


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr-BE,fr;q=0.9,en;q=0.8", "fr"),
        ("de,en;q=0.5", "en"),
        ("fr;q=0, *", "en"),
        ("", "en"),
        ("fr;q=x,,;", "en"),
    ],
)
def test_the_first_page_speaks_what_the_browser_asks_for(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_says_its_language_and_leads_to_itself_in_the_others(web: httpx.Client, language: str) -> None:
    page = web.get(f"/{language}/?q=a%20b").text
    assert f'<html lang="{language}">' in page
    assert 'href="/fr/?q=a%20b"' in page


def test_an_address_without_its_slash_leads_home(web: httpx.Client) -> None:
    assert web.get("/fr").headers["Location"] == "/fr/"


@pytest.mark.parametrize("path", ["/de/", "/en/nothing", "/nothing", "/fr/../../etc/passwd", "/en/%ff"])
def test_what_is_not_there_is_said_on_a_page(web: httpx.Client, path: str) -> None:
    answer = web.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "There is no such page" in answer.text or "page" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_programs_are_told_in_json(web: httpx.Client) -> None:
    for path in ("/api/v1/nothing", "/link/v1/nothing", "/nothing"):
        answer = web.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_pages_are_packed_for_those_who_can_unpack_them(web: httpx.Client) -> None:
    packed = web.get("/en/", headers={"Accept-Encoding": "gzip"})
    plain = web.get("/en/", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text


def test_what_stands_in_the_page_itself_is_named_by_its_hash(web: httpx.Client) -> None:
    answer = web.get("/en/")
    policy = answer.headers["Content-Security-Policy"]
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
