"""The hub's records as the link asks them (`link.inbound.Post`): what goes to a participant, and what comes from it."""

import time
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from hanse.core.bodies import Carried
from hanse.hub import access, post, results
from hanse.hub.tables import LETTER
from hanse.lib import sql
from hanse.lib.jws import Signer
from hanse.link.mailbox import Letter, Reply

LOOK_EVERY_S = 1.0  # how often the records are asked for whom something waits


class Office:
    """Everything that is carried passes here; letters are signed with the hub's key, what is in them is not."""

    def __init__(self, records: sa.Engine, signer: Signer) -> None:
        self._records, self._signer = records, signer
        self._waiting: set[str] = set()  # participants for whom something was due at the last look
        self._looked = float("-inf")

    def stale(self) -> bool:
        now = time.monotonic()
        if now - self._looked <= LOOK_EVERY_S:
            return False
        self._looked = now
        return True

    def refresh(self, at: datetime) -> None:
        with sql.read(self._records) as connection:
            self._waiting = post.waiting(connection, at)

    def concerns(self, participant: str, got: Sequence[str]) -> bool:
        # Nodes poll after every question, and mostly say that they got a question: the records need not hear of it.
        return participant in self._waiting or any(map(post.is_letter, got))

    def due(self, participant: str, got: Sequence[str], at: datetime) -> list[Letter]:
        self._waiting.discard(participant)
        with sql.begin(self._records) as connection:
            post.taken(connection, participant, list(filter(post.is_letter, got)), at)
            return post.hand_out(connection, self._signer, participant, at)

    def again(self, participant: str) -> None:
        with sql.begin(self._records) as connection:
            post.again(connection, participant)
        self._waiting.add(participant)

    def receive(self, participant: str, tokens: Sequence[str], at: datetime) -> list[Letter]:
        with sql.begin(self._records) as connection:
            return self._to(connection, access.receive(connection, participant, tokens, at), at)

    def answer(self, reply: Reply, at: datetime) -> bool:
        with sql.read(self._records) as connection:  # every late answer to a question passes here too
            handed = connection.scalar(sa.select(LETTER.c.id).where(LETTER.c.id == reply.question))
        if handed is None:
            return False
        with sql.begin(self._records) as connection:
            return results.answer(connection, reply, at)

    def apply(self, token: str, at: datetime) -> tuple[str, list[Letter]]:
        """Takes an application; its hash, and what goes out at once."""
        with sql.begin(self._records) as connection:
            hash = access.apply(connection, token, at)
            return hash, self._to(connection, post.addressees(connection, hash), at)

    def prove(self, hash: str, token: str, at: datetime) -> tuple[str, list[Letter]]:
        """Takes a proof of login for an application; its hash, and what goes out at once."""
        with sql.begin(self._records) as connection:
            proof = access.prove(connection, hash, token, at)
            return proof, self._to(connection, post.addressees(connection, proof), at)

    def place(self, carried: Sequence[Carried], at: datetime) -> tuple[str, list[Letter]]:
        """Takes the orders of a run; its id, and what goes out at once."""
        with sql.begin(self._records) as connection:
            run, nodes = results.place(connection, carried, at)
            return run, self._to(connection, nodes, at)

    def _to(self, connection: sa.Connection, participants: Sequence[str], at: datetime) -> list[Letter]:
        return [letter for one in participants for letter in post.hand_out(connection, self._signer, one, at)]
