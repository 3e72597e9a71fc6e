"""Files: complete or absent, and named by their content."""

import hashlib
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from hanse.core.errors import Conflict, NoSpace
from hanse.lib import files
from hanse.lib.files import Objects


def test_a_write_replaces_the_whole_file_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write(path, b"one")
    files.write(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def small_files() -> object:
    """Files of this process may not grow beyond 1000 bytes: to a writer this is a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_so_and_the_old_file_stays(tmp_path: Path, small_files: object) -> None:
    path = tmp_path / "a.json"
    files.write(path, b"old")
    with pytest.raises(NoSpace, match="disk is full"):
        files.write(path, b"x" * 2000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_objects_get_their_names_when_they_are_synced(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    sha256 = objects.put(b"hello")
    assert sha256 == hashlib.sha256(b"hello").hexdigest()
    assert objects.has(sha256)
    assert list(objects.all()) == []
    assert objects.sync() == 1
    assert list(objects.all()) == [sha256]
    assert objects.path(sha256).read_bytes() == b"hello"


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    draft = objects.draft()
    draft.write_bytes(b"same")
    assert objects.put(b"same") == objects.put_file(draft)
    assert objects.sync() == 1
    objects.put(b"same")
    assert objects.sync() == 0
    assert list(objects.incoming.iterdir()) == []


def test_drafts_of_an_ended_process_are_swept(tmp_path: Path) -> None:
    Objects(tmp_path).put(b"never synced")
    objects = Objects(tmp_path)
    objects.sweep()
    assert list(objects.incoming.iterdir()) == []


def test_a_lock_keeps_a_second_process_out_and_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hanse.lib import files\n"
        "with files.locked(Path(sys.argv[1]), 'testing'): print('in', flush=True); sys.stdin.read()"
    )
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(Conflict, match="another process is testing"), files.locked(lock, "testing"):
            pass
        other.kill()
    with files.locked(lock, "testing"):
        pass
