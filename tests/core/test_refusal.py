"""A refusal says what was refused, by whom and why."""

from dataclasses import replace

import pytest
from tests.core import permits

from hanse.core import document, ids
from hanse.core.errors import BadEnvelope
from hanse.core.refusal import Refusal, decode

REFUSAL = Refusal(
    id=ids.derived("refusal", "one"),
    authority=permits.PERMIT.authority.id,
    application=permits.hash_of(permits.APPLICATION),
    officer="An officer",
    reason="The purpose is none of EHDS Article 53(1).",
    at=permits.AT,
)


def test_a_refusal_is_read_as_it_was_written() -> None:
    assert decode(document.encode(REFUSAL)) == REFUSAL


@pytest.mark.parametrize(
    "change", [{"reason": ""}, {"officer": ""}, {"application": "x"}, {"authority": permits.NODE}], ids=str
)
def test_a_refusal_without_a_reason_or_of_nothing_is_none(change: dict[str, str]) -> None:
    with pytest.raises(BadEnvelope):
        decode(document.encode(replace(REFUSAL, **change)))  # type: ignore[arg-type]
