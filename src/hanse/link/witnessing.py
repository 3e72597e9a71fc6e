"""The heads of a participant's log on their way to its witnesses, and those of others that it cosigns.

A hub that loses them, holds them up or changes them is noticed by their absence: no line of a witness can be forged.
"""

import logging
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from hanse.core import clock, ids, witness
from hanse.core.errors import Conflict, Problem
from hanse.core.witness import Cosigned, Head
from hanse.lib import audit, checkpoint, jws, log, sql
from hanse.lib import witness as witnesses
from hanse.lib.checkpoint import Checkpoint, VerifierKey
from hanse.lib.jws import Signer

EVERY = timedelta(hours=1)  # for witnesses
SIGN_EVERY = timedelta(
    seconds=5
)  # while the log grows: what a restored copy lacks is noticed but for these seconds
logger = logging.getLogger(__name__)


class Witnessing:
    """The witnessing of one participant, whose log is in `records` and whose home is `home`."""

    def __init__(self, home: Path, records: sa.Engine, signer: Signer, every: timedelta = EVERY) -> None:
        self._home, self._records, self._signer, self._every = home, records, signer, every
        self._address = ids.of_node(signer.public.kid)
        self._lock = threading.Lock()
        self._number = 0
        self._replies: dict[str, str] = {}
        self._signed: datetime | None = None
        self._size: int | None = None  # of the log, when its head was signed
        self._asked: dict[VerifierKey, datetime] = {}
        self._shown: dict[VerifierKey, tuple[int, int]] = {}  # from which size to which, in the last request
        self._doubted: set[Checkpoint] = set()  # that stand in the log already: a hub may repeat them
        self._said = ""

    def due(self, at: datetime) -> dict[str, str]:
        """The documents that are to be sent now: answers, and a request to each witness that was not asked lately. Each
        has a name, under which a newer one takes its place. A head is signed also when there is no witness: so that
        a restored copy of the records is noticed."""
        with self._lock:
            if self._signed is None or at - self._signed >= SIGN_EVERY:
                self._signed = at
                self._sign()
            tokens, self._replies = self._replies, {}
            for one in witnesses.witnesses(self._home):
                if at - self._asked.get(one, at - self._every) >= self._every:
                    self._asked[one] = at
                    self._request(one, tokens)
            return tokens

    def _sign(self) -> None:
        try:
            with sql.begin(self._records) as connection:
                size, _ = log.head(connection)
                if size != self._size:
                    key = witnesses.own_log(self._home)
                    audit.sign_head(connection, key, self._home / witnesses.KEPT)
                    self._size = size
        except Problem as problem:
            self._say(f"The log is not the one whose head was signed: {problem.detail} {problem.hint}")

    def _request(self, one: VerifierKey, tokens: dict[str, str], old: int | None = None) -> None:
        try:
            with sql.read(self._records) as connection:
                made = witnesses.request(connection, self._home, one, old)
        except Problem as problem:
            logger.warning("The head of the log is not shown to its witnesses: %s", problem.detail)
            return
        self._shown[one] = (made.old, checkpoint.read(made.note).size)
        said = Head(witnesses.address(one), self._next(), made.text)
        tokens[f"{witness.HEAD_TYP} {said.to}"] = jws.issue(self._signer, said, witness.HEAD_TYP)

    def receive(self, tokens: Iterable[str]) -> list[str]:
        """Takes what is said to a log and to a witness; the other documents."""
        others = []
        for token in tokens:
            try:
                typ = jws.claimed_type(token)
                if typ == witness.HEAD_TYP:
                    self._cosign(token)
                elif typ == witness.COSIGNED_TYP:
                    self._take(token)
                else:
                    others.append(token)
            except Conflict as problem:
                self._say(f"{problem.detail} {problem.hint}")
            except Problem as problem:
                logger.warning("A head of a log was not taken: %s", problem.detail)
        return others

    def _cosign(self, token: str) -> None:
        """Answers a request. The document proves nothing and need not: its text does."""
        text = witness.decode_head(jws.unverified(token)).request
        with self._lock:
            try:
                note = witnesses.cosign(self._home, self._address, text, clock.now())
            except Conflict as problem:
                self._doubt(text, problem)
                raise
            key = str(witnesses.own_key(self._home, self._address).verifier)
            said = Cosigned(ids.of_node(jws.key_id(token)), self._next(), key, note)
            name = f"{witness.COSIGNED_TYP} {said.to}"
            self._replies[name] = jws.issue(self._signer, said, witness.COSIGNED_TYP)

    def _doubt(self, text: str, problem: Conflict) -> None:
        """Writes into this participant's own log that another log contradicts itself."""
        head = checkpoint.read(witnesses.Request.read(text).note)
        if head in self._doubted:
            return
        self._doubted.add(head)
        body = {"log": head.origin, "entries": head.size, "root": head.root.hex(), "why": problem.detail}
        with sql.begin(self._records) as connection:
            log.append(connection, "contradiction", body)

    def _take(self, token: str) -> None:
        """Keeps a cosigned head. A witness that has another head than the request began with is asked again from
        there."""
        said = witness.decode_cosigned(jws.unverified(token))
        one = VerifierKey.read(said.witness)
        with self._lock:
            if one not in witnesses.witnesses(self._home):
                return
            if said.note:
                with sql.read(self._records) as connection:
                    witnesses.take(connection, self._home, said.note)
            has = checkpoint.read(said.note).size if said.note else 0
            old, size = self._shown.get(one, (has, has))
            if has not in (old, size) and has < size:
                self._request(one, self._replies, has)

    def _next(self) -> int:
        """Numbers grow, after a restart too: seconds since 1970, and one more for each of one second."""
        self._number = max(self._number + 1, int(clock.now().timestamp()))
        return self._number

    def _say(self, what: str) -> None:
        """Says what is wrong with a log, once until it is something else."""
        if what != self._said:
            logger.error(what)
            self._said = what
