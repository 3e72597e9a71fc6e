"""Signed tokens: JWS compact serialisation (RFC 7515) with ES256 and nothing else.

Every token of Hanse is made and read here. The protected header holds exactly `alg`, `typ` and `kid`, each
once: `typ` keeps a token of one use from passing as one of another (RFC 8725, 3.11), `kid` is the RFC 7638
thumbprint of the key. Whoever verifies names the `typ` and the key they accept; only enrolment reads a key
out of a token. A token is known by the SHA-256 of its payload bytes and never by its signature, since whoever has one
signature of ECDSA can make another.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from hanse.core import document
from hanse.core.document import Signed
from hanse.core.errors import BadEnvelope, BadInput, TooLarge
from hanse.lib import files

One = TypeVar("One")

ALGORITHM = "ES256"
CURVE = "P-256"
SMALL_TOKEN = 64 * 1024  # characters of a token whose bound nobody named
MAX_HEADER = 512
# The 64 bytes of ES256 are 86 characters, of which the last holds two bits: other ones would be a second spelling.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
_HEADER_NAMES = {"alg", "typ", "kid"}


class _Registry(jws.JWSRegistry):
    """ES256 only; sizes are bounded by `verify` before the token is taken apart."""

    max_header_length = MAX_HEADER
    max_payload_length = 1 << 30


_REGISTRY = _Registry(algorithms=[ALGORITHM])


@dataclass(frozen=True, eq=False)
class PublicKey:
    """A P-256 key that verifies. Two are equal when their thumbprints are."""

    _key: ECKey
    kid: str

    @classmethod
    def from_jwk(cls, jwk: Any) -> "PublicKey":
        """The key of a public JWK with exactly `kty`, `crv`, `x` and `y`; `BadInput` for anything else."""
        try:
            if set(jwk) != {"kty", "crv", "x", "y"} or (jwk["kty"], jwk["crv"]) != ("EC", CURVE):
                raise ValueError
            # One key has one thumbprint only if its coordinates are written in one way.
            if any(
                urlsafe_b64encode(urlsafe_b64decode(jwk[one].encode())).decode() != jwk[one] for one in "xy"
            ):
                raise ValueError
            key = ECKey.import_key(dict(jwk))
            key.get_op_key("verify")  # now, so that a point beside the curve is refused here
        except (AttributeError, ValueError, TypeError, JoseError):
            raise BadInput(
                "This is not a public P-256 key as a JWK with kty, crv, x and y.",
                hint="RFC 7518 (6.2) says how such a key is written.",
            ) from None
        return cls(key, key.thumbprint())

    @property
    def jwk(self) -> dict[str, str]:
        """The public JWK (RFC 7517), with the four members that the thumbprint covers."""
        public = self._key.as_dict(private=False)
        return {name: str(public[name]) for name in ("kty", "crv", "x", "y")}

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.kid)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.kid == self.kid

    def __hash__(self) -> int:
        return hash(self.kid)


class Signer(Protocol):
    """Whatever holds a private key: a file here, a PKCS#11 module where one is used."""

    @property
    def public(self) -> PublicKey: ...

    def sign(self, payload: bytes, typ: str) -> str:
        """A compact token of type `typ` over `payload`."""
        ...


class FileKey:
    """A signing key that lies in a PEM file."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        public = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
        self._public = PublicKey.from_jwk(public)

    @classmethod
    def generate(cls) -> "FileKey":
        """A fresh key that lies nowhere yet."""
        return cls(ECKey.generate_key(CURVE, private=True, auto_kid=False))

    @classmethod
    def from_pem(cls, pem: bytes, where: str = "the key", password: bytes | None = None) -> "FileKey":
        """The key of a PKCS#8 PEM text read from `where`, encrypted when there is a `password`; `BadInput` when it is
        no private P-256 key, or the password is another."""
        try:
            key = ECKey.import_key(pem, password=password)
            if not key.is_private or key.curve_name != CURVE:
                raise ValueError
        except (ValueError, TypeError, JoseError):
            hint = "Restore the file from a backup. A new key needs a new enrolment."
            raise BadInput(f"There is no private P-256 key in {where}.", hint=hint) from None
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> "FileKey":
        return cls.from_pem(path.read_bytes(), str(path))

    @classmethod
    def load_or_create(cls, path: Path) -> "FileKey":
        """The key in `path`; made there, readable by its owner only and synced, when there is none.

        Two processes that begin at once end with one key: the file appears whole, and the first one stays."""
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(cls.generate().pem())
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
            files.sync_folder(path.parent)
        return cls.load(path)

    def pem(self, password: bytes | None = None) -> bytes:
        """PKCS#8 as PEM (RFC 7468), encrypted when there is a `password`."""
        return self._key.as_pem(private=True, password=password)

    @property
    def public(self) -> PublicKey:
        return self._public

    def sign(self, payload: bytes, typ: str) -> str:
        header = {"alg": ALGORITHM, "kid": self._public.kid, "typ": typ}
        return jws.serialize_compact(header, payload, self._key, registry=_REGISTRY)


