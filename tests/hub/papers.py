"""An authority, two nodes and a researcher with real keys, and the documents that they sign."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from tests.core import permits

from hanse.core import (
    application,
    bodies,
    clock,
    document,
    envelope,
    greeting,
    ids,
    login,
    order,
    permit,
    result,
    status,
    visit,
)
from hanse.core.greeting import Role
from hanse.core.permit import Authority, Kind, Permit, authority_id
from hanse.core.scope import Call, Grant, Key, KeyUse, Operation
from hanse.hub import registry
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey
from hanse.link.mailbox import Letter

HELLO = greeting.Hello(greeting.PROTOCOLS, "0.1.0", "2026.11")
HUB, RESEARCHER, AUTHORITY = FileKey.generate(), FileKey.generate(), FileKey.generate()
NODES = (FileKey.generate(), FileKey.generate())


def participant(key: FileKey) -> str:
    return ids.of_node(key.public.kid)


def let_in(records: sa.Engine, key: FileKey, name: str, role: Role = Role.NODE) -> str:
    """An approved participant with this key; its id."""
    with sql.begin(records) as connection:
        token = registry.invite(connection, FileKey.generate().public.kid, name, clock.now())
        asked = greeting.Enrol(token.secret, key.public.jwk, name, "FI", HELLO, role)
        registry.enrol(connection, asked, key.public, clock.now())
        registry.decide(connection, "approve", participant(key), clock.now())
    return participant(key)


def let_all_in(records: sa.Engine) -> None:
    let_in(records, AUTHORITY, "Access Body of the North", Role.AUTHORITY)
    for place, key in enumerate(NODES):
        let_in(records, key, f"Hospital {place}")


PERSON = replace(permits.PERSONS[0], login=None, keys=(Key(RESEARCHER.public.jwk, KeyUse.WORKING, False),))
DATASETS = tuple(
    Grant(participant(key), ids.of_dataset(key.public.kid, "registry"), "Registry", "newest") for key in NODES
)


def applied(**changes: Any) -> str:
    """A signed application for the datasets of both nodes."""
    scope = replace(
        permits.APPLICATION.scope,
        datasets=DATASETS,
        persons=(PERSON,),
        selection="",
        conditions=(),
        sealed=False,
    )
    said = replace(
        permits.APPLICATION,
        id=ids.new("application"),
        kind=Kind.AGREEMENT,
        amends="",
        authority=authority_id(AUTHORITY.public.kid),
        scope=scope,
    )
    return jws.issue(RESEARCHER, replace(said, **changes), application.TYP)


def permitted(asked: str) -> tuple[Permit, str]:
    """The permit that gives what an application asks for, and its token."""
    said = application.decode(jws.unverified(asked))
    person = replace(PERSON, call=Call("An officer", clock.read(clock.text(clock.now()))))
    given = Permit(
        id=ids.new("permit"),
        version=1,
        amends="",
        kind=said.kind,
        authority=Authority(said.authority, "Access Body of the North", AUTHORITY.public.kid),
        application=jws.identity(asked),
        project=said.project,
        scope=replace(said.scope, persons=(person,)),
        exception="",
        fees=(),
    )
    return given, jws.issue(AUTHORITY, given, permit.TYP)


def ordered(given: Permit, node: FileKey = NODES[0], signer: FileKey = RESEARCHER, **changes: Any) -> str:
    """An order for the dataset of one node."""
    at = now()
    said = order.Order(
        id=ids.new("order"),
        permit=document.identity(document.encode(given)),
        node=participant(node),
        dataset=ids.of_dataset(node.public.kid, "registry"),
        version=1,
        operation=Operation.ANALYSE,
        purpose=given.scope.purpose,
        selection="",
        method="describe",
        parameters={},
        issued=at,
        expires=at + timedelta(hours=1),
        reply_key=None,
    )
    return jws.issue(signer, replace(said, **changes), order.TYP)


def carried_out(token: str, node: FileKey = NODES[0], aggregate: Mapping[str, Any] | None = None) -> str:
    """A node's result to an order."""
    said = order.decode(jws.unverified(token))
    found = result.Result(
        order=jws.identity(token),
        permit=said.permit,
        node=said.node,
        dataset=said.dataset,
        version=said.version,
        manifest="0" * 64,
        software="0.1.0",
        entry_number=1,
        entry_hash="1" * 64,
        at=now(),
        aggregate=aggregate or {"persons": 20},
        sealed="",
    )
    return jws.issue(node, found, result.TYP)


def said_status(
    node: FileKey, number: int, signer: FileKey = AUTHORITY, revoked: tuple[str, ...] = ()
) -> str:
    at, authority = now(), authority_id(AUTHORITY.public.kid)
    said = status.Status(authority, participant(node), number, at, at + timedelta(hours=20), {}, revoked)
    return jws.issue(signer, said, status.STATUS_TYP)


def approved(given: Permit, node: FileKey) -> str:
    hash = document.identity(document.encode(given))
    said = status.Approval(ids.new("approval"), hash, participant(node), "A data manager", now())
    return jws.issue(node, said, status.APPROVAL_TYP)


def amended(given: Permit, **changes: Any) -> tuple[Permit, str]:
    """The next version of a permit, with another scope, and its token."""
    newer = replace(
        given,
        version=given.version + 1,
        amends=document.identity(document.encode(given)),
        scope=replace(given.scope, **changes),
    )
    return newer, jws.issue(AUTHORITY, newer, permit.TYP)


def delegated(given: Permit, device: FileKey, signer: FileKey = RESEARCHER, **changes: Any) -> str:
    """What lets a device order under a permit for an hour."""
    at = now()
    said = order.Delegation(
        id=ids.new("delegation"),
        permit=given.id,
        device=device.public.jwk,
        operations=(Operation.ANALYSE,),
        issued=at,
        expires=at + timedelta(hours=1),
    )
    return jws.issue(signer, replace(said, **changes), order.DELEGATION_TYP)


def said_logins(number: int, by: FileKey = AUTHORITY) -> str:
    """Where the authority accepts logins, as this key says it."""
    said = replace(permits.LOGINS, authority=authority_id(AUTHORITY.public.kid), number=number)
    return jws.issue(by, said, login.LOGINS_TYP)


def proven(asked: str, signer: FileKey = RESEARCHER, **changes: Any) -> str:
    """A proof of login for an application."""
    said = replace(
        permits.PROOF, application=jws.identity(asked), authority=authority_id(AUTHORITY.public.kid)
    )
    return jws.issue(signer, replace(said, **changes), login.PROOF_TYP)


def visiting(run: str, key: FileKey = RESEARCHER, at: datetime | None = None) -> str:
    return jws.issue(key, visit.Visit(run, key.public.jwk, at or now()), visit.TYP)


def read(letters: Iterable[Letter]) -> list[str]:
    """The documents and orders in letters, verified with the hub's key."""
    found = []
    for letter in letters:
        message = envelope.decode(
            jws.verify(letter.token, HUB.public, envelope.TYP, limit=envelope.MAX_TOKEN)
        )
        one = message.kind is envelope.Kind.ORDER
        found += [bodies.order(message.body).order] if one else bodies.documents(message.body)
    return found


def now() -> datetime:
    """To the millisecond, as documents say it."""
    return clock.read(clock.text(clock.now()))
