"""A desk served for Chromium, an officer who comes in with a virtual authenticator, and what every page must keep."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

import sqlalchemy as sa
import uvicorn
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from tests.web.conftest import AXE, watch
from tests.web.test_every_page import RULES, violations

from hanse.core import clock
from hanse.desk.entrance import link_to
from hanse.desk.site import listening
from hanse.lib import accounts, sql

PASSKEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


def place() -> tuple[socket, int]:
    """A socket of this machine to serve at, and its port."""
    first, *others = listening(0)
    for one in others:
        one.close()
    return first, int(first.getsockname()[1])


@contextmanager
def serving(app: Starlette, where: socket) -> Iterator[None]:
    """Serves an application at a socket."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, args=([where],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield
    server.should_exit = True
    thread.join()


@contextmanager
def signed_in(browser: Browser, port: int, records: sa.Engine, name: str) -> Iterator[Page]:
    """An officer who made a passkey on the command's link and signed in with it. Complaints of the browser, scripts of
    others and requests to other places fail the test."""
    wrong: list[str] = []
    origin = f"http://localhost:{port}"
    context = browser.new_context(base_url=origin, bypass_csp=True)
    page = context.new_page()
    watch(page, origin, wrong)
    protocol = context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    protocol.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY})
    with sql.begin(records) as connection:
        secret = accounts.invite(connection, name, clock.now())
    page.goto(link_to(port, secret))
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("button", name="Sign out").wait_for()
    yield page
    context.close()
    assert wrong == []


def is_for_everybody(page: Page, path: str) -> None:
    """A page has nothing that axe finds, in light and dark, and needs no sideways scrolling on a phone."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(path)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(page, runOnly=RULES) == [], path
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, runOnly=["color-contrast"]) == [], path
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390, path
    page.set_viewport_size({"width": 1280, "height": 800})
