"""The researcher's way through the pages, against a real federation: forms, and what is wrong with them; and in real
Chromium a key of the browser, an application, a permit, a run whose results verify, and the run again later."""

import csv
import html
import json
import re
import shlex
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from starlette.types import ASGIApp
from tests.federation import Permitting, permitting, until
from tests.hub import papers
from tests.web.conftest import AXE, watch

from hanse.cli.run import runs
from hanse.client import Hanse, provenance
from hanse.client.access import Applicant, Wish
from hanse.client.run import Analysis, Started
from hanse.core import application, clock, envelope, order, visit
from hanse.core.bodies import Carried
from hanse.core.scope import Operation
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig, init
from hanse.hub.office import Office
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey
from hanse.link.mailbox import Reply
from hanse.web.site import of_hub

PROJECT = "Ages <b>with</b> lung cancer"
KEY = FileKey.generate()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[Permitting]:
    with permitting(tmp_path_factory.mktemp("permitting"), serve) as made:
        yield made


@pytest.fixture(scope="module")
def web(space: Permitting) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=space.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def filled(web: httpx.Client) -> dict[str, Any]:
    """A form in which nothing is wrong."""
    return {
        "authority": web.get("/api/v1/authorities").json()["authorities"][0]["id"],
        "kind": "agreement",
        "dataset": [one["id"] for one in web.get("/api/v1/datasets").json()["datasets"]],
        "project": PROJECT,
        "purpose": "53(1)(e)",
        "reasons": "To learn how old patients are.\r\n\r\nAnd to publish it.",
        "operation": ["analyse"],
        "selection": "person.age >= 40",
        "begins": "2026-01-01",
        "ends": "2035-12-31",
        "name": "Principal Investigator",
        "organisation": "University of the North",
        "country": "FI",
        "sealed": "no",
        "jwk": json.dumps(KEY.public.jwk),
    }


def documents(page: str) -> list[bytes]:
    """The bytes that a page gives to be signed."""
    return [urlsafe_b64decode(one) for one in re.findall(r'<data value="([\w=-]+)"', page)]


def test_the_form_makes_the_bytes_and_shows_their_words(web: httpx.Client, filled: dict[str, Any]) -> None:
    answer = web.post("/en/apply", data=filled)
    assert answer.status_code == 200
    (payload,) = documents(answer.text)
    said = application.decode(payload)
    assert said.project == PROJECT
    assert said.reasons == ("To learn how old patients are.", "And to publish it.")
    assert said.scope.selection == "person.age >= 40"
    ((key,),) = [person.keys for person in said.scope.persons]
    assert (key.kid, key.page) == (KEY.public.kid, True)
    assert html.escape(PROJECT) in answer.text
    assert "<b>with</b>" not in answer.text
    assert "kept by a web page" in answer.text


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("authority", "authority_" + "0" * 26, "Choose who is to decide."),
        ("dataset", [], "Choose datasets of the catalogue."),
        ("dataset", ["dataset_" + "0" * 26], "A dataset is not there any more."),
        ("project", " ", "Say something here."),
        ("project", "x" * 301, "Use at most 300 characters; these are 301."),
        ("project", "a\u202eb", "Leave out what cannot be shown"),
        ("name", "a\x07b", "Leave out what cannot be shown"),
        ("reasons", "", "Say something here."),
        ("reasons", "\n\n".join("x" * 50), "Use at most 40 paragraphs."),
        ("operation", [], "Choose one at least."),
        ("purpose", "53(9)", "Choose a purpose."),
        ("kind", "open", "Choose on what the permit is to stand."),
        ("selection", "person.agee > 4", "There is no field"),
        ("ends", "2026-01-01", "The last day must come after today and after the first."),
        ("ends", "2039-01-01", "A permit lasts at most ten years."),
        ("begins", "soon", "Write the day as 2027-03-31."),
        ("country", "XX", "Choose a country."),
        ("jwk", "{", "The key of this browser cannot be read."),
        ("jwk", json.dumps(KEY.public.jwk | {"d": "x"}), "The key of this browser cannot be read."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    web: httpx.Client, filled: dict[str, Any], name: str, value: Any, says: str
) -> None:
    answer = web.post("/en/apply", data=filled | {name: value})
    assert answer.status_code == 422
    wrong = re.search(rf'id="wrong-{name}">.*?</p>', answer.text, re.DOTALL)
    assert wrong
    assert says in html.unescape(wrong[0])
    assert html.escape("Principal Investigator" if name != "name" else PROJECT) in answer.text


