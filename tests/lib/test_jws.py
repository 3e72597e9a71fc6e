"""Tokens: one algorithm, one header, one key that the verifier chose."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core import permits

from hanse.core.errors import BadEnvelope, BadInput, TooLarge
from hanse.core.status import VETO_TYP, decode_veto
from hanse.lib import jws
from hanse.lib.jws import FileKey, PublicKey

KEY = FileKey.generate()
TYP = "test+jws"


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(header: str) -> str:
    """A token whose header was replaced."""
    return ".".join([encoded(header.encode()), *KEY.sign(b"payload", TYP).split(".")[1:]])


def header(**changes: object) -> str:
    return json.dumps({"alg": "ES256", "typ": TYP, "kid": KEY.public.kid} | changes)


@given(st.binary(max_size=300))
@settings(max_examples=30, deadline=None)
def test_what_was_signed_is_what_is_read(payload: bytes) -> None:
    assert jws.verify(KEY.sign(payload or b"-", TYP), KEY.public, TYP) == (payload or b"-")


@given(st.integers(0, 10_000), st.sampled_from("ABCDEFGHabcdefgh0123-_."))
@settings(max_examples=60, deadline=None)
def test_no_character_can_be_changed(place: int, letter: str) -> None:
    token = KEY.sign(b'{"persons": 120}', TYP)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    # The last letter of a segment has bits that encode nothing: what it decodes to may stay the same.
    if changed != token and place + 1 < len(token) and "." not in token[place : place + 2]:
        with pytest.raises(BadEnvelope):
            jws.verify(changed, KEY.public, TYP)


@pytest.mark.parametrize(
    "bad",
    [
        header(alg="none"),
        header(alg="HS256"),
        header(alg="ES384"),
        header(jwk={"kty": "EC"}),
        header(crit=["b64"], b64=False),
        header(kid=7),
        json.dumps({"alg": "ES256", "typ": TYP}),
        f'{{"alg":"ES256","typ":"{TYP}","kid":"other","kid":"{KEY.public.kid}"}}',
        "[]",
        "{",
        "[" * 300,
    ],
    ids=range(11),  # the key in these texts is another one in each process
)
def test_a_header_holds_alg_typ_and_kid_once_and_nothing_else(bad: str) -> None:
    with pytest.raises(BadEnvelope):
        jws.verify(with_header(bad), KEY.public, TYP)


def parts_of(header: dict[str, object], payload: bytes = b"forged") -> str:
    return f"{encoded(json.dumps(header).encode())}.{encoded(payload)}"


def attacker_signs(header: dict[str, object]) -> str:
    """A token with this header that an attacker signed with a key of their own."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    said = parts_of(header)
    r, s = decode_dss_signature(stranger.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{said}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


HEADER: dict[str, object] = {"alg": "ES256", "typ": TYP, "kid": KEY.public.kid}
OWN = FileKey.generate().public.jwk


def hmac_with_public_key() -> str:
    """HS256 with the public key as the secret, as PEM, which a verifier that asks the token for its algorithm accepts;
    the signature is as long as one of ES256, so that its length gives nothing away."""
    said = parts_of(HEADER | {"alg": "HS256"})
    secret = KEY._key.as_pem(private=False)
    mac = hmac.digest(secret, said.encode(), "sha256")
    return f"{said}.{encoded(mac + mac)}"


ATTACKS = {
    "no algorithm": parts_of(HEADER | {"alg": "none"}) + ".",
    "no algorithm, with a signature": attacker_signs(HEADER | {"alg": "none"}),
    "no algorithm, other letters": attacker_signs(HEADER | {"alg": "nOnE"}),
    "public key as a secret": hmac_with_public_key(),
    "a key in the header": attacker_signs(HEADER | {"jwk": OWN}),
    "a key in the header instead of its id": attacker_signs({"alg": "ES256", "typ": TYP, "jwk": OWN}),
    "the address of a key": attacker_signs(HEADER | {"jku": "https://attacker.example/keys"}),
    "a certificate": attacker_signs(HEADER | {"x5c": ["MIIB"]}),
    "another type": KEY.sign(b"payload", "JWT"),
    "no type": attacker_signs({"alg": "ES256", "kid": KEY.public.kid}),
    "critical, payload not encoded": attacker_signs(HEADER | {"crit": ["b64"], "b64": False}),
    "payload not encoded": attacker_signs(HEADER | {"b64": False}),
    "compressed": attacker_signs(HEADER | {"zip": "DEF"}),
    "a signature of nothing": parts_of(HEADER) + "." + "A" * 86,
    "oversize": parts_of(HEADER, b"x" * 50_000) + "." + "A" * 86,
    "oversize header": attacker_signs(HEADER | {"kid": "k" * 600}),
    "three signatures": attacker_signs(HEADER) + "." + "A" * 86,
}


@pytest.mark.parametrize("token", ATTACKS.values(), ids=ATTACKS)
def test_no_forged_token_is_accepted(token: str) -> None:
    with pytest.raises(BadEnvelope):
        jws.verify(token, KEY.public, TYP)


def test_another_signature_of_the_same_payload_is_the_same_token() -> None:
    """(r, n - s) verifies when (r, s) does: what counts once is counted by its payload."""
    token = KEY.sign(b"payload", TYP)
    said, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SEC 2)
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = f"{said}.{encoded(other)}"
    assert twin != token
    assert jws.verify(twin, KEY.public, TYP) == b"payload"
    assert jws.identity(twin) == jws.identity(token) == hashlib.sha256(b"payload").hexdigest()


