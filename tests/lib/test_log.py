"""The log: entries chained by hashes, committed with what they tell of."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from hanse.core.errors import Damaged
from hanse.lib import log, sql


@pytest.fixture
def records(tmp_path: Path) -> sa.Engine:
    engine = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    sql.migrate(engine, [sql.Migration(1, "log", sql.create(log.LOG))])
    with sql.begin(engine) as connection:
        for name in ("one", "two", "three"):
            log.append(connection, "test", {"name": name, "umlaut": "ä"})
    return engine


def test_entries_follow_one_another(records: sa.Engine) -> None:
    with sql.read(records) as connection:
        one, two, three = log.entries(connection)
        assert log.verify(connection) == 3
        assert log.head(connection) == (3, three.hash)
    assert (two.previous, three.previous) == (one.hash, two.hash)
    assert two.body["name"] == "two"


def test_an_entry_and_what_it_tells_of_are_undone_together(records: sa.Engine) -> None:
    def append_and_fail() -> None:
        with sql.begin(records) as connection:
            log.append(connection, "test", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        append_and_fail()
    with sql.read(records) as connection:
        assert log.verify(connection) == 3


@pytest.mark.parametrize(
    "damage",
    [
        """UPDATE log SET body = replace(body, 'two', 'TWO') WHERE number = 2""",
        """UPDATE log SET at = '2000-01-01T00:00:00.000Z' WHERE number = 2""",
        """DELETE FROM log WHERE number = 2""",
        """UPDATE log SET previous = hash WHERE number = 2""",
    ],
)
def test_a_changed_or_missing_entry_is_found(records: sa.Engine, damage: str) -> None:
    with sql.begin(records) as connection:
        connection.exec_driver_sql(damage)
    with sql.read(records) as connection, pytest.raises(Damaged, match="at entry 2"):
        log.verify(connection)
