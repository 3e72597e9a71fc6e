"""Passkeys (WebAuthn Level 3) of pages at `http://localhost:PORT`: made, and asked to sign.

A browser signs for a relying-party id, here `localhost`, and says in what it signs from which origin it was asked. All
ports of a machine share the id, so the origin counts, port and all. Nothing is kept here.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from hanse.core import shape, strict_json
from hanse.core.dataset import canonical
from hanse.core.errors import BadEnvelope, Refused

RP_ID = "localhost"
MAX_RESPONSE = 64 * 1024  # characters of what a browser answers; attestations are of a few kB
_VERIFIED = {"user_verification": UserVerificationRequirement.REQUIRED}


@dataclass(frozen=True, slots=True)
class Passkey:
    """A public key and what knows it: `credential` is its id, `key` the attested credential data (WebAuthn 6.5.1),
    both base64url; `counter` counts its signatures, and stays 0 where an authenticator does not count."""

    credential: str
    key: str
    counter: int

    @property
    def digest(self) -> str:
        """SHA-256 of the key, in hexadecimal digits."""
        return hashlib.sha256(self.key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a passkey signed, as the browser gave it: base64url. `origin` is that of the page which asked for it, as
    the page itself knows it; it stands in the signed client data too."""

    credential: str
    authenticator_data: str
    client_data: str
    signature: str
    origin: str

    @classmethod
    def read(cls, text: str, origin: str) -> "Assertion":
        """The `AuthenticationResponseJSON` of a browser; `BadEnvelope` for anything else."""
        body = _json(text)
        response = shape.mapping(body.get("response"), "response")
        return cls(
            credential=_canonical(body, "rawId"),
            authenticator_data=_canonical(response, "authenticatorData"),
            client_data=_canonical(response, "clientDataJSON"),
            signature=_canonical(response, "signature"),
            origin=origin,
        )

    def digest(self, typ: str, payload: bytes) -> str:
        """SHA-256 over all of it and the bytes that it stands for: what a log entry holds."""
        said = asdict(self) | {"typ": typ, "payload": hashlib.sha256(payload).hexdigest()}
        return hashlib.sha256(canonical(said)).hexdigest()


def creation(site: str, id: str, name: str, challenge: bytes, known: Sequence[str]) -> dict[str, Any]:
    """What a browser is asked when a person makes a passkey: `PublicKeyCredentialCreationOptionsJSON`, for somebody
    with this id and name who has the `known` passkeys already."""
    user = PublicKeyCredentialUserEntity(id=id.encode(), name=name, display_name=name)
    options, _state = _server(site).register_begin(
        user,
        [_descriptor(one) for one in known],
        ResidentKeyRequirement.REQUIRED,
        UserVerificationRequirement.REQUIRED,
        challenge=challenge,
    )
    return _plain(options.public_key)


def request(challenge: bytes, allowed: Sequence[str] = ()) -> dict[str, Any]:
    """What a browser is asked when a passkey is to sign: `PublicKeyCredentialRequestOptionsJSON`, for one of the
    `allowed` passkeys or, when none is named, any of this site."""
    options, _state = _server().authenticate_begin(
        [_descriptor(one) for one in allowed] or None,
        UserVerificationRequirement.REQUIRED,
        challenge=challenge,
    )
    return _plain(options.public_key)


def made(text: str, challenge: bytes, origin: str) -> Passkey:
    """The passkey in a browser's `RegistrationResponseJSON`; `Refused` when it is none, or for another challenge or
    origin, or was made without verifying the person."""
    try:
        answer = RegistrationResponse.from_dict(_json(text))
        _from_no_frame(answer.response.client_data)
        found = _server(origins=origin.__eq__).register_complete(
            {"challenge": _text(challenge), **_VERIFIED}, answer
        )
        data = found.credential_data
        if data is None:
            raise ValueError("It holds no key.")
        return Passkey(_text(data.credential_id), _text(data), found.counter)
    except Exception as error:
        raise _refused(error) from None


def asserted(assertion: Assertion, key: str, challenge: bytes, origins: Callable[[str], bool]) -> int:
    """The signature counter of an assertion that the passkey with this `key` made for a challenge, after verifying
    the person, asked by a page of an accepted origin. `Refused` for any other."""
    try:
        known = AttestedCredentialData(_bytes(key))
        answer = AuthenticationResponse(
            raw_id=_bytes(assertion.credential),
            response=AuthenticatorAssertionResponse(
                client_data=CollectedClientData(_bytes(assertion.client_data)),
                authenticator_data=AuthenticatorData(_bytes(assertion.authenticator_data)),
                signature=_bytes(assertion.signature),
            ),
        )
        _from_no_frame(answer.response.client_data)
        _server(origins=origins).authenticate_complete(
            {"challenge": _text(challenge), **_VERIFIED}, [known], answer
        )
    except Exception as error:
        raise _refused(error) from None
    return int(answer.response.authenticator_data.counter)


def is_local(origin: str) -> bool:
    """Whether an origin is a page of this machine, at whatever port."""
    parts = urlsplit(origin)
    return (parts.scheme, parts.hostname) == ("http", RP_ID)


def _server(site: str = "Hanse", origins: Callable[[str], bool] = lambda _origin: False) -> Fido2Server:
    return Fido2Server(PublicKeyCredentialRpEntity(id=RP_ID, name=site), verify_origin=origins)


def _from_no_frame(client_data: CollectedClientData) -> None:
    if client_data.cross_origin:
        raise ValueError("A page of another site framed the one that asked.")


def _refused(error: Exception) -> Refused:
    """What is said of bytes that a browser or a stranger sent: the library may stumble over them in any way. Its own
    sentences may be told; they hold nothing of what was signed."""
    detail = str(error) if type(error) is ValueError and len(str(error)) < 100 else "It cannot be read."
    return Refused(
        f"The passkey's answer does not count: {detail}", hint="Open the page again and try once more."
    )


def _json(text: str) -> Any:
    if len(text) > MAX_RESPONSE:
        raise BadEnvelope("The passkey's answer is too long.")
    return shape.mapping(strict_json.load(text.encode()), "answer")


def _canonical(body: Mapping[str, Any], name: str) -> str:
    """A member in the one spelling that base64url has for its bytes."""
    try:
        return _text(_bytes(shape.text(body, name, least=1, most=MAX_RESPONSE)))
    except ValueError:
        raise shape.wrong(name, "base64url") from None


def _plain(options: Any) -> dict[str, Any]:
    return dict(json.loads(json.dumps(dict(options), default=dict)))


def _descriptor(credential: str) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=_bytes(credential))


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
