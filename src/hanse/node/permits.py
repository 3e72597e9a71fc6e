"""What a node knows of permits: signed documents, kept once their signature was verified, and the owner's decisions.

Whoever carries a document counts for nothing: an authority's are read with the keys that the owner pinned in
`node.toml`, an application with a key that stands in it, the owner's own with the node's key.
"""

import hmac
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from hanse.core import application, clock, document, ids, permit, refusal, result, status
from hanse.core.application import Application
from hanse.core.document import Signed
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotFound, Problem, Refused
from hanse.core.permit import Permit
from hanse.core.permit_words import Said, say
from hanse.core.scope import commitment
from hanse.core.status import Approval, Status, Veto
from hanse.lib import assertions, continuity, jws, log, sql
from hanse.lib.jws import PublicKey
from hanse.lib.passkeys import Assertion
from hanse.node import config
from hanse.node.config import NodeConfig, Pinned
from hanse.node.store import Store
from hanse.node.tables import DATASET, DOCUMENT, EXCLUDED, STATUS

MAX_APPLICATIONS = 2000  # anybody can sign one
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A permit, or an application for one, as the owner decides about it. `state` is `asked` (an application),
    `waiting` (a permit without a decision), `approved`, `vetoed`, `revoked` or `ended`; `decision` is the owner's last
    one. `answers` are the words of the application that a permit names, when it came here."""

    id: str
    state: str
    said: Said
    document: Permit | Application
    decision: Approval | Veto | None = None
    answers: Said | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision of the owner that nobody signed yet: its bytes, and what they say."""

    typ: str
    payload: bytes
    decision: Approval | Veto
    said: Said

    @classmethod
    def read(cls, payload: bytes, typ: str) -> "Draft":
        """The decision in these bytes; `BadEnvelope` when there is none."""
        if typ not in _DECODING:
            raise BadEnvelope("This is no decision of a data holder.")
        return cls(typ, payload, _DECODING[typ](payload), say(payload, typ))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A verified document as it is kept."""

    hash: str
    about: str


class Permits:
    """The documents of one node. Every read sees what another process has decided meanwhile."""

    def __init__(self, store: Store, settings: NodeConfig) -> None:
        self._store = store
        self.node = settings.id
        self._signer = store.keys.signing
        self.authorities: Mapping[str, Pinned] = {}
        self._keys: Mapping[str, PublicKey] = {}
        self._written: tuple[Pinned, ...] | None = None  # in `node.toml`, at the last look
        self._trust(settings.authorities)

    def _trust(self, authorities: Iterable[Pinned]) -> None:
        pinned = {one.kid: one for one in authorities}
        self._keys = {kid: PublicKey.from_jwk(one.jwk) for kid, one in pinned.items()}
        self.authorities = pinned

    def refresh(self) -> bool:
        """Takes up which authorities the owner pinned, or gave up, since the last look; whether there were any."""
        before, self._written = self._written, config.read(self._store.home).authorities
        if before is None or before == self._written:
            return False
        self._trust(self._written)
        return True

    def receive(self, tokens: Iterable[str]) -> int:
        """Keeps those documents that concern this node and are rightly signed; how many were new. The others are
        dropped, each with a line in the log of the process."""
        new = 0
        for token in tokens:
            try:
                new += self._keep(token)
            except Problem as problem:
                logger.warning("A document was dropped: %s", problem.detail)
        return new

    def _keep(self, token: str) -> bool:
        typ = jws.claimed_type(token)
        if typ == status.STATUS_TYP:
            return self._keep_status(token)
        if typ not in _READING:
            raise BadEnvelope("It is of a kind that a node does not read.")
        kept = _READING[typ](self, token)
        with sql.begin(self._store.records) as connection:
            return _add(connection, kept.hash, typ, kept.about, token, sent=True)

    def _authority(self, token: str) -> PublicKey:
        found = self._keys.get(jws.key_id(token))
        if found is None:
            raise Refused(
                "The key that signed it is pinned as no authority's.", hint="`hanse node trust` pins one."
            )
        return found

    def _read_permit(self, token: str) -> _Kept:
        found = jws.read(token, self._authority(token), permit.TYP, permit.decode)
        said = found.document
        if said.authority.kid != found.kid or said.kind not in self.authorities[found.kid].kinds:
            raise Refused("The authority may not give such a permit here.")
        if not any(one.node == self.node for one in said.scope.datasets):
            raise Refused("The permit names no dataset of this node.")
        with sql.read(self._store.records) as connection:
            versions = connection.scalars(_TOKENS, {"about": said.id, "of": permit.TYP})
            if any(jws.key_id(one) != found.kid for one in versions):
                raise Refused("Another authority has given a permit with this id.")
        return _Kept(found.hash, said.id)

    def _read_application(self, token: str) -> _Kept:
        claimed = application.decode(jws.unverified(token))
        signer = claimed.scope.key(jws.key_id(token))
        if signer is None:
            raise Refused("The application is signed with a key that it does not name.")
        found = jws.read(token, PublicKey.from_jwk(signer[1].jwk), application.TYP, application.decode)
        if not any(one.node == self.node for one in found.document.scope.datasets):
            raise Refused("The application names no dataset of this node.")
        with sql.read(self._store.records) as connection:
            count = sa.select(sa.func.count()).where(DOCUMENT.c.typ == application.TYP)
            if (connection.scalar(count) or 0) >= MAX_APPLICATIONS:
                raise Refused(f"More than {MAX_APPLICATIONS} applications are kept already.")
        return _Kept(found.hash, found.document.id)

    def _read_refusal(self, token: str) -> _Kept:
        found = jws.read(token, self._authority(token), refusal.TYP, refusal.decode)
        return _Kept(found.hash, found.document.application)

    def _keep_status(self, token: str) -> bool:
        """The status with the highest number stays; an older one never comes back, not after a restart either."""
        found = jws.read(token, self._authority(token), status.STATUS_TYP, status.decode)
        said = found.document
        if (said.authority, said.node) != (permit.authority_id(found.kid), self.node):
            raise Refused("The status is of another authority or for another node.")
        row = {"number": said.number, "token": token}
        with sql.begin(self._store.records) as connection:
            held = connection.scalar(sa.select(STATUS.c.number).where(STATUS.c.authority == found.kid))
            if held is None:
                connection.execute(STATUS.insert().values(authority=found.kid, **row))
            elif held < said.number:
                connection.execute(STATUS.update().where(STATUS.c.authority == found.kid).values(**row))
            return held is None or held < said.number

    def permit(self, connection: sa.Connection, hash: str) -> Signed[Permit] | None:
        """The permit with this hash, when the authority that signed it is pinned now."""
        token = connection.scalar(_TOKEN, {"hash": hash, "of": permit.TYP})
        key = self._keys.get(jws.key_id(token)) if token else None
        return _verified(token, key, permit.TYP, permit.decode) if key else None

    def newest(self, connection: sa.Connection, id: str) -> Signed[Permit]:
        """The permit with this id in its highest version; `NotFound` when there is none."""
        hashes = connection.scalars(_HASHES, {"about": id, "of": permit.TYP})
        found = [one for hash in hashes if (one := self.permit(connection, hash))]
        if not found:
            raise NotFound(f"There is no permit {id} here.", hint="`hanse node approvals` lists them.")
        return max(found, key=lambda one: one.document.version)

    def status(self, connection: sa.Connection, kid: str) -> Signed[Status] | None:
        """The newest status of a pinned authority; its number is the highest that was ever seen."""
        token = connection.scalar(_STATUS, {"of": kid})
        key = self._keys.get(kid)
        return _verified(token, key, status.STATUS_TYP, status.decode) if token and key else None

    def decided(
        self, connection: sa.Connection, held: Signed[Permit]
    ) -> tuple[Signed[Approval] | None, Signed[Veto] | None]:
        """The owner's approval of this version of a permit, and the veto of the permit, unless this version was
        approved after it."""
        found = connection.execute(_DECIDED, {"id": held.document.id, "hash": held.hash}).all()
        last = {row.typ: row for row in found}  # the rows come in the order of the decisions
        approved, vetoed = last.get(status.APPROVAL_TYP), last.get(status.VETO_TYP)
        lifted = approved and vetoed and approved.place > vetoed.place
        return self._decision(approved), None if lifted else self._decision(vetoed)

    def _decision(self, row: Any) -> Signed[Any] | None:
        return _verified(row.token, self._signer.public, row.typ, _DECODING[row.typ]) if row else None

    def over(self, connection: sa.Connection, id: str) -> str:
        """Why nothing may be kept under a permit any more: `ended`, `revoked`, `vetoed` or `not accepted`, when its
        authority is pinned no more; empty while it may."""
        try:
            held = self.newest(connection, id)
        except NotFound:
            return "not accepted"
        if clock.now() >= held.document.scope.ends:
            return "ended"
        said = self.status(connection, held.kid)
        if said is not None and id in said.document.revoked:
            return "revoked"
        return "vetoed" if self.decided(connection, held)[1] else ""

    def approve(self, shown: str, officer: str) -> Signed[Permit]:
        """Approves the newest version of a permit, as `draft_approval` drafts it, by command; the permit."""
        return self.decide(self.draft_approval(shown, officer), officer)

    def forbid(self, id: str, officer: str, reason: str) -> Signed[Permit]:
        """Forbids every use under a permit, as `draft_veto` drafts it, by command; the permit."""
        return self.decide(self.draft_veto(id, officer, reason), officer)

    def draft_approval(self, shown: str, officer: str) -> Draft:
        """The approval of the newest version of a permit. `shown` is the hash of the version that was read, or the
        permit's id. Raises `NotFound`, and `Conflict` when another version than that one is the newest: whoever
        carries documents chooses when they arrive."""
        with sql.read(self._store.records) as connection:
            hash = self._newest(connection, shown).hash
        said = Approval(ids.new("approval"), hash, self.node, officer, _now())
        return Draft.read(document.encode(said), status.APPROVAL_TYP)

    def draft_veto(self, id: str, officer: str, reason: str) -> Draft:
        """What forbids every use under a permit, whatever its version: before an approval it refuses, after one it
        stops."""
        said = Veto(ids.new("veto"), id, self.node, officer, reason, _now())
        return Draft.read(document.encode(said), status.VETO_TYP)

    def decide(self, draft: Draft, officer: str, agreed: Assertion | None = None) -> Signed[Permit]:
        """Signs exactly these bytes, logged in the same transaction; the permit. On the page the officer's passkey
        `agreed` to them (`assertions.keep` says what it raises). Raises as `draft_approval` does, and `Refused` when
        the bytes are of another node or officer."""
        said = draft.decision
        if (said.node, said.officer) != (self.node, officer):
            raise Refused("This decision is of another node or officer.")
        with sql.begin(self._store.records) as connection:
            held = self._newest(connection, said.permit)
            hash = document.identity(draft.payload)
            token = self._signer.sign(draft.payload, draft.typ)
            _add(connection, hash, draft.typ, said.permit, token, sent=False)
            body = {
                "who": {"officer": officer},
                "permit": held.document.id,
                "hash": held.hash,
                "document": hash,
                **assertions.keep(connection, draft.typ, draft.payload, officer, agreed),
            }
            log.append(connection, _DECISIONS[draft.typ], body)
        continuity.show(self._store.records, self._store.home)
        return held

    def _newest(self, connection: sa.Connection, shown: str) -> Signed[Permit]:
        read = self.permit(connection, shown)
        held = self.newest(connection, read.document.id if read else shown)
        if read and read.hash != held.hash:
            raise Conflict(
                f"Version {held.document.version} of the permit came after the one that was read.",
                hint="Read it, and approve its SHA-256. `hanse node approvals` shows it.",
            )
        return held

    def certify(self, connection: sa.Connection, id: str, reason: str, orders: tuple[str, ...]) -> None:
        """Signs and logs that the kept results of these orders under a permit were destroyed."""
        said = result.Deletion(ids.new("deletion"), id, self.node, reason, orders, clock.now())
        token = jws.issue(self._signer, said, result.DELETION_TYP)
        _add(connection, jws.identity(token), result.DELETION_TYP, id, token, sent=False)
        log.append(connection, "deletion", {"permit": id, "reason": reason, "certificate": token})

    def certified(self, connection: sa.Connection, id: str) -> bool:
        """Whether a certificate of deletion was signed for this permit."""
        return connection.scalar(_LAST, {"about": id, "of": result.DELETION_TYP}) is not None

    def ids(self, connection: sa.Connection) -> list[str]:
        """The ids of all permits, oldest first."""
        query = sa.select(DOCUMENT.c.about).where(DOCUMENT.c.typ == permit.TYP).order_by(DOCUMENT.c.place)
        return list(dict.fromkeys(connection.scalars(query)))

    def asked(self) -> list[Asked]:
        """What is asked of this node: the permits, then the applications that nobody answered yet, in the words of the
        signed bytes."""
        given = self.given()
        with sql.read(self._store.records) as connection:
            refused = sa.select(DOCUMENT.c.about).where(DOCUMENT.c.typ == refusal.TYP)
            answered = set(connection.scalars(refused))
            rows = connection.execute(_APPLICATIONS.order_by(DOCUMENT.c.place)).all()
        answered |= {one.document.application for one in given if isinstance(one.document, Permit)}
        return given + [_application(row) for row in rows if row.hash not in answered]

    def given(self) -> list[Asked]:
        """The newest version of each permit, the oldest first."""
        with sql.read(self._store.records) as connection:
            return [one for id in self.ids(connection) if (one := self._asked(connection, id))]

    def about(self, id: str) -> Asked:
        """The permit or application with this id, as `asked` gives it; `NotFound` when there is none."""
        with sql.read(self._store.records) as connection:
            found = self._asked(connection, id)
            row = connection.execute(_APPLICATIONS.where(DOCUMENT.c.about == id)).first()
        if found is not None:
            return found
        if row is None:
            raise NotFound("There is no such permit or application here.")
        return _application(row)

    def _asked(self, connection: sa.Connection, id: str) -> Asked | None:
        state = self.over(connection, id)
        if state == "not accepted":
            return None
        held = self.newest(connection, id)
        approval, veto = self.decided(connection, held)
        decision = veto or approval
        state = state or ("approved" if approval else "waiting")
        token = connection.scalar(_TOKEN, {"hash": held.hash, "of": permit.TYP})
        said = say(jws.unverified(token), permit.TYP)
        asked = connection.scalar(_TOKEN, {"hash": held.document.application, "of": application.TYP})
        answers = say(jws.unverified(asked), application.TYP) if asked else None
        return Asked(id, state, said, held.document, decision.document if decision else None, answers)

    def unsent(self) -> list[tuple[str, str]]:
        """The owner's documents that the hub has not got, as hashes and tokens."""
        with sql.read(self._store.records) as connection:
            rows = connection.execute(sa.select(DOCUMENT.c.hash, DOCUMENT.c.token).where(~DOCUMENT.c.sent))
            return [(row.hash, row.token) for row in rows][: status.MAX_PERMITS]

    def send_again(self) -> None:
        """After a start: what was on its way when the process ended may not have arrived."""
        own = [status.APPROVAL_TYP, status.VETO_TYP, result.DELETION_TYP]
        with sql.begin(self._store.records) as connection:
            connection.execute(DOCUMENT.update().where(DOCUMENT.c.typ.in_(own)).values(sent=False))

    def sent(self, hashes: Iterable[str]) -> None:
        """Notes that these documents are on their way."""
        with sql.begin(self._store.records) as connection:
            place = DOCUMENT.c.hash.in_(list(hashes))
            connection.execute(DOCUMENT.update().where(place).values(sent=True))


