"""The authorities that somebody relies on: read out of what a hub lists, chosen by their keys, and remembered.

A hub can list an authority of its own under any name. An authority's id is made of its key, so whoever compared the
id, the thumbprint or the fingerprint with the authority itself cannot be given another one; whoever did not, relies on
what they saw first, as with hosts of SSH.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanse.core import login
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Refused
from hanse.core.login import Logins
from hanse.core.permit import authority_id
from hanse.lib import files, jws
from hanse.lib.jws import PublicKey

MAX_NAME = 200  # characters


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority as a hub lists it. `online` is whether it called lately, `logins` its own signed statement of where
    it accepts logins, or empty."""

    name: str
    key: PublicKey
    online: bool = True
    logins: str = ""

    @property
    def id(self) -> str:
        return authority_id(self.key.kid)

    def accepted(self) -> Logins | None:
        """Where it accepts logins, verified with its key; None when it never said. `BadEnvelope`."""
        if not self.logins:
            return None
        said = jws.read(self.logins, self.key, login.LOGINS_TYP, login.decode).document
        if said.authority != self.id:
            raise BadEnvelope("The authority speaks of the logins of another one.")
        return said


def choose(listed: Iterable[Mapping[str, Any]], wanted: str) -> Authority:
    """The authority among those that a hub lists which has this id, thumbprint, fingerprint or name. `NotFound`, and
    `BadInput` when several have the name."""
    wants = _words(wanted)
    found = [one for one in map(_read, listed) if named(wanted, one.key.kid) or _words(one.name) == wants]
    if not found:
        raise NotFound(
            "The hub lists no such authority.",
            hint="`hanse applications --authorities` shows those that it lists, with their fingerprints.",
        )
    if len({one.key for one in found}) > 1:
        raise BadInput("Several authorities have this name.", hint="Name it by its fingerprint.")
    return found[0]


def _read(row: Mapping[str, Any]) -> Authority:
    key = PublicKey.from_jwk(row["jwk"])
    if (row["kid"], row["id"]) != (key.kid, authority_id(key.kid)):
        raise BadEnvelope("The hub names a key of an authority that does not belong to its id.")
    online = row.get("state") == "online"
    return Authority(printable(str(row["name"])), key, online, str(row.get("logins") or ""))


def named(wanted: str, kid: str) -> bool:
    """Whether somebody means the key with this thumbprint, by its fingerprint, or by the id that is made of it."""
    return wanted in (kid, authority_id(kid)) or jws.digits(wanted) == jws.digits(jws.fingerprint(kid))


def printable(name: str) -> str:
    """A stranger's name on one line."""
    return "".join(letter for letter in name[:MAX_NAME] if letter.isprintable()).strip()


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold())


class Known:
    """The authorities that were relied on before: a file with a line for each, its thumbprint and its name."""

    def __init__(self, home: Path) -> None:
        self.path = home / "authorities"

    def met(self, kid: str, name: str) -> bool:
        """Whether an authority is known; `Refused` when another key is known by its name."""
        known = self._lines()
        if kid in known:
            return True
        other = next((one for one, its in known.items() if _words(its) and _words(its) == _words(name)), None)
        if other:
            raise Refused(
                f"{printable(name)} has another key than before: {jws.fingerprint(kid)}, and not "
                f"{jws.fingerprint(other)}.",
                hint="Ask the authority itself which is right, and not over the hub. "
                f"If it has a new key, remove its line from {self.path}.",
            )
        return False

    def keep(self, kid: str, name: str) -> None:
        """Relies on an authority from now on; raises as `met` does."""
        if self.met(kid, name):
            return
        files.make_folder(self.path.parent)
        lines = [f"{one} {its}" for one, its in {**self._lines(), kid: printable(name)}.items()]
        files.write(self.path, ("\n".join(lines) + "\n").encode(), mode=0o600)

    def _lines(self) -> dict[str, str]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise BadInput(
                f"{self.path} cannot be read.", hint="It has a thumbprint and a name a line."
            ) from None
        pairs = [line.partition(" ") for line in text.splitlines() if line.strip()]
        if any(not re.fullmatch(r"[\w-]{43}", kid) for kid, _, _ in pairs):
            raise BadInput(f"{self.path} holds a line without a thumbprint.", hint="Remove that line.")
        return {kid: name.strip() for kid, _, name in pairs}
