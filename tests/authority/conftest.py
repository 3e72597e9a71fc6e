from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.authority.office import Office, office


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    """An authority to which nothing has come yet."""
    with office(tmp_path / "authority") as one:
        yield one
