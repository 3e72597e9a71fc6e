"""Whose keys these are: found out beside the hub, by telephone or by a login, and recorded key by key.

A check belongs to one application: its hash stands in the nonce of the login, and the officer who telephones sees it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from hanse.authority import applications, officers, providers
from hanse.authority import config as configs
from hanse.authority.applications import Kept, State
from hanse.authority.config import AuthorityConfig
from hanse.authority.tables import CHECK
from hanse.core import clock, login
from hanse.core.errors import BadEnvelope, Conflict, NotFound, Refused
from hanse.core.scope import Call, Login, Person
from hanse.lib import accounts, identity, jws, log, sql
from hanse.lib.jws import PublicKey


@dataclass(frozen=True, slots=True)
class Check:
    """How it was found out whose one key is: by a login, or, when there is none, by a call. `officer` is empty for a
    login that came by itself."""

    officer: str
    at: datetime
    login: Login | None

    def words(self) -> str:
        """For people."""
        at = self.at.strftime("%Y-%m-%d %H:%M UTC")
        if self.login:
            by = f", accepted by {self.officer}" if self.officer else ""
            return f"by login as {self.login.subject} at {self.login.issuer}{by} on {at}"
        return f"by telephone, {self.officer} on {at}"


def of(connection: sa.Connection, application: str) -> dict[str, Check]:
    """The checks made for an application, by the thumbprint of the key."""
    rows = connection.execute(sa.select(CHECK).where(CHECK.c.application == application))
    return {
        row.kid: Check(
            row.officer, clock.read(row.at), Login(row.issuer, row.subject) if row.issuer else None
        )
        for row in rows
    }


def confirmed(person: Person, checks: Mapping[str, Check]) -> Person:
    """The person as a permit names them, with how their keys were checked; `Refused` unless every key was, in one way
    and for one subject."""
    found = [checks.get(key.kid) for key in person.keys]
    done = [one for one in found if one is not None]
    if len(done) < len(found):
        raise Refused(
            f"{len(found) - len(done)} of the {len(found)} keys of {person.name} are not checked.",
            hint="Check them on the application's page, or with `hanse authority check`.",
        )
    if len({one.login for one in done}) > 1:
        raise Refused(
            f"The keys of {person.name} were checked in different ways.",
            hint="Check all of them by telephone, or all in one login.",
        )
    last = max(done, key=lambda one: one.at)
    return replace(
        person, login=last.login, call=None if last.login else Call(officer=last.officer, at=last.at)
    )


def by_phone(
    records: sa.Engine,
    config: AuthorityConfig,
    hash: str,
    person: str,
    fingerprints: Sequence[str],
    officer: str,
    at: datetime,
) -> Person:
    """Records fingerprints that a person read out to an officer. `Refused`, with an entry in the log, when one differs
    from every key that the application gives this person: then somebody changed the application on its way, or
    somebody else was on the telephone."""
    officer = accounts.named(officer)
    with sql.begin(records) as connection:
        kept, one = _asked(connection, config, hash, person, officer)
        heard = {jws.digits(text) for text in fingerprints}
        known = {jws.digits(jws.fingerprint(key.kid)): key.kid for key in one.keys}
        others = [place for place, text in enumerate(fingerprints, 1) if jws.digits(text) not in known]
        differs = bool(others) or not heard
        kids = [] if differs else [known[text] for text in sorted(heard)]
        _record(connection, kept, kids, Check(officer, at, None))
        _tell(connection, kept, one, officer, "call differs" if differs else "call", kids)
    if differs:
        which = f" {others[0]}" if others and len(fingerprints) > 1 else ""
        raise Refused(
            f"The fingerprint{which} is of no key that the application gives {one.name}.",
            hint="Do not go on: have it read out once more; if it differs still, refuse the application.",
        )
    return one


def by_login(
    records: sa.Engine,
    config: AuthorityConfig,
    hash: str,
    person: str,
    token: str,
    officer: str,
    at: datetime,
) -> Person:
    """Records a login of the person at their provider, whose nonce commits to all their keys and to the application.
    `NotFound` when the authority has no client at the provider; raises `BadEnvelope` as `identity.verify` does."""
    return _login(records, config, hash, person, token.strip(), accounts.named(officer), at)


def by_proof(records: sa.Engine, config: AuthorityConfig, token: str, at: datetime) -> Person:
    """Records a login whose ID token came sealed, in a proof that one of the person's keys signed; no officer takes
    part. A proof that comes again changes nothing. Raises as `by_login`, and `BadEnvelope` or `Refused` when the proof
    is none, or for another authority."""
    claimed = login.decode_proof(jws.unverified(token))
    if claimed.authority != config.id:
        raise Refused("The proof is for another authority.")
    with sql.read(records) as connection:
        scope = applications.get(connection, claimed.application).said.scope
        known = of(connection, claimed.application)
    found = scope.key(jws.key_id(token))
    if found is None:
        raise BadEnvelope("The proof is not signed with a key that the application names.")
    person, key = found
    proof = jws.read(token, PublicKey.from_jwk(key.jwk), login.PROOF_TYP, login.decode_proof).document
    if all(one.kid in known and known[one.kid].login for one in person.keys):
        return person
    opened = configs.sealing_key(config.home).unseal(proof.sealed).decode("ascii", "replace")
    number = str(scope.persons.index(person) + 1)
    return _login(records, config, proof.application, number, opened, "", at)


def _login(
    records: sa.Engine,
    config: AuthorityConfig,
    hash: str,
    person: str,
    token: str,
    officer: str,
    at: datetime,
) -> Person:
    provider = providers.of_token(records, config, token, at)
    with sql.begin(records) as connection:
        kept, one = _asked(connection, config, hash, person, officer)
        kids = [key.kid for key in one.keys]
        found = identity.verify(token, provider, identity.nonce(kids, kept.signed.hash), at)
        others = (check for kid, check in of(connection, kept.signed.hash).items() if kid not in kids)
        if any(check.login == found for check in others):
            raise Refused("Somebody else in this application was checked with the same login.")
        _record(connection, kept, kids, Check(officer, at, found))
        _tell(connection, kept, one, officer, "login", kids)
    return one


def _asked(
    connection: sa.Connection, config: AuthorityConfig, hash: str, person: str, officer: str
) -> tuple[Kept, Person]:
    """The application, which waits, and the person in it; an officer does not check their own keys."""
    kept = applications.get(connection, hash)
    if kept.state is not State.WAITING:
        raise Conflict("This application is decided already.")
    persons = kept.said.scope.persons
    if officer:
        officers.independent(officer, persons, config.id)
    found = [one for place, one in enumerate(persons, 1) if person in (one.name, str(place))]
    if len(found) != 1:
        raise NotFound(
            "The application names no such person, or several.",
            hint="Say the name, or the person's number: "
            + ", ".join(f"{n}" for n in range(1, len(persons) + 1)),
        )
    return kept, found[0]


def _record(connection: sa.Connection, kept: Kept, kids: Sequence[str], check: Check) -> None:
    for kid in kids:
        same = (CHECK.c.application == kept.signed.hash) & (CHECK.c.kid == kid)
        connection.execute(CHECK.delete().where(same))
        connection.execute(
            CHECK.insert().values(
                application=kept.signed.hash,
                kid=kid,
                officer=check.officer,
                at=clock.text(check.at),
                issuer=check.login.issuer if check.login else "",
                subject=check.login.subject if check.login else "",
            )
        )


def _tell(
    connection: sa.Connection, kept: Kept, person: Person, officer: str, how: str, kids: Sequence[str]
) -> None:
    body = {"application": kept.signed.hash, "how": how, "keys": list(kids)}
    who = {"officer": officer, "person": person.name} if officer else {"person": person.name}
    log.append(connection, "check", {**body, "who": who})
