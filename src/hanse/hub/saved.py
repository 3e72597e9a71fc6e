"""Questions that people keep: under a name, or because they are too long for an address.

Whoever knows an id may read the question, and nobody can guess one. Questions fill at most `MOST` places; when all are
taken, the oldest one without a name gives way. Those with names keep theirs, and so may take only a part of all.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from hanse.core import clock, ids
from hanse.core.check import check, resolve
from hanse.core.errors import BadInput, BadQuestion, NoSpace, NotFound
from hanse.core.fields import Vocabulary
from hanse.core.reading import read
from hanse.hub.tables import QUESTION
from hanse.lib import sql

MOST = 20_000
NAMED = 0.8  # of them at most have names: the others are for questions too long for an address
MOST_NAME = 200
MOST_DATASETS = 500
MOST_ID = 64


@dataclass(frozen=True, slots=True)
class Saved:
    """A question as it was kept. `text` is CQL2; `vocabulary` is the version it was checked with, `datasets` are those
    that were asked, none for all."""

    id: str
    name: str
    text: str
    datasets: tuple[str, ...]
    created: str
    vocabulary: str


def save(
    records: sa.Engine,
    vocabulary: Vocabulary,
    text: str,
    name: str = "",
    datasets: Sequence[str] = (),
    most: int = MOST,
) -> Saved:
    """Keeps a question; what cannot be asked is not kept: raises `BadQuestion`, or `BadInput` for a name or a list of
    datasets that is too long, or `NoSpace` when questions with names
    have taken all their places."""
    question, _ = resolve(read(text), vocabulary)
    check(question, vocabulary, text)
    name = " ".join("".join(one if one.isprintable() else " " for one in name).split())
    if len(name) > MOST_NAME:
        raise BadInput(f"A name has at most {MOST_NAME} characters.")
    if len(datasets) > MOST_DATASETS or any(len(one) > MOST_ID for one in datasets):
        raise BadInput(f"A question names at most {MOST_DATASETS} datasets by their ids.")
    at = clock.text(clock.now())
    kept = Saved(ids.new("question"), name, text, tuple(datasets), at, vocabulary.version)
    with sql.begin(records) as connection:
        _make_room(connection, bool(name), most)
        connection.execute(QUESTION.insert().values(**_row(kept)))
    return kept


def _row(kept: Saved) -> dict[str, str]:
    return {
        "id": kept.id,
        "name": kept.name,
        "text": kept.text,
        "datasets": json.dumps(kept.datasets),
        "created": kept.created,
        "vocabulary": kept.vocabulary,
    }


def _make_room(connection: sa.Connection, named: bool, most: int) -> None:
    count = sa.select(sa.func.count()).select_from(QUESTION)
    if named and (connection.scalar(count.where(QUESTION.c.name != "")) or 0) >= NAMED * most:
        raise NoSpace(
            "This hub keeps no more questions under names.",
            hint="Keep it without a name, or keep its text: it is all there is to it.",
        )
    if (connection.scalar(count) or 0) >= most:
        nameless = sa.select(QUESTION.c.id).where(QUESTION.c.name == "").order_by(QUESTION.c.id).limit(1)
        connection.execute(sa.delete(QUESTION).where(QUESTION.c.id.in_(nameless)))


def find(records: sa.Engine, id: str) -> Saved:
    """The question with this id; `NotFound` when there is none."""
    with sql.read(records) as connection:
        row = connection.execute(sa.select(QUESTION).where(QUESTION.c.id == id[:MOST_ID])).one_or_none()
    if row is None:
        raise NotFound(
            "No question is kept under this id.",
            hint="A question without a name gives way when many are kept.",
        )
    return Saved(row.id, row.name, row.text, tuple(json.loads(row.datasets)), row.created, row.vocabulary)


def changes(kept: Saved, vocabulary: Vocabulary) -> list[str]:
    """What today's vocabulary says of a question that was kept under another version; empty when the versions are the
    same or it makes no difference."""
    if kept.vocabulary == vocabulary.version:
        return []
    try:
        question, notes = resolve(read(kept.text), vocabulary)
        return notes + check(question, vocabulary, kept.text)
    except BadQuestion as problem:
        return [" ".join(part for part in (problem.detail, problem.hint) if part)]
