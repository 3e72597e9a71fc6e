"""The API of questions themselves: what may come next in one, keeping one, and finding it again."""

from dataclasses import asdict
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from hanse.core.complete import complete
from hanse.core.fields import Vocabulary
from hanse.core.reading import MAX_LENGTH, read
from hanse.hub import saved

LANGUAGE = r"[a-z]{2}"


class ToKeep(BaseModel):
    """A question in CQL2 text or CQL2 JSON, and under which name it is kept."""

    question: str | dict[str, Any] | bool = Field("", examples=["image.modality = 'MR' AND person.age < 50"])
    name: str = Field("", max_length=saved.MOST_NAME)
    datasets: list[str] = Field([], max_length=saved.MOST_DATASETS)


def api(records: sa.Engine, vocabulary: Vocabulary) -> APIRouter:
    """`/complete` and `/questions`."""
    router = APIRouter(responses={"default": {"description": "A problem (RFC 9457)"}})

    @router.get("/complete", summary="What may come next in a question")
    def completions(
        q: Annotated[str, Query(max_length=MAX_LENGTH)] = "",
        at: Annotated[int | None, Query(ge=0, le=MAX_LENGTH, description="the place in q, from 0")] = None,
        language: Annotated[str, Query(pattern=LANGUAGE)] = "en",
    ) -> Response:
        """Fields, words of the language and values of code lists; never what data hold."""
        found = complete(q, len(q) if at is None else at, vocabulary, language)
        return _json({"suggestions": [asdict(one) for one in found]})

    @router.post("/questions", status_code=201, summary="Keep a question")
    def keep(body: ToKeep) -> Response:
        text = body.question if isinstance(body.question, str) else read(body.question).text
        return _json(_said(saved.save(records, vocabulary, text, body.name, body.datasets), vocabulary), 201)

    @router.get("/questions/{id}", summary="A question that was kept")
    def find(id: str) -> Response:
        """`changes` says what today's vocabulary makes of a question that was kept under an older one."""
        return _json(_said(saved.find(records, id), vocabulary))

    return router


def _said(kept: saved.Saved, vocabulary: Vocabulary) -> dict[str, Any]:
    body = asdict(kept)
    question = {"text": body.pop("text"), "json": read(kept.text).json}
    return body | {"question": question, "changes": saved.changes(kept, vocabulary)}


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
