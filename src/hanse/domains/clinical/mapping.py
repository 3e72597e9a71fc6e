"""Which file is which entity, and which column is which field: said by a mapping file, or by the columns' names.

A mapping file is TOML. `[[table]]` has `file`, `entity`, `patient` (the column of the patient id), `columns`
(column = field), and where needed `values` (column = { as written = code }), `units` (column = unit), `fixed`
(field = value for every row), `date_format` (YYYY, MM, DD and what stands between) and `separator`.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanse.core.errors import BadInput
from hanse.core.fields import PERSON, Field, Type, Vocabulary, fold
from hanse.domains.clinical.problems import BadTable, Dropped, Reason, RowProblem
from hanse.domains.clinical.records import SEPARATORS
from hanse.domains.clinical.units import convertible, factor

MAPPING_FILE = "mapping.toml"
MAX_MAPPING = 1 << 20  # bytes
SUFFIXES = (".csv", ".tsv")
ENTITIES = ("person", "condition", "treatment", "observation")
_NAMED = frozenset(entity + suffix for entity in ENTITIES for suffix in SUFFIXES)

# Dates of a person that are checked and used, but are no fields: they never leave the prepared data.
PERSON_DATES = ("birth_date", "death_date")

_PATIENT = frozenset(map(fold, ("patient_id", "patient", "person_id", "person", "subject_id")))
_DAY = frozenset(map(fold, ("date", "day")))
_OFFSET = fold("offset_from_diagnosis")  # EUCAIM's tables name their relative days so
_KEYS = ("file", "entity", "patient", "columns", "values", "units", "fixed", "date_format", "separator")
_HEADER_UNIT = re.compile(r"(.+?)\s*[\[(]([^\])]+)[\])]")


@dataclass(frozen=True, slots=True)
class Table:
    """How one file is read. `columns` maps a column of the file to a field's column, or to one of PERSON_DATES."""

    file: str
    entity: str
    patient: str
    columns: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    date_format: str = "YYYY-MM-DD"
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read; `table` is None when its columns carry the vocabulary's names. `described_ns` is the time of the
    mapping file: a table is read again when either file changes."""

    path: Path
    table: Table | None
    described_ns: int = 0


def find_tables(folder: Path, vocabulary: Vocabulary) -> list[Source]:
    """The clinical tables below a folder, person first: those that a `mapping.toml` beside them names, and files
    called as an entity (`person.csv`). Raises `BadInput` for a mapping file that cannot be used."""
    found: dict[Path, Source] = {}
    mappings = []
    for place, _, names in os.walk(folder):
        if MAPPING_FILE in names:
            mappings.append(Path(place, MAPPING_FILE))
        else:
            named = (Path(place, name) for name in names if name.lower() in _NAMED)
            found |= {path: Source(path, None) for path in named if path.is_file()}
    for path in sorted(mappings):
        changed = path.stat().st_mtime_ns
        for table in read_mapping(path, vocabulary):
            found[path.parent / table.file] = Source(path.parent / table.file, table, changed)
    return sorted(found.values(), key=_person_first)


def _person_first(source: Source) -> tuple[int, str]:
    entity = source.table.entity if source.table else source.path.stem.lower()
    return ENTITIES.index(entity), str(source.path)


def read_mapping(path: Path, vocabulary: Vocabulary) -> tuple[Table, ...]:
    """The tables that a mapping file describes. Raises `BadInput` that names what is wrong and the nearest word."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_MAPPING:
        raise BadInput(
            f"{path.name} is not a plain file of at most {MAX_MAPPING >> 20} MiB",
            hint="write it anew; links and pipes are not read",
        )
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise BadInput(
            f"{path.name} is not TOML: {where}", hint="see docs/data-holder.md for an example"
        ) from None
    _expect_keys(path.name, "", body, ("table",))
    tables = body.get("table")
    if not isinstance(tables, list) or not tables:
        raise BadInput(f"{path.name} describes no table", hint="begin each table with a line [[table]]")
    return tuple(_table(path, number, one, vocabulary) for number, one in enumerate(tables, start=1))


