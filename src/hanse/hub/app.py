"""The hub as one ASGI application: the link for nodes, the API for people and programs, the page."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, Header, HTTPException, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hanse import __version__
from hanse.core import clock
from hanse.core.errors import BadInput, Problem
from hanse.core.fields import Vocabulary
from hanse.core.space import Space
from hanse.domains import VOCABULARY
from hanse.domains.catalogue import WORDS
from hanse.hub import access_api, catalogue, datasets, questions, registry, witnessed
from hanse.hub.config import HubConfig
from hanse.hub.datasets import Desk
from hanse.hub.library import LOOK_EVERY_S, Library
from hanse.hub.office import Office
from hanse.hub.registry import Directory, State
from hanse.hub.search import Asked, Search
from hanse.hub.tables import MIGRATIONS
from hanse.lib import problem as problems
from hanse.lib import sql
from hanse.link.inbound import Inbound
from hanse.link.mailbox import Mailbox, MemoryMailbox

API = "/api/v1"
STREAM = "text/event-stream"
logger = logging.getLogger(__name__)
MAX_BODY = 1 << 20  # bytes of a request to the API; a question has 16 000 characters


@dataclass(frozen=True)
class Hub:
    """What a running hub is made of."""

    config: HubConfig
    records: sa.Engine
    mailbox: Mailbox
    inbound: Inbound
    search: Search
    vocabulary: Vocabulary
    library: Library
    space: Space


def make_hub(config: HubConfig, mailbox: Mailbox, vocabulary: Vocabulary = VOCABULARY) -> Hub:
    """The parts of a hub on its records, which are brought up to date first."""
    records = sql.engine(config.database_url)
    sql.migrate(records, MIGRATIONS)
    signer = config.key()
    return Hub(
        config,
        records,
        mailbox,
        Inbound(signer, mailbox, Directory(records), config.hold_s, Office(records, signer)),
        Search(records, mailbox, signer, vocabulary, config.deadline_s),
        vocabulary,
        Library(records, vocabulary),
        Space(config.url, config.name, vocabulary, WORDS, config.publisher),
    )


def make_app(
    config: HubConfig,
    pages: Callable[[Hub], Sequence[BaseRoute]] = lambda hub: (),
    vocabulary: Vocabulary = VOCABULARY,
) -> FastAPI:
    """The application; `pages` gives the routes of the portal, which the hub itself knows nothing of."""
    hub = make_hub(config, _mailbox(config), vocabulary)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = [asyncio.create_task(_look(hub.library)), asyncio.create_task(_show_log(hub))]
        yield
        for one in looking:
            one.cancel()
        await asyncio.wait(looking)
        await hub.mailbox.close()
        hub.records.dispose()

    app = FastAPI(
        title=config.name,
        version=__version__,
        description="Find datasets, and ask one question of every node of the federation.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers=dict(problems.HANDLERS) | {RequestValidationError: _on_bad_request},
    )
    app.state.hub = hub
    app.router.routes.extend(hub.inbound.routes)
    app.include_router(api(hub))
    app.include_router(datasets.routes(Desk(hub.records, hub.library, hub.space)))
    app.include_router(questions.api(hub.records, hub.vocabulary), prefix=API)
    app.include_router(access_api.routes(hub.records, hub.inbound), prefix=API)
    app.router.routes.extend(pages(hub))  # the last of them say what is not there
    app.add_middleware(Bounded)
    app.add_middleware(Guarded)
    return app


async def _look(library: Library) -> None:
    """Keeps the index of the catalogue as the records are, also while nobody visits."""
    while True:
        await run_in_threadpool(library.shelf)
        await asyncio.sleep(LOOK_EVERY_S)


async def _show_log(hub: Hub) -> None:
    """Shows the hub's log to its witnesses."""
    shown = witnessed.Witnessed(hub.config.home, hub.records, hub.config.key())
    while True:
        try:
            await run_in_threadpool(shown.look, clock.now())
        except Problem as problem:
            logger.error("The log is not shown to its witnesses: %s", problem.detail)
        await asyncio.sleep(witnessed.LOOK_EVERY_S)


def _mailbox(config: HubConfig) -> Mailbox:
    if not config.mailbox:
        return MemoryMailbox()
    from hanse.link.postgres import PostgresMailbox

    return PostgresMailbox(config.mailbox)


