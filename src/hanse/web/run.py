"""`/runs/RUN`: a grid of datasets and steps, live and kept, and what came of it.

The page itself holds nothing. Whoever signs a visit with a key of the permit (`hub/results.py`) gets the grid, and
where answers are not sealed the result: this hub reads these numbers anyway, so it merges and releases them. Sealed
answers are opened and verified in the browser, and merged by the person's own software.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.analysis.crate import ATTESTATION, METADATA
from hanse.client import crate, provenance, reply
from hanse.client import run as client
from hanse.client.access import Granted
from hanse.client.run import Analysis, Started
from hanse.core import clock, order
from hanse.core.errors import BadEnvelope, Conflict, Problem, Refused
from hanse.core.order import Order
from hanse.core.result import Result
from hanse.hub import results
from hanse.hub.app import Hub
from hanse.hub.results import State
from hanse.lib import jws, sql
from hanse.link.inbound import AUTHORIZATION
from hanse.web import permit, released
from hanse.web.language import N_
from hanse.web.method_form import TITLES
from hanse.web.render import HEADERS, PRIVATE, render
from hanse.web.sent import first, sent_in_form

STATES: Mapping[State, tuple[str, str]] = {
    State.WAITING: (N_("waiting"), "info"),
    State.CARRIED_OUT: (N_("answered"), "good"),
    State.REFUSED: (N_("refused"), "bad"),
    State.LATE: (N_("no answer in time"), "warn"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One order: where it went, how far it has come, and what the node signed. `inside` says whether it is in the
    result; `forged` that the node did not sign what came, and `unusable` that it signed what no result of the method
    is."""

    asked: Order
    hash: str
    node: str
    dataset: str
    taken: bool
    state: State
    problem: Mapping[str, Any] | None
    signed: Result | None
    inside: bool
    forged: bool
    unusable: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """What a run's page shows, to the key `kid`. `analysis` is None while nothing can be merged, and where answers are
    sealed."""

    run: str
    granted: Granted
    lines: Sequence[Line]
    sealed: bool
    analysis: Analysis | None
    problem: Problem | None
    kid: str = ""

    @property
    def crate(self) -> str:
        """The hash of the result's RO-Crate, for which this key can vouch; empty where it cannot."""
        if self.analysis is None or self.granted.permit.scope.key(self.kid) is None:
            return ""
        with suppress(Refused):
            return hashlib.sha256(self.analysis.files()[METADATA]).hexdigest()
        return ""

    @property
    def waiting(self) -> int:
        """How many orders have no answer yet."""
        return sum(one.state is State.WAITING for one in self.lines)

    @property
    def answered(self) -> int:
        """How many orders were carried out."""
        return sum(one.state is State.CARRIED_OUT for one in self.lines)


def routes(hub: Hub) -> list[Route]:
    """The page, what it shows to whoever may see it, and the files."""

    async def show(request: Request) -> Response:
        return render(request, "permits/run.html", run=request.path_params["run"])

    async def now(request: Request) -> Response:
        token = request.headers.get("authorization", "")
        if not token.startswith(AUTHORIZATION):
            raise BadEnvelope("The Authorization header holds no signed visit.")
        sight = await run_in_threadpool(_sight, hub, request, token.removeprefix(AUTHORIZATION))
        return await run_in_threadpool(_now, request, sight)

    async def file(request: Request) -> Response:
        sent = await sent_in_form(request)
        sight = await run_in_threadpool(_sight, hub, request, first(sent, "visit"))
        return await run_in_threadpool(_file, sight, request.path_params["name"], first(sent, "attestation"))

    return [
        Route("/runs/{run}", show),
        Route("/runs/{run}", now, methods=["POST"]),
        Route("/runs/{run}/{name}", file, methods=["POST"]),
    ]


def _sight(hub: Hub, request: Request, token: str) -> Sight:
    """A run for whoever signed the visit in `token`. Raises as `results.admit` does."""
    run = request.path_params["run"]
    with sql.read(hub.records) as connection:
        kid = results.admit(connection, run, token, clock.now())
        shown = results.show(connection, run, clock.now())
    return replace(sight(permit.find(hub, shown["permit"]), shown), kid=kid)