def verify(token: str, key: PublicKey, typ: str, *, limit: int = SMALL_TOKEN) -> bytes:
    """The payload of a token of type `typ` that `key` signed; `limit` bounds the token, in characters.

    Raises `BadEnvelope`, which does not say more about a bad signature than that it is one.
    """
    header = _header(token, limit)
    if header["typ"] != typ:
        raise BadEnvelope("This token was made for another use.")
    if header["kid"] != key.kid:
        raise BadEnvelope("The token was signed with another key than expected.")
    try:
        return jws.deserialize_compact(token, key._key, registry=_REGISTRY).payload
    except (JoseError, ValueError, TypeError):
        raise BadEnvelope("The signature does not verify.") from None


def issue(signer: Signer, said: Any, typ: str, *, limit: int = SMALL_TOKEN) -> str:
    """A document (core/document.py) as a token; `TooLarge` when nobody would read it."""
    token = signer.sign(document.encode(said), typ)
    if len(token) > limit:
        raise TooLarge(
            f"A document of {len(token)} characters is not read by anybody; at most {limit} are.",
            hint="Name fewer persons, datasets or conditions, or make several documents.",
        )
    return token


def read(
    token: str, key: PublicKey, typ: str, decode: Callable[[bytes], One], *, limit: int = SMALL_TOKEN
) -> Signed[One]:
    """The document in a token of type `typ` that `key` signed, with its identity. Raises as `verify` and `decode`
    do."""
    payload = verify(token, key, typ, limit=limit)
    return Signed(decode(payload), key.kid, document.identity(payload))


def identity(token: str, *, limit: int = SMALL_TOKEN) -> str:
    """The SHA-256 of a token's payload bytes, in hexadecimal digits; nothing about it is proven."""
    return document.identity(unverified(token, limit=limit))


def key_id(token: str, *, limit: int = SMALL_TOKEN) -> str:
    """The `kid` that a token claims, to find the key it must be verified with; nothing about it is proven."""
    return str(_header(token, limit)["kid"])


def claimed_type(token: str, *, limit: int = SMALL_TOKEN) -> str:
    """The `typ` that a token claims, to find how it must be read; nothing about it is proven."""
    return _header(token, limit)["typ"]


def unverified(token: str, *, limit: int = SMALL_TOKEN) -> bytes:
    """The payload of a token of which nothing is proven: use it only to find the key, then call `verify`."""
    _header(token, limit)
    try:
        return urlsafe_b64decode(token.split(".")[1].encode())
    except ValueError:
        raise BadEnvelope("The token's payload cannot be read.") from None


def fingerprint(kid: str) -> str:
    """A thumbprint for people to compare: its first 128 bits as eight groups of four hexadecimal digits."""
    digits = urlsafe_b64decode(kid.encode())[:16].hex()
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def digits(fingerprint: str) -> str:
    """A fingerprint without what people write between its digits."""
    return re.sub(r"[\s:-]", "", fingerprint).lower()


def _header(token: str, limit: int) -> Mapping[str, str]:
    if not isinstance(token, str) or len(token) > limit:
        raise BadEnvelope(f"This is not a token of at most {limit} characters.")
    head = token.partition(".")[0]
    if len(head) > MAX_HEADER or not _COMPACT.fullmatch(token):
        raise BadEnvelope("This is not a compact JWS with an ES256 signature.")
    return _read_header(head)


@lru_cache(maxsize=4096)  # all tokens of one type by one key have the same
def _read_header(head: str) -> Mapping[str, str]:
    try:
        pairs: list[tuple[str, Any]] = json.loads(urlsafe_b64decode(head.encode()), object_pairs_hook=list)
        names = [name for name, _ in pairs]
    except (ValueError, TypeError, RecursionError):
        raise BadEnvelope("The token's header cannot be read.") from None
    header = dict(pairs)
    if sorted(names) != sorted(_HEADER_NAMES) or not all(isinstance(value, str) for value in header.values()):
        raise BadEnvelope("The token's header must hold exactly alg, typ and kid, each once.")
    if header["alg"] != ALGORITHM:
        raise BadEnvelope(f"Tokens are signed with {ALGORITHM} and nothing else.")
    return MappingProxyType(header)
