"""A released result as an RO-Crate 1.1 (https://w3id.org/ro/crate/1.1): its files, and where they come from.

The action in it follows the Process Run Crate profile: who used which software on which dataset versions, and when.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hanse.analysis.result import Result

METADATA = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TYPES = {".json": "application/json", ".csv": "text/csv"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One node's part: the order it carried out, the entry in its log, and what it signed over both. `result` is the
    SHA-256 of the signed payload, which the node's log holds as well; `signature` (compact JWS) is there where the
    result is sealed, since an open one holds intermediates, which are shown to nobody."""

    node: str
    dataset: str  # dataset@version
    order: str  # SHA-256 of the order's payload
    log_entry: str
    result: str
    signature: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from, as plain data. `permit` is the SHA-256 of the permit's payload; `missing` are the
    nodes that were asked and are not in it; times are ISO 8601."""

    permit: str
    person: str
    software: str
    parameters: Mapping[str, Any]
    began: str
    ended: str
    answers: tuple[Answer, ...]
    missing: tuple[str, ...] = ()


def crate(result: Result, provenance: Provenance) -> dict[str, bytes]:
    """The files of the crate by name, with the metadata that names the others."""
    files = {
        "result.json": _json(result.as_dict()),
        "provenance.json": _json(asdict(provenance)),
        **{f"table-{at}.csv": sheet.to_csv().encode() for at, sheet in enumerate(result.sheets, start=1)},
    }
    return {METADATA: _json(_metadata(result, provenance, files)), **files}


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False).encode()


def _metadata(result: Result, provenance: Provenance, files: Mapping[str, bytes]) -> dict[str, Any]:
    parts = [{"@id": name} for name in files]
    titles = {f"table-{at}.csv": sheet.title for at, sheet in enumerate(result.sheets, start=1)}
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
    described = [_file(name, body, titles.get(name, name)) for name, body in files.items()]
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
