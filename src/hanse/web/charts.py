"""Charts as plain data; `parts.figure` of `templates/parts.html` draws them as SVG, each with its numbers as a table.

A number that was withheld has no value: it is drawn hatched, as not shown, and never as zero.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from hanse.analysis.result import Line
from hanse.web import saying

MOST_BANDS = 200  # of one histogram


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `value` is None when its number is not shown; `text` is how the number is said; `href` leads to what
    the bar stands for; `short` is a label for narrow places, `tone` the colour of a part by its meaning."""

    label: str
    value: float | None
    text: str
    href: str = ""
    chosen: bool = False
    short: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """`kind` is how it is drawn: `bars` (labels that have no order), `histogram` (values in their order) or `parts`
    (parts of a whole). `unit` says what is counted."""

    kind: str
    title: str
    unit: str
    bars: tuple[Bar, ...]
    note: str = ""

    @property
    def id(self) -> str:
        """A name for parts of the drawing that others refer to."""
        return re.sub(r"\W+", "-", self.title).strip("-").lower()

    @property
    def linked(self) -> bool:
        """Whether a bar leads somewhere."""
        return any(bar.href for bar in self.bars)

    def share(self, bar: Bar) -> float:
        """A bar's length in percent of the longest; at least 1 where there is anything, so that it can be seen."""
        most = max((one.value or 0 for one in self.bars), default=0)
        return max(round(100 * (bar.value or 0) / most, 1), 1.0) if most and bar.value else 0.0

    def part(self, bar: Bar) -> float:
        """A bar's share of the whole in percent."""
        whole = sum(one.value or 0 for one in self.bars)
        return round(100 * (bar.value or 0) / whole, 2) if whole else 0.0

    def start(self, bar: Bar) -> float:
        """Where a part begins, in percent of the whole."""
        before = self.bars[: self.bars.index(bar)]
        return round(sum(map(self.part, before)), 2)


def number_in(value: str) -> int | None:
    """The number that a value is, or with which a band begins; None for what is neither."""
    digits = value.partition("-")[0].strip("<>=+ ")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 9 else None


def step_of(values: Iterable[str]) -> int:
    """How many numbers the narrowest band among these holds, `40-44`; 1 when there are no bands."""
    ends = [value.split("-") for value in values]
    bands = [(number_in(band[0]), number_in(band[1])) for band in ends if len(band) == 2]
    widths = [
        last - first + 1 for first, last in bands if first is not None and last is not None and first <= last
    ]
    return min(widths, default=1)


def with_gaps(rows: Mapping[int, Bar], step: int, value: float | None, text: str) -> list[Bar]:
    """The bars by number, and one that says this for each number or band between them that has none, lest neighbours
    seem to be next to each other that are not."""
    first, last = (min(rows), max(rows)) if rows else (0, 0)
    places = range(first, last + 1, step)
    found = []
    for place in sorted({*rows, *(places if len(places) <= MOST_BANDS else ())}):
        label = str(place) if step == 1 else f"{place}-{place + step - 1}"
        found.append(rows.get(place) or Bar(label, value, text, short=str(place)))
    return found


def bars(title: str, unit: str, rows: Iterable[Bar], note: str = "") -> Chart:
    """Horizontal bars, in the order given."""
    return Chart("bars", title, unit, tuple(rows), note)


def histogram(title: str, unit: str, rows: Iterable[Bar], note: str = "") -> Chart:
    """Upright bars of values in their order: ages, years, sizes. Of more than `MOST_BANDS` only the tallest:
    nodes can claim any number of values."""
    rows = tuple(rows)
    tallest = sorted(range(len(rows)), key=lambda place: rows[place].value or 0, reverse=True)[:MOST_BANDS]
    return Chart("histogram", title, unit, tuple(rows[place] for place in sorted(tallest)), note)


def parts(title: str, unit: str, rows: Iterable[Bar], note: str = "") -> Chart:
    """One bar that is made of parts: states, access."""
    return Chart("parts", title, unit, tuple(rows), note)


class Curve(NamedTuple):
    """A line of steps and the band around it, as paths of an SVG."""

    label: str
    path: str
    band: str


