"""The hub's records, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.hub.papers import HUB, let_all_in

from hanse.hub.office import Office
from hanse.hub.tables import MIGRATIONS
from hanse.lib import sql


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Fresh records of a hub, first on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        engine = sql.engine(sql.sqlite_url(tmp_path / "hub.db"))
    else:
        address = request.getfixturevalue("postgres")
        engine = sql.engine(address.replace("postgresql://", "postgresql+psycopg://"))
        with sql.begin(engine) as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    sql.migrate(engine, MIGRATIONS)
    yield engine
    engine.dispose()


@pytest.fixture
def office(records: sa.Engine) -> Office:
    """The office of a hub with an authority and two nodes."""
    let_all_in(records)
    return Office(records, HUB)