def test_without_a_key_of_the_browser_the_page_gives_the_command(
    web: httpx.Client, filled: dict[str, Any]
) -> None:
    project = "It's $(touch here); `x`"
    answer = web.post("/en/apply", data=filled | {"jwk": "", "project": project})
    assert documents(answer.text) == []
    command = html.unescape(re.findall(r"<code>(hanse apply.*?)</code>", answer.text, re.DOTALL)[0])
    words = shlex.split(command)
    assert words[words.index("--project") + 1] == project
    assert words[words.index("--selection") + 1] == "person.age >= 40"
    assert words.count("--dataset") == 3


def test_a_form_that_is_changed_keeps_all_that_was_filled_in(
    web: httpx.Client, filled: dict[str, Any]
) -> None:
    page = web.post("/en/apply", data=filled | {"act": "change"}).text
    assert html.escape(PROJECT) in page
    assert page.count('name="dataset"') == 3
    assert '<option value="FI" selected>' in page


def test_the_form_opens_with_the_datasets_and_the_question_of_an_address(
    web: httpx.Client, filled: dict[str, Any]
) -> None:
    query = urlencode({"dataset": filled["dataset"][0], "q": "person.sex = 'female'"})
    page = web.get(f"/fr/apply?{query}").text
    assert page.count('name="dataset"') == 1
    assert "person.sex = &#39;female&#39;" in page


@pytest.mark.parametrize(
    "path", ["/applications/" + "0" * 64, "/permits/permit_" + "0" * 26, "/permits/x/run"]
)
def test_what_is_not_there_is_said(web: httpx.Client, path: str) -> None:
    assert web.get(f"/en{path}", headers={"Accept": "text/html"}).status_code == 404


@pytest.fixture(scope="module")
def permit(space: Permitting) -> str:
    """A permit of a key of the command line, approved by two holders and refused by one; its id."""
    hub = Hanse(space.url)
    datasets = tuple(one["id"] for one in hub.datasets())
    both = (Operation.COUNT, Operation.ANALYSE)
    wish = Wish(hub.authorities()[0]["id"], datasets, PROJECT, ("Because.",), operations=both, sealed=False)
    hub.apply(wish, Applicant("Principal Investigator", "University of the North", "FI"), KEY)
    id = space.permit()
    space.approve(0, id)
    space.approve(1, id)
    space.forbid(2, id)
    return id


def ordering(web: httpx.Client, permit: str, **changes: Any) -> httpx.Response:
    """Sends the form of a histogram under the permit."""
    datasets = [one["dataset"] for one in web.get(f"/api/v1/permits/{permit}").json()["nodes"]]
    form = {
        "method": "histogram",
        "variable": "person.age",
        "variable.of": "person.age",
        "variable.edges": "0, 50, 60, 120",
        "dataset": datasets,
        "hours": "24",
        "selection": "",
        "jwk": json.dumps(KEY.public.jwk),
        "act": "order",
    }
    return web.post(f"/en/permits/{permit}/run", data=form | changes)


