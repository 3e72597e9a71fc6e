"""What every site that is made of these templates has: its pages under each language, and how it says no."""

from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from hanse.core.errors import Problem
from hanse.lib import problem as problems
from hanse.web import language
from hanse.web.language import N_
from hanse.web.language import gettext as _
from hanse.web.render import render


class Speaking:
    """Has everything inside speak one language."""

    def __init__(self, app: ASGIApp, tongue: str) -> None:
        self._app, self._tongue = app, tongue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with language.speaking(self._tongue):
            await self._app(scope, receive, send)


def spoken(pages: Sequence[BaseRoute]) -> list[Mount]:
    """The pages under each language: `/datasets` at `/en/datasets`."""
    return [
        Mount(
            f"/{tongue}",
            routes=pages,
            middleware=[Middleware(Speaking, tongue), Middleware(ExceptionMiddleware, handlers=HANDLERS)],
        )
        for tongue in language.LANGUAGES
    ]


def wished(request: Request) -> str:
    """The language that the browser wishes for."""
    return language.preferred(request.headers.get("accept-language", ""))


def say_no(
    request: Request,
    status: int,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    hint: str = "",
) -> Response:
    """A page that says what is wrong, in the language of the address."""
    return render(
        request, "problem.html", status, headers, title=title, detail=detail, hint=hint, status_code=status
    )


async def _on_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return say_no(request, problem.status, _(problem.title), problem.detail, hint=problem.hint or "")


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = _(SAID.get(error.status_code, "This cannot be done here"))
    return say_no(request, error.status_code, title, "", error.headers)


async def _on_bug(request: Request, error: Exception) -> Response:
    id = problems.noted(request, error)
    detail = _("The server's log says more under %(id)s.") % {"id": id}
    return say_no(request, 500, _("Something broke here"), detail)


SAID = {
    404: N_("There is no such page"),
    405: N_("This cannot be done here"),
    413: N_("This is larger than what is accepted"),
}
HANDLERS = {Problem: _on_problem, HTTPException: _on_http, Exception: _on_bug}
