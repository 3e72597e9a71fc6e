"""A decision on a page: the words of the bytes that are to be signed, the bytes, and what is asked of the passkey."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

from hanse.core.errors import Refused
from hanse.core.permit_words import Said
from hanse.desk.visit import Visit
from hanse.lib import assertions, passkeys


class Decision(NamedTuple):
    """What a form carries: the bytes in base64url, and the options for the passkeys of the officer who is asked."""

    said: Said
    payload: str
    options: dict[str, Any]


def decision(visit: Visit, typ: str, payload: bytes, said: Said) -> Decision:
    """The form over a document of this type; its words must be made of these very bytes."""
    assert visit.officer is not None  # `signed_in` saw to that
    asked = passkeys.request(assertions.challenge(typ, payload), visit.officer.passkeys)
    return Decision(said, urlsafe_b64encode(payload).decode(), asked)


def payload(visit: Visit) -> bytes:
    """The bytes that a form brought back; whether the passkey agreed to them, `assertions.keep` finds out."""
    try:
        return urlsafe_b64decode(visit.said("payload"))
    except ValueError:
        raise Refused("This form is not one of this page.") from None
