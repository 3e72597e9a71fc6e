"""Permits: drafted, shown in words and signed over exactly these bytes.

A decision, what follows from it for the nodes, what is to be sent and the entry in the log are one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hanse.authority import applications, checks, narrowing, officers, outgoing, statuses
from hanse.authority.applications import Kept, State
from hanse.authority.config import AuthorityConfig
from hanse.authority.drafts import Draft
from hanse.authority.tables import CONCERNED, PERMIT, REVOKED
from hanse.core import clock, document, ids, permit_words, terms
from hanse.core import permit as permits
from hanse.core.application import beyond
from hanse.core.check import check_selection
from hanse.core.errors import Conflict, NotFound, Refused, TooLarge
from hanse.core.permit import Permit
from hanse.core.scope import OPERATIONS
from hanse.domains import VOCABULARY
from hanse.lib import accounts, assertions, continuity, jws, log, sql
from hanse.lib.jws import FileKey, Signer
from hanse.lib.passkeys import Assertion


def draft(
    connection: sa.Connection,
    config: AuthorityConfig,
    key: FileKey,
    hash: str,
    changes: Mapping[str, Any],
) -> Draft:
    """The permit that an application asks for, with `changes` (`narrowing`): a new one, or the next version of the one
    that the application wants changed. `Refused` when a key is not checked."""
    kept = applications.get(connection, hash)
    asked, found = kept.said, checks.of(connection, kept.signed.hash)
    before = newest(connection, asked.amends) if asked.amends else None
    # Those who were left out need no check.
    staying = set(changes.get("persons", [one.name for one in asked.scope.persons]))
    persons = tuple(
        checks.confirmed(one, found) if one.name in staying else one for one in asked.scope.persons
    )
    full = Permit(
        id=asked.amends or ids.new("permit"),
        version=before.version + 1 if before else 1,
        amends=before.hash if before else "",
        kind=asked.kind,
        authority=config.said(key),
        application=kept.signed.hash,
        project=asked.project,
        scope=replace(asked.scope, persons=persons),
        exception="",
        fees=(),
    )
    return _draft(kept, narrowing.narrowed(full, changes))


def draft_amendment(
    connection: sa.Connection, config: AuthorityConfig, key: FileKey, id: str, changes: Mapping[str, Any]
) -> Draft:
    """The next version of a permit by the authority's own decision, with `changes`; keys stay as they were checked."""
    before = newest(connection, id)
    kept = applications.get(connection, before.application)
    old = _read(before, key)
    full = replace(old, version=old.version + 1, amends=before.hash, authority=config.said(key))
    return _draft(kept, narrowing.narrowed(full, changes))


def _draft(kept: Kept, permit: Permit) -> Draft:
    check_selection(permit.scope.selection, VOCABULARY)
    terms.check(permit.scope.conditions, [OPERATIONS[one].action for one in permit.scope.operations])
    payload = document.encode(permit)
    return Draft(payload, permit_words.say(payload, permits.TYP), _beyond(kept, permit))


def _beyond(kept: Kept, permit: Permit) -> tuple[str, ...]:
    """Where a permit gives more than was asked for. An amendment by the authority itself answers no new application."""
    own = kept.state is State.PERMITTED and permit.version > 1
    return tuple(one for one in beyond(kept.said, permit) if not (own and one == "amends"))


def sign(
    records: sa.Engine,
    config: AuthorityConfig,
    key: FileKey,
    payload: bytes,
    officer: str,
    at: datetime,
    more: Sequence[str] = (),
    agreed: Assertion | None = None,
) -> str:
    """Signs exactly these bytes, which the officer has read in words, and returns their hash. On the page the officer's
    passkey `agreed` to them (`assertions.keep` says what it raises).

    Everything is asked anew of the bytes: `Refused` when a key in them is not checked, the officer is one of the
    persons, or they give more than was asked for in another member than `more` names; `BadQuestion` when nodes could
    not apply the selection; `Conflict` when something was decided meanwhile.
    """
    officer, permit = accounts.named(officer), permits.decode(payload)
    check_selection(permit.scope.selection, VOCABULARY)
    officers.independent(officer, permit.scope.persons, config.id)
    if permit.authority != config.said(key):
        raise Refused("The draft is of another authority.")
    hash = document.identity(payload)
    with sql.begin(records) as connection:
        kept = applications.get(connection, permit.application)
        # Somebody who asks does not decide either when the permit leaves them out.
        officers.independent(officer, kept.said.scope.persons, config.id)
        _may_follow(connection, kept, permit)
        _is_checked(connection, permit)
        _is_asked_for(kept, permit, more)
        nodes = _store(connection, permit, hash, _token(key, payload))
        if kept.state is State.WAITING:
            applications.decide(connection, kept.signed.hash, State.PERMITTED)
        for node in nodes:
            statuses.issue(connection, config, key, node, at)
        body = {
            "application": permit.application,
            "permit": permit.id,
            "version": permit.version,
            "hash": hash,
            **assertions.keep(connection, permits.TYP, payload, officer, agreed),
        }
        kind = "amend" if permit.version > 1 else "permit"
        log.append(connection, kind, {**body, "who": {"officer": officer}})
    continuity.show(records, config.home)
    return hash


