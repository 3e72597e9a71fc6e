"""The operator page: who gets in, what can be decided there, and what others find at its addresses."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, expect
from tests.link.running import HELLO
from tests.web.conftest import AXE

from hanse.cli.hub import hub as command
from hanse.core import clock, greeting, ids
from hanse.hub import config, operators, registry
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.hub.registry import State
from hanse.lib import log, sql
from hanse.lib.jws import FileKey
from hanse.web.site import of_hub

ADDRESSES = ("/en/operator", "/fr/operator", "/en/operator/enter", "/en/operator/enter?pass=guess")


@pytest.fixture
def settings(tmp_path: Path) -> HubConfig:
    settings = HubConfig(tmp_path / "hub")
    config.init(settings)
    return settings


@pytest.fixture
def web(settings: HubConfig, serve: Callable[..., str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serve(make_app(settings, of_hub)), trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def waiting(web: httpx.Client, settings: HubConfig, tmp_path: Path) -> str:
    """The id of a node that waits, with markup for a name."""
    key = FileKey.load_or_create(tmp_path / "node.pem")
    with sql.begin(sql.engine(settings.database_url)) as connection:
        token = registry.invite(connection, settings.key().public.kid, "for Turku", clock.now())
        asked = greeting.Enrol(token.secret, key.public.jwk, "<b>Turku</b>", "FI", HELLO)
        registry.enrol(connection, asked, key.public, clock.now())
    return ids.of_node(key.public.kid)


def link(settings: HubConfig) -> str:
    with sql.begin(sql.engine(settings.database_url)) as connection:
        return operators.new_link(connection, clock.now())


def enter(web: httpx.Client, settings: HubConfig) -> str:
    """Goes in; what the forms of the page carry."""
    web.post("/en/operator/enter", data={"pass": link(settings)})
    return re.findall(r'name="form" value="(\w+)"', web.get("/en/operator").text)[0]


def state(settings: HubConfig, node: str) -> State:
    with sql.read(sql.engine(settings.database_url)) as connection:
        return registry.find(connection, node).state


def without_addresses(page: str) -> str:
    return re.sub(r'href="[^"]*"', "", page)


def test_without_a_pass_there_is_no_such_page(web: httpx.Client) -> None:
    unknown = without_addresses(web.get("/en/no-such-page").text)
    for path in ADDRESSES:
        answer = web.get(path)
        assert answer.status_code == 404
        assert path.startswith("/fr") or without_addresses(answer.text) == unknown
    for path in ("decide", "leave", "enter"):
        assert web.post(f"/en/operator/{path}", data={"act": "approve"}).status_code == 404


def test_the_command_prints_a_link_that_opens_the_page_once(web: httpx.Client, settings: HubConfig) -> None:
    printed = CliRunner().invoke(command, ["operator-link", "--home", str(settings.home)]).stdout.strip()
    path = printed.removeprefix(settings.url)
    assert "Open the operator page" in web.get(path).text
    secret = path.partition("pass=")[2]
    entered = web.post("/en/operator/enter", data={"pass": secret})
    cookie = entered.headers["Set-Cookie"].lower()
    assert entered.status_code == 303
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert web.get("/en/operator").status_code == 200
    with httpx.Client(base_url=web.base_url, trust_env=False, timeout=60) as other:
        assert other.get(path).status_code == 404
        assert other.post("/en/operator/enter", data={"pass": secret}).status_code == 404


def test_a_link_and_a_session_end_with_their_time(settings: HubConfig, web: httpx.Client) -> None:
    at = clock.now()
    with sql.begin(sql.engine(settings.database_url)) as connection:
        late = operators.new_link(connection, at)
        assert not operators.is_link(connection, late, at + operators.LINK_LIFE)
        assert operators.open_session(connection, late, at + operators.LINK_LIFE) is None
        session = operators.open_session(connection, operators.new_link(connection, at), at)
        assert session
        assert operators.is_session(connection, session, at)
        assert not operators.is_session(connection, session, at + operators.SESSION_LIFE)
        assert not operators.is_link(connection, session, at)


def test_a_node_is_approved_and_the_log_says_so(web: httpx.Client, settings: HubConfig, waiting: str) -> None:
    form = enter(web, settings)
    page = web.get("/en/operator")
    assert "&lt;b&gt;Turku" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    done = web.post("/en/operator/decide", data={"form": form, "act": "approve", "node": waiting})
    assert done.status_code == 303
    assert state(settings, waiting) is State.ACTIVE
    with sql.read(sql.engine(settings.database_url)) as connection:
        (entry,) = log.entries(connection)
    assert entry.body == {"decision": "approve", "node": waiting, "by": "operator page"}


def test_a_decision_that_comes_too_late_shows_what_is(
    web: httpx.Client, settings: HubConfig, waiting: str
) -> None:
    form = enter(web, settings)
    web.post("/en/operator/decide", data={"form": form, "act": "approve", "node": waiting})
    again = web.post("/en/operator/decide", data={"form": form, "act": "refuse", "node": waiting})
    assert again.status_code == 409
    assert "The node is active" in again.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_another_site_decides_nothing(
    web: httpx.Client, settings: HubConfig, waiting: str, headers: dict[str, str]
) -> None:
    form = enter(web, settings)
    sent = {"form": form, "act": "approve", "node": waiting}
    assert web.post("/en/operator/decide", data=sent, headers=headers).status_code == 404
    assert state(settings, waiting) is State.PENDING


@pytest.mark.parametrize("form", ["", "0" * 64, "é"])
def test_a_form_that_the_page_did_not_make_decides_nothing(
    web: httpx.Client, settings: HubConfig, waiting: str, form: str
) -> None:
    enter(web, settings)
    sent = {"form": form, "act": "approve", "node": waiting}
    assert web.post("/en/operator/decide", data=sent).status_code == 404
    assert state(settings, waiting) is State.PENDING


def test_a_form_of_too_many_fields_is_the_senders_mistake(web: httpx.Client) -> None:
    sent = {f"field-{place}": "x" for place in range(20)}
    assert web.post("/en/operator/enter", data=sent).status_code == 413


def test_who_leaves_is_out_everywhere(web: httpx.Client, settings: HubConfig) -> None:
    form = enter(web, settings)
    cookies = dict(web.cookies)
    web.post("/en/operator/leave", data={"form": form})
    with httpx.Client(base_url=web.base_url, cookies=cookies, trust_env=False, timeout=60) as kept:
        assert kept.get("/en/operator").status_code == 404


@pytest.mark.browser
def test_the_operator_approves_a_node_in_a_browser(
    web: httpx.Client, settings: HubConfig, waiting: str, browser: Browser
) -> None:
    context = browser.new_context(base_url=str(web.base_url), bypass_csp=True)
    page = context.new_page()
    page.goto(f"/fr/operator/enter?pass={link(settings)}")
    page.get_by_role("button", name="Ouvrir la page").click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate("async () => (await axe.run()).violations.map(one => one.id)") == []
    page.get_by_role("button", name="Approuver").click()
    expect(page.get_by_role("row", name="Turku").first).to_contain_text("approuvé")
    assert state(settings, waiting) is State.ACTIVE
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="Quitter").click()
    page.wait_for_url("**/fr/")
    assert page.goto("/fr/operator").status == 404
    context.close()
