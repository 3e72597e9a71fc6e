"""Permits as the documents here say them: the version that counts, and whether the authority revoked it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hanse.core import decision, permit, rules, status
from hanse.core.errors import Problem
from hanse.core.permit import Permit
from hanse.hub import documents
from hanse.hub.tables import DOCUMENT
from hanse.lib import jws


@dataclass(frozen=True, slots=True)
class Standing:
    """A permit in the newest version that its authority sent, and whether a status of it says that it is revoked."""

    permit: Permit
    revoked: bool

    def over(self, at: datetime) -> Problem | None:
        """Why nothing is given under this permit now, in the words in which a node refuses; None while it may be."""
        for rule, holds in _RULES.items():
            if self.permit.kind in _WORDS[rule][1] and not holds(self, at):
                return refused(rule)
        return None


def refused(rule: str) -> Problem:
    """A refusal by this rule, in the words in which a node refuses."""
    return decision.problem(_WORDS[rule][0])


_WORDS = {refusal.rule: (refusal, kinds) for refusal, kinds, _ in rules.RULES}
_RULES: dict[str, Callable[[Standing, datetime], bool]] = {
    "period": lambda said, at: said.permit.scope.begins <= at < said.permit.scope.ends,
    "revocation": lambda said, at: not said.revoked,
}


def standing(connection: sa.Connection, hash: str) -> Standing | None:
    """How the permit stands of which this is the hash of some version; None when it is not here."""
    known = documents.find(connection, DOCUMENT.c.hash == hash, permit.TYP)
    if not known:
        return None
    same = (DOCUMENT.c.name == known[0].name) & (DOCUMENT.c.kid == known[0].kid)
    return read(connection, documents.find(connection, same, permit.TYP)[0])


def version(connection: sa.Connection, hash: str) -> Permit | None:
    """The version of a permit that has this hash; None when it is not here."""
    known = documents.find(connection, DOCUMENT.c.hash == hash, permit.TYP)
    return permit.decode(jws.unverified(known[0].token)) if known else None


def versions(connection: sa.Connection, ids: Collection[str], kid: str = "") -> Sequence[str]:
    """The hashes of all versions of these permits; with `kid`, of those that this authority gave."""
    which = (DOCUMENT.c.typ == permit.TYP) & DOCUMENT.c.name.in_(ids)
    by = DOCUMENT.c.kid == kid if kid else sa.true()
    return connection.scalars(sa.select(DOCUMENT.c.hash).where(which, by)).all()


def read(connection: sa.Connection, row: Any) -> Standing:
    """How the permit in this row stands. Of the statuses for its nodes each holds what its node is told."""
    said = permit.decode(jws.unverified(row.token))
    told = DOCUMENT.c.name.in_({one.node for one in said.scope.datasets}) & (DOCUMENT.c.kid == row.kid)
    statuses = documents.find(connection, told, status.STATUS_TYP)
    revoked = any(said.id in status.decode(jws.unverified(one.token)).revoked for one in statuses)
    return Standing(said, revoked)
