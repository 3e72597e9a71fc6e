"""Where a result comes from: said in words, proven by documents, and vouched for by a person."""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hanse import __version__
from hanse.analysis import crate as crates
from hanse.client import reply
from hanse.client.access import Granted
from hanse.core import attestation, clock, document, result
from hanse.core.attestation import Attestation
from hanse.core.result import Result
from hanse.lib import jws
from hanse.lib.jws import Signer

if TYPE_CHECKING:
    from hanse.client.run import Part


def provenance(
    granted: Granted, parts: Sequence["Part"], software: str = f"hanse {__version__}"
) -> crates.Provenance:
    """Where the result of these parts comes from; `software` is what merged it."""
    done = [(one, one.result) for one in parts if one.result]
    missing = dict.fromkeys(one.order.node for one in parts if not one.result)
    return crates.Provenance(
        permit=granted.hash,
        person=_person(granted, parts[0]),
        software=software,
        selection=parts[0].order.selection,
        parameters=document.to_plain(parts[0].order.parameters),
        began=clock.text(min(one.order.issued for one in parts)),
        ended=clock.text(max(found.at for _, found in done)),
        answers=tuple(_answer(one, found) for one, found in done),
        missing=tuple(missing),
    )


def _person(granted: Granted, ordered: "Part") -> str:
    """Who ordered: a person of the permit, or under one for public data the fingerprint of whoever came."""
    kid = jws.key_id(ordered.delegation or ordered.ordered)
    found = granted.permit.scope.key(kid)
    return f"{found[0].name} ({found[0].organisation})" if found else f"key {jws.fingerprint(kid)}"


def _answer(one: "Part", found: Result) -> crates.Answer:
    return crates.Answer(
        node=one.order.node,
        dataset=f"{one.order.dataset}@{one.order.version}",
        order=one.hash,
        manifest=found.manifest,
        software=found.software,
        log_entry=f"{found.entry_number} {found.entry_hash}",
        result=jws.identity(one.token, limit=result.MAX_TOKEN),
    )


def documents(granted: Granted, parts: Sequence["Part"]) -> crates.Documents:
    """What proves the provenance of these parts. A result that holds its intermediate itself is left out."""
    keys = [granted.key(one.order.node) for one in parts if one.result]
    tokens = [one.token for one in parts if one.result]
    return crates.Documents(
        authority=granted.signer.jwk,
        permit=granted.token,
        delegation=parts[0].delegation,
        orders=tuple(one.ordered for one in parts),
        nodes=tuple(one.jwk for one in dict.fromkeys(keys)),
        results=tuple(one for one in tokens if not isinstance(reply.claimed(one).aggregate, Mapping)),
    )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files as a zip file, the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def attest(metadata: bytes, permit: str, signer: Signer) -> str:
    """A person's word for the crate with this metadata, under the permit with this hash, as a token."""
    at = clock.read(clock.text(clock.now()))
    said = Attestation(permit, hashlib.sha256(metadata).hexdigest(), at)
    return jws.issue(signer, said, attestation.TYP)
