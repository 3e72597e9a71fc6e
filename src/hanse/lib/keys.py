"""A person's keys on their own machine: a working key, and a spare one that is kept elsewhere.

A key is one file: what is public in plain sight, the private half as encrypted PKCS#8. Its password is the passphrase
stretched by scrypt (RFC 7914), since PEM itself stretches too little. Whoever finds a file must try passphrases at
the price of scrypt for each.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hanse.core import clock, document, shape, strict_json
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotSetUp
from hanse.core.scope import KeyUse
from hanse.lib import files
from hanse.lib.jws import FileKey, PublicKey

MIN_PASSPHRASE = 12  # characters
MAX_FILE = 16 * 1024
_SCRYPT = {"n": 1 << 16, "r": 8, "p": 1}  # 64 MiB and about a third of a second for each try
_FORMAT = "hanse-key"
_MADE = "`hanse key new` makes a key file, and `hanse key show --json` prints its public half for others."


@dataclass(frozen=True, slots=True)
class Stored:
    """A key as it lies in a file. `pem` is empty when only the public half is there."""

    use: KeyUse
    public: PublicKey
    made: datetime
    salt: bytes
    pem: bytes

    def unlock(self, passphrase: str) -> FileKey:
        """The signing key; `BadInput` when the passphrase is another, or the private half is elsewhere."""
        if not self.pem:
            raise BadInput(
                f"The private half of the {self.use} key is not here.",
                hint="Name the file to which it was exported.",
            )
        try:
            key = FileKey.from_pem(self.pem, "the key file", _stretched(passphrase, self.salt))
        except BadInput:
            raise BadInput(
                "This passphrase does not open the key.",
                hint="Type it again, or say it in HANSE_PASSPHRASE. Where it is forgotten, the spare key signs on.",
            ) from None
        if key.public != self.public:
            raise BadInput(
                "The two halves in the key file do not belong together.", hint="Use the spare key."
            )
        return key

    def without_private_half(self) -> "Stored":
        return Stored(self.use, self.public, self.made, b"", b"")


def make(use: KeyUse, passphrase: str) -> Stored:
    """A fresh key under a passphrase; `BadInput` when it is too short."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise BadInput(
            f"A passphrase has {MIN_PASSPHRASE} characters at least.",
            hint="Four or five words make a good one.",
        )
    key, salt = FileKey.generate(), secrets.token_bytes(16)
    return Stored(use, key.public, clock.now(), salt, key.pem(_stretched(passphrase, salt)))


def _stretched(passphrase: str, salt: bytes) -> bytes:
    found = hashlib.scrypt(passphrase.encode(), salt=salt, dklen=32, maxmem=256 << 20, **_SCRYPT)
    return base64.urlsafe_b64encode(found)


class Ring:
    """The keys of a person in `home`: at most one of each use, readable by their owner only."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "keys"

    def path(self, use: KeyUse) -> Path:
        return self.folder / f"{use}.json"

    def new(self, passphrase: str, spare: Path) -> tuple[Stored, Stored]:
        """A working key here and a spare key in the file `spare`, of which only the public half stays here: all of
        them or, when one cannot be written, none.

        Raises `Conflict` when one is there already: a key that a permit names is not replaced by accident."""
        public, own = self.path(KeyUse.SPARE), self.path(KeyUse.WORKING)
        for path, option in ((own, "--home"), (public, "--home"), (spare, "--spare")):
            if path.exists():
                raise Conflict(
                    f"There is a key in {path} already.", hint=f"Name another {option}, or move it away."
                )
        working, kept = make(KeyUse.WORKING, passphrase), make(KeyUse.SPARE, passphrase)
        files.make_folder(self.folder)
        try:
            # The spare first: without it, a lost working key would be the end of a permit.
            save(kept, spare)
            save(kept.without_private_half(), public)
            save(working, own)
        except BaseException:
            for path in (spare, public, own):
                path.unlink(missing_ok=True)
            raise
        return working, kept

    def rotate(self, passphrase: str) -> tuple[Stored, Path]:
        """A new working key in the place of the old one, and the file in which that one stays: permits name it until
        they are amended, and what was ordered with it is read with it. Raises `NotSetUp` when there is none."""
        old, new = self.working(), make(KeyUse.WORKING, passphrase)
        kept = self.folder / f"{KeyUse.WORKING}-{old.public.kid[:8]}.json"
        save(old, kept)
        save(new, self.path(KeyUse.WORKING))
        return new, kept

    def all(self) -> tuple[Stored, ...]:
        """The keys here, the working one first."""
        return tuple(load(self.path(use)) for use in KeyUse if self.path(use).exists())

    def working(self) -> Stored:
        """The key that signs; `NotSetUp` when there is none."""
        if not self.path(KeyUse.WORKING).exists():
            raise NotSetUp(f"There is no key in {self.folder}.", hint="Run `hanse key new` first.")
        return load(self.path(KeyUse.WORKING))


def plain(key: Stored) -> dict[str, Any]:
    """What a key file holds, as JSON."""
    return {
        "format": _FORMAT,
        "use": key.use,
        "made": clock.text(key.made),
        "jwk": key.public.jwk,
        "salt": key.salt.hex(),
        "pem": key.pem.decode(),
    }


def save(key: Stored, path: Path) -> None:
    """Writes a key file, readable by its owner only."""
    files.write(path, json.dumps(plain(key), indent=1).encode() + b"\n", mode=0o600)


def load(path: Path) -> Stored:
    """The key in a file; `BadInput` when it holds none."""
    try:
        with path.open("rb") as source:
            body = shape.mapping(strict_json.load(source.read(MAX_FILE)), "key")
        return _stored(body)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {type(error).__name__}.", hint=_MADE) from None
    except BadEnvelope as problem:
        raise BadInput(f"{path} holds no key: {problem.detail}", hint=_MADE) from None


def _stored(body: Mapping[str, Any]) -> Stored:
    if shape.text(body, "format") != _FORMAT:
        raise shape.wrong("format", _FORMAT)
    return Stored(
        use=shape.choice(body, "use", KeyUse),
        public=PublicKey.from_jwk(body.get("jwk")),
        made=document.time(body, "made"),
        salt=bytes.fromhex(shape.text(body, "salt", most=64)),
        pem=shape.text(body, "pem", most=2000).encode(),
    )
