"""Walking folders and archives: what is good is found, what is hostile is refused, nothing is opened outside."""

import os
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.domains.imaging import dicom

from hanse.domains.imaging import sources, walk
from hanse.domains.imaging.instances import Instance, checksum, read_batch
from hanse.domains.imaging.sources import Rejected, SourceFile, Sources, Unusable


def reasons(folder: Path) -> dict[str, str]:
    return {one.path: one.reason for one in walk.files(folder) if isinstance(one, Rejected)}


def found(folder: Path) -> list[str]:
    return [one.path for one in walk.files(folder) if isinstance(one, SourceFile)]


def pack(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name) if how == zipfile.ZIP_STORED else name, content)


def test_files_come_in_the_same_order_with_size_and_time(tmp_path: Path):
    for name in ("b/2", "b/1", "a", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    assert found(tmp_path) == ["a", "b/1", "b/2", "c/d/e"]
    first = next(walk.files(tmp_path))
    assert first == SourceFile("a", 5, (tmp_path / "a").stat().st_mtime_ns)


def test_the_members_of_an_archive_are_files(tmp_path: Path):
    pack(tmp_path / "a.zip", {"x/1.dcm": dicom.file(), "2.dcm": b"no"})
    (tmp_path / "plain.dcm").write_bytes(dicom.file())
    files = [one for one in walk.files(tmp_path) if isinstance(one, SourceFile)]
    assert [file.path for file in files] == ["a.zip!/x/1.dcm", "a.zip!/2.dcm", "plain.dcm"]
    first, second, third = read_batch(tmp_path, files)
    assert isinstance(first, Instance)
    assert second == Rejected(
        "a.zip!/2.dcm", "not DICOM", "only files with the DICOM preamble (PS3.10) are indexed"
    )
    assert isinstance(third, Instance)
    assert first.values == third.values
    assert checksum(tmp_path, files[0]) == checksum(tmp_path, files[2])


def test_a_folder_may_be_called_nearly_anything(tmp_path: Path):
    (tmp_path / "what!").mkdir()
    (tmp_path / "what!" / "a.dcm").write_bytes(dicom.file())
    (tmp_path / "x.zip!").mkdir()
    files = [one for one in walk.files(tmp_path) if isinstance(one, SourceFile)]
    assert isinstance(read_batch(tmp_path, files)[0], Instance)
    assert reasons(tmp_path) == {"x.zip!": "its name is how members of an archive are written"}


def test_links_that_leave_the_folder_are_refused_and_others_passed_over(tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "real").write_bytes(b"x")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "out2").symlink_to("..")
    (folder / "in").symlink_to("real")
    (folder / "loop").symlink_to(".")
    (folder / "nowhere").symlink_to("gone")
    (folder / "self").symlink_to("self")
    assert found(folder) == ["real"]
    refused = reasons(folder)
    assert sorted(refused) == ["nowhere", "out", "out2", "self"]
    assert refused["out"] == "a link that leaves the folder"
    with Sources(folder) as opened, pytest.raises(Unusable), opened.open("out"):
        pass


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert reasons(tmp_path) == {"pipe": "neither a file nor a folder"}


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff")).write_bytes(b"x")
    assert reasons(tmp_path) == {r"a\xff": "its name is not UTF-8"}


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "/etc/evil.dcm", "a/../../evil.dcm", r"..\evil.dcm", "C:/evil.dcm"]
)
def test_a_path_that_leads_out_of_an_archive_is_refused(tmp_path: Path, name: str):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, b"x")
        archive.writestr("good.dcm", dicom.file())
    assert list(reasons(tmp_path).values()) == ["its path leads out of the archive"]
    assert found(tmp_path) == ["a.zip!/good.dcm"]


def test_a_member_without_a_name_is_refused(tmp_path: Path):
    pack(tmp_path / "a.zip", {"?": b"x", "good.dcm": dicom.file()}, zipfile.ZIP_STORED)
    damaged = (tmp_path / "a.zip").read_bytes().replace(b"?", b"\0")
    (tmp_path / "a.zip").write_bytes(damaged)
    assert reasons(tmp_path) == {"a.zip!/": "a member of the archive has no name"}
    assert found(tmp_path) == ["a.zip!/good.dcm"]


