"""Clinical tables become typed rows: every value checked against its field, every doubt reported, nothing guessed.

A value that cannot be used is left out (NULL is unknown) and its row goes on; a row is left out only when it cannot be
said whose it is, or what its cells are.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from hanse.core import clock
from hanse.core.errors import BadInput
from hanse.core.fields import PERSON, Field, Type, Vocabulary
from hanse.domains.clinical.mapping import MAPPING_FILE, PERSON_DATES, Table, check_header, table_of
from hanse.domains.clinical.problems import HINTS, Dropped, Reason, RowProblem
from hanse.domains.clinical.records import Record, Records
from hanse.domains.clinical.units import factor

_EARLIEST = date(1880, 1, 1)
_MAX_TEXT = 256
# Not assessed (X) is an empty value too.
_UNKNOWN = frozenset(
    {"na", "n/a", "nan", "null", "none", "unknown", "missing", ".", "-", "--", "?"}
    | {"gx", *(f"{kind}{category}x" for kind in ("", "c", "p") for category in "tnm")}
)
_BOOLEANS = {
    "true": True,
    "yes": True,
    "y": True,
    "1": True,
    "false": False,
    "no": False,
    "n": False,
    "0": False,
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0*)?")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an entity. `values` maps columns to typed values (codes resolved, numbers in the field's unit, days as
    integers where the file has relative days); `dates` maps columns to ISO dates, which stay in the prepared data and
    become days since the person's baseline when a version is published."""

    entity: str
    patient: str
    line: int
    values: Mapping[str, Any] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)


