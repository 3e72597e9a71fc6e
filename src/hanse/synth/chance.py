"""Draws that fall the same on every machine: SHA-2, SHAKE and whole numbers decide, no library's generator.

`random.Random.random` is the one method that Python promises to keep; everything here is built on it.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_LEAST_UID = 10**38  # so that every UID has 44 characters, and a header can be written once for a series


class Chance:
    """A stream of draws that belongs to the parts it was made from, and to nothing else."""

    def __init__(self, *parts: object) -> None:
        self._random = random.Random(int.from_bytes(_digest(parts)[:8], "big"))

    def happens(self, share: float) -> bool:
        return self._random.random() < share

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def between(self, low: float, high: float) -> float:
        return low + self._random.random() * (high - low)

    def around(self, low: float, high: float) -> float:
        """Most often in the middle: the mean of three even draws."""
        return low + sum(self._random.random() for _ in range(3)) / 3 * (high - low)

    def one(self, values: Sequence[T]) -> T:
        return values[int(self._random.random() * len(values))]

    def pick(self, weights: Mapping[str, float]) -> str:
        """A key, as often as its weight says."""
        point = self._random.random() * sum(weights.values())
        for key, weight in weights.items():
            point -= weight
            if point < 0:
                return key
        return next(reversed(list(weights)))


def uid(*parts: object) -> str:
    """A UID under 2.25 (a UUID as one number, DICOM PS3.5 B.2) that the same parts always get; 44 characters."""
    number = int.from_bytes(_digest(parts)[:16], "big")
    return f"2.25.{_LEAST_UID + number % (2**128 - _LEAST_UID)}"


def noise(shape: tuple[int, ...], amplitude: int, *parts: object) -> np.ndarray:
    """Even int16 noise from -amplitude to amplitude."""
    size = int(np.prod(shape))
    raw = np.frombuffer(hashlib.shake_128(_digest(parts)).digest(size), np.uint8).astype(np.int16)
    return ((raw - 128) * amplitude >> 7).reshape(shape)


def _digest(parts: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
