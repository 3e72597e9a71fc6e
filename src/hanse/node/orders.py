"""Orders at a node: whose they are, that each is carried out once, and what is kept of it.

An order is begun in the transaction that logs it, before data are opened. A process that dies afterwards leaves an
order that was begun and nothing that left: it is not carried out again, and whoever asks is told so. What was
answered is kept for redelivery until the order expires, and destroyed with proof when its permit ends.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

from hanse.core import clock, order
from hanse.core.decision import Use
from hanse.core.document import Signed
from hanse.core.errors import BadEnvelope, Conflict, Problem
from hanse.core.order import Delegation, Order
from hanse.core.permit import Kind, Permit
from hanse.core.result import MAX_ORDERS
from hanse.lib import files, jws, log, sql
from hanse.lib.jws import PublicKey
from hanse.node.permits import Permits
from hanse.node.tables import CARRIED


class State(StrEnum):
    """What became of an order that was begun."""

    BEGUN = "begun"
    ANSWERED = "answered"  # its result is kept
    REFUSED = "refused"  # after it was begun: too few persons, a veto in mid-run
    INTERRUPTED = "interrupted"  # the process ended before anything left
    DELETED = "deleted"  # its result was destroyed: the order expired, or its permit ended


def claimed(token: str) -> Order:
    """What a token says that is not verified yet; raises `BadEnvelope` or `BadQuestion` when it is no order."""
    if jws.claimed_type(token) != order.TYP:
        raise BadEnvelope("This token was made for another use.")
    return _decode(jws.unverified(token))


@lru_cache(maxsize=64)  # an order is read before its key is known, and again once it is verified
def _decode(payload: bytes) -> Order:
    return order.decode(payload)


def read(token: str, delegation: str, permit: Signed[Permit] | None) -> Use | None:
    """The order and the delegation, verified with a key of the permit; None when no key of the permit signed them.

    Under a permit for public data whoever asks brings a key: in a delegation that it signed itself."""
    if permit is None:
        return None
    try:
        if not delegation:
            key = _key(permit.document, jws.key_id(token))
            return Use(jws.read(token, key, order.TYP, _decode)) if key else None
        handed = _delegation(delegation, permit.document)
        device = PublicKey.from_jwk(handed.document.device)
        return Use(jws.read(token, device, order.TYP, _decode), handed)
    except Problem:
        return None


def _key(permit: Permit, kid: str) -> PublicKey | None:
    found = permit.scope.key(kid)
    return _public(found[1].jwk["x"], found[1].jwk["y"]) if found else None


@lru_cache(
    maxsize=1000
)  # a key that orders once orders again; to take it up costs more than half a verification
def _public(x: str, y: str) -> PublicKey:
    return PublicKey.from_jwk({"kty": "EC", "crv": "P-256", "x": x, "y": y})


def _delegation(token: str, permit: Permit) -> Signed[Delegation]:
    key = _key(permit, jws.key_id(token))
    if key is None and permit.kind is Kind.OPEN:
        key = PublicKey.from_jwk(order.decode_delegation(jws.unverified(token)).device)
    if key is None:
        raise BadEnvelope("The delegation is signed with a key that the permit does not name.")
    return jws.read(token, key, order.DELEGATION_TYP, order.decode_delegation)


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of an order that was begun before; `result` is the SHA-256 of the kept answer, or empty."""

    state: State
    result: str