@pytest.mark.parametrize(
    ("method", "parameters", "made"),
    [
        ("count", {}, {}),
        (
            "describe",
            {
                "variables.0": "person.sex",
                "variables.0.of": "person.sex",
                "variables.0.values": ["female", "male"],
                "variables.1": "person.age",
                "variables.1.of": "person.age",
                "variables.1.edges": "0 50;120",
            },
            {
                "variables": [
                    {"field": "person.sex", "values": ["female", "male"]},
                    {"field": "person.age", "edges": [0.0, 50.0, 120.0]},
                ]
            },
        ),
        (
            "crosstab",
            {
                "rows": "person.sex",
                "rows.values": ["female"],
                "columns": "person.vital_status",
                "columns.values": ["dead"],
            },
            {
                "rows": {"field": "person.sex", "values": ["female"]},
                "columns": {"field": "person.vital_status", "values": ["dead"]},
            },
        ),
        (
            "kaplan_meier",
            {
                "until": "person.last_contact",
                "event": "person.vital_status",
                "event.values": ["dead"],
                "grid": "0, 90, 365",
            },
            {
                "until": "person.last_contact",
                "event": "person.vital_status",
                "happened": ["dead"],
                "grid": [0.0, 90.0, 365.0],
            },
        ),
    ],
)
def test_each_method_has_a_form(
    web: httpx.Client, permit: str, method: str, parameters: dict[str, Any], made: dict[str, Any]
) -> None:
    answer = ordering(web, permit, method=method, **parameters)
    assert answer.status_code == 200
    orders = [json.loads(one) for one in documents(answer.text)]
    assert len(orders) == 3
    assert all(one["parameters"] == made for one in orders)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("variable", {"variable": ""}, "Choose a field."),
        ("variable", {"variable": "person.sex"}, "is of type code"),
        ("variable", {"variable": "no.field"}, "not in the vocabulary"),
        ("variable", {"variable.edges": "0, x"}, "Write numbers with commas between them"),
        ("variable", {"variable.edges": "50, 0"}, "two or more numbers that rise"),
        ("dataset", {"dataset": []}, "Choose one at least."),
        ("selection", {"selection": "image.modalty = 1"}, "There is no field"),
        ("hours", {"hours": "9999"}, "Choose how long."),
        ("event", {"method": "kaplan_meier", "event": "person.vital_status"}, "Choose one value at least."),
        ("grid", {"method": "kaplan_meier", "grid": ""}, "Type some days."),
    ],
)
def test_parameters_that_cannot_be_used_are_said_beside_their_input(
    web: httpx.Client, permit: str, name: str, changes: dict[str, Any], says: str
) -> None:
    answer = ordering(web, permit, **changes)
    assert answer.status_code == 422
    wrong = re.search(rf'id="wrong-{name}">.*?</p>', answer.text, re.DOTALL)
    assert wrong
    assert says in html.unescape(wrong[0])


def test_a_question_of_the_cohort_page_becomes_the_selection_of_a_run(web: httpx.Client, permit: str) -> None:
    asked = "person.sex = 'female'"
    page = web.get(f"/en/permits/{permit}", params={"q": asked}).text
    (address,) = re.findall(r'href="([^"]*method=histogram[^"]*)"', page)
    assert asked in html.unescape(web.get(html.unescape(address)).text)


def test_choosing_a_field_shows_its_values(web: httpx.Client, permit: str) -> None:
    page = ordering(web, permit, method="crosstab", act="look", rows="person.sex", columns="person.age").text
    assert 'name="rows.values" value="female" checked' in page
    assert 'name="columns.edges"' in page


def visiting(run: str, key: FileKey) -> str:
    at = clock.read(clock.text(clock.now()))
    return jws.issue(key, visit.Visit(run, key.public.jwk, at), visit.TYP)


def test_a_run_is_closed_to_whoever_has_no_key_of_its_permit(web: httpx.Client, permit: str) -> None:
    orders = [KEY.sign(one, order.TYP) for one in documents(ordering(web, permit).text)]
    run = Hanse(str(web.base_url)).order([{"order": one, "delegation": ""} for one in orders])
    for key, wanted in ((KEY, 200), (FileKey.generate(), 404)):
        token = visiting(run, key)
        assert web.post(f"/en/runs/{run}", headers={"Authorization": f"Hanse {token}"}).status_code == wanted
    assert web.post(f"/en/runs/{run}/result.json", data={"visit": token}).status_code == 404
    assert web.post(f"/en/runs/{run}").status_code == 401
    assert PROJECT not in web.get(f"/en/runs/{run}").text