def _table(path: Path, number: int, body: Any, vocabulary: Vocabulary) -> Table:
    place = f"table {number}"
    if not isinstance(body, dict):
        raise BadInput(f"{path.name}: {place} is not a table", hint="begin each table with a line [[table]]")
    _expect_keys(path.name, place, body, _KEYS)
    for key in ("file", "entity", "patient"):
        if not isinstance(body.get(key), str):
            raise BadInput(f"{path.name}: {place} has no {key}", hint=f'add {key} = "…"')
    for key in ("columns", "values", "units", "fixed"):
        if not isinstance(body.get(key, {}), dict):
            raise BadInput(
                f"{path.name}: {key} of {place} is not a table", hint=f'write {key} = {{ a = "b" }}'
            )
    texts = [*body.get("columns", {}).values(), body.get("date_format", ""), body.get("separator", "")]
    if not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{path.name}: {place} has a value that is no text", hint='write texts as "…"')
    table = Table(**{**body, "columns": body.get("columns", {})})
    _check(path, place, table, vocabulary)
    return table


def _check(path: Path, place: str, table: Table, vocabulary: Vocabulary) -> None:
    """That every word of a table's description means something."""
    _expect(path.name, place, "entity", table.entity, ENTITIES)
    inside = (path.parent / table.file).resolve().is_relative_to(path.parent.resolve())
    if not inside or not (path.parent / table.file).is_file():
        files = [one.name for one in path.parent.iterdir() if one.suffix.lower() in SUFFIXES]
        _expect(path.name, place, "file", table.file, files)
    names = [one.column for one in vocabulary.of(table.entity)]
    for name in table.columns.values():
        _expect(path.name, place, f"field of {table.entity}", name, [*names, *_person_dates(table.entity)])
    undated = [one.column for one in vocabulary.of(table.entity) if one.type is not Type.DAY]
    for name in table.fixed:
        _expect(path.name, place, f"field of {table.entity}", name, undated)
    for name in (*table.values, *table.units):
        _expect(path.name, place, "column under columns", name, table.columns)
    for column, codes in table.values.items():
        _check_codes(path.name, place, vocabulary.get(f"{table.entity}.{table.columns[column]}"), codes)
    for column, unit in table.units.items():
        _check_unit(path.name, place, vocabulary.get(f"{table.entity}.{table.columns[column]}"), unit)
    if not re.fullmatch(r"(?=.*YYYY)(?=.*MM)(?=.*DD)[YMD./ -]+", table.date_format):
        raise BadInput(
            f"{path.name}: {place} has a date_format that cannot be read",
            hint='write it with YYYY, MM and DD, e.g. "DD/MM/YYYY"',
        )
    if table.separator and table.separator not in SEPARATORS:
        raise BadInput(f"{path.name}: {place} has a separator that is not one of , ; | and tab")


def _person_dates(entity: str) -> tuple[str, ...]:
    return PERSON_DATES if entity == PERSON else ()


def _check_codes(file: str, place: str, field: Field | None, codes: Any) -> None:
    if field is None or field.codes is None or not isinstance(codes, dict):
        raise BadInput(
            f"{file}: {place} maps values of a column that has no codes", hint="only code fields have them"
        )
    for code in codes.values():
        if not isinstance(code, str) or (code and field.codes.find(code) is None):
            near = field.codes.near(str(code))
            raise BadInput(
                f"{file}: {place} maps to {code!r}, which {field.name} does not know",
                hint=f"did you mean {near!r}?" if near else f"see `hanse vocabulary {field.name}`",
            )


def _check_unit(file: str, place: str, field: Field | None, unit: Any) -> None:
    wanted = field.unit if field else ""
    if not isinstance(unit, str) or factor(unit, wanted) is None:
        known = ", ".join(convertible(wanted)) or "none"
        raise BadInput(
            f"{file}: {place} names the unit {unit!r}, which cannot be used here", hint=f"units: {known}"
        )