# What an answer says to a browser unless it says it itself, as pages do: what is no page runs nothing, whatever a
# node wrote into it, is taken for nothing else, and stands in no frame and in no cache of others.
HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),
)


class Guarded:
    """Adds `HEADERS` to every answer that has none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = message.get("headers", ())
                names = {name.lower() for name, _ in said}
                message = {**message, "headers": [*said, *(one for one in HEADERS if one[0] not in names)]}
            await send(message)

        await self._app(scope, receive, guarded)


class Bounded:
    """Stops reading a request to the API after `MAX_BODY` bytes: FastAPI takes a body into memory, however long it is.
    The link has bounds of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                raise HTTPException(413, f"A request to the API has at most {MAX_BODY} bytes.")
            return message

        await self._app(scope, bounded if scope.get("path", "").startswith(API) else receive, send)


async def _on_bad_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    problem = BadInput(f"{place}: {first['msg']}", hint=f"The shapes of all requests: {API}/openapi.json")
    return problems.response(problem.as_dict() | {"status": 422})


class SearchRequest(BaseModel):
    """A question in CQL2 text or CQL2 JSON, and how it is to be answered."""

    question: str | dict[str, Any] | bool = Field(
        "", examples=["image.modality = 'MR' AND condition.cancer_type IN ('breast', 'prostate')"]
    )
    breakdowns: list[str] = Field([], max_length=100, examples=[["image.modality"]])
    datasets: list[str] = Field([], max_length=500)
    deadline_s: float | None = Field(None, gt=0, le=120)


def api(hub: Hub) -> APIRouter:
    """`/api/v1`."""
    router = APIRouter(prefix=API, responses={"default": {"description": "A problem (RFC 9457)"}})

    @router.get("/nodes", summary="The nodes and their states")
    def nodes() -> Response:
        return _json({"nodes": list_nodes(hub)})

    @router.get("/vocabulary", summary="The fields that a question can use")
    def vocabulary() -> Response:
        return _json(describe_vocabulary(hub.vocabulary))

    @router.post("/search", summary="Ask one question of every node")
    async def search(request: SearchRequest, accept: Annotated[str, Header()] = "") -> Response:
        """One JSON answer, or with `Accept: text/event-stream` the events `asked`, `node` (one for each
        node, as it answers) and `done`."""
        asked = hub.search.read(request.question, request.breakdowns, request.datasets, request.deadline_s)
        if STREAM in accept:
            return StreamingResponse(
                _stream(hub.search, asked), media_type=STREAM, headers={"Cache-Control": "no-store"}
            )
        return _json(await hub.search.whole(asked))

    return router


async def _stream(search: Search, asked: Asked) -> AsyncIterator[bytes]:
    async with aclosing(search.ask(asked)) as events:
        async for name, data in events:
            yield b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))


def list_nodes(hub: Hub) -> list[dict[str, Any]]:
    """What `GET /api/v1/nodes` gives: approved nodes, whether they call, and how many datasets they
    describe."""
    at = clock.now()
    with sql.read(hub.records) as connection:
        held = catalogue.count_by_node(connection)
        return [
            {
                "id": node.id,
                "name": node.name,
                "country": node.country,
                "state": "online" if node.online(at) else "offline",
                "last_seen": node.seen,
                "software": node.software,
                "vocabulary": node.vocabulary,
                "datasets": held.get(node.id, 0),
            }
            for node in registry.nodes(connection, State.ACTIVE)
        ]


def describe_vocabulary(vocabulary: Vocabulary) -> Mapping[str, Any]:
    """What `GET /api/v1/vocabulary` gives."""
    entities = [
        {"name": one.name, "label": dict(one.label), "about": one.about, "row": one.row}
        for one in vocabulary.entities.values()
    ]
    fields = [
        {
            "name": one.name,
            "type": one.type.value,
            "label": dict(one.label),
            "about": one.about,
            "unit": one.unit,
            "standard": one.standard,
            "breakdown": one.breakdown,
            "values": [
                {"code": code.code, "label": dict(code.label), "parent": code.parent}
                for code in (one.codes.codes.values() if one.codes else ())
            ],
        }
        for one in vocabulary.fields.values()
    ]
    return {"version": vocabulary.version, "entities": entities, "fields": fields}


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
