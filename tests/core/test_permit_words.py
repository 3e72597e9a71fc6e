"""What people see is what was signed, all of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.core import permits
from tests.core.test_permit import changed, places

from hanse.core import application, document, order, permit, permit_words
from hanse.core.errors import Problem
from hanse.core.permit import Kind
from hanse.core.scope import OPERATIONS, Operation

DOCUMENTS = {
    permit.TYP: permits.PERMIT,
    application.TYP: permits.APPLICATION,
    order.TYP: permits.ORDER,
}


def text(typ: str, said: Any) -> str:
    return permit_words.say(document.encode(said), typ).text


SAID_OTHERWISE = {
    *("jwk", "reply_key", "effect", "operand", "operator", "kind"),
    *("begins", "ends", "issued", "expires", "at"),
}


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value that is no time, no word of an enumeration and no coordinate of a key."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name not in SAID_OTHERWISE:
                yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("typ", DOCUMENTS)
def test_every_text_of_a_document_is_shown(typ: str) -> None:
    plain = document.to_plain(DOCUMENTS[typ])
    said = text(typ, DOCUMENTS[typ])
    assert [one for one in strings(plain) if one not in said] == []
    assert document.identity(document.encode(DOCUMENTS[typ])) in said


def test_every_key_of_every_person_is_shown() -> None:
    said = text(permit.TYP, permits.PERMIT)
    for key in (permits.WORKING, permits.SPARE, permits.COLLEAGUE):
        assert key.kid in said
    assert f"working key {permits.COLLEAGUE.kid}, kept by a web page" in said


@pytest.mark.parametrize("typ", DOCUMENTS)
def test_no_change_of_a_document_leaves_its_words_as_they_were(typ: str) -> None:
    """Beside the hash: two documents that say the same differ in nothing that anybody could decide by."""
    plain = document.to_plain(DOCUMENTS[typ])
    before = permit_words.say(document.encode(DOCUMENTS[typ]), typ).sections
    for path in places(plain):
        for value in ("another", "2027-03-04T05:06:00.000Z", "train", "spare", 4, False, True, None):
            try:
                after = permit_words.say(changed(plain, path, _put(value)), typ)
            except Problem:
                continue
            same = _at(plain, path) == value or path[-1] == "id" or path == ("version",)
            assert same or after.sections != before, path


def _put(value: Any) -> Any:
    def put(inside: Any, part: Any) -> None:
        inside[part] = value

    return put


def _at(plain: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        plain = plain[part]
    return plain


def test_no_text_can_pretend_to_be_another_line() -> None:
    for trick in ("Project\nBy whom", "\u202egnorw", "zero\u200bwidth", "\x1b[2J"):
        with pytest.raises(Problem):
            text(permit.TYP, replace(permits.PERMIT, project=trick))


def test_a_permit_for_public_data_says_everybody() -> None:
    public = replace(permits.with_scope(persons=()), kind=Kind.OPEN)
    assert "everybody: the data are public" in text(permit.TYP, public)


def test_every_operation_has_words() -> None:
    assert set(OPERATIONS) == set(Operation)
