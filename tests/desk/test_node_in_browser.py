"""The holder's page in real Chromium with a passkey: from the command's link to a stop, readable for everybody."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page
from tests.desk.chromium import is_for_everybody, place, serving, signed_in
from tests.node.permitted import Node, make, order, ordered, permit_for, sign
from tests.web.conftest import browser

from hanse.core.errors import Problem
from hanse.core.permit import Permit
from hanse.desk import node as pages
from hanse.desk.site import make_desk
from hanse.node import config

__all__ = ("browser",)
pytestmark = pytest.mark.browser
MANAGER = "Data Manager"


@dataclass
class Served:
    """A node whose page is served at a port, and a permit that waits."""

    node: Node
    permit: Permit
    port: int

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

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
    where, port = place()
    with serving(make_desk(pages.desk(node.store, node.config, port), pages.pages(node.store)), where):
        yield Served(node, permit, port)


@pytest.fixture(scope="module")
def page(browser: Browser, served: Served) -> Iterator[Page]:
    with signed_in(browser, served.port, served.node.store.records, MANAGER) as one:
        yield one


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
    is_for_everybody(page, path.format(id=served.permit.id))


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
