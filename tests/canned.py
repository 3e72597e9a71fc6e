"""A hub's answers that are always the same, for what shows answers; and a server that gives them."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hanse.core.answer import (
    Cell,
    Counts,
    CriterionAnswer,
    CriterionState,
    DatasetAnswer,
    NodeAnswer,
    NodeState,
    Rule,
    totals,
)
from hanse.core.errors import BadQuestion, NotFound, Problem
from hanse.core.plain import answer_to_plain

QUESTION = "image.modality = 'MR' AND condition.cancer_type = 'breast' AND person.age >= 52"
CRITERIA = tuple(CriterionAnswer(one, CriterionState.APPLIED) for one in QUESTION.split(" AND "))
BANDED = (
    *CRITERIA[:2],
    replace(CRITERIA[2], note="applied as person.age >= 50: ages in bands of 5 years"),
)
UNSUPPORTED = (*CRITERIA[:2], replace(CRITERIA[2], state=CriterionState.UNSUPPORTED))
AT = "2026-11-22T09:00:00.000Z"


def exact(persons: int) -> Counts:
    return Counts(Rule.EXACT, persons, persons * 2, persons * 11)


def dataset(
    name: str, title: str, counts: Counts, criteria: tuple[CriterionAnswer, ...] = CRITERIA
) -> DatasetAnswer:
    access = "open" if counts.rule is Rule.EXACT else "protected"
    return DatasetAnswer(f"dataset_{name}", name, title, 1, access, criteria, counts)


COLLECTIONS = ("Duke breast cancer MRI", "ISPY1", "ISPY2", "TCGA-BRCA", "ACRIN 6698", "QIN breast")
ARCHIVE = tuple(
    dataset(f"collection-{n}", COLLECTIONS[n] if n < 6 else f"Collection {n}", exact(max(0, 900 - n * 61)))
    for n in range(179)
)
BREAKDOWN = {
    "image.modality": (
        Cell("MR", Counts(Rule.ROUNDED, 120, 150, 1010, rounding=10)),
        Cell("SEG", Counts(Rule.ROUNDED, 30, 30, 60, rounding=10)),
        Cell("CT", Counts(Rule.WITHHELD, threshold=10)),
    )
}
ANSWERS = (
    NodeAnswer("node_idc", "Imaging Data Commons", "US", NodeState.ANSWERED, AT, 41, datasets=ARCHIVE),
    NodeAnswer(
        "node_lisbon",
        "Synthetic hospital Lisbon",
        "PT",
        NodeState.ANSWERED,
        AT,
        112,
        datasets=(
            replace(
                dataset(
                    "breast", "Breast screening", Counts(Rule.ROUNDED, 120, 150, 1010, rounding=10), BANDED
                ),
                breakdowns=BREAKDOWN,
            ),
            dataset("rare", "Rare cancers", Counts(Rule.WITHHELD, threshold=10, rounding=10)),
            dataset("pacs", "Whole archive", Counts(Rule.NOT_COUNTED), UNSUPPORTED),
        ),
    ),
    NodeAnswer("node_turku", "Synthetic hospital Turku", "FI", NodeState.OFFLINE, AT),
    NodeAnswer(
        "node_evil",
        "Clinic <img src=x onerror=alert(1)>",
        "XX",
        NodeState.FAILED,
        AT,
        problem={
            "type": "/problems/damaged",
            "title": "Stored data are damaged",
            "status": 500,
            "detail": "<script>alert(2)</script>\x1b[2J",
            "hint": "",
        },
    ),
)


async def events(question: Any, *, pause_s: float = 0.0) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """What `hanse.hub.search.ask` yields: `asked`, a `node` for each of the nodes, `done`."""
    text = question if isinstance(question, str) else json.dumps(question)
    if "modalty" in text:
        raise BadQuestion("There is no field 'image.modalty'.", hint="Did you mean image.modality?", at=1)
    waiting = [
        replace(one, state=NodeState.WAITING, took_ms=None, datasets=(), problem=None) for one in ANSWERS
    ]
    yield (
        "asked",
        {
            "search": "search_01",
            "question": {"text": text, "json": {"op": "and"}},
            "asked": AT,
            "warnings": ["Ages of protected data are answered in bands of 5 years."],
            "nodes": [answer_to_plain(one) for one in waiting],
        },
    )
    for one in ANSWERS:
        await asyncio.sleep(pause_s)
        yield "node", answer_to_plain(one)
    yield "done", {"totals": asdict(totals(ANSWERS))}


DATASETS = [
    {
        "id": f"dataset_{one.name}",
        "name": one.name,
        "title": {"en": one.title},
        "about": {},
        "node": node.node,
        "node_name": node.name,
        "country": node.country,
        "access": one.access,
        "version": 1,
        "license": "CC BY 4.0",
        "link": "https://example.org",
        "cancer_types": ["breast"] if "reast" in one.title else [],
        "counts": {"persons": 100, "studies": 200, "series": 300, "rule": "exact"},
        "fields": ["image.modality"],
    }
    for node in ANSWERS
    for one in node.datasets
]
NODES = [
    {
        "id": one.node,
        "name": one.name,
        "country": one.country,
        "state": "offline" if one.state is NodeState.OFFLINE else "online",
        "last_seen": None if one.state is NodeState.OFFLINE else AT,
        "software": "0.1.0",
        "vocabulary": "1",
        "datasets": len(one.datasets),
    }
    for one in ANSWERS
]
VOCABULARY = {
    "version": "1",
    "entities": [{"name": "image", "label": {"en": "Image series"}, "about": "", "row": "one series"}],
    "fields": [
        {
            "name": "image.modality",
            "type": "code",
            "label": {"en": "Modality"},
            "about": "Type of equipment that made the images.",
            "unit": "",
            "values": [
                {"code": "CT", "label": {"en": "Computed tomography"}},
                {"code": "MR", "label": {"en": "Magnetic resonance"}},
            ],
        },
        {
            "name": "person.age",
            "type": "integer",
            "label": {"en": "Age"},
            "about": "At the baseline.",
            "unit": "years",
            "values": [],
        },
    ],
}


async def _search(request: Request) -> Response:
    body = await request.json()
    stream = events(body["question"])
    first = await anext(stream)

    async def lines() -> AsyncIterator[str]:
        yield ": the hub is listening\n\n"
        yield f"event: {first[0]}\ndata: {json.dumps(first[1])}\n\n"
        async for name, data in stream:
            if "cut" in body["question"] and name == "done":
                return
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


async def _dataset(request: Request) -> Response:
    found = [one for one in DATASETS if one["id"] == request.path_params["id"]]
    if not found:
        raise NotFound("There is no such dataset.", hint="GET /api/v1/datasets lists them.")
    return JSONResponse(found[0])


def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return JSONResponse(problem.as_dict(), problem.status, media_type="application/problem+json")


def _json(body: Any) -> Any:
    async def route(_: Request) -> Response:
        return JSONResponse(body)

    return route


def hub() -> Starlette:
    """The HTTP interface of a hub under `/api/v1`."""
    base = "/api/v1"
    routes = [
        Route(f"{base}/search", _search, methods=["POST"]),
        Route(f"{base}/datasets", _json({"datasets": DATASETS, "total": len(DATASETS), "next": None})),
        Route(f"{base}/datasets/{{id}}", _dataset),
        Route(f"{base}/nodes", _json({"nodes": NODES})),
        Route(f"{base}/vocabulary", _json(VOCABULARY)),
    ]
    return Starlette(routes=routes, exception_handlers={Problem: _problem})
