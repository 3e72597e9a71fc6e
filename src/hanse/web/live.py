"""`GET /`: a question's answers arriving live, or all at once for a browser that runs no scripts."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from hanse.core.answer import NodeAnswer
from hanse.core.errors import Problem
from hanse.core.fields import Vocabulary
from hanse.core.plain import answer_from_plain
from hanse.hub.app import Hub, list_nodes
from hanse.web import assets
from hanse.web.answers import Progress, fragment, page, refusal

Events = AsyncIterator[tuple[str, Mapping[str, Any]]]

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the question
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Services:
    """What the page needs of a hub.

    `ask` puts a question to the nodes and yields `asked`, a `node` for each of them, and `done`, with the data of
    `POST /api/v1/search`; it raises a `Problem` before the first event when the question cannot be asked. `nodes` gives
    what `GET /api/v1/nodes` gives.
    """

    ask: Callable[[str], Events]
    nodes: Callable[[], Sequence[Mapping[str, Any]]]
    vocabulary: Vocabulary


def routes(services: Services) -> list[Route]:
    """The page, the stream of its answers, and its assets."""

    async def start(request: Request) -> Response:
        question = _question(request)
        if question and request.query_params.get("live") == "no":
            return await _complete(services, question, _hub(request))
        nodes = await run_in_threadpool(services.nodes)
        body = page(question, services.vocabulary, nodes, hub=_hub(request), live=_stream(question))
        return HTMLResponse(body, headers=HEADERS)

    async def stream(request: Request) -> Response:
        messages = _messages(services, _question(request))
        headers = HEADERS | {"X-Accel-Buffering": "no"}  # a proxy must pass each event on at once
        return StreamingResponse(messages, media_type="text/event-stream", headers=headers)

    return [
        Route("/", start),
        Route("/search/stream", stream),
        Route("/static/{name}", assets.serve),
    ]


def of_hub(hub: Hub) -> list[Route]:
    """The page of a running hub; what `hanse.hub.app.make_app` takes as its `pages`."""

    async def ask(question: str) -> Events:
        async with aclosing(hub.search.ask(hub.search.read(question))) as events:
            async for event in events:
                yield event

    return routes(Services(ask, lambda: list_nodes(hub), hub.vocabulary))


def _question(request: Request) -> str:
    return request.query_params.get("q", "").replace("\r\n", "\n").strip()


def _hub(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _stream(question: str) -> str:
    return f"/search/stream?q={quote(question)}" if question else ""


async def _complete(services: Services, question: str, hub: str) -> Response:
    """The page with all answers in it, sent when the last node is done."""
    progress = Progress()
    problem: Problem | None = None
    try:
        async with aclosing(services.ask(question)) as events:
            async for name, data in events:
                take(progress, name, data)
    except Problem as one:
        problem = one
    body = page(question, services.vocabulary, (), hub=hub, progress=progress, problem=problem)
    return HTMLResponse(body, status_code=problem.status if problem else 200, headers=HEADERS)


async def _messages(services: Services, question: str) -> AsyncIterator[str]:
    """Server-sent events whose data are HTML: elements that take the place of those with the same id."""
    progress = Progress()
    try:
        async with aclosing(services.ask(question)) as events:
            async for name, data in events:
                changed = take(progress, name, data)
                yield _message("put", fragment(progress, changed))
    except Problem as problem:
        yield _message("put", refusal(problem, question))
    yield _message("done", "")


def _message(event: str, html: str) -> str:
    return f"event: {event}\ndata: {json.dumps(html)}\n\n"


def take(progress: Progress, name: str, data: Mapping[str, Any]) -> list[NodeAnswer]:
    """Note one event, and give the nodes that it says something new about."""
    if name == "asked":
        progress.warnings = tuple(data["warnings"])
        changed = [answer_from_plain(one) for one in data["nodes"]]
    else:
        changed = [answer_from_plain(data)] if name == "node" else []
    progress.done = name == "done"
    progress.nodes |= {one.node: one for one in changed}
    return changed