def test_a_zip_bomb_is_refused_by_what_it_declares(tmp_path: Path):
    pack(tmp_path / "a.zip", {"bomb": bytes(100 << 20), "good.dcm": dicom.file()})
    assert "200 times" in reasons(tmp_path)["a.zip!/bomb"]
    assert found(tmp_path) == ["a.zip!/good.dcm"]


def test_many_small_bombs_are_one_bomb(tmp_path: Path):
    pack(tmp_path / "a.zip", {f"{number}": bytes(30 << 20) for number in range(4)})
    assert found(tmp_path) == ["a.zip!/0", "a.zip!/1"]
    assert all("the archive inflates" in reason for reason in reasons(tmp_path).values())


def test_a_bomb_that_declares_a_small_size_gives_no_more_than_that(tmp_path: Path):
    pack(tmp_path / "a.zip", {"bomb": bytes(100 << 20)})
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(struct.pack("<I", 100 << 20), struct.pack("<I", 1000)))
    bomb = next(walk.files(tmp_path))
    assert isinstance(bomb, SourceFile)
    with Sources(tmp_path) as opened:
        blocks = opened.blocks(bomb.path, 100)
        with pytest.raises(Unusable, match="damaged"):
            assert sum(map(len, blocks)) <= 1000
    assert checksum(tmp_path, bomb) == Rejected(bomb.path, *_damaged)


_damaged = ("this member of the archive is damaged", "pack or fetch the archive again")


def test_encrypted_and_odd_members_are_refused(tmp_path: Path):
    pack(tmp_path / "a.zip", {"locked": b"x" * 50, "inner.zip": b"PK"})
    data = bytearray((tmp_path / "a.zip").read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    pack(tmp_path / "b.zip", {"odd": b"x"}, zipfile.ZIP_LZMA)
    assert reasons(tmp_path) == {
        "a.zip!/locked": "encrypted",
        "a.zip!/inner.zip": "an archive inside an archive",
        "b.zip!/odd": "packed with a method other than deflate",
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_both_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", b"1")
        archive.writestr("x", b"2")
    assert reasons(tmp_path) == {"a.zip!/x": "several members of the archive have this name"}
    assert found(tmp_path) == []


def test_a_damaged_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    pack(tmp_path / "b.zip", {"x": b"1"})
    monkeypatch.setattr(sources, "MAX_DIRECTORY_BYTES", 22)
    assert reasons(tmp_path) == {
        "a.zip": "not a zip archive, or a damaged one",
        "b.zip": "the archive's directory is longer than 0 MiB",
    }


def test_a_file_that_is_gone_or_has_changed_is_refused(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"123")
    file = next(walk.files(tmp_path))
    assert isinstance(file, SourceFile)
    (tmp_path / "a").write_bytes(b"12345")
    assert getattr(checksum(tmp_path, file), "reason", None) == "changed while it was read"
    (tmp_path / "a").unlink()
    assert "cannot be opened" in getattr(checksum(tmp_path, file), "reason", "")
    assert isinstance(read_batch(tmp_path, [file])[0], Rejected)


def test_a_member_that_is_gone_is_refused(tmp_path: Path):
    pack(tmp_path / "a.zip", {"x": b"1"})
    gone = SourceFile("a.zip!/y", 1, 0)
    assert isinstance(read_batch(tmp_path, [gone])[0], Rejected)
    assert isinstance(checksum(tmp_path, gone), Rejected)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6))
def test_whatever_happens_to_an_archive_nothing_is_raised(tmp_path: Path, flips: list[tuple[int, int]]):
    pack(tmp_path / "a.zip", {"1.dcm": dicom.file(), "2.dcm": dicom.file(pixels=bytes(500)), "3": b"x"})
    damaged = bytearray((tmp_path / "a.zip").read_bytes())
    for place, byte in flips:
        damaged[place % len(damaged)] = byte
    (tmp_path / "a.zip").write_bytes(damaged)
    files = [one for one in walk.files(tmp_path) if isinstance(one, SourceFile)]
    assert len(read_batch(tmp_path, files)) == len(files)
    for file in files:
        assert isinstance(checksum(tmp_path, file), str | Rejected)
