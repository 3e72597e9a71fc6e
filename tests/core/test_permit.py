"""Documents that are signed: every member is written, demanded and bounded."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.core import permits

from hanse.core import application, document, login, order, permit, status
from hanse.core.errors import BadEnvelope, Problem
from hanse.core.permit import Kind
from hanse.core.scope import Key, KeyUse, commitment

DOCUMENTS: dict[str, tuple[Any, Callable[[bytes], Any]]] = {
    "permit": (permits.PERMIT, permit.decode),
    "application": (permits.APPLICATION, application.decode),
    "order": (permits.ORDER, order.decode),
    "delegation": (permits.DELEGATION, order.decode_delegation),
    "status": (permits.STATUS, status.decode),
    "approval": (permits.APPROVAL, status.decode_approval),
    "veto": (permits.VETO, status.decode_veto),
    "logins": (permits.LOGINS, login.decode),
    "proof": (permits.PROOF, login.decode_proof),
}
each_document = pytest.mark.parametrize(("written", "decode"), DOCUMENTS.values(), ids=DOCUMENTS)


def places(plain: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the members and items of a JSON value are."""
    parts = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    return [found for part, value in parts for found in [(*path, part), *places(value, (*path, part))]]


def changed(plain: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> bytes:
    """The document with something done at one place of it."""
    copy = json.loads(json.dumps(plain))
    inside = copy
    for part in path[:-1]:
        inside = inside[part]
    change(inside, path[-1])
    return document.canonical(copy)


@each_document
def test_what_was_signed_is_what_is_read(written: Any, decode: Callable[[bytes], Any]) -> None:
    payload = document.encode(written)
    assert decode(payload) == written
    assert document.encode(decode(payload)) == payload


@each_document
def test_a_document_without_one_of_its_members_is_none(written: Any, decode: Callable[[bytes], Any]) -> None:
    plain = document.to_plain(written)
    for path in places(plain):
        if path[-1] == "noise":
            continue  # of which permits said nothing before it could be asked for
        if isinstance(path[-1], str) and path[0] not in ("parameters", "current"):
            with pytest.raises(Problem):
                decode(changed(plain, path, lambda inside, part: inside.pop(part)))


@each_document
def test_a_member_that_nobody_knows_is_refused(written: Any, decode: Callable[[bytes], Any]) -> None:
    plain = document.to_plain(written)
    objects = [(), *(path for path in places(plain) if isinstance(path[-1], str))]
    for path in objects:
        if not path or path[0] not in ("parameters", "current"):
            with pytest.raises(Problem):
                decode(changed(plain, (*path, "surprise"), _put("surprise")))


def _put(value: Any) -> Callable[[Any, Any], None]:
    def put(inside: Any, part: Any) -> None:
        if not isinstance(inside, dict):
            raise BadEnvelope("only objects have members")
        inside[part] = value

    return put


@each_document
@pytest.mark.parametrize(
    "value", [None, [], {}, -1, 10**30, 1.5, True, "\u202etxt", "a\0", "x" * 20_000], ids=repr
)
def test_what_has_the_wrong_type_is_refused_or_read_back(
    written: Any, decode: Callable[[bytes], Any], value: Any
) -> None:
    """Whatever stands at whatever place: a problem, or a document that says the same when it is written again."""
    plain = document.to_plain(written)
    for path in places(plain):

        def put(inside: Any, part: Any) -> None:
            inside[part] = value

        payload = changed(plain, path, put)
        try:
            read = decode(payload)
        except Problem:
            continue
        assert json.loads(document.encode(read)) == json.loads(payload)


@each_document
def test_a_name_that_stands_twice_is_refused(written: Any, decode: Callable[[bytes], Any]) -> None:
    payload = document.encode(written)
    name = json.dumps(next(iter(json.loads(payload))))
    with pytest.raises(BadEnvelope, match="two members"):
        decode(b"{" + name.encode() + b":1," + payload[1:])


def test_an_amendment_names_what_it_amends() -> None:
    for wrong in (replace(permits.PERMIT, amends=""), replace(permits.PERMIT, version=1)):
        with pytest.raises(BadEnvelope, match="amends"):
            permit.decode(document.encode(wrong))


def test_an_authority_is_named_by_its_own_key() -> None:
    other = replace(permits.PERMIT.authority, kid=permits.HOLDER)
    with pytest.raises(BadEnvelope, match="authority"):
        permit.decode(document.encode(replace(permits.PERMIT, authority=other)))


def test_a_key_belongs_to_one_person() -> None:
    first, second = permits.PERSONS
    both = (first, replace(second, keys=(replace(permits.WORKING, page=True),)))
    with pytest.raises(BadEnvelope, match="one person"):
        permit.decode(document.encode(permits.with_scope(persons=both)))


def test_only_keys_that_were_checked_stand_in_a_permit() -> None:
    unchecked = tuple(replace(one, login=None, call=None) for one in permits.PERSONS)
    with pytest.raises(BadEnvelope, match="checked"):
        permit.decode(document.encode(permits.with_scope(persons=unchecked)))
    both = tuple(
        replace(one, login=permits.PERSONS[0].login, call=permits.PERSONS[1].call) for one in permits.PERSONS
    )
    with pytest.raises(BadEnvelope, match="one way"):
        permit.decode(document.encode(permits.with_scope(persons=both)))


def test_a_data_permit_commits_to_who_opted_out_or_says_why_not() -> None:
    without = permits.with_scope(datasets=tuple(replace(one, opt_out="") for one in permits.SCOPE.datasets))
    with pytest.raises(BadEnvelope, match="opt-out"):
        permit.decode(document.encode(without))
    said = replace(without, exception="National law for a public health emergency.")
    agreed = replace(without, kind=Kind.AGREEMENT)
    assert [permit.decode(document.encode(one)) for one in (said, agreed)] == [said, agreed]


def test_a_permit_lasts_ten_years_at_most() -> None:
    with pytest.raises(BadEnvelope, match="ten years"):
        permit.decode(document.encode(permits.with_scope(ends=permits.AT + timedelta(days=4000))))


def test_a_permit_for_public_data_names_nobody() -> None:
    public = replace(permits.PERMIT, kind=Kind.OPEN, application="")
    with pytest.raises(BadEnvelope, match="public"):
        permit.decode(document.encode(public))
    assert permit.decode(document.encode(permits.with_scope(public, persons=()))).kind is Kind.OPEN


def test_a_key_is_known_by_its_thumbprint_of_rfc_7638() -> None:
    """The example of RFC 7638 is an RSA key; this one is of RFC 7517, its thumbprint by another library."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }
    assert Key(jwk, KeyUse.WORKING, False).kid == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


def test_a_commitment_depends_on_the_set_and_on_the_key() -> None:
    first = commitment(b"key", ["a", "b"])
    assert first == commitment(b"key", ["b", "a", "a"])
    assert (
        len({first, commitment(b"key", ["ab"]), commitment(b"yek", ["a", "b"]), commitment(b"key", ["a"])})
        == 4
    )
