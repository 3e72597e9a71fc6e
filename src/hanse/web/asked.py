"""A question as an address or a form of the cohort page says it, and what can be made of it."""

from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool

from hanse.core.check import check, resolve
from hanse.core.errors import BadQuestion, Problem
from hanse.core.fields import Vocabulary
from hanse.core.query import Question
from hanse.core.reading import read
from hanse.hub import saved
from hanse.hub.app import Hub
from hanse.hub.saved import Saved
from hanse.web import builder
from hanse.web.builder import Form, Unfit, Why
from hanse.web.language import address
from hanse.web.sent import Sent, first

MOST_DATASETS = 50
LONG = 4096  # characters of an address's question; a longer one is kept under an id


@dataclass(frozen=True, slots=True)
class State:
    """What an address says: the question, the only datasets that are asked, and whether charts are asked along."""

    text: str = ""
    datasets: tuple[str, ...] = ()
    charts: bool = False
    kept: Saved | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """The state as the query of an address, or as hidden inputs of a form."""
        whole = [("id", self.kept.id)] if self.kept else [("q", self.text)]
        some = [("dataset", one) for one in self.datasets]
        return [*whole, *some, *([("charts", "yes")] if self.charts else [])]

    def address(self, path: str = "/cohort", **more: str) -> str:
        """The page of this state in the language of the request, or another `path` about it."""
        pairs = [pair for pair in self.pairs() if pair != ("q", "")]
        if self.kept and path == "/cohort":
            path, pairs = f"/cohort/{self.kept.id}", pairs[1:]
        pairs += [(name, value) for name, value in more.items() if value]
        return address(path) + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else "")

    def without(self, dataset: str) -> str:
        """The page of the same question to other datasets than this one only."""
        return replace(self, datasets=tuple(one for one in self.datasets if one != dataset)).address(ask="no")

    def toggled(self) -> str:
        """The page with charts asked along that are not, or the other way round."""
        return replace(self, charts=not self.charts).address(ask="no")


@dataclass(frozen=True, slots=True)
class Understood:
    """What can be made of a question's text: itself with its warnings, its form or why it has none, or a problem."""

    question: Question | None = None
    warnings: tuple[str, ...] = ()
    form: Form | None = None
    why: Why | None = None
    problem: Problem | None = None


def understand(text: str, vocabulary: Vocabulary) -> Understood:
    """Reads and checks a question as the hub would before it asks; what is wrong is a part of the answer."""
    try:
        question, notes = resolve(read(text), vocabulary)
        warnings = (*notes, *check(question, vocabulary, text))
    except BadQuestion as problem:
        return Understood(problem=problem)
    try:
        return Understood(question, warnings, builder.form_of(question, vocabulary))
    except Unfit as unfit:
        return Understood(question, warnings, why=unfit.why)


async def state_of(sent: Sent, hub: Hub) -> State:
    """The state that an address or a form says; `NotFound` when no question is kept under its id."""
    datasets = tuple(dict.fromkeys(one[:64] for one in sent.get("dataset", ()) if one))[:MOST_DATASETS]
    charts = first(sent, "charts") == "yes"
    if id := first(sent, "id"):
        kept = await run_in_threadpool(saved.find, hub.records, id)
        return State(kept.text, datasets or kept.datasets, charts, kept)
    return State(clean(first(sent, "q")), datasets, charts)


def is_long(text: str) -> bool:
    """Whether a question is too long for an address. What certainly is, is not encoded to find out: that takes
    seconds of a text of a megabyte."""
    return len(text) > LONG or len(quote(text)) > LONG


def clean(text: str) -> str:
    """A text as it was typed, with one kind of line ends."""
    return text.replace("\r\n", "\n").strip()
