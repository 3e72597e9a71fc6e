"""What a page of a desk is made of: who is signed in, what they sent, and how they are answered."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hanse.core import clock
from hanse.lib import accounts, passes, sql
from hanse.lib.accounts import Account
from hanse.lib.passkeys import Assertion
from hanse.web.language import address
from hanse.web.render import render
from hanse.web.sent import Sent, sent_in_form

MAX_FORM = 512 * 1024  # bytes: the bytes of a document in base64url, and an assertion over them
MAX_FIELDS = 1000


def origin(port: int) -> str:
    """The only origin of the desk at a port. Passkeys belong to a name, so a number will not do."""
    return f"http://localhost:{port}"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a role decides: who it is, its records, the pages in the menu as (path, label), and the command that lets
    an officer in."""

    title: str
    records: sa.Engine
    port: int
    menu: Sequence[tuple[str, str]]
    command: str

    @property
    def origin(self) -> str:
        """Where the desk is, as browsers say it."""
        return origin(self.port)

    @property
    def cookie(self) -> str:
        """Cookies of `localhost` are sent to all its ports; each desk has a name of its own."""
        return f"hanse_desk_{self.port}"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of an officer who is signed in, or of somebody who is not: then `officer` is None."""

    desk: Desk
    request: Request
    officer: Account | None
    session: str = ""
    form: Sent = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The officer's, as decisions name them."""
        assert self.officer is not None  # `signed_in` saw to that
        return self.officer.name

    def said(self, name: str) -> str:
        """What was sent in a field, or asked in the address."""
        sent = self.many(name)
        return sent[-1] if sent else ""

    def many(self, name: str) -> Sequence[str]:
        """All that was sent in fields of one name."""
        return self.form.get(name) or self.request.query_params.getlist(name)

    def place(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def assertion(self) -> Assertion:
        """What the officer's passkey answered; `BadEnvelope` when it is no answer of a browser."""
        return Assertion.read(self.said("answer"), self.desk.origin)

    def show(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page that a template makes."""
        token = passes.form_token(self.session) if self.session else ""
        return render(
            self.request, template, status, packed=False, officer=self.officer, form=token, **context
        )

    def go(self, path: str, **query: str) -> Response:
        """The way to another page, after something was done."""
        return RedirectResponse(address(path, **query), 303)


class Page(NamedTuple):
    """A page, or what a form on one does: its path below the language, and the act that answers."""

    path: str
    act: Callable[[Visit], Response]
    method: str = "GET"


def open_to_all(desk: Desk, page: Page) -> Route:
    """A page for who is not signed in, too."""

    async def endpoint(request: Request) -> Response:
        form = await sent_in_form(request, MAX_FORM, MAX_FIELDS) if page.method == "POST" else {}
        session = request.cookies.get(desk.cookie, "")
        officer = await run_in_threadpool(_officer, desk, session)
        visit = Visit(desk, request, officer, session if officer else "", form)
        return await run_in_threadpool(page.act, visit)

    return Route(page.path, endpoint, methods=[page.method])


def signed_in(desk: Desk, page: Page) -> Route:
    """A page for officers; others are led to where they sign in, and a form counts only when one of this session's own
    pages sent it."""

    def act(visit: Visit) -> Response:
        if visit.officer is None:
            return visit.go("/enter")
        wanted = passes.form_token(visit.session)
        if page.method == "POST" and not hmac.compare_digest(visit.said("form").encode(), wanted.encode()):
            raise HTTPException(403)
        return page.act(visit)

    return open_to_all(desk, page._replace(act=act))


def _officer(desk: Desk, session: str) -> Account | None:
    if not session:
        return None
    with sql.read(desk.records) as connection:
        return accounts.of_session(connection, session, clock.now())
