"""The RO-Crate of a result, verified without asking anybody: who allowed what, who ordered it, what each node signed.

A crate (`analysis/crate.py`) is made of a released result and of signed documents, and of nothing else. So the
documents are verified, the crate is made again from them, and every byte of every file is compared. What cannot be made
again are the released numbers: they follow from intermediates, which no crate holds, so a person vouches for them.
"""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from hanse.analysis import crate as crates
from hanse.analysis.crate import ATTESTATION, DOCUMENTS, METADATA, PROVENANCE, RESULT, Documents, Provenance
from hanse.analysis.result import Result as Released
from hanse.client import access, count, provenance, reply, run, signing
from hanse.client.access import Granted
from hanse.client.run import Part
from hanse.core import attestation, document, ids, order
from hanse.core.errors import BadEnvelope, BadInput, Damaged, Problem
from hanse.core.scope import NEWEST, Operation
from hanse.lib import checkpoint, jws, merkle
from hanse.lib.checkpoint import Proof
from hanse.lib.jws import PublicKey

MOST_FILES = 200
MOST_BYTES = 256 << 20  # of all files together
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others are unpacked at once, however large they become
_AT_ONCE = 1 << 20  # bytes
_AGAIN = "Do not rely on it. Who ordered the run writes it anew with `--out` of `hanse runs show RUN`."


@dataclass(frozen=True, slots=True)
class Attested:
    """Who vouched for the numbers and when; `page` is whether a web page keeps the key, which trusts that page."""

    person: str
    key: PublicKey
    page: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """A crate of which every signature counts and every byte is what was signed or follows from it. `parts` are its
    orders, each with what the node signed about its result, without the intermediate. `hash` is the SHA-256 of the
    metadata: two crates that have the same hold the same. `attested` is None where nobody vouched for the numbers."""

    granted: Granted
    parts: tuple[Part, ...]
    provenance: Provenance
    result: Released
    hash: str
    attested: Attested | None


def read(path: Path) -> dict[str, bytes]:
    """The files of a crate, which is a zip file or a folder. `BadInput` when it is neither, or too large."""
    try:
        return _folder(path) if path.is_dir() else _zip(path)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError):
        raise BadInput(
            f"{path} is no RO-Crate: neither a folder of files nor a zip file that is whole.", hint=_AGAIN
        ) from None


def _folder(path: Path) -> dict[str, bytes]:
    names = _bounded((one.name, one.lstat().st_size) for one in path.iterdir())
    if any(not stat.S_ISREG((path / name).lstat().st_mode) for name in names):
        raise ValueError("a link, or a device that ends nowhere")
    return {name: (path / name).read_bytes() for name in names}


