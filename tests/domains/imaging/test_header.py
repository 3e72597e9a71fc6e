"""Reading headers: the same as pydicom on every file, and a plain reason for whatever cannot be read."""

import struct
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag
from tests.domains.imaging import dicom

from hanse.domains.imaging import bounded, header, walker
from hanse.domains.imaging.attributes import ATTRIBUTES, ITEMS
from hanse.domains.imaging.header import Header
from hanse.domains.imaging.sources import Memory, Unusable
from hanse.domains.imaging.values import Odd


def read(data: bytes) -> Header:
    return header.read(Memory(data))


def reason(data: bytes) -> str:
    with pytest.raises(Unusable) as refused:
        read(data)
    return refused.value.reason


def pydicoms(data: Any) -> dict[str, Any] | None:
    """What pydicom alone says of a file, in plain values; None when it refuses the file."""
    try:
        dataset = pydicom.dcmread(data, stop_before_pixels=True)
        plain = _plain(dataset, ATTRIBUTES, "")
    except Exception:
        return None
    if syntax := dataset.file_meta.get("TransferSyntaxUID"):
        plain["TransferSyntaxUID"] = str(syntax)
    return plain


KINDS = {b"DS": float, b"FD": float, b"IS": int, b"US": int}


def _plain(dataset: pydicom.Dataset, wanted: Any, under: str) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for keyword, vr in wanted.values():
        value = dataset.get(keyword)
        if vr == b"SQ":
            plain |= _plain(value[0], ITEMS[keyword], f"{under}{keyword}.") if value else {}
        elif value is None or value == "":
            continue
        elif vr in KINDS and isinstance(value, str):
            continue  # pydicom gives text where it finds no number
        elif isinstance(value, pydicom.multival.MultiValue | list):
            plain[under + keyword] = tuple(KINDS.get(vr, str)(one) for one in value)
        else:
            plain[under + keyword] = KINDS.get(vr, str)(value)
    return {name: _stripped(value) for name, value in plain.items() if _stripped(value) != ""}


def _stripped(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_stripped, value))
    return value.strip(" \0") if isinstance(value, str) else value


def differing(files: list[Path]) -> list[str]:
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in files:
            data = path.read_bytes()
            try:
                ours = dict(read(data).values)
            except Unusable:
                ours = None
            if ours != pydicoms(path):
                wrong.append(path.name)
    return wrong


def test_the_header_equals_pydicoms_on_every_file_of_its_wheel():
    files = [path for path in sorted(dicom.WHEEL.rglob("*")) if path.is_file()]
    assert len(files) > 200
    assert differing(files) == []


@pytest.mark.shared
def test_the_header_equals_pydicoms_on_every_real_image(shared: Path):
    assert differing([path for path in sorted((shared / "imaging").rglob("*")) if path.is_file()]) == []


def test_the_walker_and_pydicom_give_the_same_on_what_the_walker_reads():
    walked = 0
    for path in sorted(dicom.WHEEL.rglob("*.dcm")):
        source = Memory(path.read_bytes())
        try:
            values, ends_early = walker.walk(source)
        except (Odd, Unusable):
            continue
        assert header.read_by_pydicom(source) == Header(values, (), ends_early), path.name
        walked += 1
    assert walked > 60


def test_the_table_of_attributes_is_that_of_the_standard():
    tables = [ATTRIBUTES, *ITEMS.values()]
    for tag, (keyword, vr) in (row for table in tables for row in table.items()):
        assert (keyword_for_tag(tag), dictionary_VR(tag)) == (keyword, vr.decode())
    sequences = {keyword for table in tables for keyword, vr in table.values() if vr == b"SQ"}
    assert sequences == set(ITEMS)


def test_values_are_plain():
    found = read((dicom.WHEEL / "test_files" / "CT_small.dcm").read_bytes()).values
    assert found["Modality"] == "CT"
    assert found["Rows"] == 128
    assert found["ImageType"] == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert found["PixelSpacing"] == (0.661468, 0.661468)
    assert found["SliceThickness"] == 5.0


def test_an_empty_file_is_refused():
    assert reason(b"") == "zero bytes"


def test_a_file_that_is_not_dicom_is_refused():
    assert reason(b"PK\3\4 and so on") == "not DICOM"
    assert reason(b"just a note") == "not DICOM"


def test_a_big_endian_file_is_read():
    found = read((dicom.WHEEL / "test_files" / "MR_small_bigendian.dcm").read_bytes())
    assert (found.values["Modality"], found.values["Rows"]) == ("MR", 64)


def test_a_deflated_file_is_read_as_far_as_its_header():
    found = read(dicom.file(syntax=dicom.DEFLATED, pixels=bytes(10_000_000)))
    assert found.values["PatientID"] == "P-1"


def test_a_deflated_file_that_inflates_without_end_is_refused():
    endless = dicom.data_set({(0x0019, 0x1000 + n): ("OB", bytes(60_000)) for n in range(2000)})
    assert reason(dicom.file(endless, dicom.DEFLATED)) == "the header is longer than 64 MiB"


def test_a_damaged_deflated_file_is_refused():
    assert "deflated data" in reason(dicom.file(b"", dicom.DEFLATED)[:-2] + b"\xff" * 40)