class _Unusable(Exception):
    """A cell that is left out, and why; it never holds the cell."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def read(
    path: Path, table: Table | None, vocabulary: Vocabulary, today: date | None = None
) -> Iterator[Row | RowProblem]:
    """The rows of a file and what is wrong with it, in the order of the lines, one row in memory at a time.

    For `person`, a digest of every patient id is kept, to see that each has one row. Dates after `today` are
    impossible. Raises `BadTable` when the file cannot be used at all, `BadInput` when its mapping cannot.
    """
    records = Records(path, table.separator if table else "")
    if table is None:
        table, problems = table_of(path, records.header, vocabulary)
        yield from problems
    else:
        check_header(path.name, records.header, table)
    reader = _Reader(path.name, records, table, vocabulary, today or clock.now().date())
    for record in records:
        if isinstance(record, RowProblem):
            yield record
        else:
            yield from reader.rows(record)


class _Reader:
    """What reading the rows of one file needs; the header is looked up once."""

    def __init__(
        self, file: str, records: Records, table: Table, vocabulary: Vocabulary, today: date
    ) -> None:
        self._file, self._table, self._today = file, table, today
        self._patient = records.header.index(table.patient)
        self._decimal_comma = records.separator != ","
        self._date = re.compile(_date_pattern(table.date_format))
        self._day = vocabulary.entities[table.entity].day
        self._has_year = vocabulary.get(f"{table.entity}.year") is not None
        self._columns = [
            (records.header.index(name), name, column, vocabulary.get(f"{table.entity}.{column}"))
            for name, column in table.columns.items()
        ]
        self._fixed = {
            column: self._fixed_value(vocabulary.fields[f"{table.entity}.{column}"], str(value))
            for column, value in table.fixed.items()
        }
        self._seen: dict[bytes, bytes] = {}

    def rows(self, record: Record) -> Iterator[Row | RowProblem]:
        """The row of a record, after what is wrong with it."""
        patient = record.cells[self._patient].strip()
        if not patient or len(patient) > _MAX_TEXT:
            yield self._problem(record, self._table.patient, Reason.NO_PATIENT, Dropped.ROW)
            return
        if self._table.entity == PERSON and (known := self._repeated(patient, record)) is not None:
            if known:
                return
            yield self._problem(record, self._table.patient, Reason.REPEATED_PERSON, Dropped.ROW)
            return
        values, dates = dict(self._fixed), {}
        for place, name, column, meant in self._columns:
            try:
                value = self._value(record.cells[place].strip(), name, meant)
            except _Unusable as problem:
                yield self._problem(record, name, problem.reason, Dropped.VALUE, problem.detail)
                continue
            if isinstance(value, date):
                dates[column] = value.isoformat()
            elif value is not None:
                values[column] = value
        yield from self._checked(record, Row(self._table.entity, patient, record.line, values, dates))

    def _checked(self, record: Record, row: Row) -> Iterator[Row | RowProblem]:
        """The row, its dates against each other, with the year that its day implies."""
        values, dates = dict(row.values), dict(row.dates)
        born, died = (dates.get(name, "") for name in PERSON_DATES)
        if born and died and died < born:
            del dates["birth_date"], dates["death_date"]
            yield self._problem(record, "", Reason.BAD_DATE, Dropped.VALUE, "death before birth")
        if self._has_year and self._day in dates:
            values.setdefault("year", int(dates[self._day][:4]))
        yield Row(row.entity, row.patient, row.line, values, dates)

    def _repeated(self, patient: str, record: Record) -> bool | None:
        """None for the first row of a person, True for the same row again, False for another one."""
        key = hashlib.blake2b(patient.encode(), digest_size=16).digest()
        content = hashlib.blake2b("\x1f".join(record.cells).encode(), digest_size=8).digest()
        if key in self._seen:
            return self._seen[key] == content
        self._seen[key] = content
        return None

    def _value(self, text: str, name: str, field: Field | None) -> Any:
        """The typed value of a cell, a `date` where the file has dates, None where it says nothing."""
        text = self._table.values.get(name, {}).get(text, text)
        if not text or text.casefold() in _UNKNOWN:
            return None
        if field is None:
            return self._day_of(text)
        return self._typed(field, name, text)

    def _fixed_value(self, field: Field, text: str) -> Any:
        try:
            return self._typed(field, "", text)
        except _Unusable as problem:
            detail = f"{MAPPING_FILE}: the fixed value of {field.name} cannot be used: {problem.reason}"
            raise BadInput(detail, hint=problem.detail or HINTS[problem.reason]) from None

    def _typed(self, field: Field, name: str, text: str) -> Any:
        read: Callable[[Field, str, str], Any] = {
            Type.CODE: self._code,
            Type.TEXT: self._text,
            Type.INTEGER: self._integer,
            Type.NUMBER: self._number,
            Type.BOOLEAN: self._boolean,
            Type.DAY: self._relative_or_date,
        }[field.type]
        return read(field, name, text)

    def _code(self, field: Field, name: str, text: str) -> str:
        code = field.codes.find(text) if field.codes else None
        if code is None:
            reason = Reason.WRONG_UNIT if field.name == "observation.unit" else Reason.UNKNOWN_CODE
            near = field.codes.near(text) if field.codes and len(text) <= _MAX_TEXT else None
            raise _Unusable(reason, f"did you mean {near}?" if near else "")
        return code

    def _text(self, field: Field, name: str, text: str) -> str:
        if len(text) > _MAX_TEXT:
            raise _Unusable(Reason.OUT_OF_RANGE, f"more than {_MAX_TEXT} characters")
        return text

    def _boolean(self, field: Field, name: str, text: str) -> bool:
        if text.casefold() not in _BOOLEANS:
            raise _Unusable(Reason.WRONG_TYPE, "yes or no is expected")
        return _BOOLEANS[text.casefold()]

    def _integer(self, field: Field, name: str, text: str) -> int:
        if name in self._table.units:
            return int(self._number(field, name, text))
        if not _WHOLE.fullmatch(text):
            raise _Unusable(Reason.WRONG_TYPE, "a whole number is expected")
        return int(_within(field, int(text.partition(".")[0])))

    def _number(self, field: Field, name: str, text: str) -> float:
        if self._decimal_comma and text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        if len(text) > 40 or not _NUMBER.fullmatch(text):
            raise _Unusable(Reason.WRONG_TYPE, "a number is expected")
        unit = self._table.units.get(name)
        return _within(field, float(text) * ((factor(unit, field.unit) or 1.0) if unit else 1.0))

    def _relative_or_date(self, field: Field, name: str, text: str) -> int | date:
        """Whole days since the baseline, or a date that will become them."""
        if name in self._table.units or _WHOLE.fullmatch(text):
            days = int(self._number(field, name, text))
            if abs(days) > 366 * 120:
                raise _Unusable(Reason.BAD_DATE, "more than 120 years from the baseline")
            return days
        return self._day_of(text)

    def _day_of(self, text: str) -> date:
        found = self._date.fullmatch(text)
        if not found:
            raise _Unusable(Reason.BAD_DATE, f"{self._table.date_format} is expected")
        try:
            day = date(*(int(found[part]) for part in ("year", "month", "day")))
        except ValueError:
            raise _Unusable(Reason.BAD_DATE, "there is no such day") from None
        if not _EARLIEST <= day <= self._today:
            raise _Unusable(Reason.BAD_DATE, "in the future" if day > self._today else "before 1880")
        return day

    def _problem(
        self, record: Record, column: str, reason: Reason, dropped: Dropped, detail: str = ""
    ) -> RowProblem:
        return RowProblem(self._file, record.line, column, reason, dropped, detail)


def _within(field: Field, value: float) -> float:
    """The value, if the field may have it."""
    low = float("-inf") if field.least is None else field.least
    high = float("inf") if field.most is None else field.most
    if not low <= value <= high or abs(value) > 1e18:
        bounds = (
            f"{field.least:g} to {field.most:g}" if field.most is not None and field.least is not None else ""
        )
        raise _Unusable(Reason.OUT_OF_RANGE, f"{bounds} {field.unit}".strip() if bounds else "")
    return value


def _date_pattern(form: str) -> str:
    """`DD/MM/YYYY` as a regular expression; a time of day after the date is not looked at."""
    pattern = re.escape(form)
    for word, name in (("YYYY", "year"), ("MM", "month"), ("DD", "day")):
        digits = r"\d{4}" if word == "YYYY" else r"\d{1,2}"
        pattern = pattern.replace(word, rf"(?P<{name}>{digits})", 1)
    return pattern + r"([T ].{0,20})?"
