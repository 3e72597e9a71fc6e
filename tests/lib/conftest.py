from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hanse.lib import log, sql

MIGRATIONS = [sql.Migration(1, "log", sql.create(*log.TABLES))]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A log without entries, first on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        engine = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    else:
        engine = sql.engine(request.getfixturevalue("postgres").replace("postgresql:", "postgresql+psycopg:"))
        with sql.begin(engine) as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    sql.migrate(engine, MIGRATIONS)
    yield engine
    engine.dispose()
