"""`/mine`: the applications and runs of this browser, which keeps the list; the hub knows no accounts."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.hub.app import Hub
from hanse.web import application
from hanse.web.render import render


def routes(_hub: Hub) -> list[Route]:
    """The list; the browser fills it."""

    async def show(request: Request) -> Response:
        return render(request, "permits/mine.html", states=application.AUTHORITY)

    return [Route("/mine", show)]
