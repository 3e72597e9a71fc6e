"""Where this authority accepts logins: its clients at providers, and the providers' keys, which it fetched itself.

Applicants learn of the clients from a statement that the authority signs (`core.login`): a hub that named a client of
its own would be found.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hanse.authority import config as configs
from hanse.authority import outgoing
from hanse.authority.config import AuthorityConfig
from hanse.authority.tables import LOGINS, PROVIDER
from hanse.core import clock, document
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotFound
from hanse.core.login import LOGINS_TYP, MAX_CLIENTS, Client, Logins
from hanse.lib import accounts, identity, jws, log, provider, sql
from hanse.lib.identity import Provider
from hanse.lib.jws import Signer
from hanse.lib.provider import Route

REFRESH_AFTER = timedelta(
    minutes=1
)  # so that tokens with made-up keys do not have a provider asked all the time


@dataclass(frozen=True, slots=True)
class Kept:
    """A provider as it is trusted, the secret that it gave the client, if it did, and when its keys were fetched."""

    provider: Provider
    secret: str
    fetched: datetime


def add(
    records: sa.Engine,
    config: AuthorityConfig,
    signer: Signer,
    said: Client,
    officer: str,
    at: datetime,
) -> Provider:
    """Accepts logins at a provider from now on, for the client that the authority registered there, and tells
    applicants. Raises `BadInput`, and as `provider.discover` does."""
    officer, issuer = accounts.named(officer), said.issuer
    found = Provider(issuer, _words(said.client), _fetched(config, issuer))
    with sql.begin(records) as connection:
        others = [one for one in all_of(connection) if one.provider.issuer != issuer]
        if len(others) >= MAX_CLIENTS:
            raise Conflict(f"{MAX_CLIENTS} providers are known already.", hint="Remove one first.")
        connection.execute(PROVIDER.delete().where(PROVIDER.c.issuer == issuer))
        _insert(connection, found, _words(said.secret, least=0), at)
        _tell(connection, config, signer, at)
        log.append(connection, "provider", _entry("add", found) | {"who": {"officer": officer}})
    return found


def remove(
    records: sa.Engine, config: AuthorityConfig, signer: Signer, issuer: str, officer: str, at: datetime
) -> None:
    """Accepts no logins at a provider any more; those that were accepted count on. `NotFound`."""
    officer = accounts.named(officer)
    with sql.begin(records) as connection:
        found = _get(connection, issuer).provider
        connection.execute(PROVIDER.delete().where(PROVIDER.c.issuer == issuer))
        _tell(connection, config, signer, at)
        log.append(connection, "provider", _entry("remove", found) | {"who": {"officer": officer}})


def all_of(connection: sa.Connection) -> list[Kept]:
    """Every provider, by its issuer."""
    return [_kept(row) for row in connection.execute(sa.select(PROVIDER).order_by(PROVIDER.c.issuer))]


def of_token(records: sa.Engine, config: AuthorityConfig, token: str, at: datetime) -> Provider:
    """The provider that an ID token claims to come from, with the key that it names: a provider changes its keys, and
    is then asked anew, at most once a minute. `NotFound` when the authority has no client there."""
    with sql.read(records) as connection:
        kept = _get(connection, identity.claimed_issuer(token))
    if identity.has_key(kept.provider, token) or at - kept.fetched < REFRESH_AFTER:
        return kept.provider
    issuer, client = kept.provider.issuer, kept.provider.client
    fresh = Provider(issuer, client, _fetched(config, issuer))
    with sql.begin(records) as connection:
        changed = PROVIDER.update().where(PROVIDER.c.issuer == issuer, PROVIDER.c.client == client)
        connection.execute(changed.values(jwks=json.dumps(fresh.jwks), fetched=clock.text(at)))
        log.append(connection, "provider", _entry("new keys", fresh))
    return fresh


def _fetched(config: AuthorityConfig, issuer: str) -> Any:
    route = Route(config.proxy, config.ca_bundle)
    return provider.keys(provider.discover(issuer, route), route)


def _words(text: str, least: int = 1) -> str:
    try:
        return document.words({"client": text}, "client", least=least)
    except BadEnvelope:
        raise BadInput(
            "This is not the id of a client, or its secret.", hint="The provider gave it to you."
        ) from None


def _insert(connection: sa.Connection, found: Provider, secret: str, at: datetime) -> None:
    row = {"issuer": found.issuer, "client": found.client, "secret": secret, "jwks": json.dumps(found.jwks)}
    connection.execute(PROVIDER.insert().values(**row, fetched=clock.text(at)))


def _tell(connection: sa.Connection, config: AuthorityConfig, signer: Signer, at: datetime) -> None:
    """Signs what applicants are told, and puts it among what is to be sent."""
    last = connection.scalar(sa.select(sa.func.max(LOGINS.c.number))) or 0
    number = max(last + 1, int(at.timestamp()))  # so that numbers do not go back after a backup was restored
    connection.execute(LOGINS.insert().values(number=number))
    clients = tuple(
        Client(one.provider.issuer, one.provider.client, one.secret) for one in all_of(connection)
    )
    said = Logins(config.id, number, clients, configs.sealing_key(config.home).jwk, at)
    outgoing.put(connection, jws.issue(signer, said, LOGINS_TYP), config.id)


def _entry(how: str, found: Provider) -> dict[str, Any]:
    return {"how": how, "issuer": found.issuer, "client": found.client}


def _get(connection: sa.Connection, issuer: str) -> Kept:
    row = connection.execute(sa.select(PROVIDER).where(PROVIDER.c.issuer == issuer)).one_or_none()
    if row is None:
        raise NotFound(
            "This authority has no client at this provider.", hint="See `hanse authority provider list`."
        )
    return _kept(row)


def _kept(row: Any) -> Kept:
    return Kept(Provider(row.issuer, row.client, json.loads(row.jwks)), row.secret, clock.read(row.fetched))
