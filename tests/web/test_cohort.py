"""What the cohort page says, over plain HTTP and without a browser."""

import csv
import io
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from starlette.types import ASGIApp
from tests import canned
from tests.web.canned_hub import application

from hanse.core.answer import Cell, Counts, NodeAnswer, NodeState, Rule
from hanse.core.check import check
from hanse.core.query import Everyone, Question, ordered
from hanse.core.reading import read
from hanse.domains import VOCABULARY
from hanse.hub import saved
from hanse.web import breakdowns
from hanse.web.answers import in_shell
from hanse.web.cohort import EXAMPLES

MR = "image.modality = 'MR'"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[httpx.Client]:
    address = serve(application(tmp_path_factory.mktemp("hub")))
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def complete(web: httpx.Client) -> str:
    return web.get("/en/cohort", params={"q": canned.QUESTION, "live": "no"}).text


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def act(web: httpx.Client, name: str, q: str = "", **sent: str | list[str]) -> str:
    """The question that an act makes of another."""
    answer = web.post("/en/cohort", data={"q": q, "act": name} | sent)
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["Location"]).query).get("q", [""])[0]


# ---- answers


def test_every_example_can_be_asked() -> None:
    for _, question in EXAMPLES:
        check(read(question), VOCABULARY, question)


def test_without_scripts_the_page_waits_for_all_nodes(complete: str) -> None:
    assert "Duke breast cancer MRI 900 1,800 9,900" in words(complete)
    assert "Counted in 180 datasets." in words(complete)
    assert "src=" not in complete[complete.index("<live-answers") :].partition(">")[0]


def test_a_live_page_sends_browsers_without_scripts_to_the_complete_one(web: httpx.Client) -> None:
    page = web.get("/en/cohort", params={"q": canned.QUESTION}).text
    assert re.search(r'<noscript><meta http-equiv="refresh" content="0; url=/en/cohort\?q=[^"]*live=no', page)
    assert '<live-answers src="/en/cohort/stream?q=image.modality%20%3D' in page


def test_withheld_rounded_and_not_applied_are_words(complete: str) -> None:
    said = words(complete)
    assert (
        "Breast screening applied as person.age &gt;= 50: ages in bands of 5 years ~120 ~150 ~1,010" in said
    )
    assert "Rare cancers withheld &lt; 10 – –" in said
    assert "Whole archive not counted person.age &gt;= 52 no such data here – – –" in said
    assert "withheld Too few persons to say how many" in said


def test_a_question_that_is_only_looked_at_is_not_asked(web: httpx.Client) -> None:
    page = web.get("/en/cohort", params={"q": MR, "ask": "no"}).text
    assert "live-answers" not in page
    assert "Nobody has been asked this question yet." in page


def test_the_first_page_asks_nobody(web: httpx.Client) -> None:
    assert "live-answers" not in web.get("/en/cohort").text
    assert "live-answers" in web.get("/en/cohort", params={"ask": "yes"}).text


def test_nothing_that_a_node_says_becomes_markup(complete: str) -> None:
    assert "<script>alert" not in complete
    assert "<img" not in complete
    assert "Clinic &lt;img src=x onerror=alert(1)&gt;" in complete


def test_a_node_that_claims_thousands_of_datasets_gets_a_bounded_place(
    tmp_path: Path, serve: Callable[[ASGIApp], str]
) -> None:
    many = tuple(
        replace(canned.dataset(f"d{n}", "<b>" + "x" * 290, canned.exact(2000 - n)), criteria=canned.CRITERIA)
        for n in range(2000)
    )
    node = NodeAnswer("node_evil", "x" * 100, "XX", NodeState.ANSWERED, canned.AT, 1, datasets=many)
    address = serve(application(tmp_path, (node,)))
    page = httpx.get(f"{address}/en/cohort?q=&ask=yes&live=no", trust_env=False).text
    assert page.count("<tr>") < 300
    assert "1,792 more are not listed here" in page
    assert "<b>" not in page


