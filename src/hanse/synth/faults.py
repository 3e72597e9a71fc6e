"""Faults as they happen in hospitals, planted into a synthetic folder, to see that each is found and nothing is lost.

Each fault is one act on the folder and is planted once; `PLANTED` says what the quality report must then name.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from hanse.synth.sites import Site
from hanse.synth.tables import DIALECTS


def plant(folder: Path, site: Site) -> dict[str, str]:
    """Plants every fault; fault -> the file in which it is, relative to the folder."""
    series = _series(folder)
    return {name: act(folder, series, site).relative_to(folder).as_posix() for name, act in PLANTED.items()}


def _series(folder: Path) -> list[Path]:
    """The folders of series with slices enough to lose one; every fault takes one for itself."""
    series = sorted({path.parent for path in (folder / "images").glob("*/*/*/0010.dcm")})
    return [
        one for one in series if not (one.parent / "seg").exists() and not (one.parent / "rtstruct").exists()
    ]


def _missing_slice(folder: Path, series: list[Path], site: Site) -> Path:
    place = series.pop()
    (place / "0005.dcm").unlink()
    return place


def _truncated(folder: Path, series: list[Path], site: Site) -> Path:
    path = series.pop() / "0010.dcm"
    path.write_bytes(path.read_bytes()[:900])
    return path


def _empty(folder: Path, series: list[Path], site: Site) -> Path:
    path = series.pop() / "0010.dcm"
    path.write_bytes(b"")
    return path


def _copied(folder: Path, series: list[Path], site: Site) -> Path:
    path = series.pop() / "0001.dcm"
    return Path(shutil.copy(path, path.with_name("0001 (copy).dcm")))


def _contradiction(folder: Path, series: list[Path], site: Site) -> Path:
    path = series.pop() / "0001.dcm"
    other = path.with_name("0001-edited.dcm")
    other.write_bytes(path.read_bytes()[:-2] + b"\x07\x07")
    return other


def _not_dicom(folder: Path, series: list[Path], site: Site) -> Path:
    path = series.pop() / "Thumbs.db"
    path.write_bytes(b"thumbnails of a file browser")
    return path


def _append(folder: Path, site: Site, entity: str, changed: Mapping[str, str]) -> Path:
    """Repeats the first row of a table with other cells, by the vocabulary's column."""
    dialect = DIALECTS[site.tables]
    path = folder / "clinical" / f"{entity}{dialect.suffix}"
    header, first = path.read_text(encoding="utf-8-sig").splitlines()[:2]
    cells = dict(zip(header.split(dialect.separator), first.split(dialect.separator), strict=True))
    cells |= {dialect.column(entity, column): text for column, text in changed.items()}
    with path.open("a", encoding="utf-8") as table:
        table.write(dialect.separator.join(cells.values()) + "\n")
    return path


def _no_patient(folder: Path, series: list[Path], site: Site) -> Path:
    return _append(folder, site, "treatment", {"patient_id": ""})


def _unknown_code(folder: Path, series: list[Path], site: Site) -> Path:
    return _append(folder, site, "treatment", {"code": "chemoterapy"})


def _impossible_date(folder: Path, series: list[Path], site: Site) -> Path:
    dialect = DIALECTS[site.tables]
    text = dialect.dates.replace("%Y", "2019").replace("%m", "02").replace("%d", "30")
    return _append(folder, site, "treatment", {"day": text})


def _wrong_unit(folder: Path, series: list[Path], site: Site) -> Path:
    return _append(folder, site, "observation", {"unit": "bushels"})


def _second_row(folder: Path, series: list[Path], site: Site) -> Path:
    return _append(folder, site, "person", {"age": "99"})


def _other_sex(folder: Path, series: list[Path], site: Site) -> Path:
    """Swaps the sex of one person in the table; the fault shows at the person's images."""
    dialect = DIALECTS[site.tables]
    path = folder / "clinical" / f"person{dialect.suffix}"
    lines = path.read_text(encoding=dialect.encoding).splitlines(keepends=True)
    cells = lines[1].split(dialect.separator)
    words = [dialect.write("sex", sex) for sex in ("female", "male")]
    cells[1] = words[cells[1] == words[0]]
    path.write_text("".join([lines[0], dialect.separator.join(cells), *lines[2:]]), encoding=dialect.encoding)
    return folder / "images" / cells[0]


PLANTED: Mapping[str, Callable[[Path, list[Path], Site], Path]] = {
    "slices are missing between others": _missing_slice,
    "a truncated file": _truncated,
    "an empty file": _empty,
    "instances are there more than once": _copied,
    "one SOPInstanceUID, two contents": _contradiction,
    "not DICOM": _not_dicom,
    "no patient id": _no_patient,
    "unknown code": _unknown_code,
    "impossible date": _impossible_date,
    "wrong unit": _wrong_unit,
    "second row for a person": _second_row,
    "PatientSex differs from person.sex of the table": _other_sex,
}