def test_a_count_is_a_run_with_a_page_and_the_sums_of_what_is_known(web: httpx.Client, permit: str) -> None:
    assert "method=count" in web.get(f"/en/permits/{permit}").text
    orders = [KEY.sign(one, order.TYP) for one in documents(ordering(web, permit, method="count").text)]
    hub = Hanse(str(web.base_url))
    run = hub.order([{"order": one, "delegation": ""} for one in orders])
    found = hub.finish(Started(run, permit, ReplyKey.generate().pem().decode(), tuple(orders)), KEY)
    page = web.post(f"/en/runs/{run}", headers={"Authorization": f"Hanse {visiting(run, KEY)}"}).text
    assert 'data-title="Count"' in page
    total = f"{int(str(found.result.sheets[0].rows[-1][1])):,}"
    assert re.search(rf'>all shown</th><td class="n">{total}<', page)
    assert "2 of 3 nodes answered." in page
    assert "Rule: <code>veto</code>" in page
    attestation_for_another_crate(web, run, found)


def attestation_for_another_crate(web: httpx.Client, run: str, found: Analysis) -> None:
    """The crate of a page is that of the client, and nobody vouches for another one than is given."""

    def taken(metadata: bytes) -> httpx.Response:
        token = provenance.attest(metadata, found.provenance.permit, KEY)
        sent = {"visit": visiting(run, KEY), "attestation": token}
        return web.post(f"/en/runs/{run}/crate.zip", data=sent)

    assert taken(found.files()["ro-crate-metadata.json"]).status_code == 200
    refused = taken(b"another crate")
    assert refused.status_code == 409
    assert "for another crate" in refused.text


def test_what_nodes_and_applicants_write_is_shown_and_never_markup(
    tmp_path: Path, serve: Callable[[ASGIApp], str]
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    settings = HubConfig(tmp_path)
    init(settings)
    url = serve(make_app(settings, of_hub))
    records = sql.engine(settings.database_url)
    papers.let_all_in(records)
    office = Office(records, settings.key())
    token = papers.applied(project=evil, reasons=(evil,))
    hash, _ = office.apply(token, papers.now())
    given, signed = papers.permitted(token)
    office.receive(papers.participant(papers.AUTHORITY), [signed], papers.now())
    run, (letter,) = office.place([Carried(papers.ordered(given))], papers.now())
    problem = {"detail": evil + "x" * 3000, "hint": evil, "title": evil, "status": 403}
    office.answer(Reply(letter.id, letter.node, envelope.Kind.PROBLEM, problem), papers.now())
    visit = {"Authorization": f"Hanse {papers.visiting(run)}"}
    pages = [
        httpx.get(f"{url}/en/applications/{hash}", trust_env=False).text,
        httpx.get(f"{url}/en/permits/{given.id}", trust_env=False).text,
        httpx.post(f"{url}/en/runs/{run}", headers=visit, trust_env=False).text,
    ]
    for page in pages:
        assert html.escape(evil) in page
        assert "<img" not in page
        assert "x" * 1000 not in page


PATIENTLY = 90_000  # milliseconds: these tests share the machine


@pytest.fixture(scope="module")
def context(browser: Browser, space: Permitting) -> Iterator[BrowserContext]:
    """One browser with one key for all tests; the policy that keeps other scripts out is lifted for axe."""
    made = browser.new_context(base_url=space.url, accept_downloads=True, bypass_csp=True)
    made.set_default_timeout(PATIENTLY)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, space: Permitting) -> Iterator[Page]:
    page = context.new_page()
    wrong: list[str] = []
    watch(page, space.url, wrong)
    yield page
    page.close()
    assert wrong == []


def seen(page: Page, text: str, count: int = 1) -> None:
    expect(page.get_by_text(text, exact=True)).to_have_count(count, timeout=PATIENTLY)


