"""The API of applications, permits, orders and runs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from hanse.core import bodies, clock
from hanse.core.bodies import Carried
from hanse.core.errors import BadEnvelope, Problem
from hanse.hub import access, results
from hanse.hub.office import Office
from hanse.hub.results import MAX_ORDERS, State
from hanse.lib import sql
from hanse.link.inbound import AUTHORIZATION, Inbound

STREAM = "text/event-stream"
LOOK_EVERY_S = (0.05, 0.1, 0.2, 0.5, 1.0)  # how soon a stream looks again, while nothing changes


class ToApply(BaseModel):
    """A signed application (`core/application.py`)."""

    token: str = Field(max_length=bodies.MAX_DOCUMENT)


class ToProve(BaseModel):
    """A signed proof of login (`core/login.py`)."""

    token: str = Field(max_length=bodies.MAX_DOCUMENT)


class ToOrder(BaseModel):
    """A signed order (`core/order.py`), and the delegation to the device that signed it."""

    order: str = Field(max_length=bodies.MAX_DOCUMENT)
    delegation: str = Field("", max_length=bodies.MAX_DOCUMENT)


class ToRun(BaseModel):
    """The orders of one run, all under one permit."""

    orders: list[ToOrder] = Field(min_length=1, max_length=MAX_ORDERS)


def routes(records: sa.Engine, inbound: Inbound) -> APIRouter:
    """`/authorities`, `/applications`, `/permits`, `/orders` and `/runs`."""
    router = APIRouter(responses={"default": {"description": "A problem (RFC 9457)"}})
    office = Office(records, inbound.signer)
    _add_applications(router, records, inbound, office)
    _add_runs(router, records, inbound, office)
    return router


def _add_applications(router: APIRouter, records: sa.Engine, inbound: Inbound, office: Office) -> None:
    @router.get("/authorities", summary="Who decides about applications")
    def authorities() -> Response:
        with sql.read(records) as connection:
            return _json({"authorities": access.authorities(connection, clock.now())})

    @router.post("/applications", status_code=201, summary="Apply for data")
    async def apply(body: ToApply) -> Response:
        """Carries a signed application to the authority that it names and to the nodes of its datasets."""
        hash, letters = await run_in_threadpool(office.apply, body.token, clock.now())
        await inbound.carry(letters)
        return _json({"application": hash}, 201)

    @router.get("/applications/{hash}", summary="What became of an application")
    def application(hash: str) -> Response:
        with sql.read(records) as connection:
            return _json(access.applied(connection, hash))

    @router.post(
        "/applications/{hash}/logins", status_code=201, summary="Prove by login whose keys these are"
    )
    async def prove(hash: str, body: ToProve) -> Response:
        """Carries a signed and sealed proof to the authority of the application."""
        proof, letters = await run_in_threadpool(office.prove, hash, body.token, clock.now())
        await inbound.carry(letters)
        return _json({"proof": proof}, 201)

    @router.get("/permits/{id}", summary="A permit, by its id or its hash")
    def permit(id: str) -> Response:
        with sql.read(records) as connection:
            return _json(access.permitted(connection, id))


def _add_runs(router: APIRouter, records: sa.Engine, inbound: Inbound, office: Office) -> None:
    @router.post("/orders", status_code=201, summary="Order a run")
    async def order(body: ToRun) -> Response:
        """Carries signed orders to their nodes, each until its node has answered or the order expires."""
        carried = [Carried(one.order, one.delegation) for one in body.orders]
        run, letters = await run_in_threadpool(office.place, carried, clock.now())
        await inbound.carry(letters)
        return _json({"run": run}, 201)

    @router.get("/runs/{run}", summary="What came of a run")
    async def show(
        run: str, authorization: Annotated[str, Header()] = "", accept: Annotated[str, Header()] = ""
    ) -> Response:
        """Needs `Authorization: Hanse` and a signed visit (`core/visit.py`). One JSON answer, or with
        `Accept: text/event-stream` an event `order` for each change, and `done`, or `problem` when the permit holds no
        more."""
        kid = await run_in_threadpool(_admit, records, run, authorization)
        if STREAM in accept:
            return StreamingResponse(
                _changes(records, run, kid), media_type=STREAM, headers={"Cache-Control": "no-store"}
            )
        return _json(await run_in_threadpool(_show, records, run, kid))


def _admit(records: sa.Engine, run: str, authorization: str) -> str:
    """The key of whoever comes; raises as `results.admit` does."""
    if not authorization.startswith(AUTHORIZATION):
        raise BadEnvelope("The Authorization header holds no signed visit.")
    with sql.read(records) as connection:
        return results.admit(connection, run, authorization.removeprefix(AUTHORIZATION), clock.now())


def _show(records: sa.Engine, run: str, kid: str) -> dict[str, Any]:
    at = clock.now()
    with sql.read(records) as connection:
        results.check(connection, run, kid, at)
        return results.show(connection, run, at)


async def _changes(records: sa.Engine, run: str, kid: str) -> AsyncIterator[bytes]:
    """An event for each order in its present state, one for each change, and `done` when none is waiting; `problem`
    when the run is closed meanwhile."""
    said: dict[str, tuple[Any, ...]] = {}
    quiet = 0
    while True:
        try:
            shown = await run_in_threadpool(_show, records, run, kid)
        except Problem as problem:
            yield _event("problem", problem.as_dict())
            return
        changed = [one for one in shown["orders"] if said.get(one["order"]) != _stage(one)]
        for one in changed:
            said[one["order"]] = _stage(one)
            yield _event("order", one)
        if all(one["state"] != State.WAITING for one in shown["orders"]):
            yield _event("done", {"run": run})
            return
        quiet = 0 if changed else quiet + 1
        if quiet and quiet % 20 == 0:
            yield b": still waiting\n\n"  # proxies cut what is quiet
        await asyncio.sleep(LOOK_EVERY_S[min(quiet, len(LOOK_EVERY_S) - 1)])


def _stage(order: dict[str, Any]) -> tuple[Any, ...]:
    return order["taken"], order["state"], order["changed"]


def _event(name: str, data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
