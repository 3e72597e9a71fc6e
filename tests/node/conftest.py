"""Disks that are full, as a writer sees them."""

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 4000 bytes, except those that are larger already."""
    with _largest_file(4000):
        yield


@pytest.fixture
def database_may_grow_by() -> Callable[[Path, int], AbstractContextManager[None]]:
    """A limit for the files of this process: the largest file in a folder, and so many bytes more."""

    def limit(folder: Path, size: int) -> AbstractContextManager[None]:
        return _largest_file(max(path.stat().st_size for path in folder.iterdir()) + size)

    return limit
