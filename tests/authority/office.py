"""An access body in a folder, and people who apply there with keys of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.core import permits

from hanse.authority import applications, checks, config, tables
from hanse.authority.config import AuthorityConfig
from hanse.authority.drafts import Draft
from hanse.authority.permits import draft, sign
from hanse.authority.tables import OUTGOING
from hanse.core import application as core_applications
from hanse.core import clock, document, ids
from hanse.core import permit as core_permits
from hanse.core.application import Application
from hanse.core.permit import Permit, authority_id
from hanse.core.scope import Key, KeyUse, Person
from hanse.core.status import STATUS_TYP, Status
from hanse.core.status import decode as decode_status
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey

OFFICER = "Access Officer"
APPLICANT, COLLEAGUE = (one.name for one in permits.PERSONS)
WORKING, SPARE, THEIRS = (FileKey.generate() for _ in range(3))
NODE, OTHER_NODE = permits.NODE, permits.OTHER_NODE
OPT_OUT = {one.dataset: one.opt_out for one in permits.SCOPE.datasets}


@dataclass(frozen=True)
class Office:
    """An authority's home, opened."""

    settings: AuthorityConfig
    key: FileKey
    records: sa.Engine

    def take(self, token: str) -> bool:
        return applications.take(self.records, self.settings.id, token, clock.now())

    def check_all(self, application: Application) -> None:
        """Every key of every person, by telephone."""
        for one in application.scope.persons:
            heard = [jws.fingerprint(key.kid) for key in one.keys]
            hash = permits.hash_of(application)
            checks.by_phone(self.records, self.settings, hash, one.name, heard, OFFICER, clock.now())

    def draft(self, application: Application, **changes: Any) -> Draft:
        with sql.read(self.records) as connection:
            changes = {"opt_out": OPT_OUT, **changes}
            return draft(connection, self.settings, self.key, permits.hash_of(application), changes)

    def sign(self, drafted: Draft, *, officer: str = OFFICER, more: tuple[str, ...] = ()) -> str:
        return sign(self.records, self.settings, self.key, drafted.payload, officer, clock.now(), more)

    def given(self, application: Application, **changes: Any) -> Permit:
        """A permit for the application, from its arrival on."""
        self.take(signed(application))
        self.check_all(application)
        drafted = self.draft(application, **changes)
        self.sign(drafted)
        return core_permits.decode(drafted.payload)

    def outgoing(self, typ: str) -> list[bytes]:
        """The verified payloads of one type that wait to be sent."""
        with sql.read(self.records) as connection:
            tokens = connection.scalars(sa.select(OUTGOING.c.token).order_by(OUTGOING.c.number)).all()
        return [jws.verify(one, self.key.public, typ) for one in tokens if said_type(one) == typ]

    def statuses(self) -> dict[str, Status]:
        """The status that waits for each node."""
        return {one.node: one for one in map(decode_status, self.outgoing(STATUS_TYP))}

    def sent(self) -> None:
        """As if the hub had taken everything."""
        with sql.begin(self.records) as connection:
            connection.execute(OUTGOING.delete())


def said_type(token: str) -> str:
    return str(jws._header(token, jws.SMALL_TOKEN)["typ"])


@contextmanager
def office(home: Path) -> Iterator[Office]:
    key = config.key(home)
    settings = AuthorityConfig(
        home=home,
        id=authority_id(key.public.kid),
        name="Access Body of the North",
        country="FI",
        hub="http://127.0.0.1:1",
        hub_key=FileKey.generate().public.kid,
    )
    config.write(settings)
    records = tables.open_records(home)
    yield Office(settings, key, records)
    records.dispose()


def application(authority: str, **changes: Any) -> Application:
    """What two persons with three keys ask of an authority, for two datasets at two nodes."""
    scope = replace(
        permits.APPLICATION.scope,
        begins=clock.now() - timedelta(days=1),
        ends=clock.now() + timedelta(days=300),
        persons=(
            person(permits.PERSONS[0], (WORKING, KeyUse.WORKING), (SPARE, KeyUse.SPARE)),
            person(permits.PERSONS[1], (THEIRS, KeyUse.WORKING)),
        ),
    )
    said = replace(
        permits.APPLICATION,
        id=ids.new("application"),
        authority=authority,
        amends="",
        scope=scope,
        at=clock.now(),
    )
    return core_applications.decode(document.encode(replace(said, **changes)))


def person(like: Person, *keys: tuple[FileKey, KeyUse]) -> Person:
    found = tuple(Key(one.public.jwk, use, page=False) for one, use in keys)
    return replace(like, keys=found, login=None, call=None)


def signed(said: Application, key: FileKey = WORKING) -> str:
    return jws.issue(key, said, core_applications.TYP)
