"""What each dataset has answered, in the node's database: the memory of `core.disclosure`.

A row a question, over all askers, permits and versions, of counts with the answers by value. Analyses have an account
of their own in it, so that whoever asks without a permit uses up nothing that a permit gives.

Questions are kept as keyed hashes: the node does not remember what somebody was interested in. Fresh answers are
written in the caller's transaction and must not leave before it is committed. It must be one that may write
(`sql.begin`): these come one after another, so that two processes never answer one question twice.
"""

import hmac
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Self

import numpy as np
import sqlalchemy as sa

from hanse.core.answer import Counts, Rule
from hanse.core.disclosure import Given, Roster, is_new_epoch, released_size
from hanse.core.errors import Refused
from hanse.core.policy import Policy

_METADATA = sa.MetaData()

DATASET = sa.Table(
    "ledger_dataset",
    _METADATA,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("persons", sa.Integer, nullable=False),
    sa.Column("spent", sa.Integer, nullable=False),
    sa.Column("roster", sa.LargeBinary, nullable=False),
)

ANSWERS = sa.Table(
    "ledger_answers",
    _METADATA,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("question", sa.LargeBinary(16), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column(
        "answers", sa.Text, nullable=False
    ),  # {value: [rule, persons, studies, series, threshold, rounding]}
)

# `tables` is what an analysis was charged: in how many tables it counts a person.
ANALYSES = sa.Table(
    "ledger_analyses",
    _METADATA,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("question", sa.LargeBinary(16), primary_key=True),
    sa.Column("tables", sa.Integer, nullable=False),
)

# Written out, since a node runs them for every question: to make them takes longer than to run them.
_STATE = "SELECT version, epoch, persons, spent FROM ledger_dataset WHERE dataset = ?"
_GIVEN = "SELECT question, epoch, answers FROM ledger_answers WHERE dataset = ? AND question IN ({})"
_KEEP = "INSERT OR REPLACE INTO ledger_answers (dataset, question, epoch, answers) VALUES (?, ?, ?, ?)"
_SPEND = "UPDATE ledger_dataset SET spent = spent + ? WHERE dataset = ?"
_TABLES = "SELECT tables FROM ledger_analyses WHERE dataset = ? AND question = ?"
_ALL_TABLES = "SELECT coalesce(sum(tables), 0) FROM ledger_analyses WHERE dataset = ?"
_ANALYSED = "INSERT INTO ledger_analyses (dataset, question, tables) VALUES (?, ?, ?)"
_ROSTER = sa.select(DATASET.c.roster).where(DATASET.c.dataset == sa.bindparam("of"))


def secret(node_secret: bytes, dataset: str) -> bytes:
    """What the noise of a dataset is drawn with; another one for each dataset."""
    return hmac.digest(node_secret, b"disclosure" + dataset.encode(), "sha256")


class DatasetLedger:
    """The `disclosure.Ledger` of one dataset within one transaction; reads nothing before it is asked.

    What is noted is written when the block ends (`with DatasetLedger(...) as ledger`), all at once.

    A dataset of which no version was entered has no released size: it answers single criteria only.
    """

    def __init__(self, connection: sa.Connection, node_secret: bytes, dataset: str) -> None:
        self.secret = secret(node_secret, dataset)
        self._connection = connection
        self._dataset = dataset
        self._answers: dict[str, dict[str, Given]] = {}
        self._fresh: set[str] = set()  # questions with answers that are not written yet
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

    @property
    def tables(self) -> int:
        """How many tables were given out to analyses."""
        return int(self._connection.exec_driver_sql(_ALL_TABLES, (self._dataset,)).scalar_one())

    def enter(self, version: int, roster: Callable[[], Roster], policy: Policy) -> None:
        """Takes up a version: questions are answered afresh when enough of the dataset has changed.

        `roster` is called only when neither this version nor a later one was entered before.
        """
        if self._state is None:
            row = {"dataset": self._dataset, "version": version, "spent": 0}
            self._connection.execute(sa.insert(DATASET).values(row | self._begun(0, roster(), policy)))
            del self._state
        elif self._state.version < version:
            present = roster()
            new = is_new_epoch(self._roster(), present, policy, self.secret)
            row = {"version": version} | (self._begun(self.epoch + 1, present, policy) if new else {})
            self._connection.execute(sa.update(DATASET).where(DATASET.c.dataset == self._dataset).values(row))
            del self._state

    def recall(self, texts: Sequence[str]) -> None:
        """Reads at once what several calls of `given` will ask for."""
        keys = {self._key(text): text for text in texts if text not in self._answers}
        marks = ", ".join("?" * len(keys))
        rows = self._connection.exec_driver_sql(_GIVEN.format(marks), (self._dataset, *keys)) if keys else ()
        self._answers |= {text: {} for text in keys.values()}
        for question, epoch, answers in rows:
            self._answers[keys[question]] = {
                value: Given(Counts(Rule(rule), *numbers), epoch)
                for value, (rule, *numbers) in json.loads(answers).items()
            }

    def given(self, text: str) -> Mapping[str, Given]:
        self.recall([text])
        return self._answers[text]

    def note(self, text: str, answers: Mapping[str, Counts], charge: int) -> None:
        # Answers of an earlier epoch go: who asks again in this one gets those of this one.
        kept = {value: one for value, one in self.given(text).items() if one.epoch == self.epoch}
        self._answers[text] = kept | {value: Given(counts, self.epoch) for value, counts in answers.items()}
        self._fresh.add(text)
        self._charge += charge

    def analyse(self, text: str, tables: int, most: int) -> None:
        """Enters an analysis, which is known by its words and its version: the same one again is free, since it has the
        same noise. Raises `Refused` when all analyses together would count more than `most` tables."""
        place = self._dataset, self._key(text)
        if self._connection.exec_driver_sql(_TABLES, place).first():
            return
        if self.tables + tables > most:
            raise Refused(
                "The dataset has given out as many tables as its holder lets it, over all permits.",
                hint="Ask for something that was asked before, or ask the holder for a larger number (`analyses`).",
                rule="dataset budget",
            )
        self._connection.exec_driver_sql(_ANALYSED, (*place, tables))

    def _keep(self) -> None:
        rows = [
            (self._dataset, self._key(text), self.epoch, _plain(self._answers[text])) for text in self._fresh
        ]
        self._connection.exec_driver_sql(_KEEP, rows)
        if self._charge:
            self._connection.exec_driver_sql(_SPEND, (self._charge, self._dataset))
            del self._state
        self._fresh, self._charge = set(), 0

    @cached_property
    def _state(self) -> sa.Row | None:
        return self._connection.exec_driver_sql(_STATE, (self._dataset,)).first()

    def _roster(self) -> Roster:
        return unpacked(self._connection.scalar(_ROSTER, {"of": self._dataset}))

    def _begun(self, epoch: int, roster: Roster, policy: Policy) -> dict[str, object]:
        """The columns of a dataset's row that an epoch sets."""
        persons = released_size(len(roster.persons), policy, self.secret, epoch)
        return {"epoch": epoch, "persons": persons, "roster": packed(roster)}

    def _key(self, text: str) -> bytes:
        return hmac.digest(self.secret, b"question" + text.encode(), "sha256")[:16]


def _plain(answers: Mapping[str, Given]) -> str:
    return json.dumps(
        {
            value: [one.counts.rule, *(getattr(one.counts, name) for name in _NUMBERS)]
            for value, one in answers.items()
        }
    )


_NUMBERS = ("persons", "studies", "series", "threshold", "rounding")


def packed(roster: Roster) -> bytes:
    """A roster as bytes: persons as the steps between them, which compress well, then the stamps."""
    steps = np.diff(roster.persons, prepend=0).astype("<i4").tobytes()
    return zlib.compress(steps + roster.stamps.astype("<u8").tobytes(), level=1)


def unpacked(raw: bytes) -> Roster:
    """The roster that `packed` wrote."""
    raw = zlib.decompress(raw)
    count = len(raw) // 12
    return Roster(np.cumsum(np.frombuffer(raw, "<i4", count)), np.frombuffer(raw, "<u8", count, 4 * count))
