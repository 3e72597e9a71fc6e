"""A passkey in Python, and a browser that asks it: what Chromium sends, without Chromium."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from hanse.lib.passkeys import Assertion

ORIGIN = "http://localhost:8090"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One passkey. `origin`, `flags` and `counter` are what an honest browser would say, until a test changes them."""

    origin: str = ORIGIN
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    framed: bool = False
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def create(self, challenge: str) -> str:
        """The `RegistrationResponseJSON` to a challenge in base64url."""
        public = ES256.from_cryptography_key(self.key.public_key())
        data = AttestedCredentialData.create(bytes(16), self.credential, public)
        made = AttestationObject.create("none", self._data(ATTESTED, data), {})
        client = self._client("webauthn.create", challenge)
        return self._json(clientDataJSON=text(client), attestationObject=text(bytes(made)))

    def get(self, challenge: str) -> str:
        """The `AuthenticationResponseJSON` to a challenge in base64url."""
        self.counter += 1
        data, client = self._data(0), self._client("webauthn.get", challenge)
        signed = bytes(data) + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._json(
            clientDataJSON=text(client), authenticatorData=text(bytes(data)), signature=text(signature)
        )

    def agree(self, challenge: bytes) -> Assertion:
        """What a page of the usual origin takes from the browser."""
        return Assertion.read(self.get(text(challenge)), ORIGIN)

    def _data(self, flags: int, attested: bytes = b"") -> AuthenticatorData:
        site = hashlib.sha256(b"localhost").digest()
        return AuthenticatorData(
            site + bytes([self.flags | flags]) + self.counter.to_bytes(4, "big") + attested
        )

    def _client(self, typ: str, challenge: str) -> bytes:
        said = {"type": typ, "challenge": challenge, "origin": self.origin, "crossOrigin": self.framed}
        return json.dumps(said).encode()

    def _json(self, **response: str) -> str:
        id = text(self.credential)
        return json.dumps({"id": id, "rawId": id, "type": "public-key", "response": response})
