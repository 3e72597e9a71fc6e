"""Rows of a delimited text file, read within bounds: a hostile or broken file costs memory for one row at most.

RFC 4180 with any of four separators, UTF-8 with or without a byte order mark. Lines are looked at as bytes first, so
that an endless line, a NUL byte or a quotation mark without its pair spoils only the row in which it stands.
"""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hanse.domains.clinical.problems import BadTable, Dropped, Reason, RowProblem

MAX_LINE = 1 << 20  # bytes of a row, its line breaks included
MAX_LINES = 64  # that a quoted cell may span
SEPARATORS = ",;\t|"
_FOREIGN_MARKS = (b"\xff\xfe", b"\xfe\xff", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class Record:
    line: int
    cells: list[str]


class Records:
    """The records of one file; iterating gives `Record` and `RowProblem` in the order of the lines.

    Raises `BadTable` when the file cannot be a table at all: empty, in UTF-16, a spreadsheet, or with a header that
    cannot be read.
    """

    def __init__(self, path: Path, separator: str = "") -> None:
        self._path = path
        first = self._header_line()
        self.separator = separator or max(SEPARATORS, key=first.count)
        try:
            self.header = [name.strip() for name in self._split(first)]
        except csv.Error:
            raise self._no_header() from None

    def __iter__(self) -> Iterator[Record | RowProblem]:
        lines = _Lines(self._path)
        lines.take()
        while taken := lines.take():
            found = self._record(*taken, lines)
            if found is not None:
                yield found

    def _header_line(self) -> str:
        taken = _Lines(self._path).take()
        raw = taken[1] if taken else b""
        if raw.startswith(_FOREIGN_MARKS):
            raise BadTable(f"{self._path.name} is not a text file in UTF-8", hint="save it as CSV in UTF-8")
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode().strip("\r\n")
        except UnicodeDecodeError:
            text = ""
        if not text.strip() or len(raw) > MAX_LINE or "\0" in text:
            raise self._no_header()
        return text

    def _no_header(self) -> BadTable:
        return BadTable(
            f"the first line of {self._path.name} cannot be read as column names",
            hint="the first line names the columns, e.g. patient_id,sex,age",
        )

    def _record(self, number: int, raw: bytes, lines: "_Lines") -> Record | RowProblem | None:
        if len(raw) > MAX_LINE:
            return self._problem(number, Reason.TOO_LONG, f"more than {MAX_LINE >> 20} MB")
        if b"\0" in raw:
            return self._problem(number, Reason.NUL_BYTE)
        whole = _with_quoted_breaks(raw, lines)
        if whole is None:
            return self._problem(number, Reason.OPEN_QUOTE)
        try:
            cells = self._split(whole.decode().rstrip("\r\n"))
        except UnicodeDecodeError:
            return self._problem(number, Reason.NOT_UTF8)
        except csv.Error:
            return self._problem(number, Reason.OPEN_QUOTE)
        if not any(cells):
            return None
        if len(cells) != len(self.header):
            detail = f"{len(cells)} cells, {len(self.header)} column names"
            return self._problem(number, Reason.WRONG_CELLS, detail)
        return Record(number, cells)

    def _split(self, text: str) -> list[str]:
        return next(csv.reader([text], delimiter=self.separator, strict=True), [])

    def _problem(self, number: int, reason: Reason, detail: str = "") -> RowProblem:
        return RowProblem(self._path.name, number, "", reason, Dropped.ROW, detail)


class _Lines:
    """Numbered lines of a file, of which some may be given back."""

    def __init__(self, path: Path) -> None:
        self._lines = enumerate(_bounded(path), start=1)
        self._returned: deque[tuple[int, bytes]] = deque()

    def take(self) -> tuple[int, bytes] | None:
        return self._returned.popleft() if self._returned else next(self._lines, None)

    def give_back(self, taken: list[tuple[int, bytes]]) -> None:
        self._returned.extendleft(reversed(taken))


def _bounded(path: Path) -> Iterator[bytes]:
    """The lines of a file; of an endless one a little more than MAX_LINE, and the rest is skipped."""
    with path.open("rb") as file:
        while raw := file.readline(MAX_LINE + 1):
            rest = raw
            while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                rest = file.readline(MAX_LINE + 1)
            yield raw


def _with_quoted_breaks(raw: bytes, lines: _Lines) -> bytes | None:
    """The line with those that follow, up to the one that closes its quotation marks; None, and nothing taken, when
    none does within the bounds."""
    taken: list[tuple[int, bytes]] = []
    whole = raw
    while whole.count(b'"') % 2:
        following = lines.take() if len(taken) < MAX_LINES and len(whole) <= MAX_LINE else None
        if following is None:
            lines.give_back(taken)
            return None
        taken.append(following)
        whole += following[1]
    return whole
