"""Runs: sets of orders under one permit, what became of each, and the nodes' results. The hub's only door to results.

A run is shown to whoever proves to have a key that its permit names now, or that such a key handed its orders to, while
the permit holds. The results are the nodes' signed tokens, sealed where the permit asks for it; whoever reads them
verifies them.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from hanse.core import bodies, clock, envelope, ids, order, permit, result, visit
from hanse.core.bodies import Carried
from hanse.core.envelope import Kind
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Problem, Refused
from hanse.core.permit import Permit
from hanse.core.result import Deletion
from hanse.hub import permits, post
from hanse.hub.tables import DELIVERY, LETTER, ORDER, RUN
from hanse.lib import jws
from hanse.lib.jws import PublicKey
from hanse.link.mailbox import Reply

MAX_ORDERS = 500  # in one run
MAX_WAITING = 2_000  # orders of one key, or of all together that no key of a permit signed
KEPT = timedelta(days=30)  # after the last order expired


class State(StrEnum):
    """What became of an order."""

    WAITING = "waiting"
    CARRIED_OUT = "carried out"
    REFUSED = "refused"
    LATE = "late"  # nothing came until the order expired


def place(connection: sa.Connection, carried: Sequence[Carried], at: datetime) -> tuple[str, list[str]]:
    """Takes the orders of one run; its id, and the nodes that they are for. The same orders are one run.

    Raises `BadEnvelope` or `BadInput` when they are no orders under one permit, and `Refused` when one key has too many
    under way. Whether they count, each node decides.
    """
    if not 0 < len(carried) <= MAX_ORDERS:
        raise BadInput(f"A run has from 1 to {MAX_ORDERS} orders.", hint="Order several runs.")
    said = {jws.identity(one.order): (one, order.decode(jws.unverified(one.order))) for one in carried}
    if len({one.permit for _, one in said.values()}) > 1:
        raise BadInput("The orders of a run are under one permit.", hint="Order a run for each.")
    if any(not at < one.expires <= at + order.MAX_LIFE + envelope.SKEW for _, one in said.values()):
        raise BadInput(
            f"An order is carried while it is valid, at most {order.MAX_LIFE.days} days.",
            hint="Sign a new one, on a machine that takes its time from a time server (NTP).",
        )
    known = connection.execute(sa.select(ORDER.c.run).where(ORDER.c.hash.in_(said)).distinct()).all()
    if known:
        return known[0].run, []
    run, permit_hash = ids.new("run"), next(iter(said.values()))[1].permit
    given = permits.version(connection, permit_hash)
    keys = {hash: _signed(one, given, at) for hash, (one, _) in said.items()}
    _bound(connection, set(keys.values()), at)
    _forget(connection, at)
    connection.execute(RUN.insert().values(id=run, permit=permit_hash, created=clock.text(at)))
    for position, (hash, (one, what)) in enumerate(said.items()):
        row = {"position": position, "kid": keys[hash], "node": what.node, "dataset": what.dataset}
        row |= {"token": one.order, "delegation": one.delegation, "expires": clock.text(what.expires)}
        row |= {"state": State.WAITING, "changed": clock.text(at)}
        connection.execute(ORDER.insert().values(hash=hash, run=run, **row))
        post.post(connection, [what.node], hash, Kind.ORDER, at)
    return run, list(dict.fromkeys(what.node for _, what in said.values()))


def _signed(one: Carried, given: Permit | None, at: datetime) -> str:
    """The key that signed an order under this permit; empty where it is none of the permit's, nor one to which such a
    key handed its orders: a token can name any key."""
    if given is None:
        return ""
    kid = jws.key_id(one.order)
    try:
        found = given.scope.key(kid)
        if found is not None:
            key = PublicKey.from_jwk(found[1].jwk)
        elif given.kind is permit.Kind.OPEN or _handed_to(one.delegation, kid, given, at):
            key = PublicKey.from_jwk(order.decode_delegation(jws.unverified(one.delegation)).device)
        else:
            return ""
        return jws.read(one.order, key, order.TYP, order.decode).kid
    except Problem:
        return ""


def _bound(connection: sa.Connection, kids: set[str], at: datetime) -> None:
    waiting = (ORDER.c.state == State.WAITING) & (ORDER.c.expires > clock.text(at)) & ORDER.c.kid.in_(kids)
    if connection.execute(sa.select(sa.func.count()).where(waiting)).scalar_one() >= MAX_WAITING:
        whose = "of this key" if all(kids) else "that no key of a permit signed"
        raise Refused(f"{MAX_WAITING} orders {whose} are under way.", hint="Wait until some are done.")


def _forget(connection: sa.Connection, at: datetime) -> None:
    """Deletes what expired long ago."""
    old = sa.select(ORDER.c.hash).where(ORDER.c.expires < clock.text(at - KEPT))
    for table in (LETTER, DELIVERY):
        connection.execute(sa.delete(table).where(table.c.hash.in_(old)))
    connection.execute(sa.delete(ORDER).where(ORDER.c.expires < clock.text(at - KEPT)))
    connection.execute(sa.delete(RUN).where(RUN.c.id.not_in(sa.select(ORDER.c.run))))


def answer(connection: sa.Connection, reply: Reply, at: datetime) -> bool:
    """Keeps what a node said to an order that was handed to it; False when the message held none. A result stays."""
    mine = (LETTER.c.id == reply.question) & (LETTER.c.participant == reply.node)
    hash = connection.scalar(sa.select(LETTER.c.hash).where(mine))
    if hash is None:
        return False
    open_to = [State.WAITING] if reply.kind is Kind.PROBLEM else [State.WAITING, State.REFUSED]
    if reply.kind is Kind.RESULT:
        token = bodies.result(reply.body)
        said = result.decode(jws.unverified(result.split(token)[0], limit=result.MAX_TOKEN))
        if said.order != hash:
            raise BadEnvelope("The result is of another order.")
        values = {"state": State.CARRIED_OUT, "result": token, "problem": None}
    elif reply.body.get("rule") == "once" and _handed(connection, hash) > 1:
        return True  # it came twice to the node, which answers to the first
    else:
        values = {"state": State.REFUSED, "problem": json.dumps(dict(reply.body))}
    connection.execute(
        sa.update(ORDER)
        .where(ORDER.c.hash == hash, ORDER.c.state.in_(open_to))
        .values(changed=clock.text(at), **values)
    )
    connection.execute(sa.delete(DELIVERY).where(DELIVERY.c.hash == hash))
    return True


def destroy(connection: sa.Connection, node: str, said: Deletion, at: datetime) -> None:
    """Destroys what this hub keeps of a node's results that the node has destroyed, and of those under the permit that
    it says to be over: which of these it has itself no more, since their orders expired, it does not name."""
    gone = Refused("The node destroyed this result: its permit is over.", hint="Apply anew.", rule="deleted")
    under = _under(permits.versions(connection, [said.permit]))
    _destroy(connection, (ORDER.c.node == node) & (ORDER.c.hash.in_(said.orders) | under), gone, at)


def end(connection: sa.Connection, hashes: Sequence[str], rule: str, at: datetime, node: str = "") -> None:
    """Destroys what this hub keeps of the results under these versions of permits, which are refused by this rule from
    now on; with `node`, of its results only."""
    _destroy(
        connection, _under(hashes) & (ORDER.c.node == node if node else sa.true()), permits.refused(rule), at
    )


def _under(hashes: Sequence[str]) -> sa.ColumnElement[bool]:
    return ORDER.c.run.in_(sa.select(RUN.c.id).where(RUN.c.permit.in_(hashes)))


def _destroy(connection: sa.Connection, which: sa.ColumnElement[bool], why: Problem, at: datetime) -> None:
    connection.execute(
        sa.update(ORDER)
        .where(which, ORDER.c.state == State.CARRIED_OUT)
        .values(state=State.REFUSED, result=None, problem=json.dumps(why.as_dict()), changed=clock.text(at))
    )


def _handed(connection: sa.Connection, hash: str) -> int:
    return connection.execute(sa.select(sa.func.count()).where(LETTER.c.hash == hash)).scalar_one()


def admit(connection: sa.Connection, run: str, token: str, at: datetime) -> str:
    """The key that signed the visit in `token`, when this run is open to it now. Raises `BadEnvelope` when the visit
    itself does not count, and as `check` does."""
    said = visit.decode(jws.unverified(token))
    signed = jws.read(token, PublicKey.from_jwk(said.jwk), visit.TYP, visit.decode)
    if signed.document.run != run or abs(signed.document.at - at) > visit.LIFE:
        raise BadEnvelope(
            "The request is for another run, or was not signed just now.", hint="Sign a new one for this run."
        )
    check(connection, run, signed.kid, at)
    return signed.kid


def check(connection: sa.Connection, run: str, kid: str, at: datetime) -> None:
    """Whether a run is open to a key: its permit, in the newest version here, names it and holds.

    Raises `NotFound` for a run that is not here and for one of others alike, and `Refused` with the rule when the
    permit has ended or was revoked. What a person took along before is theirs; a hub has intermediates only.
    """
    hash = connection.scalar(sa.select(RUN.c.permit).where(RUN.c.id == run))
    held = permits.standing(connection, hash) if hash else None
    if held is None or not _named(connection, run, kid, held.permit, at):
        raise NotFound(
            "There is no such run under a permit of this key.",
            hint="Sign with a key that the newest version of the permit names.",
        )
    if problem := held.over(at):
        raise problem


def _named(connection: sa.Connection, run: str, kid: str, said: Permit, at: datetime) -> bool:
    """Whether a permit names a key, or one that handed the orders of this run to it. Public data name nobody: there it
    is who signed the orders."""
    if said.scope.key(kid) is not None:
        return True
    signed = (ORDER.c.run == run) & (ORDER.c.kid == kid)
    handed = connection.scalars(sa.select(ORDER.c.delegation).where(signed).distinct()).all()
    if said.kind is permit.Kind.OPEN:
        return bool(handed)
    return any(_handed_to(one, kid, said, at) for one in handed)


def _handed_to(delegation: str, kid: str, said: Permit, at: datetime) -> bool:
    """Whether a key of a permit says in this delegation that the device with the key `kid` may order under it now."""
    try:
        found = said.scope.key(jws.key_id(delegation))
        if found is None:
            return False
        key = PublicKey.from_jwk(found[1].jwk)
        one = jws.read(delegation, key, order.DELEGATION_TYP, order.decode_delegation).document
        return (one.kid, one.permit) == (kid, said.id) and at < one.expires
    except Problem:
        return False


def show(connection: sa.Connection, run: str, at: datetime) -> dict[str, Any]:
    """A run, as `GET /api/v1/runs/{run}` gives it; `check` first."""
    row = connection.execute(sa.select(RUN).where(RUN.c.id == run)).one()
    orders = connection.execute(sa.select(ORDER).where(ORDER.c.run == run).order_by(ORDER.c.position)).all()
    on_the_way = (DELIVERY.c.hash == ORDER.c.hash) & DELIVERY.c.taken.is_(None)
    untaken = set(
        connection.scalars(sa.select(ORDER.c.hash).join(DELIVERY, on_the_way).where(ORDER.c.run == run))
    )
    return {
        "run": run,
        "permit": row.permit,
        "created": row.created,
        "orders": [_shown(one, one.hash not in untaken, clock.text(at)) for one in orders],
    }


def _shown(row: Any, taken: bool, at: str) -> dict[str, Any]:
    late = row.state == State.WAITING and row.expires <= at
    return {
        "order": row.hash,
        "token": row.token,
        "delegation": row.delegation,
        "node": row.node,
        "dataset": row.dataset,
        "expires": row.expires,
        "taken": taken,
        "state": State.LATE if late else State(row.state),
        "changed": row.changed,
        "problem": json.loads(row.problem) if row.problem else None,
        "result": row.result,
    }