def _token(key: Signer, payload: bytes) -> str:
    token = key.sign(payload, permits.TYP)
    if len(token) > jws.SMALL_TOKEN:
        raise TooLarge(
            f"The permit has {len(token)} characters; at most {jws.SMALL_TOKEN} are read by nodes.",
            hint="Give several permits, each for some of the datasets or persons.",
        )
    return token


def _may_follow(connection: sa.Connection, kept: Kept, permit: Permit) -> None:
    """That this version follows the last one, and answers an application that is open or, as an amendment by the
    authority, one that was answered with this permit."""
    versions = connection.execute(
        sa.select(PERMIT).where(PERMIT.c.id == permit.id).order_by(PERMIT.c.version.desc())
    ).all()
    last = versions[0] if versions else None
    if (permit.version, permit.amends) != ((last.version + 1, last.hash) if last else (1, "")):
        raise Conflict("Another version of this permit was signed meanwhile.", hint="Draft it again.")
    if connection.scalar(sa.select(REVOKED.c.id).where(REVOKED.c.id == permit.id)):
        raise Conflict("This permit was revoked.", hint="It needs a new application.")
    amends_own = last is not None and last.application == permit.application
    if kept.state is State.REFUSED or (kept.state is State.PERMITTED and not amends_own):
        raise Conflict("This application is decided already.")


def _is_asked_for(kept: Kept, permit: Permit, more: Sequence[str]) -> None:
    if given := [one for one in _beyond(kept, permit) if one not in more]:
        raise Refused(
            f"The permit gives more than was asked for, or something else: {', '.join(given)}.",
            hint="Narrow it, or say with --more which members may differ.",
        )


def _is_checked(connection: sa.Connection, permit: Permit) -> None:
    found = checks.of(connection, permit.application)
    for one in permit.scope.persons:
        if checks.confirmed(one, found) != one:
            raise Refused(f"The keys of {one.name} were checked in another way than the permit says.")


def _store(connection: sa.Connection, permit: Permit, hash: str, token: str) -> list[str]:
    """Keeps a permit and puts it among what is to be sent; every node that one of its versions names."""
    connection.execute(
        PERMIT.insert().values(
            id=permit.id,
            version=permit.version,
            hash=hash,
            application=permit.application,
            token=token,
            ends=clock.text(permit.scope.ends),
        )
    )
    known = set(concerned(connection, permit.id))
    for node in sorted({one.node for one in permit.scope.datasets} - known):
        connection.execute(CONCERNED.insert().values(permit=permit.id, node=node))
    outgoing.put(connection, token)
    return concerned(connection, permit.id)


@dataclass(frozen=True, slots=True)
class Given:
    """The newest version of a permit with the bytes that were signed, and when it was revoked, or ""."""

    permit: Permit
    payload: bytes
    hash: str
    revoked: str


def all_of(connection: sa.Connection, key: FileKey) -> list[Given]:
    """Every permit in its newest version."""
    return [_given(row, key) for row in connection.execute(_NEWEST.order_by(PERMIT.c.id))]


def some_of(connection: sa.Connection, key: FileKey, start: int, most: int) -> list[Given]:
    """`most` permits from place `start`, each in its newest version, the newest permit first."""
    query = _NEWEST.order_by(PERMIT.c.id.desc()).offset(start).limit(most)
    return [_given(row, key) for row in connection.execute(query)]


def count(connection: sa.Connection) -> int:
    """How many permits there are, whatever became of them."""
    return connection.scalar(sa.select(sa.func.count(PERMIT.c.id.distinct()))) or 0


def given(connection: sa.Connection, key: FileKey, id: str) -> Given:
    """The permit with this id; `NotFound` when there is none."""
    return _given(newest(connection, id), key)


def answering(connection: sa.Connection, application: str) -> str:
    """The id of the permit that answers the application with this hash, or ""."""
    of = sa.select(PERMIT.c.id).where(PERMIT.c.application == application).limit(1)
    return connection.scalar(of) or ""


def names(connection: sa.Connection, key: FileKey, id: str, kid: str) -> bool:
    """Whether the newest version of a permit names a key; False without such a permit."""
    try:
        return given(connection, key, id).permit.scope.key(kid) is not None
    except NotFound:
        return False


def newest(connection: sa.Connection, id: str) -> Any:
    """The row of a permit's newest version; `NotFound` when there is none."""
    found = connection.execute(_NEWEST.where(PERMIT.c.id == id)).one_or_none()
    if found is None:
        raise NotFound("There is no permit with this id.", hint="See `hanse authority permits`.")
    return found


_LAST = (
    sa.select(PERMIT.c.id, sa.func.max(PERMIT.c.version).label("version")).group_by(PERMIT.c.id).subquery()
)
_NEWEST = (
    sa.select(PERMIT, REVOKED.c.at.label("revoked"))
    .join(_LAST, (_LAST.c.id == PERMIT.c.id) & (_LAST.c.version == PERMIT.c.version))
    .outerjoin(REVOKED, REVOKED.c.id == PERMIT.c.id)
)


def _given(row: Any, key: FileKey) -> Given:
    return Given(_read(row, key), jws.unverified(row.token), row.hash, row.revoked or "")


def _read(row: Any, key: FileKey) -> Permit:
    return jws.read(row.token, key.public, permits.TYP, permits.decode).document


def concerned(connection: sa.Connection, id: str) -> list[str]:
    """The nodes that a permit has ever named."""
    return sorted(connection.scalars(sa.select(CONCERNED.c.node).where(CONCERNED.c.permit == id)))
