"""The hub's own log on its way to its witnesses: nodes and authorities whose keys its operator pinned, as they pinned
that of its log. It goes as every participant's does (`link.witnessing`), and nobody takes the hub's word for anything.
"""

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from hanse.core import ids, witness
from hanse.core.envelope import Kind
from hanse.hub import documents, post
from hanse.hub.documents import Kept, Place
from hanse.hub.tables import DOCUMENT
from hanse.lib import jws, sql
from hanse.lib.jws import Signer
from hanse.link.witnessing import Witnessing

LOOK_EVERY_S = 5.0


class Witnessed:
    """Shows the log in `records` to its witnesses, and takes what they say."""

    def __init__(self, home: Path, records: sa.Engine, signer: Signer) -> None:
        self._records, self._signer = records, signer
        self._address = ids.of_node(signer.public.kid)  # to which witnesses answer
        self._link = Witnessing(home, records, signer)
        self._taken: set[str] = set()

    def look(self, at: datetime) -> None:
        """Takes the answers that have come, and posts the heads that are due."""
        with sql.read(self._records) as connection:
            mine = documents.find(connection, DOCUMENT.c.name == self._address, witness.COSIGNED_TYP)
        answers = {one.hash: one.token for one in mine}
        self._link.receive(token for hash, token in answers.items() if hash not in self._taken)
        self._taken = set(answers)
        for token in self._link.due(at).values():
            self._post(token, at)

    def _post(self, token: str, at: datetime) -> None:
        said = witness.decode_head(jws.unverified(token))
        place = Place(said.to, "", said.number, (said.to,))
        kept = Kept(jws.identity(token), witness.HEAD_TYP, self._signer.public.kid, place)
        with sql.begin(self._records) as connection:
            if documents.keep(connection, kept, token, at):
                post.post(connection, place.nodes, kept.hash, Kind.DOCUMENTS, at)