_READING: Mapping[str, Callable[[Permits, str], _Kept]] = {
    permit.TYP: Permits._read_permit,
    application.TYP: Permits._read_application,
    refusal.TYP: Permits._read_refusal,
}
_DECISIONS = {status.APPROVAL_TYP: "approval", status.VETO_TYP: "veto"}
_DECODING: Mapping[str, Callable[[bytes], Approval | Veto]] = {
    status.APPROVAL_TYP: status.decode_approval,
    status.VETO_TYP: status.decode_veto,
}

_OF = (DOCUMENT.c.about == sa.bindparam("about")) & (DOCUMENT.c.typ == sa.bindparam("of"))
_TOKEN = sa.select(DOCUMENT.c.token).where(
    DOCUMENT.c.hash == sa.bindparam("hash"), DOCUMENT.c.typ == sa.bindparam("of")
)
_APPLICATIONS = sa.select(DOCUMENT).where(DOCUMENT.c.typ == application.TYP)
_HASHES = sa.select(DOCUMENT.c.hash).where(_OF)
_TOKENS = sa.select(DOCUMENT.c.token).where(_OF)
_DECIDED = (
    sa.select(DOCUMENT.c.place, DOCUMENT.c.typ, DOCUMENT.c.token)
    .where(
        ((DOCUMENT.c.about == sa.bindparam("id")) & (DOCUMENT.c.typ == status.VETO_TYP))
        | ((DOCUMENT.c.about == sa.bindparam("hash")) & (DOCUMENT.c.typ == status.APPROVAL_TYP))
    )
    .order_by(DOCUMENT.c.place)
)
_LAST = sa.select(DOCUMENT.c.token).where(_OF).order_by(DOCUMENT.c.place.desc()).limit(1)
_STATUS = sa.select(STATUS.c.token).where(STATUS.c.authority == sa.bindparam("of"))