def accessible(page: Page) -> None:
    """WCAG 2.2 AA as far as axe finds it, and no sideways scrolling on a phone."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    assert [(rule["id"], node["target"]) for rule in found for node in rule["nodes"]] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 800})


def granted(page: Page, space: Permitting, sealed: bool) -> None:
    """Applies with the key of this browser, has two holders approve and one refuse, and opens the permit."""
    datasets = [one["id"] for one in page.request.get("/api/v1/datasets").json()["datasets"]]
    page.goto(f"/en/apply?{urlencode({'dataset': datasets}, doseq=True)}")
    page.locator("browser-key [data-when]:visible").wait_for()
    if page.get_by_role("button", name="Make a key").is_visible():
        page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name of the project").fill(PROJECT)
    page.get_by_label("Reasons").fill("To learn how old patients are.")
    page.get_by_label("Your name").fill("Principal Investigator")
    page.get_by_label("Your organisation").fill("University of the North")
    page.get_by_label("Its country").select_option("FI")
    page.get_by_label("Only I" if sealed else "This hub too").check()
    accessible(page)
    page.get_by_role("button", name="See what you will sign").click()
    expect(page.get_by_role("article")).to_contain_text("kept by a web page")
    accessible(page)
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_role("heading", name=PROJECT)).to_be_visible(timeout=PATIENTLY)
    seen(page, "What to do now")
    accessible(page)
    id = space.permit()
    space.approve(0, id)
    space.approve(1, id)
    space.forbid(2, id)
    expect(page.get_by_role("row", name="refused")).to_be_visible(timeout=PATIENTLY)
    page.get_by_role("link", name="To the permit").click()
    seen(page, "signature verified by this browser")
    accessible(page)


def run_histogram(page: Page) -> None:
    """Orders a histogram of ages from a permit's page, of all datasets."""
    page.get_by_role("link", name="Histogram").click()
    page.get_by_label("Edges of the groups").fill("0, 50, 60, 70, 120")
    for box in page.get_by_role("group", name="Datasets").get_by_role("checkbox").all():
        box.check()
    accessible(page)
    page.get_by_role("button", name="See what you will sign").click()
    page.get_by_role("button", name="Sign and send").click()
    page.wait_for_url("**/runs/run_*")
    seen(page, "verified", 2)


@pytest.fixture(scope="module")
def run(context: BrowserContext, space: Permitting) -> str:
    """A run that this browser ordered under a permit of its own; the address of its page."""
    page = context.new_page()
    granted(page, space, sealed=False)
    run_histogram(page)
    address = page.url
    page.close()
    return address


def verified(crate: Path) -> dict[str, Any]:
    """What `hanse runs verify` says of a crate to somebody who knows nobody."""
    found = CliRunner().invoke(runs, ["verify", str(crate), "--json", "--home", str(crate.parent / "me")])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


@pytest.mark.browser
def test_a_run_is_kept_and_its_result_comes_as_files(page: Page, run: str, tmp_path: Path) -> None:
    page.goto(run)
    seen(page, "verified", 2)
    seen(page, "merged by this hub")
    accessible(page)
    for button, name in (("CSV", "table.csv"), ("RO-Crate", "crate.zip")):
        with page.expect_download() as waited:
            page.get_by_role("button", name=button).click()
        waited.value.save_as(tmp_path / name)
    with (tmp_path / "table.csv").open(encoding="utf-8-sig") as file:
        rows = dict(list(csv.reader(file))[1:])
    assert rows["all shown"] == "500"  # of the two hospitals that approved
    found = verified(tmp_path / "crate.zip")
    provenance = found["provenance"]
    assert (len(provenance["answers"]), len(provenance["missing"])) == (2, 1)
    assert found["attested"]["person"].startswith("Principal Investigator")
    assert found["attested"]["page"]
    page.goto("/en/mine?q=person.age%20%3E%2050")
    leads = page.get_by_role("link", name="Run an analysis").first
    expect(leads).to_have_attribute(
        "href", re.compile("/en/permits/[0-9a-f]{64}.q=person.age"), timeout=PATIENTLY
    )
    accessible(page)
    page.locator(f"a[href='{urlsplit(run).path}']").click()
    seen(page, "merged by this hub")


