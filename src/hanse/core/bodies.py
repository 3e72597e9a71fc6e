"""What messages hold, once both sides know each other; answers to questions are in `core.plain`.

Every function that reads is strict in type and size: `BadEnvelope` for anything else.
"""

from dataclasses import dataclass
from typing import Any

from hanse.core import shape
from hanse.core.blob import Blob, read_blob

MAX_DOCUMENTS = 64  # in one message
MAX_DOCUMENT = 64 * 1024  # characters of a signed document
MAX_RESULT = 8 << 20  # characters of a node's signed result


@dataclass(frozen=True, slots=True)
class Poll:
    """How many seconds the node waits for something to come, and which messages it has got."""

    hold_s: float
    got: tuple[str, ...] = ()


def poll(body: Any) -> Poll:
    """The body of a `poll`."""
    body = shape.members(body, "poll", frozenset({"hold_s", "got"}))
    return Poll(shape.seconds(body, "hold_s", most=300), shape.texts(body, "got", most=1000, length=64))


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it reaches a node: CQL2 JSON that the node reads with its own vocabulary, the fields to
    break the counts down by, and how many seconds after `issued` the hub stops waiting."""

    search: str
    question: Any
    breakdowns: tuple[str, ...]
    deadline_s: float
    asker: str
    datasets: tuple[str, ...] = ()  # only these, when there are any

    def as_dict(self) -> dict[str, Any]:
        return {
            "search": self.search,
            "question": self.question,
            "breakdowns": list(self.breakdowns),
            "deadline_s": self.deadline_s,
            "asker": self.asker,
            "datasets": list(self.datasets),
        }


_QUESTION = frozenset({"search", "question", "breakdowns", "deadline_s", "asker", "datasets"})


def question(body: Any) -> Question:
    """The body of a `question`. What CQL2 it holds, the node reads for itself."""
    body = shape.members(body, "question", _QUESTION)
    return Question(
        search=shape.text(body, "search", least=1, most=64),
        question=body.get("question"),
        breakdowns=shape.texts(body, "breakdowns", most=50, length=100),
        deadline_s=shape.seconds(body, "deadline_s", most=3600),
        asker=shape.text(body, "asker", most=200),
        datasets=shape.texts(body, "datasets", most=500, length=64),
    )


@dataclass(frozen=True, slots=True)
class Fetch:
    """The permission to write or read one blob, once."""

    blob: Blob
    write: bool

    def as_dict(self) -> dict[str, Any]:
        return {"blob": self.blob.as_dict(), "write": self.write}


def fetch(body: Any) -> Fetch:
    """The body of a `fetch`."""
    body = shape.members(body, "fetch", frozenset({"blob", "write"}))
    return Fetch(read_blob(body.get("blob")), shape.truth(body, "write"))


def documents(body: Any) -> tuple[str, ...]:
    """The tokens in the body of `documents`; whoever reads them verifies each with keys that it pinned."""
    body = shape.members(body, "documents", frozenset({"documents"}))
    return shape.texts(body, "documents", most=MAX_DOCUMENTS, length=MAX_DOCUMENT)


@dataclass(frozen=True, slots=True)
class Carried:
    """An order as a hub carries it: the person's token, and the delegation to the device that signed it, or ""."""

    order: str
    delegation: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"order": self.order, "delegation": self.delegation}


def order(body: Any) -> Carried:
    """The body of an `order`."""
    body = shape.members(body, "order", frozenset({"order", "delegation"}))
    return Carried(
        shape.text(body, "order", least=1, most=MAX_DOCUMENT),
        shape.text(body, "delegation", most=MAX_DOCUMENT, default=""),
    )


def result(body: Any) -> str:
    """The token in the body of a `result` (`core.result`)."""
    body = shape.members(body, "result", frozenset({"result"}))
    return shape.text(body, "result", least=1, most=MAX_RESULT)
