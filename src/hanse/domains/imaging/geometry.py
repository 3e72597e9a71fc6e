"""Where the slices of a series lie in the patient: spacing, missing and repeated slices, orientation.

Positions are those of PS3.3 C.7.6.2 (Image Plane): millimetres in the patient's coordinate system (x to the left, y
to the back, z to the head). Slices are ordered along their common normal.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hanse.domains.imaging.attributes import Value

Vector = tuple[float, float, float]

_PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}  # by the axis that the normal is nearest to
_OBLIQUE = math.cos(math.radians(20))
_PARALLEL = math.cos(math.radians(0.5))
_SAME_PLACE = 0.01  # mm
_FARTHEST = 1e6  # mm; beyond it a position is a mistake
_UNEVEN = 0.02  # share of the spacing by which a gap may differ


@dataclass(frozen=True, slots=True)
class Geometry:
    """`slices` are different positions; `spacing` in mm; `missing` slices are gaps between others, `repeated` are
    images at a position that holds more of them than most positions do. None where images state no position."""

    slices: int | None = None
    spacing: float | None = None
    orientation: str | None = None
    regular: bool | None = None
    missing: int = 0
    repeated: int = 0
    parallel: bool = True


def geometry(instances: Sequence[Mapping[str, Value]]) -> Geometry:
    """The geometry of the single-frame images of one series, by the plain values of their headers."""
    planes = [plane for plane in map(_plane, instances) if plane]
    if not planes:
        return Geometry()
    first = planes[0][0]
    if any(abs(_dot(first, normal)) < _PARALLEL for normal, _ in planes):
        return Geometry(slices=len({position for _, position in planes}), regular=False, parallel=False)
    places = sorted(_dot(first, position) for _, position in planes)
    counts = _count_places(places)
    spacing, missing, even = _gaps([place for place, _ in counts])
    usual = Counter(count for _, count in counts).most_common(1)[0][0]
    repeated = sum(max(0, count - usual) for _, count in counts)
    complete = len(planes) == len(instances) and all(count == usual for _, count in counts)
    return Geometry(len(counts), spacing, plane_of(first), even and complete, missing, repeated)


def _plane(values: Mapping[str, Value]) -> tuple[Vector, Vector] | None:
    """The unit normal and the position of one image."""
    position, cosines = values.get("ImagePositionPatient"), values.get("ImageOrientationPatient")
    if not (isinstance(position, tuple) and len(position) == 3 and max(map(abs, position)) < _FARTHEST):
        return None
    normal = normal_of(cosines) if isinstance(cosines, tuple) and len(cosines) == 6 else None
    return (normal, position) if normal else None


def normal_of(cosines: Sequence[float]) -> Vector | None:
    """The unit vector at right angles to rows and columns; None when (0020,0037) holds no two directions."""
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:6]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = math.sqrt(_dot(normal, normal))
    if not 0.9 < length < 1.1:
        return None
    return normal[0] / length, normal[1] / length, normal[2] / length


def plane_of(normal: Vector) -> str:
    """The nearest anatomical plane, `oblique` when the normal is more than 20 degrees from all three axes."""
    for plane, axis in _PLANES.items():
        if abs(normal[axis]) >= _OBLIQUE:
            return plane
    return "oblique"


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _count_places(places: Sequence[float]) -> list[tuple[float, int]]:
    """Different places in order, each with how many images lie there."""
    counts: list[tuple[float, int]] = []
    for place in places:
        if counts and place - counts[-1][0] <= _SAME_PLACE:
            counts[-1] = (counts[-1][0], counts[-1][1] + 1)
        else:
            counts.append((place, 1))
    return counts


def _gaps(places: Sequence[float]) -> tuple[float | None, int, bool]:
    """The usual gap between neighbours in mm, how many slices are missing in wider gaps, and whether all are even."""
    gaps = sorted(right - left for left, right in pairwise(places))
    if not gaps:
        return None, 0, True
    usual = gaps[(len(gaps) - 1) // 2]
    missing = sum(max(0, round(gap / usual) - 1) for gap in gaps)
    even = all(abs(gap - usual) <= max(_SAME_PLACE, _UNEVEN * usual) for gap in gaps)
    return round(usual, 4), missing, even