@pytest.mark.browser
def test_results_that_were_mixed_up_on_the_way_do_not_verify(page: Page, run: str) -> None:
    def mixed(route: Route) -> None:
        answer = route.fetch()
        first, second = re.findall(r'"result":"([^"]+)"', answer.text())
        swapped = {first: second, second: first}
        body = re.sub(r'(?<="result":")[^"]+', lambda found: swapped[found[0]], answer.text())
        route.fulfill(response=answer, body=body)

    page.route("**/api/v1/runs/*", mixed)
    page.goto(run)
    seen(page, "does not verify", 2)
    seen(page, "verified", 0)


@pytest.mark.browser
def test_a_permit_of_another_key_says_so(page: Page, permit: str) -> None:
    page.goto(f"/en/permits/{permit}")
    seen(page, "signature verified by this browser")
    seen(page, "names no key of this browser")


@pytest.mark.browser
def test_sealed_answers_are_opened_here_and_merged_at_home(
    page: Page, space: Permitting, tmp_path: Path
) -> None:
    granted(page, space, sealed=True)
    run_histogram(page)
    expect(page.get_by_text("merged by this hub")).to_have_count(0)
    accessible(page)
    with page.expect_download() as waited:
        page.get_by_role("button", name="Take the opened answers").click()
    waited.value.save_as(tmp_path / "run.json")
    merge = ["merge", str(tmp_path / "run.json"), "--hub", space.url, "--out", str(tmp_path / "merged.zip")]
    merged = CliRunner().invoke(runs, merge)
    assert "all shown,500" in merged.stdout
    assert len(verified(tmp_path / "merged.zip")["provenance"]["answers"]) == 2
    changed = json.loads((tmp_path / "run.json").read_text())
    opened = [one for one in changed["rows"] if one.get("opened")]
    opened[0]["opened"] = opened[1]["opened"]
    (tmp_path / "run.json").write_text(json.dumps(changed))
    swapped = CliRunner().invoke(runs, ["merge", str(tmp_path / "run.json"), "--hub", space.url])
    assert "not genuine" in swapped.stderr


@pytest.mark.browser
def test_bytes_that_are_not_those_of_the_words_are_not_signed(page: Page, filled: dict[str, Any]) -> None:
    page.goto("/en/key")
    page.locator("browser-key [data-when]:visible").first.wait_for()
    if page.get_by_role("button", name="Make a key").is_visible():
        page.get_by_role("button", name="Make a key").click()
    accessible(page)

    def swapped(route: Route) -> None:
        """A page that shows one application and has another one signed."""
        answer = route.fetch()
        other = urlsafe_b64encode(b'{"scope":{"persons":[]}}').decode()
        route.fulfill(
            response=answer, body=re.sub(r'<data value="[^"]*"', f'<data value="{other}"', answer.text())
        )

    page.route("**/en/apply", swapped)
    page.goto(f"/en/apply?dataset={filled['dataset'][0]}")
    page.get_by_label("Name of the project").fill(PROJECT)
    page.get_by_label("Reasons").fill("Because.")
    page.get_by_label("Your name").fill("Principal Investigator")
    page.get_by_label("Your organisation").fill("University of the North")
    page.get_by_label("Its country").select_option("FI")
    page.get_by_role("button", name="See what you will sign").click()
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was signed.")


@pytest.mark.browser
def test_a_run_says_that_its_permit_was_revoked(page: Page, space: Permitting, run: str) -> None:
    page.goto(run)
    seen(page, "merged by this hub")
    permit = re.search("/en/permits/(permit_[a-z0-9]+)", page.content())
    assert permit
    space.revoke(permit[1])

    def told() -> int:
        page.goto(run)
        expect(
            page.locator("run-view [data-problem]:visible, [data-fresh] table:visible").first
        ).to_be_visible(timeout=PATIENTLY)
        return page.get_by_text("The authority revoked the permit.").count()

    until(told)
    accessible(page)
    page.goto(f"/en/permits/{permit[1]}")
    expect(page.locator(".badges").get_by_text("revoked")).to_be_visible()
    expect(page.get_by_role("link", name="Histogram")).to_have_count(0)
