"""A released result: tables whose numbers say by which rule they are what they are, and a figure as plain data.

Only released numbers come in here, so that whatever is made of a result (page, CSV, JSON, crate) may be seen.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hanse.core.release import WITHHELD, Limits, Why


@dataclass(frozen=True, slots=True)
class Number:
    """`value` is None where the rule shows none."""

    value: float | int | None
    why: Why

    def __str__(self) -> str:
        if self.value is None:  # what cannot be computed, as a median that is not reached, stays empty
            return "" if self.why is Why.COMPUTED else str(self.why)
        return f"{self.value:.10g}"


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a table, or an axis, holds; `unit` in the words of the vocabulary, empty for none."""

    name: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: the first cell of a row is its name."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | Number, ...], ...]

    def to_csv(self) -> str:
        """RFC 4180 with a line of names. A text that a spreadsheet would take for a formula gets an apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(_safe(str(one)) for one in self.columns)
        for row in self.rows:
            writer.writerow(_safe(one) if isinstance(one, str) else str(one) for one in row)
        return out.getvalue()


def _safe(text: str) -> str:
    """https://owasp.org/www-community/attacks/CSV_Injection"""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float | int | None  # None is drawn as not shown, never as zero


@dataclass(frozen=True, slots=True)
class Point:
    """Where a line changes, and the band around it; a line of steps keeps its y until the next point."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """`kind` is how it is drawn: `bars`, `histogram` (bars in their order) or `steps` (lines)."""

    kind: str
    title: str
    x: Column
    y: Column
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What people see of an analysis; `notes` say in sentences what was left out or cannot be shown."""

    method: str
    sheets: tuple[Sheet, ...]
    figure: Figure | None
    limits: Limits
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON; a number is an object with `value` (null where none is shown) and `why`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, body: Any) -> "Result":
        """What `as_dict` gave. Raises `KeyError`, `TypeError` or `ValueError` for anything of another form."""
        figure = body["figure"]
        return cls(
            method=body["method"],
            sheets=tuple(_sheet(one) for one in body["sheets"]),
            figure=None if figure is None else _figure(figure),
            limits=Limits(**body["limits"]),
            notes=tuple(body["notes"]),
        )


def _sheet(body: Any) -> Sheet:
    rows = tuple(tuple(map(_cell, row)) for row in body["rows"])
    return Sheet(body["title"], tuple(Column(**one) for one in body["columns"]), rows)


def _cell(body: Any) -> str | Number:
    return body if isinstance(body, str) else Number(body["value"], Why(body["why"]))


def _figure(body: Any) -> Figure:
    lines = [Line(one["label"], tuple(Point(**at) for at in one["points"])) for one in body["lines"]]
    return Figure(
        body["kind"],
        body["title"],
        Column(**body["x"]),
        Column(**body["y"]),
        tuple(Bar(**one) for one in body["bars"]),
        tuple(lines),
    )


def numbers(values: Iterable[int], why: Why) -> tuple[Number, ...]:
    """Shown counts; those that are withheld say so."""
    return tuple(Number(None, Why.WITHHELD) if one == WITHHELD else Number(one, why) for one in values)


def histogram(title: str, x: Column, labels: Sequence[str], values: Sequence[int], ordered: bool) -> Figure:
    """Bars of counts of persons."""
    bars = tuple(
        Bar(label, None if one == WITHHELD else one) for label, one in zip(labels, values, strict=True)
    )
    return Figure("histogram" if ordered else "bars", title, x, Column("persons"), bars)