def _expect_keys(file: str, place: str, body: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in body:
        _expect(file, place, "key", key, known)


def _expect(file: str, place: str, what: str, word: str, known: Iterable[str]) -> None:
    """Refuses a word that is not known, and names the one that was probably meant."""
    known = list(known)
    if word in known:
        return
    where = f" of {place}" if place else ""
    near = _near(word, known)
    hint = f"did you mean {near!r}?" if near else f"known are: {', '.join(known) or 'none'}"
    raise BadInput(f"{file}: {word!r}{where} is not a known {what}", hint=hint)


def _near(word: str, known: Iterable[str]) -> str | None:
    by_fold = {fold(one): one for one in known}
    close = difflib.get_close_matches(fold(word), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None


def check_header(file: str, header: Sequence[str], table: Table) -> None:
    """That a mapped file has the columns that its description names. Raises `BadInput`."""
    for name in (table.patient, *table.columns):
        _expect(MAPPING_FILE, f"the table {file}", "column of that file", name, header)
    _refuse_twins(file, header)


def table_of(path: Path, header: Sequence[str], vocabulary: Vocabulary) -> tuple[Table, list[RowProblem]]:
    """The table that column names equal to the vocabulary describe, and the columns that are left out.

    Columns are `sex` in `person.csv`, `person.sex` in a file of any name, or `psa [ug/L]` with a unit. Raises
    `BadTable` when the file has no entity or no patient id; what its first line holds is then not repeated.
    """
    entity = _entity(path, header)
    _refuse_twins(path.name, header)
    patient = next((name for name in header if fold(name.rpartition(".")[2]) in _PATIENT), None)
    if patient is None:
        raise BadTable(
            f"{path.name} has no column patient_id",
            hint="name the column of the patient id patient_id, or describe the file in mapping.toml",
        )
    columns: dict[str, str] = {}
    units: dict[str, str] = {}
    problems = []
    for name in (one for one in header if one and one != patient):
        plain, unit = _HEADER_UNIT.fullmatch(name).groups() if _HEADER_UNIT.fullmatch(name) else (name, "")
        column = _column(plain, entity, vocabulary)
        field = vocabulary.get(f"{entity}.{column}")
        if column is None or column in columns.values():
            near = _near(plain, (one.column for one in vocabulary.of(entity)))
            detail = f"did you mean {near}?" if near else ""
            problems.append(RowProblem(path.name, 1, name, Reason.UNKNOWN_COLUMN, Dropped.COLUMN, detail))
        elif unit and (field is None or factor(unit, field.unit) is None):
            detail = (
                f"{entity}.{column} is in {field.unit}" if field and field.unit else "the field has no unit"
            )
            problems.append(RowProblem(path.name, 1, name, Reason.WRONG_UNIT, Dropped.COLUMN, detail))
        else:
            columns[name] = column
            units |= {name: unit} if unit else {}
    return Table(path.name, entity, patient, columns, units=units), problems


def _entity(path: Path, header: Sequence[str]) -> str:
    prefixes = {name.partition(".")[0] for name in header if "." in name}
    for entity in (path.stem.lower(), *sorted(prefixes)):
        if entity in ENTITIES:
            return entity
    raise BadTable(
        f"nothing says what a row of {path.name} is",
        hint=f"call the file after an entity ({', '.join(ENTITIES)}), or describe it in mapping.toml",
    )


def _column(name: str, entity: str, vocabulary: Vocabulary) -> str | None:
    """The field's column that a header means."""
    short = fold(name.removeprefix(f"{entity}."))
    known = {fold(one.column): one.column for one in vocabulary.of(entity) if one.type is not Type.KEY}
    known |= {fold(one): one for one in _person_dates(entity)}
    if short not in known and (short in _DAY or short.endswith(_OFFSET)):
        return vocabulary.entities[entity].day or None
    return known.get(short)


def _refuse_twins(file: str, header: Sequence[str]) -> None:
    if len(set(header)) < len(header):
        raise BadTable(f"{file} names a column twice", hint="give every column its own name")
