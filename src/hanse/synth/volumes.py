"""Bodies made of ellipsoids: just enough anatomy for a reader to see where it is, and a lesion to find.

A volume is painted in tissues first (`tissues`), and becomes the numbers of a modality by a table (`signal`). Arrays
are ordered slice, row, column; positions and radii are shares of the half width of the volume, from -1 to 1.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hanse.synth.chance import noise

TISSUES = ("air", "fat", "muscle", "bone", "lung", "organ", "fluid", "brain", "lesion")


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    tissue: str
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]

    def mask(self, shape: tuple[int, int, int]) -> np.ndarray:
        """Which voxels lie inside."""
        total = np.zeros(shape)
        for axis, grid in enumerate(_grids(shape)):
            total += ((grid - self.centre[axis]) / self.radii[axis]) ** 2
        return total <= 1.0


def _torso(*organs: Ellipsoid) -> tuple[Ellipsoid, ...]:
    return (
        Ellipsoid("fat", (0, 0, 0), (9, 0.68, 0.92)),
        Ellipsoid("muscle", (0, 0, 0), (9, 0.60, 0.84)),
        *organs,
        Ellipsoid("bone", (0, 0.42, 0), (9, 0.13, 0.13)),
    )


BODIES = {
    "chest": _torso(
        Ellipsoid("lung", (0, -0.02, -0.42), (1.3, 0.44, 0.32)),
        Ellipsoid("lung", (0, -0.02, 0.42), (1.3, 0.44, 0.32)),
        Ellipsoid("organ", (0.3, -0.12, 0.12), (0.8, 0.26, 0.24)),
    ),
    "abdomen": _torso(
        Ellipsoid("organ", (0, -0.08, -0.34), (1.1, 0.42, 0.40)),
        Ellipsoid("fluid", (-0.1, -0.15, 0.35), (0.7, 0.20, 0.24)),
        Ellipsoid("organ", (0.2, 0.18, 0.50), (0.6, 0.16, 0.14)),
    ),
    "pelvis": _torso(
        Ellipsoid("bone", (0, 0.05, -0.66), (1.2, 0.26, 0.12)),
        Ellipsoid("bone", (0, 0.05, 0.66), (1.2, 0.26, 0.12)),
        Ellipsoid("fluid", (-0.4, -0.24, 0), (0.6, 0.22, 0.26)),
        Ellipsoid("organ", (0.1, 0.08, 0), (0.7, 0.20, 0.24)),
    ),
    "head": (
        Ellipsoid("fat", (0, 0, 0), (1.25, 0.92, 0.76)),
        Ellipsoid("bone", (0, 0, 0), (1.2, 0.88, 0.72)),
        Ellipsoid("brain", (0, 0, 0), (1.12, 0.80, 0.64)),
        Ellipsoid("fluid", (0.05, -0.08, -0.12), (0.5, 0.30, 0.08)),
        Ellipsoid("fluid", (0.05, -0.08, 0.12), (0.5, 0.30, 0.08)),
    ),
    "breast": (
        Ellipsoid("muscle", (0, 0.75, 0), (2, 0.30, 1.1)),
        Ellipsoid("fat", (0, 0.25, -0.46), (0.95, 0.80, 0.40)),
        Ellipsoid("fat", (0, 0.25, 0.46), (0.95, 0.80, 0.40)),
        Ellipsoid("organ", (0, 0.10, -0.46), (0.65, 0.46, 0.24)),
        Ellipsoid("organ", (0, 0.10, 0.46), (0.65, 0.46, 0.24)),
    ),
    "mammogram": (
        Ellipsoid("fat", (0, 0, -1.0), (9, 0.85, 1.35)),
        Ellipsoid("organ", (0, 0.02, -0.80), (9, 0.50, 0.82)),
        Ellipsoid("muscle", (0, -0.95, -1.0), (9, 0.45, 0.36)),
    ),
    "sonogram": (
        Ellipsoid("muscle", (0, 0.2, 0), (9, 1.0, 0.90)),
        Ellipsoid("organ", (0, 0.25, 0), (9, 0.70, 0.62)),
        Ellipsoid("fluid", (0, -0.35, 0.3), (9, 0.12, 0.18)),
    ),
}

# A row a kind of image: the number of each tissue, in the order of TISSUES, and the amplitude of the noise.
SIGNALS = {
    "CT": ((-1000, -95, 50, 700, -830, 62, 8, 34, 78), 24),
    "CT contrast": ((-1000, -95, 62, 700, -820, 118, 10, 40, 84), 24),
    "PT": ((0, 300, 900, 500, 350, 1700, 2600, 5200, 9800), 260),
    "T1": ((4, 900, 420, 60, 30, 520, 170, 560, 330), 26),
    "T1 contrast": ((4, 900, 470, 60, 30, 640, 175, 590, 1050), 26),
    "T2": ((4, 760, 260, 40, 30, 430, 1250, 520, 860), 26),
    "FLAIR": ((4, 620, 260, 40, 30, 430, 90, 560, 980), 26),
    "DWI": ((4, 90, 120, 20, 20, 190, 60, 280, 720), 20),
    "ADC": ((0, 250, 1300, 60, 100, 1500, 2900, 850, 720), 60),
    "DCE": ((4, 220, 420, 40, 30, 560, 150, 430, 1200), 26),
    "MG": ((90, 900, 2100, 3000, 300, 1750, 1200, 1500, 2900), 90),
    "DX": ((200, 900, 1900, 3000, 600, 2200, 1500, 1800, 2300), 90),
    "US": ((2, 120, 82, 220, 5, 104, 8, 90, 46), 34),
}


@lru_cache(maxsize=64)
def _grids(shape: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    """The positions of the voxels' centres along each axis, ready to be broadcast."""
    axes = [(2 * np.arange(size) + 1) / size - 1 for size in shape]
    return tuple(axis.reshape([-1 if place == n else 1 for n in range(3)]) for place, axis in enumerate(axes))


@lru_cache(maxsize=64)
def tissues(body: str, shape: tuple[int, int, int]) -> np.ndarray:
    """A body as uint8 numbers of TISSUES; what is painted later covers what was there."""
    painted = np.zeros(shape, np.uint8)
    for part in BODIES[body]:
        painted[part.mask(shape)] = TISSUES.index(part.tissue)
    painted.flags.writeable = False
    return painted


def signal(kind: str, body: str, lesion: np.ndarray, *seed: object) -> np.ndarray:
    """The int16 numbers of an image of this kind, with the lesion where its mask is true, and noise."""
    values, amplitude = SIGNALS[kind]
    seen = np.where(lesion, TISSUES.index("lesion"), tissues(body, lesion.shape))
    image = np.asarray(values, np.int16)[seen] + noise(lesion.shape, amplitude, *seed)
    return image if kind.startswith("CT") else np.maximum(image, 0)
