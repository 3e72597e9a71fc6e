"""Whether a key may sign the orders of a run: asked before anything is sent, since nodes tell a stranger nothing."""

from datetime import datetime

from hanse.client.access import Granted
from hanse.core import order
from hanse.core.errors import BadInput, Problem
from hanse.core.order import Delegation
from hanse.core.permit import Kind, Permit
from hanse.core.scope import Operation
from hanse.lib import jws
from hanse.lib.jws import PublicKey

_DELEGATE = (
    "`hanse key delegate` makes one, with a key of the permit; on the device, name the file as --delegation."
)


def check(granted: Granted, key: PublicKey, delegation: str, operation: Operation, at: datetime) -> None:
    """`BadInput` unless the permit names this key, or the `delegation` (a token, or empty) lets it order this operation
    under the permit at this time."""
    if delegation:
        _check_delegation(delegation, granted.permit, key, operation, at)
    elif granted.permit.scope.key(key.kid) is None and granted.permit.kind is not Kind.OPEN:
        raise BadInput(
            f"The permit does not name this key, {key.fingerprint}.",
            hint="Sign with a key that it names (--key), or on a device with a --delegation.",
        )


def _check_delegation(
    token: str, permit: Permit, device: PublicKey, operation: Operation, at: datetime
) -> None:
    try:
        said = _read(token, permit)
    except Problem as problem:
        raise BadInput(f"The delegation cannot be used. {problem.detail}", hint=_DELEGATE) from None
    wrong = {
        "is for another permit": said.permit != permit.id,
        "is for the key of another device": said.kid != device.kid,
        f"is not for the operation {operation}": operation not in said.operations,
        "has not begun, or has ended": not said.issued <= at < said.expires,
    }
    if found := [words for words, holds in wrong.items() if holds]:
        raise BadInput(f"The delegation {', and '.join(found)}.", hint=_DELEGATE)


def _read(token: str, permit: Permit) -> Delegation:
    """The verified delegation. Under a permit for public data whoever asks brings a key, which signs it too."""
    named = permit.scope.key(jws.key_id(token))
    if named is None and permit.kind is not Kind.OPEN:
        raise BadInput("It is signed with a key that the permit does not name.")
    jwk = named[1].jwk if named else order.decode_delegation(jws.unverified(token)).device
    signer = PublicKey.from_jwk(dict(jwk))
    return jws.read(token, signer, order.DELEGATION_TYP, order.decode_delegation).document
