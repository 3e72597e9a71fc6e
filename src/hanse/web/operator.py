"""`/operator`: which nodes wait, and the decisions about them; for whoever holds a pass (`hanse hub operator-link`).

Without a pass every address here is answered as one that does not exist.
"""

import hmac
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hanse.core import clock, words
from hanse.core.errors import Conflict
from hanse.hub import operators, registry
from hanse.hub.app import Hub
from hanse.hub.registry import DECISIONS, Node, State
from hanse.lib import log, passes, sql
from hanse.web.language import N_, address
from hanse.web.render import PRIVATE, render
from hanse.web.sent import Sent, first, sent_in_form

COOKIE = "hanse_operator"
MAX_FORM = 4096  # bytes
MAX_FIELDS = 10
LOG_SHOWN = 20
BY = "operator page"
# Without any referrer a browser would not say either from which site a form comes.
HEADERS = PRIVATE | {"Referrer-Policy": "same-origin"}

STATES = {
    State.PENDING: (N_("waits for approval"), "warn"),
    State.ACTIVE: (N_("approved"), "good"),
    State.REFUSED: (N_("refused"), ""),
    State.REMOVED: (N_("removed"), ""),
}
WAYS = {BY: N_("operator page"), "command line": N_("command line")}
ACTS = {"approve": N_("Approve"), "refuse": N_("Refuse"), "remove": N_("Remove")}


def routes(hub: Hub) -> list[Route]:
    """The operator page, the way in, and its decisions."""

    async def page(request: Request) -> Response:
        session = await run_in_threadpool(_session, hub, request)
        return await run_in_threadpool(_page, hub, request, session)

    async def link(request: Request) -> Response:
        secret = request.query_params.get("pass", "")
        if not await run_in_threadpool(_is_link, hub, secret):
            raise HTTPException(404)
        return render(request, "operator/enter.html", headers=HEADERS, packed=False, secret=secret)

    async def enter(request: Request) -> Response:
        form = await _form(request)
        session = await run_in_threadpool(_enter, hub, first(form, "pass"))
        if session is None:
            raise HTTPException(404)
        return _let_in(hub, session)

    async def decide(request: Request) -> Response:
        session, form = await _signed_form(hub, request)
        act, node = first(form, "act"), first(form, "node")
        if act not in DECISIONS:
            raise HTTPException(404)
        try:
            await run_in_threadpool(_decide, hub, act, node)
        except Conflict as conflict:  # somebody else was faster: the page shows what is now
            return await run_in_threadpool(_page, hub, request, session, conflict)
        return RedirectResponse(address("/operator"), 303, headers=PRIVATE)

    async def leave(request: Request) -> Response:
        session, _form_sent = await _signed_form(hub, request)
        await run_in_threadpool(_leave, hub, session)
        answer = RedirectResponse(address("/"), 303, headers=PRIVATE)
        answer.delete_cookie(COOKIE)
        return answer

    return [
        Route("/operator", page),
        Route("/operator/enter", link, methods=["GET"]),
        Route("/operator/enter", enter, methods=["POST"]),
        Route("/operator/decide", decide, methods=["POST"]),
        Route("/operator/leave", leave, methods=["POST"]),
    ]


def _let_in(hub: Hub, session: str) -> Response:
    answer = RedirectResponse(address("/operator"), 303, headers=PRIVATE)
    answer.set_cookie(
        COOKIE,
        session,
        max_age=int(operators.SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=hub.config.url.startswith("https:"),
    )
    return answer


def _page(hub: Hub, request: Request, session: str, conflict: Conflict | None = None) -> Response:
    with sql.read(hub.records) as connection:
        nodes = registry.participants(connection)
        number, _head = log.head(connection)
        decisions = list(log.entries(connection, max(0, number - LOG_SHOWN)))[::-1]
    at = clock.now()
    return render(
        request,
        "operator/page.html",
        409 if conflict else 200,
        headers=HEADERS,
        packed=False,
        form=passes.form_token(session),
        conflict=conflict,
        waiting=[one for one in nodes if one.state is State.PENDING],
        others=[one for one in nodes if one.state is not State.PENDING],
        online={one.id for one in nodes if one.online(at)},
        names={one.id: one.name for one in nodes},
        failures=hub.search.health.failures(),
        decisions=[one for one in decisions if one.kind == "decision"],
        states=STATES,
        state_words=words.STATES,
        acts=ACTS,
        ways=WAYS,
        possible=possible,
    )


def possible(node: Node) -> list[str]:
    """What can be decided about a node in its state."""
    return [act for act, (before, _after) in DECISIONS.items() if node.state in before]


def _session(hub: Hub, request: Request) -> str:
    """The secret of the operator's session; without one there is no such page."""
    secret = request.cookies.get(COOKIE, "")
    with sql.read(hub.records) as connection:
        if not secret or not operators.is_session(connection, secret, clock.now()):
            raise HTTPException(404)
    return secret


def _is_link(hub: Hub, secret: str) -> bool:
    with sql.read(hub.records) as connection:
        return operators.is_link(connection, secret, clock.now())


def _enter(hub: Hub, secret: str) -> str | None:
    with sql.begin(hub.records) as connection:
        return operators.open_session(connection, secret, clock.now())


def _leave(hub: Hub, session: str) -> None:
    with sql.begin(hub.records) as connection:
        operators.end_session(connection, session)


def _decide(hub: Hub, act: str, node: str) -> None:
    with sql.begin(hub.records) as connection:
        registry.decide(connection, act, node, clock.now(), BY)


async def _signed_form(hub: Hub, request: Request) -> tuple[str, Sent]:
    """The operator's session and a form that came from its own page."""
    session = await run_in_threadpool(_session, hub, request)
    form = await _form(request)
    if not hmac.compare_digest(first(form, "form").encode(), passes.form_token(session).encode()):
        raise HTTPException(404)
    return session, form


async def _form(request: Request) -> Sent:
    """The fields of a small form that was sent from this site."""
    if not _is_from_here(request):
        raise HTTPException(404)
    return await sent_in_form(request, MAX_FORM, MAX_FIELDS)


def _is_from_here(request: Request) -> bool:
    """Browsers say from where a form comes; what says nothing is no browser, and has no cookies of one."""
    origin = request.headers.get("origin")
    same_host = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    return same_host and request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