def test_charts_are_asked_along_and_narrow_the_question(web: httpx.Client) -> None:
    women = "person.sex = 'female'"
    page = web.get("/en/cohort", params={"q": women, "charts": "yes", "live": "no"}).text
    link = re.search(r'<a href="([^"]+)">Magnetic resonance', page)
    assert link is not None
    narrowed = parse_qs(urlsplit(link[1].replace("&amp;", "&")).query)
    assert narrowed == {"q": [f"{women} AND {MR}"], "charts": ["yes"]}
    assert "Segmentation (SEG) ~30" in words(page)
    assert "180 datasets without released numbers" not in words(page)  # those that count 0 are no gap
    assert "This cohort" not in web.get("/en/cohort", params={"q": women, "live": "no"}).text


def test_the_answer_is_a_table_and_json(web: httpx.Client) -> None:
    answer = web.get("/en/cohort.csv", params={"q": canned.QUESTION})
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["question", read(canned.QUESTION).text]
    duke = next(row for row in rows if "Duke breast cancer MRI" in row)
    assert duke[7:11] == ["exact", "900", "1800", "9900"]
    assert next(row for row in rows if "Rare cancers" in row)[7:13] == ["withheld", "", "", "", "10", "10"]
    assert any(row[:4] == ["node_turku", "Synthetic hospital Turku", "FI", "offline"] for row in rows)
    body = web.get("/en/cohort.json", params={"q": canned.QUESTION}).json()
    assert body["totals"]["datasets_counted"] == 180


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_the_table_is_a_formula(
    tmp_path: Path, serve: Callable[[ASGIApp], str], title: str
) -> None:
    node = NodeAnswer(
        "node_x",
        title,
        "XX",
        NodeState.ANSWERED,
        canned.AT,
        1,
        datasets=(canned.dataset("d", title, canned.exact(1)),),
    )
    text = httpx.get(
        f"{serve(application(tmp_path, (node,)))}/en/cohort.csv?q={quote(MR)}", trust_env=False
    ).text
    cells = [cell for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) for cell in row]
    assert sum(cell.startswith("'") for cell in cells) == 2
    assert not any(cell[:1] in "=+-@\t\r" for cell in cells if cell)


# ---- the builder


def test_criteria_are_clicked_together(web: httpx.Client) -> None:
    q = ""
    for field, how, value in (
        ("image.modality", "is", "MR"),
        ("person.sex", "is", "female"),
        ("person.age", "<", "50"),
        ("condition.cancer_type", "is", "breast"),
    ):
        q = act(web, "put:new", q, kind="field", field=field, how=how, value=[value, ""], rows="same")
    q = act(web, "put:new", q, kind="field", field="image.modality", how="is", value="SEG", rows="another")
    assert ordered(read(q).root) == ordered(read(EXAMPLES[0][1]).root)


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("remove:0.0", "person.age > 50"),
        ("deny:1.0", "image.modality = 'MR' AND NOT (person.age > 50)"),
        ("join:or", "image.modality = 'MR' OR person.age > 50"),
        ("rows:0:none", "NOT (exists(image.modality = 'MR')) AND person.age > 50"),
        ("nothing:known", "image.modality = 'MR' AND person.age > 50"),
        ("remove:77.3", "image.modality = 'MR' AND person.age > 50"),
        ("rows:x:y", "image.modality = 'MR' AND person.age > 50"),
    ],
)
def test_acts_change_the_question(web: httpx.Client, name: str, after: str) -> None:
    assert act(web, name, f"{MR} AND person.age > 50") == after


def test_counts_and_days_are_clicked_too(web: httpx.Client) -> None:
    counted = {
        "kind": "count",
        "of": "image.study",
        "op": ">=",
        "number": "2",
        "where.field": "image.modality",
    }
    q = act(web, "put:new", "", **counted, **{"where.how": "is", "where.value": "MR"})
    assert q == "count(image.study, image.modality = 'MR') >= 2"
    q = act(web, "put:new", "", **counted | {"where.field": ""})
    assert q == "count(image.study) >= 2"
    days = {
        "kind": "days",
        "first.field": "condition.day",
        "second.field": "image.modality",
        "low": "0",
        "high": "90",
    }
    q = act(web, "put:new", "", **days, **{"second.how": "is", "second.value": "MR"})
    assert q == "within_days(condition.day, image.modality = 'MR', 0, 90)"