def test_a_document_is_read_with_its_key_and_identity() -> None:
    token = jws.issue(KEY, permits.VETO, VETO_TYP)
    signed = jws.read(token, KEY.public, VETO_TYP, decode_veto)
    assert (signed.document, signed.kid, signed.hash) == (permits.VETO, KEY.public.kid, jws.identity(token))
    with pytest.raises(BadEnvelope, match="another use"):
        jws.read(token, KEY.public, TYP, decode_veto)


@pytest.mark.parametrize("name", ["id", "permit", "node", "officer", "reason", "at"])
def test_a_signed_document_of_which_a_byte_was_changed_is_none(name: str) -> None:
    head, payload, signature = jws.issue(KEY, permits.VETO, VETO_TYP).split(".")
    plain = json.loads(base64.urlsafe_b64decode(payload + "=="))
    plain[name] = plain[name].replace("0", "1").replace("a", "b")
    changed = (
        f"{head}.{encoded(json.dumps(plain, sort_keys=True, separators=(',', ':')).encode())}.{signature}"
    )
    with pytest.raises(BadEnvelope, match="signature"):
        jws.read(changed, KEY.public, VETO_TYP, decode_veto)


def test_a_document_that_nobody_would_read_is_not_signed() -> None:
    with pytest.raises(TooLarge):
        jws.issue(KEY, replace(permits.VETO, reason="x" * 60_000), VETO_TYP)


def test_a_key_is_kept_under_a_password() -> None:
    pem = KEY.pem(b"password")
    assert b"ENCRYPTED" in pem
    assert FileKey.from_pem(pem, password=b"password").public == KEY.public
    for wrong in (None, b"", b"another"):
        with pytest.raises(BadInput):
            FileKey.from_pem(pem, password=wrong)


def test_a_token_of_one_use_is_no_token_of_another() -> None:
    with pytest.raises(BadEnvelope, match="another use"):
        jws.verify(KEY.sign(b"x", "permit+jws"), KEY.public, TYP)


def test_the_verifier_names_the_key() -> None:
    stranger = FileKey.generate()
    with pytest.raises(BadEnvelope, match="another key"):
        jws.verify(stranger.sign(b"x", TYP), KEY.public, TYP)
    claiming = stranger.sign(b"x", TYP).split(".")
    forged = ".".join([encoded(header().encode()), *claiming[1:]])
    with pytest.raises(BadEnvelope, match="signature"):
        jws.verify(forged, KEY.public, TYP)


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "a.b.c", "a" * 70_000, None, 7, KEY.sign(b"x", TYP) + "=", "ä.b.c"]
)
def test_what_is_no_token_is_refused(bad: object) -> None:
    with pytest.raises(BadEnvelope):
        jws.verify(bad, KEY.public, TYP)  # type: ignore[arg-type]


def test_an_unverified_token_that_cannot_be_decoded_is_refused() -> None:
    head, _, signature = KEY.sign(b"x", TYP).split(".")
    with pytest.raises(BadEnvelope):
        jws.unverified(f"{head}.A.{signature}")


def test_a_token_is_bounded_and_a_larger_one_must_be_allowed() -> None:
    token = KEY.sign(b"x" * 100_000, TYP)
    with pytest.raises(BadEnvelope, match="65536"):
        jws.verify(token, KEY.public, TYP)
    assert len(jws.verify(token, KEY.public, TYP, limit=200_000)) == 100_000


def test_a_key_file_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "node.pem"
    key = FileKey.load_or_create(path)
    assert FileKey.load_or_create(path).public == key.public
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in path.parent.iterdir()] == ["node.pem"]


@pytest.mark.parametrize("curve", [ec.SECP384R1(), None])
def test_only_a_private_p256_key_is_a_signing_key(curve: ec.EllipticCurve | None) -> None:
    if curve:
        other = ec.generate_private_key(curve)
        pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    else:
        pem = b"not a key"
    with pytest.raises(BadInput, match=r"node\.pem"):
        FileKey.from_pem(pem, "keys/node.pem")


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    jwk = KEY.public.jwk
    canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
    assert KEY.public.kid == encoded(hashlib.sha256(canonical).digest())
    assert PublicKey.from_jwk(jwk).fingerprint == KEY.public.fingerprint
    assert len(KEY.public.fingerprint.split()) == 8


@pytest.mark.parametrize(
    "change",
    [{"d": "x"}, {"crv": "P-384"}, {"kty": "RSA"}, {"x": 5}, {"x": "AAAA"}, {"y": KEY.public.jwk["x"]}],
)
def test_a_public_key_is_a_point_of_the_curve_and_nothing_else(change: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        PublicKey.from_jwk(KEY.public.jwk | change)
