"""What can be wrong with a row of a clinical table, and what to do about it: one table.

A problem names file, line and column. It never holds what stood there, nor whose row it was.
"""

from dataclasses import dataclass
from enum import StrEnum


class BadTable(Exception):
    """A file that is no clinical table, or does not say what its columns are: it is set aside, all others go on."""

    def __init__(self, detail: str, *, hint: str) -> None:
        super().__init__(detail)
        self.detail, self.hint = detail, hint


class Reason(StrEnum):
    NO_PATIENT = "no patient id"
    REPEATED_PERSON = "second row for a person"
    BAD_DATE = "impossible date"
    UNKNOWN_CODE = "unknown code"
    WRONG_TYPE = "wrong type"
    OUT_OF_RANGE = "impossible value"
    WRONG_UNIT = "wrong unit"
    UNKNOWN_COLUMN = "unknown column"
    WRONG_CELLS = "wrong number of cells"
    OPEN_QUOTE = "quotation mark without its pair"
    TOO_LONG = "line too long"
    NUL_BYTE = "NUL byte"
    NOT_UTF8 = "not UTF-8"


class Dropped(StrEnum):
    """What is left out because of a problem; everything else is read."""

    ROW = "row"
    VALUE = "value"
    COLUMN = "column"


HINTS = {
    Reason.NO_PATIENT: "fill in the patient id, as it stands in PatientID of the images",
    Reason.REPEATED_PERSON: "keep one row a person; what changes over time belongs in condition or observation",
    Reason.BAD_DATE: "write dates as YYYY-MM-DD, or name their form in the mapping file (date_format)",
    Reason.UNKNOWN_CODE: "use a code, label or synonym of the vocabulary, or map the value in the mapping file",
    Reason.WRONG_TYPE: "write a value of the field's type",
    Reason.OUT_OF_RANGE: "check the value, and the unit of the column",
    Reason.WRONG_UNIT: "use a unit of the vocabulary, or name the column's unit in the mapping file (units)",
    Reason.UNKNOWN_COLUMN: "rename the column, or name its field in a mapping file",
    Reason.WRONG_CELLS: "give every row as many cells as the header has; quote cells that hold the separator",
    Reason.OPEN_QUOTE: "close the quotation mark, or double it inside a quoted cell",
    Reason.TOO_LONG: "check that rows end with a line break",
    Reason.NUL_BYTE: "export the table again; text files hold no NUL bytes",
    Reason.NOT_UTF8: "save the table in UTF-8",
}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """`line` counts from 1, the header's line; `column` is the column's name in the file's header, where it matters."""

    file: str
    line: int
    column: str
    reason: Reason
    dropped: Dropped
    detail: str = ""

    @property
    def hint(self) -> str:
        return HINTS[self.reason]

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.reason}" + (f" ({self.detail})" if self.detail else "")
