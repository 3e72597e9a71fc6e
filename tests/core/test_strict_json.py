"""The JSON of strangers is read strictly."""

import pytest

from hanse.core import strict_json
from hanse.core.errors import BadEnvelope


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"1" * 5_000,
        b'"\\ud800"',
    ],
)
def test_what_is_not_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BadEnvelope):
        strict_json.load(raw)
