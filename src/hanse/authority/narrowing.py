"""How a permit differs from what was asked for: a JSON object whose members take the place of those of the application.

`datasets` and `persons` list those that stay, by id or name; `limits` may hold some of the limits; the others
stand as they do in an application. `kind`, `fees`, `exception` and `opt_out` (a commitment by dataset id) are the
permit's own.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from hanse.core import document, shape, strict_json
from hanse.core.errors import BadEnvelope, BadInput
from hanse.core.permit import Kind, Permit, permit
from hanse.core.scope import Scope, scope

MAX_FILE = 256 * 1024
_OF_SCOPE = frozenset(
    {"operations", "selection", "purpose", "environments", "conditions", "begins", "ends", "sealed"}
)
_OF_PERMIT = frozenset({"kind", "fees", "exception"})
MEMBERS = _OF_SCOPE | _OF_PERMIT | {"datasets", "persons", "limits", "opt_out"}


def read(path: Path) -> Mapping[str, Any]:
    """The object in a file; `BadInput` when there is none."""
    try:
        with path.open("rb") as source:
            return shape.members(strict_json.load(source.read(MAX_FILE)), "narrowing", MEMBERS)
    except BadEnvelope as problem:
        raise BadInput(f"{path} narrows no permit: {problem.detail}") from None


def day(at: date) -> str:
    """The beginning of a day, as `begins` and `ends` write it."""
    return f"{at:%Y-%m-%d}T00:00:00.000Z"


def narrowed(full: Permit, changes: Mapping[str, Any]) -> Permit:
    """The permit with these changes, read as strictly as one that comes from elsewhere. `BadInput` when the changes
    name something that is not there, `BadEnvelope` or `BadQuestion` when what comes of them is no permit."""
    changes = shape.members(changes, "narrowing", MEMBERS)
    smaller = document.to_plain(_scope(full.scope, changes))
    smaller |= {name: changes[name] for name in _OF_SCOPE & changes.keys()}
    smaller["limits"] = smaller["limits"] | dict(shape.mapping(changes.get("limits", {}), "limits"))
    plain = document.to_plain(full) | {name: changes[name] for name in _OF_PERMIT & changes.keys()}
    if plain["kind"] == Kind.OPEN:
        smaller["persons"] = []  # everybody
    return permit(plain | {"scope": document.to_plain(scope(smaller))})


def _scope(asked: Scope, changes: Mapping[str, Any]) -> Scope:
    """The scope with the datasets and persons that stay, and the lists of those who opted out."""
    opt_out = shape.mapping(changes.get("opt_out", {}), "opt_out")
    datasets = _staying(asked.datasets, changes, "datasets", lambda one: {one.dataset, one.name})
    persons = _staying(asked.persons, changes, "persons", lambda one: {one.name})
    if unknown := set(opt_out) - {one.dataset for one in datasets}:
        raise BadInput(f"An opt-out commitment is for {min(unknown)}, which is no dataset of the permit.")
    return replace(
        asked,
        datasets=tuple(replace(one, opt_out=opt_out.get(one.dataset, one.opt_out)) for one in datasets),
        persons=persons,
    )


def _staying(asked: tuple[Any, ...], changes: Mapping[str, Any], name: str, names: Any) -> tuple[Any, ...]:
    if name not in changes:
        return asked
    wanted = set(shape.texts(changes, name, most=500))
    staying = tuple(one for one in asked if names(one) & wanted)
    if missing := wanted - {word for one in staying for word in names(one)}:
        raise BadInput(
            f"{name}: {min(missing)!r} was not asked for.", hint="Only what was asked for can stay."
        )
    return staying
