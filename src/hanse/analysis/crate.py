"""A released result as an RO-Crate 1.1 (https://w3id.org/ro/crate/1.1): its files, where they come from, and the signed
documents that prove it.

The action in it follows the Process Run Crate profile: who used which software on which dataset versions, and when.
A crate is a pure function of its result and its documents, so that whoever verifies one makes it again
(`client/crate.py`): another way of writing it is another format.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hanse.analysis.result import Result
from hanse.core import document, shape
from hanse.core.document import Jwk

METADATA = "ro-crate-metadata.json"
RESULT, PROVENANCE, DOCUMENTS = "result.json", "provenance.json", "documents.json"
ATTESTATION = "attestation.jws"  # over the metadata, so that these do not name it
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TYPES = {".json": "application/json", ".csv": "text/csv"}
_TITLES = {
    RESULT: "The result with the rule behind each number",
    PROVENANCE: "Where the result comes from",
    DOCUMENTS: "The signed documents, and the keys that verify them",
}
MOST_DOCUMENTS = 500  # orders, and results, of one run


@dataclass(frozen=True, slots=True)
class Documents:
    """What a result rests on, as it was signed, and the public keys that verify it. `results` are what the nodes signed
    without their aggregates, which are shown to nobody; `delegation` is empty unless a device ordered."""

    authority: Jwk
    permit: str
    delegation: str
    orders: tuple[str, ...]
    nodes: tuple[Jwk, ...]
    results: tuple[str, ...]


def documents(payload: bytes) -> Documents:
    """The documents of a crate, of which nothing is proven; `BadEnvelope` when they are none."""
    body = document.exactly(document.load(payload), Documents, "documents")
    return Documents(
        authority=document.jwk(body, "authority"),
        permit=_token(body["permit"]),
        delegation=_token(body["delegation"]),
        orders=shape.items(body, "orders", _token, most=MOST_DOCUMENTS),
        nodes=shape.items(body, "nodes", lambda one: document.jwk({"key": one}, "key"), most=MOST_DOCUMENTS),
        results=shape.items(body, "results", _token, most=MOST_DOCUMENTS),
    )


def _token(value: Any) -> str:
    if not isinstance(value, str):
        raise shape.wrong("token", "a text")
    return value


@dataclass(frozen=True, slots=True)
class Answer:
    """One node's part: the order that it carried out, the manifest of the version, its software, the entry in its log,
    and the SHA-256 of what it signed over all these, which its log holds as well."""

    node: str
    dataset: str  # dataset@version
    order: str  # SHA-256 of the order's payload
    manifest: str
    software: str
    log_entry: str
    result: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from, as plain data. `permit` is the SHA-256 of the permit's payload, `person` who signed
    the orders; `selection` (CQL2) is what narrowed the permit's own; `missing` are the nodes that were asked and are
    not in it; times are RFC 3339."""

    permit: str
    person: str
    software: str
    selection: str
    parameters: Mapping[str, Any]
    began: str
    ended: str
    answers: tuple[Answer, ...]
    missing: tuple[str, ...] = ()


def crate(result: Result, provenance: Provenance, documents: Documents) -> dict[str, bytes]:
    """The files of the crate by name, with the metadata that names the others."""
    return around(_json(result.as_dict()), result, provenance, documents)


def around(written: bytes, result: Result, provenance: Provenance, documents: Documents) -> dict[str, bytes]:
    """The files of the crate of a result that was written before, perhaps by another version of this software."""
    files = {
        RESULT: written,
        PROVENANCE: _json(asdict(provenance)),
        DOCUMENTS: _json(asdict(documents)),
        **{f"table-{at}.csv": sheet.to_csv().encode() for at, sheet in enumerate(result.sheets, start=1)},
    }
    return {METADATA: _json(_metadata(result, provenance, files)), **files}


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False).encode()


def _metadata(result: Result, provenance: Provenance, files: Mapping[str, bytes]) -> dict[str, Any]:
    parts = [{"@id": name} for name in files]
    titles = _TITLES | {f"table-{at}.csv": sheet.title for at, sheet in enumerate(result.sheets, start=1)}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Result of {result.method}",
        "description": " ".join(result.notes)
        or f"What {result.method} gave over {len(provenance.answers)} datasets.",
        "datePublished": provenance.ended,
        "license": "Under the conditions of the data permit.",
        "conformsTo": {"@id": _PROFILE},
        "hasPart": parts,
        "mentions": {"@id": "#run"},
    }
    described = [_file(name, body, titles[name]) for name, body in files.items()]
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": _CONTEXT.removesuffix("/context")},
    }
    return {
        "@context": _CONTEXT,
        "@graph": [descriptor, root, *described, *_action(result, provenance, parts)],
    }


def _file(name: str, body: bytes, title: str) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "File",
        "name": title,
        "encodingFormat": _TYPES[name[name.rindex(".") :]],
        "contentSize": str(len(body)),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def _action(result: Result, provenance: Provenance, parts: list[dict[str, str]]) -> list[dict[str, Any]]:
    """What was done, by whom, with what, on what; each dataset with the order and the log entry of its use."""
    used = [
        {
            "@id": f"#{one.dataset}",
            "@type": "Dataset",
            "name": one.dataset,
            "provider": {"@id": f"#{one.node}"},
            "identifier": [f"order sha-256 {one.order}", f"log entry {one.log_entry}"],
        }
        for one in provenance.answers
    ]
    nodes = [{"@id": f"#{node}", "@type": "Organization", "name": node} for node in _nodes(provenance)]
    action = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"{result.method} under permit sha-256 {provenance.permit}",
        "agent": {"@id": "#person"},
        "instrument": {"@id": "#software"},
        "object": [{"@id": one["@id"]} for one in used],
        "result": parts,
        "startTime": provenance.began,
        "endTime": provenance.ended,
    }
    person = {"@id": "#person", "@type": "Person", "name": provenance.person}
    software = {"@id": "#software", "@type": "SoftwareApplication", "name": provenance.software}
    return [action, person, software, *nodes, *used]


def _nodes(provenance: Provenance) -> list[str]:
    return list(dict.fromkeys(one.node for one in provenance.answers))
