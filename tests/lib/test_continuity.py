"""A log that does not continue what it has shown is noticed until somebody answers for it."""

from pathlib import Path

import pytest
from tests.lib.test_witness import ADDRESS, AT, Owner, key_of, owner

from hanse.core.errors import Conflict, Damaged
from hanse.lib import audit, continuity, log, sql, witness
from hanse.lib.continuity import Continuity


@pytest.fixture
def mine(tmp_path: Path) -> Owner:
    """A log that has signed its head over three entries."""
    made = owner(tmp_path / "mine", "one", "two", "three")
    sign(made)
    return made


def sign(one: Owner) -> None:
    with sql.read(one.records) as connection:
        audit.sign_head(connection, witness.own_log(one.home), one.home / witness.KEPT)


def restored(home: Path, *entries: str) -> Owner:
    """The home after the records in it were replaced by an older copy."""
    (home / "log.db").unlink()
    folder = home.rename(home.with_name("away"))
    made = owner(home, *entries)
    for path in folder.iterdir():
        path.rename(home / path.name) if not path.name.startswith("log.db") else None
    return made


def broken(one: Owner) -> list[int]:
    with sql.begin(one.records) as connection:
        return [head.size for head in Continuity(one.home).broken(connection)]


def test_a_log_that_grew_continues_what_it_has_shown(mine: Owner) -> None:
    assert broken(mine) == []
    mine.use("four")
    assert broken(mine) == []
    with pytest.raises(Conflict, match="continues every head"):
        continuity.resume(mine.records, mine.home, "An officer", "none")


def test_an_older_copy_is_noticed_also_when_it_has_grown_beyond(mine: Owner) -> None:
    again = restored(mine.home, "one", "two")
    assert broken(again) == [3]
    again.use("another three", "four", "five")
    assert broken(again) == [3]


def test_who_resumes_stands_in_the_log_with_what_it_does_not_continue(mine: Owner) -> None:
    again = restored(mine.home, "one", "two")
    watching = Continuity(again.home)
    with sql.begin(again.records) as connection:
        assert watching.broken(connection)
    (head,) = continuity.resume(again.records, again.home, "An officer", "The disk failed.")
    with sql.begin(again.records) as connection:
        assert watching.broken(connection) == ()
        (entry,) = log.latest(connection, ("resume",), 10)
    assert entry.body == {
        "who": {"officer": "An officer"},
        "reason": "The disk failed.",
        "heads": [{"entries": 3, "root": head.root.hex()}],
    }
    sign(again)  # it signs again
    assert len(list(again.home.glob("checkpoint-3-*"))) == 1


def test_an_older_copy_of_resumed_records_is_noticed_too(mine: Owner) -> None:
    again = restored(mine.home, "one", "two")
    continuity.resume(again.records, again.home, "An officer", "The disk failed.")
    mine.home.with_name("away").rename(mine.home.with_name("first"))
    assert broken(restored(mine.home, "one", "two")) == [3]


def test_a_home_that_was_restored_whole_is_noticed_by_what_its_witness_has(
    mine: Owner, tmp_path: Path
) -> None:
    other = tmp_path / "witness"
    witness.pin(other, witness.own_log(mine.home).verifier)
    witness.pin(mine.home, key_of(other))
    note = witness.cosign(other, ADDRESS, mine.request(key_of(other)), AT)
    again = restored(mine.home, "one")
    (again.home / witness.KEPT).unlink()
    assert broken(again) == []
    with pytest.raises(Conflict):
        again.take(note)
    assert broken(again) == [3]
    continuity.resume(again.records, again.home, "An officer", "The disk failed.")
    with pytest.raises(Conflict):
        again.take(note)  # which comes again
    assert broken(again) == []


def test_a_head_that_cannot_be_read_is_damage(mine: Owner) -> None:
    (mine.home / witness.KEPT).write_text("nothing")
    with pytest.raises(Damaged, match="holds no head"):
        broken(mine)
