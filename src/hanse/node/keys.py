"""What a node keeps to itself: its signing key, and the secret behind the pseudonyms of its persons."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from hanse.core.errors import BadInput
from hanse.lib import files
from hanse.lib.jws import FileKey

_FOLDER, _KEY, _SECRET = "keys", "node.pem", "secret"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """`secret` must outlive everything else: with another one, every person gets another pseudonym."""

    signing: FileKey
    secret: bytes

    def __repr__(self) -> str:
        return f"Keys({self.signing.public.kid})"


def load_or_create(home: Path) -> Keys:
    """The keys in `home`; made there on the first call, readable by their owner only."""
    folder = home / _FOLDER
    files.make_folder(folder)
    signing = FileKey.load_or_create(folder / _KEY)
    path = folder / _SECRET
    if not path.exists():
        files.write(path, secrets.token_bytes(_SECRET_BYTES), mode=0o600)
    secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise BadInput(f"{path} does not hold {_SECRET_BYTES} bytes", hint="restore it from a backup")
    return Keys(signing, secret)


def pseudonym(secret: bytes, dataset: str, patient: str) -> str:
    """The key of a person in one dataset: HMAC-SHA256 over the dataset's name and the patient's id, 128 bits of it.

    The same patient has unrelated keys in two datasets, and nobody without the secret can compute either.
    """
    message = b"".join(len(part).to_bytes(8, "big") + part for part in (dataset.encode(), patient.encode()))
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:32]
