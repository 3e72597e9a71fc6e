"""What each dataset has answered, in the node's database: the memory of `core.disclosure`.

A row a question, over all askers and all versions. Questions are kept as keyed hashes: the node does not remember
what somebody was interested in. Fresh answers are written in the caller's transaction and must not leave before it is
committed. It must be one that may write (`sql.begin`): these come one after another, so that two processes never
answer one question twice.
"""

import hmac
import zlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Self

import numpy as np
import sqlalchemy as sa

from hanse.core.answer import Counts, Rule
from hanse.core.disclosure import Given, Roster, is_new_epoch, released_size
from hanse.core.policy import Policy
from hanse.lib.sql import Migration, create

_METADATA = sa.MetaData()

_DATASET = sa.Table(
    "ledger_dataset",
    _METADATA,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("persons", sa.Integer, nullable=False),
    sa.Column("spent", sa.Integer, nullable=False),
    sa.Column("roster", sa.LargeBinary, nullable=False),
)

_ANSWER = sa.Table(
    "ledger_answer",
    _METADATA,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("question", sa.LargeBinary(16), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("persons", sa.Integer),
    sa.Column("studies", sa.Integer),
    sa.Column("series", sa.Integer),
    sa.Column("threshold", sa.Integer),
    sa.Column("rounding", sa.Integer),
)

TABLES = (_DATASET, _ANSWER)
MIGRATIONS = (Migration(1, "the ledger of answered questions", create(*TABLES)),)

_NUMBERS = ("persons", "studies", "series", "threshold", "rounding")

# Statements are made once: making them costs more than running them.
_OF_DATASET = _DATASET.c.dataset == sa.bindparam("of")
_OF_QUESTIONS = (_ANSWER.c.dataset == sa.bindparam("of")) & _ANSWER.c.question.in_(
    sa.bindparam("keys", expanding=True)
)
_STATE = sa.select(*(_DATASET.c[name] for name in ("version", "epoch", "persons", "spent"))).where(
    _OF_DATASET
)
_ROSTER = sa.select(_DATASET.c.roster).where(_OF_DATASET)
_SPEND = sa.update(_DATASET).where(_OF_DATASET).values(spent=sa.bindparam("now"))
_GIVEN = sa.select(_ANSWER).where(_OF_QUESTIONS)
_FORGET = sa.delete(_ANSWER).where(_OF_QUESTIONS)
_KEEP = sa.insert(_ANSWER)


class DatasetLedger:
    """The `disclosure.Ledger` of one dataset within one transaction; reads nothing before it is asked.

    What is noted is written when the block ends (`with DatasetLedger(...) as ledger`), all at once.

    A dataset of which no version was entered has no released size: it answers single criteria only.
    """

    def __init__(self, connection: sa.Connection, node_secret: bytes, dataset: str) -> None:
        self.secret = hmac.digest(node_secret, b"disclosure" + dataset.encode(), "sha256")
        self._connection = connection
        self._dataset = dataset
        self._recalled: dict[str, Given | None] = {}
        self._written: set[str] = set()  # questions with an answer in the database
        self._fresh: dict[str, Counts] = {}
        self._charge = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._fresh:
            self._keep()

    @property
    def epoch(self) -> int:
        return self._state.epoch if self._state else 0

    @property
    def persons(self) -> int:
        return self._state.persons if self._state else 0

    @property
    def spent(self) -> int:
        return (self._state.spent if self._state else 0) + self._charge

    def enter(self, version: int, roster: Callable[[], Roster], policy: Policy) -> None:
        """Takes up a version: questions are answered afresh when enough of the dataset has changed.

        `roster` is called only when neither this version nor a later one was entered before.
        """
        if self._state is None:
            row = {"dataset": self._dataset, "version": version, "spent": 0}
            self._connection.execute(sa.insert(_DATASET).values(row | self._begun(0, roster(), policy)))
            del self._state
        elif self._state.version < version:
            present = roster()
            new = is_new_epoch(self._roster(), present, policy, self.secret)
            row = {"version": version} | (self._begun(self.epoch + 1, present, policy) if new else {})
            self._connection.execute(
                sa.update(_DATASET).where(_DATASET.c.dataset == self._dataset).values(row)
            )
            del self._state

    def recall(self, texts: list[str]) -> None:
        """Reads at once what several calls of `given` will ask for."""
        self._recalled |= dict.fromkeys(texts) | self.given(texts)

    def given(self, texts: list[str]) -> dict[str, Given]:
        if all(text in self._recalled for text in texts):
            return {text: given for text in texts if (given := self._recalled[text])}
        keys = {self._key(text): text for text in texts}
        rows = self._connection.execute(_GIVEN, {"of": self._dataset, "keys": list(keys)})
        found = {keys[row.question]: Given(_counts(row), row.epoch) for row in rows}
        self._written |= found.keys()
        return found | {text: Given(self._fresh[text], self.epoch) for text in texts if text in self._fresh}

    def note(self, answers: Mapping[str, Counts], charge: int) -> None:
        self._fresh |= answers
        self._recalled |= {text: Given(counts, self.epoch) for text, counts in answers.items()}
        self._charge += charge

    def _keep(self) -> None:
        rows = [self._row(text, counts) for text, counts in self._fresh.items()]
        if outdated := [self._key(text) for text in self._fresh if text in self._written]:
            self._connection.execute(_FORGET, {"of": self._dataset, "keys": outdated})
        self._connection.execute(_KEEP, rows)
        if self._charge:
            self._connection.execute(_SPEND, {"of": self._dataset, "now": self.spent})
        self._fresh, self._charge = {}, 0

    @cached_property
    def _state(self) -> sa.Row | None:
        return self._connection.execute(_STATE, {"of": self._dataset}).first()

    def _roster(self) -> Roster:
        return unpacked(self._connection.scalar(_ROSTER, {"of": self._dataset}))

    def _begun(self, epoch: int, roster: Roster, policy: Policy) -> dict[str, object]:
        """The columns of a dataset's row that an epoch sets."""
        persons = released_size(len(roster.persons), policy, self.secret, epoch)
        return {"epoch": epoch, "persons": persons, "roster": packed(roster)}

    def _row(self, text: str, counts: Counts) -> dict[str, object]:
        numbers = {name: getattr(counts, name) for name in _NUMBERS}
        named = {"dataset": self._dataset, "question": self._key(text)}
        return named | {"epoch": self.epoch, "rule": counts.rule.value} | numbers

    def _key(self, text: str) -> bytes:
        return hmac.digest(self.secret, b"question" + text.encode(), "sha256")[:16]


def _counts(row: sa.Row) -> Counts:
    return Counts(Rule(row.rule), row.persons, row.studies, row.series, row.threshold, row.rounding)


def packed(roster: Roster) -> bytes:
    """A roster as bytes: persons as the steps between them, which compress well, then the stamps."""
    steps = np.diff(roster.persons, prepend=0).astype("<i4").tobytes()
    return zlib.compress(steps + roster.stamps.astype("<u8").tobytes(), level=1)


def unpacked(raw: bytes) -> Roster:
    """The roster that `packed` wrote."""
    raw = zlib.decompress(raw)
    count = len(raw) // 12
    return Roster(np.cumsum(np.frombuffer(raw, "<i4", count)), np.frombuffer(raw, "<u8", count, 4 * count))
