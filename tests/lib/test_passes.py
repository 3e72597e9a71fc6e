"""Passes: secrets that count for a while, of which only hashes are kept."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from hanse.core import clock
from hanse.lib import passes

AT = clock.read("2026-01-05T09:00:00Z")
HOUR = timedelta(hours=1)
PASS = sa.Table(
    "pass",
    sa.MetaData(),
    sa.Column("secret_hash", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text),
    sa.Column("expires", sa.Text),
)


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    PASS.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def known(connection: sa.Connection, secret: str, kind: str, at: datetime = AT) -> bool:
    return (
        connection.execute(sa.select(PASS).where(passes.counts(PASS, secret, kind, at))).first() is not None
    )


def test_a_pass_counts_for_what_it_is_until_it_expires(connection: sa.Connection) -> None:
    secret = passes.new(connection, PASS, "link", AT, HOUR)
    assert known(connection, secret, "link")
    assert not known(connection, secret, "session")
    assert not known(connection, secret, "link", AT + HOUR)


def test_a_pass_is_used_once(connection: sa.Connection) -> None:
    secret = passes.new(connection, PASS, "link", AT, HOUR)
    assert passes.use(connection, PASS, secret, "link", AT)
    assert not passes.use(connection, PASS, secret, "link", AT)


def test_who_uses_a_pass_clears_away_what_has_expired(connection: sa.Connection) -> None:
    passes.new(connection, PASS, "session", AT, HOUR)
    assert not passes.use(connection, PASS, "none", "link", AT + HOUR)
    assert not connection.execute(sa.select(PASS)).all()


def test_a_pass_that_was_ended_counts_no_more(connection: sa.Connection) -> None:
    secret = passes.new(connection, PASS, "session", AT, HOUR)
    passes.end(connection, PASS, secret, "link")
    assert known(connection, secret, "session")
    passes.end(connection, PASS, secret, "session")
    assert not known(connection, secret, "session")


def test_no_secret_is_kept(connection: sa.Connection) -> None:
    secret = passes.new(connection, PASS, "link", AT, HOUR)
    assert secret not in str(connection.execute(sa.select(PASS)).all())


def test_each_session_has_forms_of_its_own() -> None:
    assert passes.form_token("one") == passes.form_token("one")
    assert passes.form_token("one") != passes.form_token("another")
