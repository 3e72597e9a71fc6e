"""What keeps other sites, other names of this machine and other programs' pages away from a desk.

A desk has one origin, `http://localhost:PORT`. A page elsewhere can make a browser send requests to it: under another
name that it made lead here (DNS rebinding), or under its own as a form or a picture. All of them are refused before
anything is read.
"""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hanse.desk.visit import origin

_SAFE = ("GET", "HEAD")
_OURS = ("same-origin", "none")  # of Sec-Fetch-Site: this page, or the person


class Guard:
    """Lets requests of the one origin pass; `port` is that of the desk."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._origin = origin(port)
        self._host = self._origin.removeprefix("http://")
        self._numbers = (f"127.0.0.1:{port}", f"[::1]:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope, Headers(scope=scope))
        await (refused or self._app)(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.getlist("host")
        if len(host) == 1 and host[0] in self._numbers and scope["method"] in _SAFE:
            query = scope["query_string"].decode("latin-1")
            path = scope["raw_path"].decode("latin-1")
            return RedirectResponse(f"{self._origin}{path}" + (f"?{query}" if query else ""))
        if host != [self._host]:
            return PlainTextResponse(f"This page is at {self._origin}/ only.", 421)
        if not self._may_ask(scope["method"], headers):
            return PlainTextResponse("This comes from another site.", 403)
        return None

    def _may_ask(self, method: str, headers: Headers) -> bool:
        """Browsers say from where a request comes. Elsewhere there may be a link to here, and nothing more."""
        site = headers.get("sec-fetch-site", "none")
        if method not in _SAFE:
            return headers.getlist("origin") == [self._origin] and site in _OURS
        return site in _OURS or headers.get("sec-fetch-mode") == "navigate"
