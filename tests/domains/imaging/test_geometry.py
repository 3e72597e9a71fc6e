"""Where slices lie: spacing, what is missing or twice, and the plane, from positions alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.domains.imaging.geometry import Geometry, geometry

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def slices(*places: float, cosines: tuple[float, ...] = AXIAL) -> list[dict[str, Any]]:
    return [{"ImagePositionPatient": (-100.0, -100.0, z), "ImageOrientationPatient": cosines} for z in places]


def test_evenly_spaced_slices_are_regular_in_any_order():
    assert geometry(slices(5, 0, 2.5, 7.5)) == Geometry(4, 2.5, "axial", True)


def test_a_gap_counts_its_missing_slices():
    shape = geometry(slices(0, 1, 2, 5, 6))
    assert (shape.spacing, shape.missing, shape.regular) == (1, 2, False)


def test_a_slice_that_is_there_twice_is_repeated():
    shape = geometry(slices(0, 1, 1, 2, 3))
    assert (shape.slices, shape.repeated, shape.regular) == (4, 1, False)


def test_a_series_of_several_volumes_repeats_nothing():
    assert geometry(slices(0, 1, 2) * 5) == Geometry(3, 1, "axial", True)


def test_uneven_spacing_is_not_regular():
    assert geometry(slices(0, 1, 2.3, 3.3)).regular is False


def test_slices_that_are_not_parallel_have_no_spacing():
    shape = geometry(slices(0, 1) + slices(0, 1, cosines=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0)))
    assert (shape.parallel, shape.spacing, shape.orientation) == (False, None, None)


@pytest.mark.parametrize(
    ("cosines", "plane"),
    [
        (AXIAL, "axial"),
        ((1.0, 0.0, 0.0, 0.0, 0.0, -1.0), "coronal"),
        ((0.0, 1.0, 0.0, 0.0, 0.0, -1.0), "sagittal"),
        ((1.0, 0.0, 0.0, 0.0, 0.96, -0.28), "axial"),
        ((1.0, 0.0, 0.0, 0.0, 0.8, -0.6), "oblique"),
    ],
)
def test_the_plane_is_the_nearest_within_20_degrees(cosines: tuple[float, ...], plane: str):
    assert geometry(slices(0, cosines=cosines)).orientation == plane


def test_images_without_a_usable_position_have_no_geometry():
    assert geometry([{}, *slices(0, 1, cosines=(0.0,) * 6), *slices(1e300)]) == Geometry()


@given(
    st.integers(2, 60),
    st.floats(0.3, 12).map(lambda value: round(value, 2)),
    st.floats(-2000, 2000).map(lambda value: round(value, 2)),
    st.randoms(),
)
def test_any_even_stack_is_found_whatever_its_order(count: int, spacing: float, begin: float, chance: Any):
    stack = slices(*(begin + spacing * number for number in range(count)))
    chance.shuffle(stack)
    shape = geometry(stack)
    assert (shape.slices, shape.regular, shape.missing, shape.repeated) == (count, True, 0, 0)
    assert shape.spacing == pytest.approx(spacing, abs=1e-3)
