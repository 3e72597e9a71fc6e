"""A person's keys: one file each, of no use without the passphrase."""

import json
from pathlib import Path

import pytest

from hanse.core.errors import BadInput, Conflict, NotSetUp
from hanse.core.scope import KeyUse
from hanse.lib import jws, keys
from hanse.lib.jws import FileKey
from hanse.lib.keys import Ring

PASSPHRASE = "a long passphrase"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("person")
    Ring(home).new(PASSPHRASE, home / "spare.json")
    return home


def test_a_working_key_signs_and_the_spare_one_is_elsewhere(home: Path) -> None:
    working, spare = Ring(home).all()
    signer = working.unlock(PASSPHRASE)
    assert jws.verify(signer.sign(b"x", "t"), working.public, "t") == b"x"
    with pytest.raises(BadInput, match="not here"):
        spare.unlock(PASSPHRASE)
    assert keys.load(home / "spare.json").unlock(PASSPHRASE).public == spare.public != working.public


def test_another_passphrase_opens_nothing(home: Path) -> None:
    for wrong in ("", "a long passphrasf"):
        with pytest.raises(BadInput, match="passphrase"):
            Ring(home).working().unlock(wrong)


def test_a_key_file_holds_nothing_private_in_plain_sight(home: Path) -> None:
    raw = (home / "keys" / "working.json").read_bytes()
    secret = Ring(home).working().unlock(PASSPHRASE)._key.as_dict(private=True)["d"]
    assert str(secret).encode() not in raw
    assert b"ENCRYPTED PRIVATE KEY" in raw
    with pytest.raises(BadInput):  # the passphrase itself is not the password: it is stretched first
        FileKey.from_pem(json.loads(raw)["pem"].encode(), password=PASSPHRASE.encode())


def test_key_files_are_their_owners_only(home: Path) -> None:
    for path in (
        home / "spare.json",
        home / "keys" / "working.json",
        home / "keys" / "spare.json",
        home / "keys",
    ):
        assert path.stat().st_mode & 0o077 == 0


def test_a_key_is_not_replaced_by_accident(home: Path, tmp_path: Path) -> None:
    before = Ring(home).working().public
    with pytest.raises(Conflict):
        Ring(home).new(PASSPHRASE, tmp_path / "spare.json")
    with pytest.raises(Conflict):
        Ring(tmp_path / "another").new(PASSPHRASE, home / "spare.json")
    assert Ring(home).working().public == before


def test_another_place_is_named_for_the_key_that_is_in_the_way(home: Path, tmp_path: Path) -> None:
    for ring, spare, option in (
        (home, tmp_path / "spare.json", "--home"),
        (tmp_path, home / "spare.json", "--spare"),
    ):
        with pytest.raises(Conflict) as caught:
            Ring(ring).new(PASSPHRASE, spare)
        assert caught.value.hint == f"Name another {option}, or move it away."


def test_when_one_key_cannot_be_written_no_key_stays_and_the_same_command_works(tmp_path: Path) -> None:
    (tmp_path / "keys").symlink_to("/proc/self")  # a folder in which nobody can make a file
    with pytest.raises(OSError, match="spare"):
        Ring(tmp_path).new(PASSPHRASE, tmp_path / "spare.json")
    assert [one.name for one in tmp_path.iterdir()] == ["keys"]
    (tmp_path / "keys").unlink()
    Ring(tmp_path).new(PASSPHRASE, tmp_path / "spare.json")
    assert [one.use for one in Ring(tmp_path).all()] == [KeyUse.WORKING, KeyUse.SPARE]


def test_a_short_passphrase_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="12"):
        Ring(tmp_path).new("short", tmp_path / "spare.json")
    assert list(tmp_path.iterdir()) == []


def test_without_a_key_nothing_signs(tmp_path: Path) -> None:
    assert Ring(tmp_path).all() == ()
    with pytest.raises(NotSetUp, match="no key"):
        Ring(tmp_path).working()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"use": "third"},
        {"jwk": {}},
        {"salt": "no hexadecimal"},
        {"made": "yesterday"},
        {"pem": 7},
    ],
    ids=str,
)
def test_a_damaged_key_file_says_so(home: Path, tmp_path: Path, change: dict[str, object]) -> None:
    body = json.loads((home / "keys" / "working.json").read_text()) | change
    (tmp_path / "key.json").write_text(json.dumps(body))
    with pytest.raises(BadInput):
        keys.load(tmp_path / "key.json")


def test_halves_that_do_not_belong_together_are_found(home: Path, tmp_path: Path) -> None:
    body = json.loads((home / "keys" / "working.json").read_text())
    other = json.loads((home / "keys" / "spare.json").read_text())
    (tmp_path / "key.json").write_text(json.dumps(body | {"jwk": other["jwk"]}))
    with pytest.raises(BadInput, match="halves"):
        keys.load(tmp_path / "key.json").unlock(PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 9000])
def test_what_is_no_key_file_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"key\.json"):
        keys.load(tmp_path / "key.json")
    assert {one.value for one in KeyUse} == {"working", "spare"}
