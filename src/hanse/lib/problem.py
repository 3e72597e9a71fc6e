"""Problems as HTTP answers (RFC 9457), made in one place for every application.

`Starlette(exception_handlers=HANDLERS)` or `FastAPI(exception_handlers=HANDLERS)`. A bug is no problem: it
is logged whole, and the caller gets an id by which an operator finds it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hanse.core import ids
from hanse.core.errors import Problem

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)


def response(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """The answer that says no: `body` as RFC 9457 has it, its `status` as the answer's."""
    return Response(
        orjson.dumps(body, default=str),
        int(body["status"]),
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


async def on_problem(_request: Request, problem: Exception) -> Response:
    """What the code itself says no with."""
    assert isinstance(problem, Problem)
    return response(problem.as_dict())


async def on_http(_request: Request, error: Exception) -> Response:
    """The framework's own 404, 405 and so on."""
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    body = {"type": "about:blank", "title": title, "status": error.status_code, "detail": error.detail}
    return response(body, error.headers)


def noted(request: Request, bug: Exception) -> str:
    """The id under which the log now has the trace of what nobody foresaw."""
    id = ids.new("error")
    log.error("%s %s %s", id, request.method, request.url.path, exc_info=bug)
    return id


async def on_bug(request: Request, error: Exception) -> Response:
    """What nobody foresaw: the trace goes to the log, only its id to the caller."""
    id = noted(request, error)
    return response(
        {
            "type": "/problems/internal-error",
            "title": "Something broke here",
            "status": 500,
            "detail": f"The server's log says more under {id}.",
        }
    )


Handler = Callable[[Request, Exception], Awaitable[Response]]
HANDLERS: Mapping[Any, Handler] = {Problem: on_problem, HTTPException: on_http, Exception: on_bug}