@pytest.mark.parametrize(
    ("typed", "said"), [("fifty", "“fifty” is not a number."), ("", "Choose or type a value first.")]
)
def test_a_wrong_value_is_named_in_the_editor_that_stays_open(
    web: httpx.Client, typed: str, said: str
) -> None:
    sent = {"q": MR, "act": "put:new", "kind": "field", "field": "person.age", "how": "<", "value": typed}
    page = web.post("/en/cohort", data=sent)
    assert page.status_code == 422
    assert said in words(page.text)
    assert f'value="{typed}"' in page.text
    assert "Modality" in words(page.text)


@pytest.mark.parametrize(
    ("ends", "question"),
    [
        (["", "49"], "person.age <= 49"),
        (["18", ""], "person.age >= 18"),
        (["18", "49"], "person.age BETWEEN 18 AND 49"),
    ],
)
def test_a_range_may_be_open_at_one_end(web: httpx.Client, ends: list[str], question: str) -> None:
    sent = {"kind": "field", "field": "person.age", "how": "between", "value": ends}
    assert act(web, "put:new", "", **sent) == question


def test_a_wrong_upper_end_stays_in_its_place(web: httpx.Client) -> None:
    sent = {"kind": "field", "field": "person.age", "how": "between", "value": ["", "fifty"]}
    page = web.post("/en/cohort", data={"q": "", "act": "put:new"} | sent).text
    assert re.search(r'id="value-2"[^>]* value="fifty"', page)


def test_fields_and_values_are_found_by_any_name(web: httpx.Client) -> None:
    page = words(web.get("/en/cohort", params={"ask": "no", "at": "new", "find": "sein"}).text)
    assert "Breast cancer Cancer type" in page
    page = words(web.get("/fr/cohort", params={"ask": "no", "at": "new", "find": "breast"}).text)
    assert "Cancer du sein Type de cancer" in page


def test_a_question_that_does_not_fit_opens_as_text_with_the_reason(web: httpx.Client) -> None:
    page = web.get("/en/cohort", params={"q": f"NOT ({MR} AND person.age > 50)", "ask": "no"}).text
    assert "This question can only be shown as text." in page
    assert "<textarea" in page


def test_two_values_that_one_row_cannot_have_are_pointed_out(web: httpx.Client) -> None:
    page = web.get("/en/cohort", params={"q": f"{MR} AND image.modality = 'SEG'", "ask": "no"}).text
    assert "Nothing can have both values at once." in page
    assert 'value="rows:1:another"' in page


# ---- the text


def test_a_question_that_cannot_be_read_is_marked_at_its_place(web: httpx.Client) -> None:
    page = web.get("/en/cohort", params={"q": "image.modalty = 'MR'"}).text
    assert "<mark>image.modalty</mark>" in page
    assert "Did you mean image.modality?" in page
    assert "live-answers" not in page
    french = web.get("/fr/cohort", params={"q": "image.modalty = 'MR'"}).text
    assert '<p class="title">La question ne peut être lue</p>' in french
    assert '<p lang="en">Did you mean image.modality?</p>' in french
    stream = web.get("/en/cohort/stream", params={"q": "image.modalty = 'MR'"}).text
    assert "<mark>image.modalty</mark>" in stream
    assert stream.endswith('event: done\ndata: ""\n\n')


@pytest.mark.parametrize(
    "typed",
    [
        "image.modality = 'MR' AND (",
        "é" * 20_000,
        "x" * 1_000_000,
        "image.nothing = 1 " + "AND person.age > 1 " * 400,
        '</textarea><script>alert(3)</script>" onfocus="alert(4)',
        "a\0b\ud7ff'",
    ],
)
def test_what_was_typed_is_never_lost(web: httpx.Client, typed: str) -> None:
    for name in ("text", "ask"):
        page = web.post("/en/cohort", data={"q": "", "act": name, "text": typed}, follow_redirects=True)
        assert page.status_code in (200, 422)
        shown = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
        assert shown is not None
        assert 'role="alert"' in page.text
        plain = shown[1].replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"').replace("&#39;", "'")
        assert typed.strip().startswith(plain.replace("\ufffd", "\0")[:20_000])
        assert len(page.content) < 200_000
        assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    "query", ["q=%FF%FE", "q=%ED%A0%80", "q=%00", "at=%FF", "dataset=%FF", "find=%FF&at=new", "q=%"]
)
def test_broken_encodings_are_answered(web: httpx.Client, query: str) -> None:
    assert web.get(f"/en/cohort?{query}").status_code == 200
    assert web.post("/en/cohort", content=b"act=text&text=%FF%FE\xff&q=\xff").status_code in (200, 303, 422)


