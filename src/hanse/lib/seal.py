"""Sealed answers: encrypted to the reply key of an order, so that whoever carries them reads nothing.

JWE compact serialisation (RFC 7516) with ECDH-ES+A256KW over P-256 and A256GCM, and nothing else. Encryption proves no
sender: of what is sealed the node signed the hash (`core/result.py`).
"""

import json
import re

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from hanse.core.document import Jwk
from hanse.core.errors import BadEnvelope, BadInput
from hanse.lib.jws import CURVE, PublicKey

ALGORITHM, ENCRYPTION = "ECDH-ES+A256KW", "A256GCM"
MAX_SEALED = 64 << 20  # characters
_HEADER_NAMES = {"alg", "enc", "epk"}
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{54}\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{22}")


class _Registry(jwe.JWERegistry):
    """The two algorithms; sizes are bounded by `unseal` before the text is taken apart."""

    max_ciphertext_length = MAX_SEALED


_REGISTRY = _Registry(algorithms=[ALGORITHM, ENCRYPTION])


class ReplyKey:
    """A key that opens the answers to one order; a fresh one for each."""

    def __init__(self, key: ECKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "ReplyKey":
        return cls(ECKey.generate_key(CURVE, private=True, auto_kid=False))

    @classmethod
    def from_pem(cls, pem: bytes) -> "ReplyKey":
        return cls(ECKey.import_key(pem))

    def pem(self) -> bytes:
        """The private key as PKCS#8 PEM, for whoever waits longer than a process lives."""
        return self._key.as_pem(private=True)

    @property
    def jwk(self) -> Jwk:
        """The public half, as an order names it."""
        public = self._key.as_dict(private=False)
        return {name: str(public[name]) for name in ("kty", "crv", "x", "y")}

    def unseal(self, sealed: str) -> bytes:
        """What was sealed to this key. Raises `BadEnvelope`, which does not say why."""
        if not isinstance(sealed, str) or len(sealed) > MAX_SEALED or not _FORM.fullmatch(sealed):
            raise BadEnvelope(f"This is not a sealed answer of at most {MAX_SEALED} characters.")
        try:
            pairs = json.loads(
                urlsafe_b64decode(sealed.partition(".")[0].encode()), object_pairs_hook=lambda pairs: pairs
            )
            names = [name for name, _ in pairs]
            if sorted(names) != sorted(_HEADER_NAMES) or dict(pairs)["enc"] != ENCRYPTION:
                raise ValueError
            PublicKey.from_jwk(dict(dict(pairs)["epk"]))
            return jwe.decrypt_compact(sealed, self._key, registry=_REGISTRY).plaintext or b""
        except (JoseError, BadInput, ValueError, TypeError, KeyError, RecursionError):
            raise BadEnvelope("The answer cannot be unsealed with this key.") from None


def seal(plaintext: bytes, to: Jwk) -> str:
    """`plaintext` encrypted to a reply key; `BadInput` when that is no key. Each call gives another text."""
    key = ECKey.import_key(PublicKey.from_jwk(to).jwk)
    header = {"alg": ALGORITHM, "enc": ENCRYPTION}
    return jwe.encrypt_compact(header, plaintext, key, registry=_REGISTRY)
