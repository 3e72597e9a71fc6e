"""Whom one relies on: an authority is chosen by its key, and no other key takes its place later."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.client import authorities
from hanse.client.authorities import Authority, Known
from hanse.core import clock, login
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Refused
from hanse.core.login import Logins
from hanse.core.permit import authority_id
from hanse.lib import jws
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey

NORTH, EVIL = FileKey.generate(), FileKey.generate()
NAME = "Access Body of the North"


def listed(key: FileKey = NORTH, **changes: Any) -> dict[str, Any]:
    kid = key.public.kid
    return {
        "id": authority_id(kid),
        "kid": kid,
        "jwk": key.public.jwk,
        "name": NAME,
        "logins": None,
        **changes,
    }


@pytest.mark.parametrize(
    "wanted",
    [
        authority_id(NORTH.public.kid),
        NORTH.public.kid,
        NORTH.public.fingerprint,
        NORTH.public.fingerprint.replace(" ", "").upper(),
        NORTH.public.fingerprint.replace(" ", ":"),
        "access body of the north",
    ],
    ids=["id", "thumbprint", "fingerprint", "without spaces", "with colons", "name"],
)
def test_an_authority_is_named_by_what_people_compare(wanted: str) -> None:
    assert authorities.choose([listed(EVIL, name="Other"), listed()], wanted).key == NORTH.public


def test_a_hubs_own_key_is_not_the_authority_that_was_named() -> None:
    with pytest.raises(NotFound):
        authorities.choose([listed(EVIL)], NORTH.public.fingerprint)
    with pytest.raises(BadInput, match="Several"):
        authorities.choose([listed(EVIL), listed()], NAME)


@pytest.mark.parametrize(
    "changes", [{"kid": EVIL.public.kid}, {"id": authority_id(EVIL.public.kid)}], ids=["kid", "id"]
)
def test_a_key_that_does_not_belong_to_its_id_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadEnvelope):
        authorities.choose([listed(**changes)], NAME)


def test_who_was_relied_on_first_is_relied_on(tmp_path: Path) -> None:
    known = Known(tmp_path / "home")
    assert not known.met(NORTH.public.kid, NAME)
    known.keep(NORTH.public.kid, NAME)
    assert Known(tmp_path / "home").met(NORTH.public.kid, NAME)
    assert known.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "name", [NAME, "  access body of the NORTH", "Access-Body of the North!", "Ａccess Body of the North"]
)
def test_another_key_under_a_known_name_is_refused_in_clear_words(tmp_path: Path, name: str) -> None:
    known = Known(tmp_path)
    known.keep(NORTH.public.kid, NAME)
    with pytest.raises(Refused) as caught:
        known.met(EVIL.public.kid, name)
    assert NORTH.public.fingerprint in caught.value.detail
    assert EVIL.public.fingerprint in caught.value.detail
    assert str(known.path) in caught.value.hint
    with pytest.raises(Refused):
        known.keep(EVIL.public.kid, name)


def test_an_authority_may_change_its_name_and_not_its_key(tmp_path: Path) -> None:
    known = Known(tmp_path)
    known.keep(NORTH.public.kid, NAME)
    assert known.met(NORTH.public.kid, "Another name")


@given(name=st.text(max_size=300), other=st.text(max_size=300))
def test_no_name_breaks_the_file(tmp_path_factory: pytest.TempPathFactory, name: str, other: str) -> None:
    known = Known(tmp_path_factory.mktemp("known"))
    known.keep(NORTH.public.kid, name)
    assert known.met(NORTH.public.kid, other)
    assert len(known.path.read_text(encoding="utf-8").splitlines()) == 1


def test_a_file_that_holds_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "authorities").write_text("not a thumbprint\n")
    with pytest.raises(BadInput, match="authorities"):
        Known(tmp_path).met(NORTH.public.kid, NAME)


def logins(signer: FileKey, of: FileKey = NORTH) -> str:
    said = Logins(authority_id(of.public.kid), 1, (), ReplyKey.generate().jwk, clock.now())
    return jws.issue(signer, said, login.LOGINS_TYP)


def test_where_an_authority_accepts_logins_it_says_itself() -> None:
    assert Authority(NAME, NORTH.public, logins=logins(NORTH)).accepted() is not None
    assert Authority(NAME, NORTH.public).accepted() is None
    for forged in (logins(EVIL), logins(NORTH, EVIL)):
        with pytest.raises(BadEnvelope):
            Authority(NAME, NORTH.public, logins=forged).accepted()
