"""The permit: an authority's signed decision that named persons may use certain data for a certain purpose.

EHDS Article 68(10) says what it names. What people see of it is made by `core.permit_words` from the signed bytes,
and what it means is decided by `core.decision`. It is known by the SHA-256 of these bytes: an amendment is a new
permit with the same id, the next version, and the hash of the one that it amends.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from hanse.core import document, ids, shape
from hanse.core.scope import Scope, scope

TYP = "hanse-permit+jws"
MAX_DURATION = timedelta(days=3653)  # ten years, EHDS Article 68(12)
_CURRENCY = re.compile(r"[A-Z]{3}")


class Kind(StrEnum):
    """On what a permit stands."""

    EHDS = "ehds"  # a decision of a health data access body
    AGREEMENT = "agreement"  # a contract between holders and users
    OPEN = "open"  # public data: whoever asks


KINDS: Mapping[Kind, str] = {
    Kind.EHDS: "data permit of a health data access body (EHDS Article 68)",
    Kind.AGREEMENT: "permit under an agreement",
    Kind.OPEN: "permit for public data",
}


@dataclass(frozen=True, slots=True)
class Authority:
    """Who decides: its name for people, its id, and the thumbprint of its key, of which the id is made."""

    id: str
    name: str
    kid: str


@dataclass(frozen=True, slots=True)
class Fee:
    """An amount in hundredths of a currency (ISO 4217), and for what."""

    what: str
    cents: int
    currency: str


@dataclass(frozen=True, slots=True)
class Permit:
    """`application` is the identity of the signed application that was decided; `exception` says why persons who
    opted out are included (EHDS Article 71(4)), and is empty when they are not."""

    id: str
    version: int
    amends: str
    kind: Kind
    authority: Authority
    application: str
    project: str
    scope: Scope
    exception: str
    fees: tuple[Fee, ...]


def authority_id(kid: str) -> str:
    """The id of the authority with this key: nobody else can have it."""
    return ids.derived("authority", kid)


def decode(payload: bytes) -> Permit:
    """The permit in verified bytes; `BadEnvelope` when they hold anything else."""
    return permit(document.load(payload))


def permit(body: Any) -> Permit:
    """The permit in a JSON object with all of its members and no other."""
    body = document.exactly(body, Permit, "permit")
    found = Permit(
        id=document.id(body, "id", "permit"),
        version=shape.number(body, "version", least=1, most=10_000),
        amends=_perhaps_digest(body, "amends"),
        kind=shape.choice(body, "kind", Kind),
        authority=_authority(body.get("authority")),
        application=_perhaps_digest(body, "application"),
        project=document.words(body, "project", least=1),
        scope=scope(body.get("scope")),
        exception=document.words(body, "exception", most=2000),
        fees=shape.items(body, "fees", _fee, most=50),
    )
    _check(found)
    return found


def _check(found: Permit) -> None:
    """What members say together."""
    if bool(found.amends) != (found.version > 1):
        raise shape.wrong("amends", "the hash of the version before, and empty in the first one")
    if found.authority.id != authority_id(found.authority.kid):
        raise shape.wrong("authority", "named by its own key")
    if found.scope.ends - found.scope.begins > MAX_DURATION:
        raise shape.wrong("ends", "at most ten years after begins")
    if found.kind is Kind.OPEN:
        if found.scope.persons:
            raise shape.wrong("persons", "empty in a permit for public data")
        return
    if not found.application:
        raise shape.wrong("application", "the hash of the application that was decided")
    if not found.scope.persons:
        raise shape.wrong("persons", "a list of one person at least")
    if not all(one.keys and (one.login or one.call) for one in found.scope.persons):
        raise shape.wrong("persons", "a list of persons with keys that were checked by login or call")
    if (
        found.kind is Kind.EHDS
        and not found.exception
        and not all(one.opt_out for one in found.scope.datasets)
    ):
        raise shape.wrong(
            "datasets", "a list with an opt-out commitment for each, or an exception that says why not"
        )


def _perhaps_digest(body: Mapping[str, Any], name: str) -> str:
    return document.digest(body, name) if body.get(name) != "" else ""


def _authority(body: Any) -> Authority:
    body = document.exactly(body, Authority, "authority")
    return Authority(
        id=document.id(body, "id", "authority"),
        name=document.words(body, "name", least=1, most=200),
        kid=document.thumbprint(body, "kid"),
    )


def _fee(body: Any) -> Fee:
    body = document.exactly(body, Fee, "fee")
    return Fee(
        what=document.words(body, "what", least=1, most=200),
        cents=shape.number(body, "cents", most=10**11),
        currency=document.matching(body, "currency", _CURRENCY, "a code of ISO 4217"),
    )