def test_sequences_in_one_another_beyond_all_sense_are_refused():
    opened = dicom.element(0x0040, 0xA730, "SQ", b"", dicom.UNDEFINED) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, dicom.UNDEFINED
    )
    assert "deep" in reason(dicom.file(dicom.data_set() + opened * 50_000))
    big_endian = (dicom.WHEEL / "test_files" / "MR_small_bigendian.dcm").read_bytes()
    swapped = struct.pack(">HH2sHI", 0x0040, 0xA730, b"SQ", 0, dicom.UNDEFINED) + struct.pack(
        ">HHI", 0xFFFE, 0xE000, dicom.UNDEFINED
    )
    assert "deep" in reason(
        big_endian[: big_endian.index(struct.pack(">HH", 0x7FE0, 0x10))] + swapped * 50_000
    )


def test_a_length_beyond_the_file_names_the_element():
    huge = dicom.element(0x0028, 0x1201, "OW", b"", 0xFFFFFFF0)
    assert read(dicom.file(dicom.data_set() + huge)).ends_early == "element (0028,1201)"


def test_a_file_cut_in_its_pixels_is_noticed():
    assert read(dicom.file(pixels=bytes(1000))[:-10]).ends_early == "element (7FE0,0010)"


def test_packed_pixels_that_end_early_are_noticed():
    packed = (dicom.WHEEL / "test_files" / "JPEG2000.dcm").read_bytes()
    assert read(packed).ends_early == ""
    assert read(packed[:-20]).ends_early == "element (7FE0,0010)"


def test_a_value_of_many_bytes_is_not_taken_into_memory():
    agent = dicom.element(0x0018, 0x0010, "LO", b"", 0)[:-2] + struct.pack("<H", 60_000) + b"x" * 60_000
    found = read(dicom.file(dicom.data_set() + agent))
    assert found.unreadable == ("ContrastBolusAgent",)
    codes = dicom.element(0x0008, 0x2218, "SQ", dicom.item(bytes(5_000_000)))
    assert reason(dicom.file(codes)) == "a value in its header is too long"


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(walker, "MAX_ELEMENTS", 100)
    monkeypatch.setattr(bounded, "MAX_READS", 100)
    sequence = dicom.element(0x0040, 0xA730, "SQ", b"", dicom.UNDEFINED) + dicom.item(b"") * 200
    assert reason(dicom.file(dicom.data_set() + sequence)) == "more than 100 elements"
    many = dicom.data_set({(0x0019, 0x1000 + n): ("LO", "x") for n in range(200)})
    assert reason(dicom.file(many)) == "more than 100 elements"
    with pytest.raises(Unusable, match="too many elements"):
        header.read_by_pydicom(Memory(dicom.file(many)))


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 999", "utf_7", "unicode_escape", "ISO 2022 IR 87"])
def test_a_wrong_charset_still_gives_the_text_that_pydicom_gives(charset: str, tmp_path: Path):
    data = dicom.file(
        dicom.data_set({(0x0008, 0x0005): ("CS", charset), (0x0010, 0x0020): ("LO", b"M\xfcller\x1b$B")})
    )
    (tmp_path / "a.dcm").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert dict(read(data).values) == pydicoms(tmp_path / "a.dcm")


@pytest.mark.parametrize("charset", ["undefined", "zip", "idna", "punycode", "../../etc/passwd"])
def test_a_charset_that_names_another_codec_does_no_harm(charset: str):
    text = {(0x0008, 0x0005): ("CS", charset), (0x0010, 0x0020): ("LO", b"M\xfcller")}
    assert read(dicom.file(dicom.data_set(text))).values["Modality"] == "CT"


def test_what_cannot_be_stored_as_text_is_replaced():
    text = {(0x0008, 0x0005): ("CS", "unicode_escape"), (0x0010, 0x0020): ("LO", b"\\ud800\xfc")}
    patient = str(read(dicom.file(dicom.data_set(text))).values["PatientID"])
    assert patient.encode().decode() == patient
    assert "\ud800" not in patient


def test_an_integer_beyond_its_type_is_unreadable():
    assert read(dicom.file(dicom.data_set({(0x0020, 0x0013): ("IS", "9" * 30)}))).unreadable == (
        "InstanceNumber",
    )


def test_a_value_that_its_type_does_not_allow_is_unreadable_and_not_there():
    found = read(dicom.file(dicom.data_set({(0x0018, 0x0050): ("DS", "five")})))
    assert found.unreadable == ("SliceThickness",)
    assert "SliceThickness" not in found.values


def test_what_is_odd_reaches_no_log(caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder):
    read(
        dicom.file(dicom.data_set({(0x0018, 0x0050): ("DS", "five"), (0x0008, 0x0005): ("CS", "ISO_IR 999")}))
    )
    assert not caplog.records
    assert not recwarn.list


SMALL = ["CT_small", "MR_small_bigendian", "rtplan", "reportsi", "image_dfl", "nested_priv_SQ"]
FLIPS = st.lists(st.tuples(st.integers(0, 7999), st.integers(0, 255)), max_size=8)


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SMALL), st.integers(0, 8000), FLIPS)
def test_whatever_happens_to_a_file_it_is_read_or_refused(name: str, cut: int, flips: list[tuple[int, int]]):
    damaged = bytearray((dicom.WHEEL / "test_files" / f"{name}.dcm").read_bytes()[:8000])
    for place, byte in flips:
        damaged[place % len(damaged)] = byte
    with suppress(Unusable):
        assert isinstance(read(bytes(damaged[:cut])), Header)