class Tick(NamedTuple):
    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Steps:
    """Lines that keep their height until the next point: shares over time. `bars` are the curves."""

    title: str
    unit: str
    along: str  # what the lower axis is
    bars: tuple[Curve, ...]
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    note: str = ""
    kind: str = "steps"


LEFT, RIGHT, TOP, BOTTOM = 36, 352, 8, 190  # of the field of a chart of steps
Corner = tuple[float, float]


def steps(title: str, unit: str, along: str, lines: Iterable[Line]) -> Steps:
    """Shares from 0 to 1 over numbers from 0 on, each line with its band."""
    lines = tuple(lines)
    last = max((point.x for line in lines for point in line.points), default=0) or 1

    def place(x: float, y: float) -> Corner:
        return LEFT + (RIGHT - LEFT) * x / last, BOTTOM - (BOTTOM - TOP) * y

    curves = [
        Curve(
            line.label,
            _path(_stairs([place(one.x, one.y) for one in line.points])),
            _path(
                [
                    *_stairs([place(one.x, one.high) for one in line.points]),
                    *reversed(_stairs([place(one.x, one.low) for one in line.points])),
                ]
            ),
        )
        for line in lines
        if line.points
    ]
    x = tuple(Tick(round(place(one, 0)[0], 1), saying.number(one)) for one in _round_numbers(last))
    y = tuple(Tick(round(place(0, one / 4)[1], 1), saying.percent(one / 4)) for one in range(5))
    return Steps(title, unit, along, tuple(curves), x, y)


def _stairs(points: Sequence[Corner]) -> list[Corner]:
    """The corners of a line that goes right, then up or down."""
    found = list(points[:1])
    for (_x, before), (x, y) in pairwise(points):
        found += [(x, before), (x, y)]
    return found


def _path(corners: Iterable[Corner]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners)


def _round_numbers(last: float, most: int = 5) -> list[float]:
    """Numbers from 0 up to `last` that are easy to read, at most `most` and one."""
    power = 10.0 ** math.floor(math.log10(last / most))
    step = next(power * one for one in (1, 2, 5, 10) if last / (power * one) <= most)
    return [step * place for place in range(int(last / step) + 1)]


class Tile(NamedTuple):
    """A country on the map: where its square stands, and what is known of it."""

    code: str
    x: int
    y: int
    bar: Bar


@dataclass(frozen=True, slots=True)
class Map:
    """Countries as squares, about where they lie; `bars` are those of which there is something to say."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    tiles: tuple[Tile, ...]
    view: str
    note: str = ""
    kind: str = "map"


# Europe, each country as a square about where it lies (the order of neighbours counts, distances do not).
_EUROPE = """
IS .  .  .  .  NO SE FI .
.  .  .  .  .  .  .  EE .
.  IE GB .  DK .  .  LV .
.  .  .  NL .  .  .  LT BY
.  .  BE DE PL .  .  .  UA
.  FR LU CZ SK .  .  MD .
.  .  CH AT HU RO .  .  .
PT ES IT SI HR RS BG .  TR
.  AD .  .  BA ME MK .  .
.  .  MT .  .  AL GR CY .
"""
_STEP = 40  # of the grid; a square has 36 and a gap


def country_map(title: str, unit: str, counts: dict[str, int], href: dict[str, str], note: str = "") -> Map:
    """A map of how many there are in each country, by its two letters; countries elsewhere stand in a row below."""
    rows = [line.split() for line in _EUROPE.strip().splitlines()]
    places = {code: (x, y) for y, row in enumerate(rows) for x, code in enumerate(row) if code != "."}
    beyond = sorted(set(counts) - set(places))
    places |= {code: (x % 9, len(rows) + x // 9) for x, code in enumerate(beyond)}
    told = {
        code: Bar(saying.country(code), counts[code], saying.number(counts[code]), href.get(code, ""))
        for code in sorted(counts)
    }
    tiles = tuple(
        Tile(code, x * _STEP, y * _STEP, told.get(code) or Bar(saying.country(code), 0, ""))
        for code, (x, y) in places.items()
    )
    high = max(y for _, y in places.values()) + 1
    return Map(title, unit, tuple(told.values()), tiles, f"-2 -2 {9 * _STEP} {high * _STEP}", note)
