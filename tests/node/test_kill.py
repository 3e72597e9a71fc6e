"""Nothing is lost: `kill -9` at any moment of prepare and publish, then the same commands again."""

import random
import shutil
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.node import kill_target
from tests.node.dicom import write_patients
from tests.node.small import table

from hanse.lib import log, sql
from hanse.node.store import Store
from hanse.node.verify import verify

KILLS = 10
# Forked from a server that has imported everything and opened nothing: a process starts in milliseconds.
SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["tests.node.kill_target"])


def night(home: Path, folder: Path, killed_after: float | None = None) -> bool:
    """Runs a night in a process and ends it after so many seconds; whether it was still running then."""
    process = SERVER.Process(target=kill_target.night, args=(home, folder))
    process.start()
    process.join(killed_after)
    process.kill()
    process.join()
    code = process.exitcode
    process.close()
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """The server has imported everything before the first night is timed."""
    process = SERVER.Process(target=int)
    process.start()
    process.join()


def timed(home: Path, folder: Path) -> float:
    """How many seconds an undisturbed night takes."""
    started = time.monotonic()
    assert not night(home, folder)
    return time.monotonic() - started


def content(home: Path) -> dict[str, object]:
    """All that is published, row by row, and what the manifest says of it."""
    store = Store(home)
    (published,) = store.live()
    rows = {entity: table(store, entity) for entity in published.tables}
    sources = [(part.number, part.rows) for part in store.all_parts(published.manifest)["source"]]
    return {
        "rows": rows,
        "columns": published.manifest.columns,
        "persons": published.manifest.persons,
        "sources": sources,
    }


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    """Two homes with the same keys, so that persons have the same pseudonyms in both."""
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    Store(undisturbed)
    shutil.copytree(undisturbed / "keys", killed / "keys")
    return undisturbed, killed


def test_killed_at_any_moment_the_next_run_continues(homes: tuple[Path, Path], tmp_path: Path) -> None:
    undisturbed, killed = homes
    folder = tmp_path / "files"
    write_patients(folder, range(8))
    (folder / "condition.csv").write_text(
        "patient_id,cancer_type,day\n"
        + "".join(f"MRN-{one},lung,2024-01-0{one % 9 + 1}\n" for one in range(12))
    )
    took = timed(undisturbed, folder)
    chance = random.Random(1)
    ended = [night(killed, folder, chance.uniform(0.02, 0.6 * took)) for _ in range(KILLS)]
    assert any(ended)
    night(killed, folder)
    assert content(killed) == content(undisturbed)
    assert [one for one in verify(Store(killed)) if one.kind != "unlisted"] == []
    with sql.read(Store(killed).records) as connection:
        assert log.verify(connection) >= 2


def test_killed_while_the_archive_grows_the_old_version_stays_whole(
    homes: tuple[Path, Path], tmp_path: Path
) -> None:
    undisturbed, killed = homes
    folder = tmp_path / "files"
    write_patients(folder, range(4))
    for home in homes:
        night(home, folder)
    before = content(killed)
    write_patients(folder, range(4, 8))
    took = timed(undisturbed, folder)
    after = content(undisturbed)
    chance = random.Random(2)
    for _ in range(KILLS):
        night(killed, folder, chance.uniform(0.02, 0.6 * took))
        assert content(killed) in (before, after)
    night(killed, folder)
    assert content(killed) == after
    assert verify(Store(killed)) == []
