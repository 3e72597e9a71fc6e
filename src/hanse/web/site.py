"""The portal as routes of a hub: all pages under each language, what leads there, and how pages say no."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hanse.core.errors import Problem
from hanse.hub.app import Hub
from hanse.lib import problem as problems
from hanse.web import assets, dataset, language
from hanse.web.language import N_
from hanse.web.language import gettext as _
from hanse.web.pages import PAGES
from hanse.web.render import render


class Elsewhere(Convertor[str]):
    """A path that is neither the API's nor the link's: those say no in their own way."""

    regex = r"(?!api/|link/).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("elsewhere", Elsewhere())


class Speaking:
    """Has everything inside speak one language."""

    def __init__(self, app: ASGIApp, tongue: str) -> None:
        self._app, self._tongue = app, tongue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with language.speaking(self._tongue):
            await self._app(scope, receive, send)


def of_hub(hub: Hub) -> list[BaseRoute]:
    """All pages of a running hub; what `hanse.hub.app.make_app` takes as its `pages`."""
    pages = [route for routes in PAGES for route in routes(hub)]
    spoken = [
        Mount(
            f"/{tongue}",
            routes=pages,
            middleware=[Middleware(Speaking, tongue), Middleware(ExceptionMiddleware, handlers=HANDLERS)],
        )
        for tongue in language.LANGUAGES
    ]
    return [
        Route("/static/{name}", assets.serve),
        Route("/id/{dataset}", dataset.identified),
        *spoken,
        Route("/", _start),
        Route("/{path:elsewhere}", _nothing),
    ]


def _wished(request: Request) -> str:
    return language.preferred(request.headers.get("accept-language", ""))


async def _start(request: Request) -> Response:
    """The home page in the language that is wished for; an older address that holds a question leads to its page."""
    page = f"cohort?{urlencode({'q': asked})}" if (asked := request.query_params.get("q")) else ""
    return RedirectResponse(f"/{_wished(request)}/{page}", headers={"Vary": "Accept-Language"})


async def _nothing(request: Request) -> Response:
    """What no route knows: `/en` lacks its slash; all else is not there."""
    tongue = request.path_params["path"]
    if tongue in language.LANGUAGES:
        return RedirectResponse(f"/{tongue}/")
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404)
    with language.speaking(_wished(request)):
        return _said_no(
            request, 404, _("There is no such page"), "", {"Vary": "Accept-Language, Accept-Encoding"}
        )


async def _on_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return _said_no(request, problem.status, _(problem.title), problem.detail, hint=problem.hint or "")


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = _(SAID.get(error.status_code, "This cannot be done here"))
    return _said_no(request, error.status_code, title, "", error.headers)


async def _on_bug(request: Request, error: Exception) -> Response:
    id = problems.noted(request, error)
    detail = _("The server's log says more under %(id)s.") % {"id": id}
    return _said_no(request, 500, _("Something broke here"), detail)


def _said_no(
    request: Request,
    status: int,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    hint: str = "",
) -> Response:
    return render(
        request, "problem.html", status, headers, title=title, detail=detail, hint=hint, status_code=status
    )


SAID = {
    404: N_("There is no such page"),
    405: N_("This cannot be done here"),
    413: N_("This is larger than what is accepted"),
}
HANDLERS = {Problem: _on_problem, HTTPException: _on_http, Exception: _on_bug}

__all__: Sequence[str] = ("of_hub",)
