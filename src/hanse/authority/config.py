"""Who this authority is, and which hub it calls: `authority.toml` in its home; and the key with which it decides."""

from dataclasses import dataclass
from pathlib import Path

from hanse.core.errors import BadInput
from hanse.core.permit import Authority
from hanse.lib import files, settings
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey

FILE = "authority.toml"
_KEY = Path("keys", "authority.pem")
_SEALING_KEY = Path("keys", "sealing.pem")
_HEAD = "Written by `hanse authority init`. The hub's key is pinned: change it only after comparing it with the hub."
MAX_STATUS_HOURS = 24 * 7


@dataclass(frozen=True, slots=True)
class AuthorityConfig:
    """`hub_key` is the RFC 7638 thumbprint of the only key whose messages count here. A status of this authority is
    void after `status_hours`; it is renewed when half of them are over."""

    home: Path
    id: str  # authority_..., derived from the authority's key
    name: str
    country: str  # ISO 3166-1 alpha-2
    hub: str  # https://...
    hub_key: str
    ca_bundle: str = ""
    proxy: str = ""
    status_hours: int = 24

    def said(self, key: FileKey) -> Authority:
        """This authority as its permits name it."""
        return Authority(self.id, self.name, key.public.kid)


def read(home: Path) -> AuthorityConfig:
    """The settings in `home`; `NotSetUp` when there are none, `BadInput` when they cannot be used."""
    body = settings.load(home, FILE, "authority")
    found = settings.fill(AuthorityConfig, body, str(home / FILE), home=home)
    if not 1 <= found.status_hours <= MAX_STATUS_HOURS:
        raise BadInput(f"{home / FILE}: status_hours must be from 1 to {MAX_STATUS_HOURS}.")
    return found


def write(config: AuthorityConfig) -> None:
    """Writes the settings into their home, all at once."""
    settings.write(config, FILE, _HEAD)


def key(home: Path) -> FileKey:
    """The key with which this authority decides; made on the first call, readable by its owner only."""
    files.make_folder(home / _KEY.parent)
    return FileKey.load_or_create(home / _KEY)


def sealing_key(home: Path) -> ReplyKey:
    """The key that opens what people seal to this authority; made on the first call. It signs nothing."""
    files.make_folder(home / _SEALING_KEY.parent)
    return ReplyKey.from_pem(FileKey.load_or_create(home / _SEALING_KEY).pem())
