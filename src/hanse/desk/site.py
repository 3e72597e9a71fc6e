"""A desk as one ASGI application on this machine: all pages under each language, behind the guard."""

import contextlib
import errno
import socket
from collections.abc import Sequence
from pathlib import Path

from jinja2 import FileSystemLoader
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hanse.core.errors import Conflict
from hanse.desk import entrance
from hanse.desk.guard import Guard
from hanse.desk.visit import Desk, Page, open_to_all, signed_in
from hanse.web import assets
from hanse.web import render as rendering
from hanse.web.frame import HANDLERS, spoken, wished
from hanse.web.render import Look

_HERE = Path(__file__).parent / "templates"
TEMPLATES = rendering.ENVIRONMENT.overlay(loader=FileSystemLoader([_HERE, rendering.TEMPLATES]))
# Over those of every page. Nothing here is for a cache, and without any referrer a browser would not say from which
# site a form comes.
HEADERS = rendering.PRIVATE | {
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
}
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def make_desk(desk: Desk, pages: Sequence[Page]) -> Starlette:
    """The application: a role's `pages`, which only officers see, and the way in."""
    routes = [
        *(open_to_all(desk, page) for page in entrance.OPEN),
        *(signed_in(desk, page) for page in (*entrance.INSIDE, *pages)),
    ]
    app = Starlette(
        routes=[Route("/static/{name}", assets.serve), *spoken(routes), Route("/{path:path}", _start)],
        middleware=[Middleware(Guard, port=desk.port)],
        exception_handlers=dict(HANDLERS),
    )
    app.state.look = Look(desk.title, TEMPLATES, HEADERS)
    app.state.desk = desk
    return app


async def _start(request: Request) -> Response:
    """The first page, in the language that is wished for."""
    return RedirectResponse(f"/{wished(request)}/")


def serve(desk: Desk, pages: Sequence[Page]) -> None:
    """Serves a desk to this machine until it is interrupted; `Conflict` when the port is taken."""
    import uvicorn  # only who serves needs it

    sockets = listening(desk.port)
    config = uvicorn.Config(
        make_desk(desk, pages),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once all has ended in order
        uvicorn.Server(config).run(sockets)


def listening(port: int) -> list[socket.socket]:
    """Sockets of this machine only, of both kinds of addresses where it has both: `localhost` may mean either."""
    made: list[socket.socket] = []
    for family, where in LOOPBACK:
        one = socket.socket(family)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((where, port))
        except OSError as error:
            one.close()
            if family is socket.AF_INET6 and made and error.errno != errno.EADDRINUSE:
                continue  # a machine without IPv6
            for other in made:
                other.close()
            raise Conflict(
                f"Port {port} of this machine is not free.", hint="Choose another with --port."
            ) from None
        made.append(one)
    return made
