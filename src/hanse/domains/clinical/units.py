"""Units that columns are exported in, and how they become the unit of a field."""

from collections.abc import Mapping

# unit as people write it: (quantity, how many of the quantity's base unit it is)
_UNITS: Mapping[str, tuple[str, float]] = {
    "days": ("time", 1.0),
    "weeks": ("time", 7.0),
    "months": ("time", 365.25 / 12),
    "years": ("time", 365.25),
    "mm": ("length", 1.0),
    "cm": ("length", 10.0),
    "m": ("length", 1000.0),
    "ng/ml": ("concentration", 1.0),
    "ug/l": ("concentration", 1.0),
    "µg/l": ("concentration", 1.0),
    "pg/ml": ("concentration", 0.001),
    "mg/l": ("concentration", 1000.0),
    "mg/dl": ("concentration", 10_000.0),
    "g/l": ("concentration", 1_000_000.0),
    "g/dl": ("concentration", 10_000_000.0),
    "%": ("share", 1.0),
    "percent": ("share", 1.0),
    "1": ("share", 100.0),
    "fraction": ("share", 100.0),
    "gy": ("dose", 1.0),
    "cgy": ("dose", 0.01),
    "kg": ("mass", 1.0),
    "g": ("mass", 0.001),
}
_SAME = {
    "d": "days",
    "day": "days",
    "wk": "weeks",
    "week": "weeks",
    "mo": "months",
    "month": "months",
    "a": "years",
    "y": "years",
    "yr": "years",
    "year": "years",
}


def factor(written: str, wanted: str) -> float | None:
    """What a number in the unit `written` is multiplied by to be in `wanted`; None when there is no such number."""
    have, want = _known(written), _known(wanted)
    if have is None or want is None or have[0] != want[0]:
        return None
    return have[1] / want[1]


def convertible(wanted: str) -> tuple[str, ...]:
    """The units from which `wanted` can be made."""
    return tuple(unit for unit in _UNITS if factor(unit, wanted) is not None)


def _known(unit: str) -> tuple[str, float] | None:
    name = unit.strip().casefold()
    return _UNITS.get(_SAME.get(name, name))
