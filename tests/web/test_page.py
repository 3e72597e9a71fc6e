"""What a hub's page says, over plain HTTP and without a browser."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from tests import canned

from hanse.core.check import check
from hanse.core.reading import read
from hanse.domains import VOCABULARY
from hanse.web.live import Services, routes
from hanse.web.answers import EXAMPLES, in_shell


def application() -> Starlette:
    services = Services(
        ask=lambda question: canned.events(question, pause_s=0.01),
        nodes=lambda: canned.NODES,
        vocabulary=VOCABULARY,
    )
    return Starlette(routes=routes(services))


@pytest.fixture(scope="module")
def web(serve: Callable[..., str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serve(application()), trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def complete(web: httpx.Client) -> str:
    return web.get("/", params={"q": canned.QUESTION, "live": "no"}).text


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_first_page_shows_nodes_fields_and_examples(web: httpx.Client) -> None:
    page = web.get("/").text
    assert "Synthetic hospital Turku FI offline 0" in words(page)
    assert "image.modality" in page
    assert all(name in page for name, _ in EXAMPLES)
    assert "live-answers" not in page


def test_every_example_can_be_asked() -> None:
    for _, question in EXAMPLES:
        check(read(question), VOCABULARY, question)


def test_without_scripts_the_page_waits_for_all_nodes(complete: str) -> None:
    assert "Duke breast cancer MRI 900 1,800 9,900" in words(complete)
    assert "Counted in 180 datasets" in words(complete)
    assert "src=" not in complete[complete.index("<live-answers") :].partition(">")[0]


def test_a_live_page_sends_browsers_without_scripts_to_the_complete_one(web: httpx.Client) -> None:
    page = web.get("/", params={"q": canned.QUESTION}).text
    assert "url=/?live=no&amp;q=image.modality%20%3D" in page
    assert '<live-answers src="/search/stream?q=image.modality%20%3D' in page


def test_withheld_rounded_and_not_applied_are_words(complete: str) -> None:
    said = words(complete)
    assert (
        "Breast screening applied as person.age &gt;= 50: ages in bands of 5 years ~120 ~150 ~1,010" in said
    )
    assert "Rare cancers withheld &lt; 10 – –" in said
    assert "Whole archive not counted person.age &gt;= 52 no such data here – – –" in said
    assert "withheld Fewer persons than the number" in said


def test_nothing_that_a_node_says_becomes_markup(complete: str) -> None:
    assert "<script>alert" not in complete
    assert "<img" not in complete
    assert "Clinic &lt;img src=x onerror=alert(1)&gt;" in complete


def test_a_question_cannot_leave_its_place_in_the_page(web: httpx.Client) -> None:
    question = """</textarea><script>alert(3)</script>" onfocus="alert(4)"""
    page = web.get("/", params={"q": question}).text
    assert "<script>alert" not in page
    assert '" onfocus' not in page


@pytest.mark.parametrize(
    "text", ["a = 'b'", "a = '$(touch gone)'", '"; touch gone; "', "`touch gone`", "a\n= '\\'"]
)
def test_a_copied_command_asks_and_does_nothing_else(tmp_path: Path, text: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"printf %s {in_shell(text)}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == " ".join(text.split())
    assert list(tmp_path.iterdir()) == []


def test_a_copied_command_presses_no_keys() -> None:
    keys = "".join(map(chr, (*range(32), 127, 0x9B, 0x202E)))
    assert in_shell(f"a = 'b'{keys}; touch gone") == "\"a = 'b' ; touch gone\""


def test_a_question_that_cannot_be_read_is_marked_at_its_place(web: httpx.Client) -> None:
    answer = web.get("/", params={"q": "image.modalty = 'MR'", "live": "no"})
    assert answer.status_code == 422
    assert "<mark>image.modalty</mark>" in answer.text
    assert "Did you mean image.modality?" in answer.text
    stream = web.get("/search/stream", params={"q": "image.modalty = 'MR'"}).text
    assert "<mark>image.modalty</mark>" in stream
    assert stream.endswith('event: done\ndata: ""\n\n')


def test_pages_may_load_nothing_from_elsewhere_and_are_not_kept(web: httpx.Client) -> None:
    headers = web.get("/").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def test_assets_are_kept_for_ever_under_the_hash_of_their_content(web: httpx.Client) -> None:
    paths = re.findall(r'(?:src|href)="(/static/[^"]+)"', web.get("/").text)
    assert len(paths) == 3  # icon, style, script
    for path in paths:
        assert "immutable" in web.get(path).headers["Cache-Control"]
    assert web.get("/static/hanse.css").status_code == 404
    assert web.get("/static/..%2fpages.py").status_code == 404