def test_an_older_address_leads_to_the_page(web: httpx.Client) -> None:
    answer = web.get("/", params={"q": MR}, headers={"Accept-Language": "fr"})
    assert urlsplit(answer.headers["Location"]).path == "/fr/cohort"
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"q": [MR]}


# ---- keeping


def test_a_question_is_kept_under_a_name_and_opened_again(web: httpx.Client) -> None:
    made = web.post("/en/cohort", data={"q": MR, "dataset": "dataset_1", "act": "keep", "name": "My <MR>"})
    assert made.status_code == 303
    page = web.get(made.headers["Location"] + "?ask=no").text
    assert "<h1>My &lt;MR&gt;</h1>" in page
    assert "Magnetic resonance" in page
    assert "dataset_1" in page


def test_a_question_too_long_for_an_address_is_kept(web: httpx.Client) -> None:
    long = (
        " OR ".join(f"person.age = {n}" for n in range(99))
        + " OR "
        + " OR ".join(f"condition.year = {n}" for n in range(1900, 2100))
    )
    made = web.post("/en/cohort", data={"act": "text", "text": long})
    assert re.match(r"/en/cohort/question_\w+\?", made.headers["Location"])
    assert len(made.headers["Location"]) < 200
    page = web.get(made.headers["Location"]).text
    assert "condition.year = 2099" in page
    id = re.search(r"question_\w+", made.headers["Location"])
    assert id is not None
    changed = web.post("/en/cohort", data={"id": id[0], "act": "deny:0.0"})
    assert re.match(r"/en/cohort/question_\w+\?", changed.headers["Location"])
    assert "Counted in" in words(web.get("/en/cohort", params={"id": id[0], "live": "no"}).text)


def test_an_id_of_no_question_is_not_found(web: httpx.Client) -> None:
    answer = web.get("/en/cohort/question_nothing")
    assert answer.status_code == 404
    assert "No question is kept under this id." in answer.text


def test_a_question_kept_under_an_older_vocabulary_is_checked_again(
    tmp_path: Path, serve: Callable[[ASGIApp], str]
) -> None:
    app = application(tmp_path)
    records, vocabulary = app.state.hub.records, app.state.hub.vocabulary
    kept = [
        saved.save(records, replace(vocabulary, version="2020.01"), text)
        for text in (MR, "image.modality = 'XX'")
    ]
    address = serve(app)
    pages = [httpx.get(f"{address}/en/cohort/{one.id}?ask=no", trust_env=False).text for one in kept]
    assert all("Kept under vocabulary 2020.01" in page for page in pages)
    assert "The question was checked again and means the same." in pages[0]
    assert "image.modality has no such value in vocabulary" in pages[1]


def test_a_question_can_be_put_to_one_dataset_only(federation: str) -> None:
    found = httpx.get(f"{federation}/api/v1/datasets", trust_env=False).json()["datasets"]
    id = next(one["id"] for one in found if one["name"] == "breast-mr")
    query = {"q": MR, "dataset": id, "live": "no"}
    page = words(httpx.get(f"{federation}/en/cohort", params=query, trust_env=False, timeout=30).text)
    assert "only: Dataset breast-mr" in page
    assert "Counted in 1 dataset." in page
    assert "Dataset any-mr" not in page


# ---- commands


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


def test_years_that_are_not_neighbours_do_not_stand_next_to_each_other() -> None:
    cells = tuple(Cell(year, Counts(Rule.EXACT, 9)) for year in ("1990", "2001", "1991"))
    answered = replace(canned.ANSWERS[0].datasets[0], breakdowns={"image.study_year": cells})
    (chart,) = breakdowns.drawn([answered], Question(Everyone()), VOCABULARY, lambda one: one.text)
    assert [bar.label for bar in chart.bars] == [str(year) for year in range(1990, 2002)]
    assert [bar.text for bar in chart.bars][:3] == ["9", "9", "none told"]
