"""The portal as routes of a hub: all pages under each language, and what leads there."""

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hanse.hub.app import Hub
from hanse.web import assets, dataset, language
from hanse.web.frame import say_no, spoken, wished
from hanse.web.language import gettext as _
from hanse.web.pages import PAGES


class Elsewhere(Convertor[str]):
    """A path that is neither the API's nor the link's: those say no in their own way."""

    regex = r"(?!api/|link/).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("elsewhere", Elsewhere())


def of_hub(hub: Hub) -> list[BaseRoute]:
    """All pages of a running hub; what `hanse.hub.app.make_app` takes as its `pages`."""
    pages = [route for routes in PAGES for route in routes(hub)]
    return [
        Route("/static/{name}", assets.serve),
        Route("/id/{dataset}", dataset.identified),
        *spoken(pages),
        Route("/", _start),
        Route("/{path:elsewhere}", _nothing),
    ]


async def _start(request: Request) -> Response:
    """The home page in the language that is wished for; an older address that holds a question leads to its page."""
    page = f"cohort?{urlencode({'q': asked})}" if (asked := request.query_params.get("q")) else ""
    return RedirectResponse(f"/{wished(request)}/{page}", headers={"Vary": "Accept-Language"})


async def _nothing(request: Request) -> Response:
    """What no route knows: `/en` lacks its slash; all else is not there."""
    tongue = request.path_params["path"]
    if tongue in language.LANGUAGES:
        return RedirectResponse(f"/{tongue}/")
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404)
    with language.speaking(wished(request)):
        return say_no(
            request, 404, _("There is no such page"), "", {"Vary": "Accept-Language, Accept-Encoding"}
        )


__all__: Sequence[str] = ("of_hub",)