def _zip(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        listed = archive.infolist()
        _bounded((one.filename, one.file_size) for one in listed)
        if any(one.compress_type not in _READ for one in listed):
            raise ValueError("another compression")
        found = {}
        for one in listed:
            with archive.open(one) as file:
                # Asked for all, zipfile unpacks all that there is, whatever size the file says it has.
                found[one.filename] = b"".join(iter(partial(file.read, _AT_ONCE), b""))
        return found


def _bounded(sizes: Iterable[tuple[str, int]]) -> list[str]:
    """The names of files that are few and small enough to be a crate's, each once."""
    found = list(sizes)
    names = [name for name, _ in found]
    if len(found) > MOST_FILES or sum(size for _, size in found) > MOST_BYTES or len(set(names)) < len(names):
        raise BadInput(
            f"This is no crate of Hanse: at most {MOST_FILES} files, each once, of {MOST_BYTES} bytes.",
            hint=_AGAIN,
        )
    return names


def verify(files: Mapping[str, bytes]) -> Verified:
    """Verifies a crate by its files.

    Raises `Damaged`, which names the file, when something in it is not what was signed or does not follow from it, and
    `BadEnvelope`, which names the document, when somebody else signed or it belongs to something else.
    """
    if missing := sorted({METADATA, RESULT, PROVENANCE, DOCUMENTS} - set(files)):
        raise Damaged(f"the crate holds no {missing[0]}", hint=_AGAIN)
    try:
        signed = crates.documents(files[DOCUMENTS])
        released = Released.from_dict(document.load(files[RESULT]))
        software = str(document.load(files[PROVENANCE])["software"])
        granted = _permit(signed)
        parts = _parts(signed, granted)
        _belongs(released, parts)
        where = provenance.provenance(granted, parts, software)
        made = crates.around(files[RESULT], released, where, signed)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        raise Damaged("the crate's files are not of the form that Hanse writes", hint=_AGAIN) from None
    _same({name: content for name, content in files.items() if name != ATTESTATION}, made)
    hash = hashlib.sha256(files[METADATA]).hexdigest()
    return Verified(
        granted, parts, where, released, hash, _attested(files.get(ATTESTATION), hash, parts, granted)
    )


def shows(found: Verified, proof: Proof) -> Part:
    """The order whose entry a proof shows to be in its node's log: the entry without which nothing would have been
    opened. `BadEnvelope` when it shows none of them. Who signed the head of the log is not checked here."""
    head = checkpoint.read(proof.note)
    leaf = merkle.leaf_hash(proof.extra).hex()
    for one in found.parts:
        entry = (one.result.entry_number, one.result.entry_hash) if one.result else None
        if entry == (proof.number, leaf) and proof.shows(proof.extra, head):
            return one
    raise BadEnvelope(
        "The proof shows no entry of this result.", hint="`hanse audit proof NUMBER` writes one."
    )


def _permit(signed: Documents) -> Granted:
    """The permit, verified with the authority's key, whose thumbprint it names."""
    keys = [PublicKey.from_jwk(one) for one in signed.nodes]
    nodes = [{"node": ids.of_node(one.kid), "jwk": one.jwk} for one in keys]
    authority = PublicKey.from_jwk(signed.authority)
    try:
        listed = [{"kid": authority.kid, "jwk": authority.jwk}]
        return access.verified({"permit": signed.permit, "nodes": nodes}, listed, jws.identity(signed.permit))
    except Problem as problem:
        raise BadEnvelope(f"The permit does not verify. {problem.detail}") from None


def _parts(signed: Documents, granted: Granted) -> tuple[Part, ...]:
    """Each order, verified, with the node's statement where there is one."""
    parts = {}
    for place, token in enumerate(signed.orders, start=1):
        try:
            one = run.part(token, signed.delegation)
            _ordered(one, granted)
        except Problem as problem:
            raise BadEnvelope(f"Order {place} does not verify. {problem.detail}") from None
        parts[one.hash] = one
    for place, token in enumerate(signed.results, start=1):
        try:
            one = parts[reply.claimed(token).order]
            found = reply.stated(one.order, one.hash, token, granted)
        except KeyError:
            raise BadEnvelope(f"Result {place} is of an order that is not in the crate.") from None
        except Problem as problem:
            raise BadEnvelope(f"Result {place} does not verify. {problem.detail}") from None
        parts[one.hash] = replace(one, state="carried out", result=found, token=token)
    return tuple(parts.values())


def _ordered(one: Part, granted: Granted) -> None:
    """`BadEnvelope` unless a key of the permit, or a device to which one delegated, signed an order that it covers."""
    said, scope = one.order, granted.permit.scope
    jws.read(one.ordered, _key(one.ordered, one, granted), order.TYP, order.decode)
    grant = scope.grant(said.node, said.dataset)
    wrong = {
        "It is under another permit.": said.permit != granted.hash,
        "The permit does not name its dataset in this version.": grant is None
        or (grant.versions != NEWEST and said.version not in grant.versions),
        "The permit does not cover its operation.": said.operation not in scope.operations,
        "The permit has another purpose.": said.purpose != scope.purpose,
        "It was signed before the permit began, or after it ended.": not scope.begins
        <= said.issued
        < scope.ends,
    }
    if found := [words for words, holds in wrong.items() if holds]:
        raise BadEnvelope(" ".join(found))


def _key(token: str, one: Part, granted: Granted) -> PublicKey:
    """The key that must have signed a token of a run to which this order belongs: one of the permit, or the device's in
    a delegation that counts."""
    named = granted.permit.scope.key(jws.key_id(token))
    if named is not None:
        return PublicKey.from_jwk(dict(named[1].jwk))
    if not one.delegation:
        raise BadEnvelope("It is signed with a key that the permit does not name.")
    device = PublicKey.from_jwk(dict(order.decode_delegation(jws.unverified(one.delegation)).device))
    signing.check(granted, device, one.delegation, one.order.operation, one.order.issued)
    return device


def _attested(token: bytes | None, hash: str, parts: tuple[Part, ...], granted: Granted) -> Attested | None:
    """Who vouched for the crate with this hash. `BadEnvelope` when it was for another, or by a key of nobody in it."""
    if token is None:
        return None
    text = token.decode("ascii", "replace")
    try:
        key = _key(text, parts[0], granted)
        said = jws.read(text, key, attestation.TYP, attestation.decode).document
    except Problem as problem:
        raise BadEnvelope(f"The attestation does not verify. {problem.detail}") from None
    if (said.permit, said.crate) != (granted.hash, hash):
        raise BadEnvelope("The attestation is for another crate.")
    scope, delegation = granted.permit.scope, parts[0].delegation
    named = scope.key(key.kid) or (scope.key(jws.key_id(delegation)) if delegation else None)
    person = f"{named[0].name} ({named[0].organisation})" if named else "whoever has the key"
    return Attested(person, key, bool(named and named[1].page), said.at)


def _belongs(released: Released, parts: tuple[Part, ...]) -> None:
    """`BadEnvelope` unless the orders ask for one thing, some were carried out, and the result is of this method."""
    asked = {_asked(one) for one in parts}
    if len(asked) != 1 or not any(one.result for one in parts):
        raise BadEnvelope("The orders in the crate are not those of one run that came to a result.")
    said = parts[0].order
    if released.method != (count.METHOD if said.operation is Operation.COUNT else said.method):
        raise BadEnvelope("The result is of another method than was ordered.")


def _asked(one: Part) -> bytes:
    """What all orders of a run have in common, the key included."""
    said = one.order
    return document.encode(
        [jws.key_id(one.ordered), said.operation, said.selection, said.method, said.parameters]
    )


def _same(files: Mapping[str, bytes], made: Mapping[str, bytes]) -> None:
    """`Damaged`, which names the first file that is missing, more than the crate's own, or other than it must be."""
    if missing := sorted(set(made) - set(files)):
        raise Damaged(f"{missing[0]} is missing from the crate", hint=_AGAIN)
    if more := sorted(set(files) - set(made)):
        raise Damaged(f"{more[0]} does not belong to the crate", hint=_AGAIN)
    if changed := sorted(name for name in made if files[name] != made[name]):
        raise Damaged(
            f"{changed[0]} was changed, or {RESULT} was: it does not follow from this and the documents",
            hint=_AGAIN,
        )