def sight(granted: Granted, shown: Mapping[str, Any]) -> Sight:
    """What is known of a run, merged where it can be read here."""
    rows = shown["orders"]
    signed = {one["order"]: reply.claimed(one["result"]) for one in rows if one["result"]}
    sealed = granted.permit.scope.sealed or any(reply.sealed(one["result"]) for one in rows if one["result"])
    parts = {} if sealed else {one.hash: one for one in _parts(granted, shown)}
    analysis, problem = _merged(granted, list(parts.values()))
    lines = [_line(one, granted, signed.get(one["order"]), parts.get(one["order"])) for one in rows]
    return Sight(shown["run"], granted, lines, sealed, analysis, problem)


def _parts(granted: Granted, shown: Mapping[str, Any]) -> tuple[client.Part, ...]:
    """What came of each order, verified as a client does."""
    tokens = tuple(one["token"] for one in shown["orders"])
    handed = next((one["delegation"] for one in shown["orders"] if one["delegation"]), "")
    started = Started(shown["run"], shown["permit"], "", tokens, handed)
    return client.collect(started, granted, shown["orders"], opener=reply.NOTHING_OPENED)


def _merged(granted: Granted, parts: Sequence[client.Part]) -> tuple[Analysis | None, Problem | None]:
    """The released result of the parts that are there; a problem where nodes gave what cannot be merged."""
    if not any(one.result for one in parts):
        return None, None
    try:
        return client.finish(granted, parts), None
    except Problem as problem:
        return None, problem


def _line(row: Mapping[str, Any], granted: Granted, signed: Result | None, part: client.Part | None) -> Line:
    asked = order.decode(jws.unverified(row["token"]))
    named = (one for one in granted.nodes if (one["node"], one["dataset"]) == (asked.node, asked.dataset))
    at = next(named, {"name": "", "dataset_name": asked.dataset})  # an order can name what no permit does
    return Line(
        asked,
        row["order"],
        at["name"] or asked.node,
        at["dataset_name"],
        row["taken"],
        row["state"],
        row["problem"] or (part.problem if part else None),
        signed,
        part is not None and part.result is not None,
        part is not None and part.state == "not genuine",
        part is not None and part.state == "unusable",
    )


def _now(request: Request, found: Sight) -> Response:
    """The part of the page that changes."""
    asked = found.lines[0].asked
    shown = found.analysis.result if found.analysis else None
    return render(
        request,
        "permits/run_now.html",
        headers=PRIVATE,
        sight=found,
        asked=asked,
        parameters=orjson.dumps(asked.parameters, option=orjson.OPT_SORT_KEYS).decode(),
        title=TITLES.get(asked.method or asked.operation, asked.method or asked.operation),
        states=STATES,
        result=shown,
        chart=released.chart(shown.figure) if shown else None,
        tables=released.tables(shown) if shown else [],
        rules=released.rules(shown) if shown else [],
        rule_words=released.WORDS,
        rule_meanings=released.MEANINGS,
    )


def _file(found: Sight, name: str, attestation: str) -> Response:
    """The result as a file: `result.json`, `table-1.csv`, `crate.zip`, for whose numbers the browser may vouch."""
    if found.analysis is None:
        raise HTTPException(404)
    tables = {f"table-{at}.csv": one for at, one in enumerate(found.analysis.result.sheets, start=1)}
    if name in tables:
        return _attached(tables[name].to_csv().encode("utf-8-sig"), "text/csv; charset=utf-8", name)
    if name == "result.json":
        return _attached(
            orjson.dumps(found.analysis.to_dict(), option=orjson.OPT_INDENT_2), "application/json", name
        )
    if name == "crate.zip":
        content = _crate(found.analysis.files(), attestation)
        return _attached(content, "application/zip", f"{found.run}.crate.zip")
    raise HTTPException(404)


def _crate(files: dict[str, bytes], attestation: str) -> bytes:
    """A crate that verifies. `Conflict` when the attestation is for another one: an answer has come since."""
    if attestation:
        files[ATTESTATION] = attestation.encode()
    try:
        crate.verify(files)
    except BadEnvelope as problem:
        raise Conflict(problem.detail, hint=N_("The result has changed: open the page again.")) from None
    return provenance.zipped(files)


def _attached(content: bytes, type: str, name: str) -> Response:
    headers = HEADERS | PRIVATE | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=type, headers=headers)
