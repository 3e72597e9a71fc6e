"""The hub's records as the link asks them (`link.inbound.Post`): what goes to a participant, and what comes from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from hanse.core.wire import Carried
from hanse.hub import access, post, results
from hanse.hub.tables import LETTER
from hanse.lib import sql
from hanse.lib.jws import Signer
from hanse.link.mailbox import Letter, Reply

MOST_HANDED = 100_000
LOOK_EVERY = timedelta(seconds=1)  # how often the records are asked whether something waits for a participant


class Office:
    """Everything that is carried passes here; letters are signed with the hub's key, what is in them is not."""

    def __init__(self, records: sa.Engine, signer: Signer) -> None:
        self._records, self._signer = records, signer
        self._heard: dict[
            str, set[str]
        ] = {}  # what each participant got since the records were last looked at
        self._looked: dict[str, datetime] = {}
        self._handed: set[str] = set()  # letters that nobody said to have got

    def due(self, participant: str, got: Sequence[str], at: datetime) -> list[Letter]:
        # Nodes poll after every question, and mostly say that they got a question: the records need not hear of it.
        heard = self._heard.setdefault(participant, set())
        heard.update(got)
        lately = participant in self._looked and at - self._looked[participant] < LOOK_EVERY
        if lately and heard.isdisjoint(self._handed):
            return []
        self._handed -= heard
        self._looked[participant] = at
        got = tuple(heard)
        heard.clear()
        if not post.waits(self._records, participant, got, at):
            return []
        with sql.begin(self._records) as connection:
            post.taken(connection, participant, got, at)
            return self._hand_out(connection, participant, at)

    def _hand_out(self, connection: sa.Connection, participant: str, at: datetime) -> list[Letter]:
        letters = post.hand_out(connection, self._signer, participant, at)
        if len(self._handed) > MOST_HANDED:  # forgotten ones are noted when the records are looked at
            self._handed.clear()
        self._handed.update(letter.id for letter in letters)
        return letters

    def again(self, participant: str) -> None:
        self._looked.pop(participant, None)
        with sql.begin(self._records) as connection:
            post.again(connection, participant)

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

    def place(self, carried: Sequence[Carried], at: datetime) -> tuple[str, list[Letter]]:
        """Takes the orders of a run; its id, and what goes out at once."""
        with sql.begin(self._records) as connection:
            run, nodes = results.place(connection, carried, at)
            return run, self._to(connection, nodes, at)

    def _to(self, connection: sa.Connection, participants: Sequence[str], at: datetime) -> list[Letter]:
        return [letter for one in participants for letter in self._hand_out(connection, one, at)]
