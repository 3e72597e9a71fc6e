"""The holder's page in real Chromium with a passkey: from the command's link to a stop, readable for everybody."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, Page
from tests.node.permitted import Node, make, order, ordered, permit_for, sign
from tests.web.conftest import AXE, browser, watch
from tests.web.test_every_page import RULES, violations

from hanse.core import clock
from hanse.core.errors import Problem
from hanse.core.permit import Permit
from hanse.desk import node as pages
from hanse.desk.entrance import link_to
from hanse.desk.site import listening, make_desk
from hanse.lib import accounts, sql
from hanse.node import config

__all__ = ("browser",)
pytestmark = pytest.mark.browser
MANAGER = "Data Manager"
PASSKEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Served:
    """A node whose page is served at `origin`, and a permit that waits."""

    node: Node
    permit: Permit
    port: int

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def link(self) -> str:
        with sql.begin(self.node.store.records) as connection:
            return link_to(self.port, accounts.invite(connection, MANAGER, clock.now()))

    def use(self) -> str:
        """The rule that refuses the next order, or nothing."""
        try:
            self.node.gate.use(ordered(order(self.node, self.permit)))
        except Problem as problem:
            return str(problem.more["rule"])
        return ""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    node = make(tmp_path_factory.mktemp("desk") / "node")
    config.write(node.config)
    permit = permit_for(node)
    node.permits.receive([sign(permit)])
    node.confirm(permit)
    port = _free()
    app = make_desk(pages.desk(node.store, node.config, port), pages.pages(node.store))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    sockets = listening(port)
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    yield Served(node, permit, port)
    server.should_exit = True
    thread.join(timeout=10)


def _free() -> int:
    (first, *others) = listening(0)
    port: int = first.getsockname()[1]
    for one in (first, *others):
        one.close()
    return port


@pytest.fixture(scope="module")
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """Somebody who decides for the holder, signed in with a passkey that they made on the command's link."""
    context = browser.new_context(base_url=served.origin, bypass_csp=True)
    page = context.new_page()
    wrong: list[str] = []
    watch(page, served.origin, wrong)
    protocol = context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    protocol.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY})
    page.goto(served.link())
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="What is asked of your data").wait_for()
    yield page
    context.close()
    assert wrong == []


def test_a_permit_is_approved_and_stopped_with_a_passkey(page: Page, served: Served) -> None:
    page.goto("/en/")
    page.get_by_role("link", name=served.permit.project).click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text(f"Approved by {MANAGER}").wait_for()
    assert served.use() == ""
    page.get_by_role("button", name="Stop now").click()
    page.get_by_text(f"Forbidden by {MANAGER}").wait_for()
    assert served.use() == "veto"


PLACES = (
    "/en/",
    "/en/permits/{id}",
    "/en/permits/{id}/no?reason=Not+for+this+purpose",
    "/en/uses",
    "/en/node",
)


@pytest.mark.parametrize("path", PLACES)
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(
    page: Page, served: Served, path: str
) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(path.format(id=served.permit.id))
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(page, runOnly=RULES) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, runOnly=["color-contrast"]) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_form_on_a_page_of_another_site_decides_nothing(page: Page, served: Served) -> None:
    """Also in a browser in which the officer is signed in, as the hub's own page would try it."""
    other = page.context.new_page()
    hub = "http://hub.example.org"
    action = f"{served.origin}/en/permits/{served.permit.id}"
    form = f'<form method="post" action="{action}"><input name="answer" value="x"><button>Go</button></form>'
    other.route(f"{hub}/**", lambda route: route.fulfill(body=form, content_type="text/html"))
    other.goto(f"{hub}/page")
    with other.expect_navigation() as answer:
        other.get_by_role("button", name="Go").click()
    assert answer.value.status == 403
    other.close()
