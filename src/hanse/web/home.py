"""`/`: what this space is, what is in it, and ways in."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.hub.app import Hub
from hanse.web.render import render


def routes(hub: Hub) -> list[Route]:
    """The home page."""

    async def home(request: Request) -> Response:
        return render(request, "home.html")

    return [Route("/", home)]