def _add(connection: sa.Connection, hash: str, typ: str, about: str, token: str, *, sent: bool) -> bool:
    """Whether the document is new; one payload can come with several signatures and is kept once."""
    if connection.scalar(sa.select(DOCUMENT.c.place).where(DOCUMENT.c.hash == hash)) is not None:
        return False
    at = clock.text(clock.now())
    connection.execute(
        DOCUMENT.insert().values(hash=hash, typ=typ, about=about, token=token, at=at, sent=sent)
    )
    return True


def _application(row: sa.Row[Any]) -> Asked:
    payload = jws.unverified(row.token)  # it was verified before it was kept
    return Asked(row.about, "asked", say(payload, application.TYP), application.decode(payload))


def _now() -> datetime:
    return clock.read(clock.text(clock.now()))  # as documents hold it


@lru_cache(maxsize=1000)  # a permit is read for every order under it
def _verified(token: str, key: PublicKey, typ: str, decode: Callable[[bytes], Any]) -> Signed[Any]:
    return jws.read(token, key, typ, decode)


def opt_out(store: Store, name: str) -> str:
    """The commitment to the persons whom the node leaves out of the dataset of this name now, for a permit (EHDS
    Article 71). Raises `BadInput` when there is no such dataset."""
    dataset = store.dataset_id(name)
    with sql.read(store.records) as connection:
        if connection.scalar(sa.select(DATASET.c.id).where(DATASET.c.id == dataset)) is None:
            raise BadInput(f"There is no dataset {name}.", hint="`hanse node status` lists them.")
        return _commitments(connection, store.keys.secret, dataset)[-1]


def left_out(connection: sa.Connection, secret: bytes, dataset: str, wanted: str) -> str:
    """`wanted`, when the node leaves out all persons whom that commitment stands for; the present one otherwise.

    The list grows at its end only, so that a list of any earlier moment is left out as well. Where a permit was given
    without a list, there is none to compare."""
    if not wanted:
        return ""
    known = _commitments(connection, secret, dataset)
    return wanted if wanted in known else known[-1]


def _commitments(connection: sa.Connection, secret: bytes, dataset: str) -> list[str]:
    """To the list as it was at each moment, the empty one first."""
    rows = connection.execute(
        sa.select(EXCLUDED.c.key, EXCLUDED.c.at).where(EXCLUDED.c.dataset == dataset).order_by(EXCLUDED.c.at)
    ).all()
    key = hmac.digest(secret, b"opt-out" + dataset.encode(), "sha256")
    moments = ["", *dict.fromkeys(row.at for row in rows)]
    return [commitment(key, [row.key for row in rows if row.at <= moment]) for moment in moments]