class Orders:
    """The orders that one node has begun, and the results that it keeps."""

    def __init__(self, records: sa.Engine, folder: Path) -> None:
        self._records, self._folder = records, folder
        files.make_folder(folder)
        self._recover()

    def _recover(self) -> None:
        """After a start nothing is at work: what was begun was interrupted, and a file without a row is a remainder."""
        with sql.begin(self._records) as connection:
            rows = connection.execute(sa.select(CARRIED).where(CARRIED.c.state == State.BEGUN)).all()
            for row in rows:
                log.append(connection, "interrupted", {"order": row.order, "permit": row.permit})
            connection.execute(
                CARRIED.update().where(CARRIED.c.state == State.BEGUN).values(state=State.INTERRUPTED)
            )
            kept = set(
                connection.scalars(sa.select(CARRIED.c.order).where(CARRIED.c.state == State.ANSWERED))
            )
        self._destroy(path.name for path in self._folder.iterdir() if path.name not in kept)

    def begun(self, connection: sa.Connection, hash: str) -> Begun | None:
        """What became of an order; None when it was never begun."""
        row = connection.execute(_ONE, {"hash": hash}).first()
        return Begun(State(row.state), row.result) if row else None

    def spent(self, connection: sa.Connection, permit: str, but: str) -> int:
        """How many other orders were begun under the permit with this id."""
        return connection.scalar(_SPENT, {"id": permit, "hash": but}) or 0

    def begin(self, connection: sa.Connection, signed: Signed[Order], permit: str, entry: int) -> None:
        """Takes an order, in the transaction that logs it. Raises `Conflict` when somebody else did meanwhile."""
        if self.begun(connection, signed.hash):
            raise Conflict("This order is being carried out.", hint="Wait for its result.")
        row = {"order": signed.hash, "permit": permit, "state": State.BEGUN, "entry": entry, "result": ""}
        connection.execute(CARRIED.insert().values(row | {"expires": clock.text(signed.document.expires)}))

    def keep(self, connection: sa.Connection, hash: str, token: str) -> None:
        """Keeps an answer; the file is whole before the row names it."""
        raw = token.encode()
        files.write(self._folder / hash, raw, mode=0o600)
        self._set(connection, hash, State.ANSWERED, hashlib.sha256(raw).hexdigest())

    def end(self, connection: sa.Connection, hash: str) -> None:
        """Notes that an order ended without an answer."""
        self._set(connection, hash, State.REFUSED, "")

    def _set(self, connection: sa.Connection, hash: str, state: State, result: str) -> None:
        place = CARRIED.c.order == hash
        connection.execute(CARRIED.update().where(place).values(state=state, result=result))

    def kept(self, hash: str, begun: Begun) -> str:
        """The answer that was given before. Raises a problem that says what became of it when there is none."""
        path = self._folder / hash
        raw = path.read_bytes() if begun.state is State.ANSWERED and path.exists() else b""
        if raw and hashlib.sha256(raw).hexdigest() == begun.result:
            return raw.decode()
        words, hint = _BECAME.get(begun.state, _LOST)
        raise BadEnvelope(words, hint=hint, rule="once")

    def sweep(self, permits: Permits) -> None:
        """Destroys the results of orders that expired, and all that was made under permits that are over; of these a
        signed certificate is logged."""
        with sql.read(self._records) as connection:
            kept = connection.execute(_KEPT).all()
            open = [id for id in permits.ids(connection) if self._open(connection, permits, id)]
            over = {id: permits.over(connection, id) for id in open}
        now = clock.text(clock.now())
        self._delete([row.order for row in kept if row.expires < now])
        for id, reason in over.items():
            if reason:
                self.delete_under(permits, id, reason)

    def _open(self, connection: sa.Connection, permits: Permits, id: str) -> bool:
        """Whether something may be left under a permit of which no certificate says otherwise."""
        left = connection.execute(_KEPT.where(CARRIED.c.permit == id).limit(1)).first()
        return left is not None or not permits.certified(connection, id)

    def delete_under(self, permits: Permits, id: str, reason: str) -> None:
        """Destroys every result that was made under a permit, and certifies it."""
        with sql.read(self._records) as connection:
            orders = list(
                connection.scalars(_KEPT.where(CARRIED.c.permit == id).with_only_columns(CARRIED.c.order))
            )
        self._delete(orders)
        with sql.begin(self._records) as connection:
            for first in range(0, max(1, len(orders)), MAX_ORDERS):
                permits.certify(connection, id, reason, tuple(orders[first : first + MAX_ORDERS]))

    def _delete(self, orders: list[str]) -> None:
        """Files first: a row that says deleted is never wrong."""
        if not orders:
            return
        self._destroy(orders)
        with sql.begin(self._records) as connection:
            for hash in orders:
                self._set(connection, hash, State.DELETED, "")

    def _destroy(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._folder / name
            if path.exists():
                with path.open("r+b") as file:  # where the file system writes in place, the blocks go too
                    file.write(b"\0" * path.stat().st_size)
                path.unlink()
        files.sync_folder(self._folder)


_ONE = sa.select(CARRIED.c.state, CARRIED.c.result).where(CARRIED.c.order == sa.bindparam("hash"))
_SPENT = sa.select(sa.func.count()).where(
    CARRIED.c.permit == sa.bindparam("id"), CARRIED.c.order != sa.bindparam("hash")
)
_KEPT = sa.select(CARRIED.c.order, CARRIED.c.expires).where(CARRIED.c.state == State.ANSWERED)

_NEW = "A new order may ask the same again; this one is carried out only once."
_LOST = ("The answer to this order is not kept any more.", _NEW)
_BECAME = {
    State.BEGUN: ("This order is being carried out.", "Wait for its result."),
    State.REFUSED: ("This order was refused before.", _NEW),
    State.INTERRUPTED: ("The node stopped while it worked on this order, and nothing left it.", _NEW),
}
