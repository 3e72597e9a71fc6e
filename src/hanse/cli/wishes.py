"""What somebody asks for, out of the options of `hanse apply` and of a YAML file with the same names."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from hanse.cli.limits import LIMIT_NAMES, LIMIT_OPTIONS
from hanse.client.access import LIMITS, Applicant, Wish
from hanse.client.authorities import Authority
from hanse.core import clock, terms
from hanse.core.errors import BadInput
from hanse.core.permit import Kind
from hanse.core.scope import KeyUse, Operation, Person, Purpose, Role
from hanse.lib import keys, marked
from hanse.lib.marked import Unreadable

NEEDED = ("authority", "datasets", "project", "reasons", "name", "organisation", "country")
DAY = "%Y-%m-%d"


def _values(words: type[StrEnum]) -> list[str]:
    """As documents write them; of an enumeration itself, the names in the code would have to be typed."""
    return [one.value for one in words]


# What an application says: each option, the member of the file that it stands for, and how it is written.
MEMBERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "--authority",
        "authority",
        {"metavar": "WHO", "help": "Who is to decide: fingerprint, key, id or name."},
    ),
    (
        "--dataset",
        "datasets",
        {"multiple": True, "metavar": "ID[@VERSION]", "help": "What is asked for; repeatable."},
    ),
    ("--project", "project", {"help": "The name of the project."}),
    (
        "--reason",
        "reasons",
        {"multiple": True, "help": "A paragraph: why, and what comes of it; repeatable."},
    ),
    (
        "--operation",
        "operations",
        {
            "multiple": True,
            "type": click.Choice(_values(Operation)),
            "help": "analyse unless said; repeatable.",
        },
    ),
    (
        "--kind",
        "kind",
        {
            "type": click.Choice([Kind.EHDS.value, Kind.AGREEMENT.value]),
            "help": "On what the permit is to stand.",
        },
    ),
    ("--purpose", "purpose", {"type": click.Choice(_values(Purpose)), "help": "Of EHDS Article 53(1)."}),
    ("--selection", "selection", {"help": "Only the persons of this CQL2 question."}),
    (
        "--environment",
        "environments",
        {"multiple": True, "metavar": "ID", "help": "A secure processing environment; repeatable."},
    ),
    (
        "--condition",
        "conditions",
        {
            "multiple": True,
            "metavar": "RULE",
            "help": "Such as 'permission to use if count lteq 50'; repeatable.",
        },
    ),
    ("--from", "begins", {"metavar": "DATE", "help": "First day; today unless said."}),
    ("--until", "ends", {"metavar": "DATE", "help": "The day on which it has ended."}),
    ("--days", "days", {"type": click.IntRange(1, 3653), "help": "How long, instead; 365 unless said."}),
    *LIMIT_OPTIONS,
    ("--amends", "amends", {"metavar": "PERMIT", "help": "The permit that is to be changed."}),
    (
        "--member",
        "members",
        {"multiple": True, "metavar": "FILE", "help": "YAML with somebody who works with you; repeatable."},
    ),
    ("--name", "name", {"help": "Your name."}),
    ("--organisation", "organisation", {"help": "Your organisation."}),
    ("--country", "country", {"help": "Its country, as two letters."}),
)


def member_options(command: Any) -> Any:
    """The options of the table above."""
    for spelling, name, how in reversed(MEMBERS):
        command = click.option(spelling, name, **how)(command)
    return command


def read(file: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """What options and the file say together; options win. `BadInput` when something is missing or unknown."""
    body = _yaml(file) if file else {}
    names = {name for _, name, _ in MEMBERS}
    if not isinstance(body, dict) or not names.issuperset(body):
        raise BadInput(
            f"{file} holds something else than {', '.join(sorted(names))}.",
            hint="Each stands once, as NAME: VALUE.",
        )
    given = {name: value for name, value in options.items() if value not in (None, (), "")}
    said = body | given
    if missing := [name for name in NEEDED if not said.get(name)]:
        raise BadInput(f"The application does not say: {', '.join(missing)}.", hint="hanse apply --help")
    if "ends" in given:
        said.pop("days", None)
    return {name: _typed(name, how, said[name]) for _, name, how in MEMBERS if name in said}


def _typed(name: str, how: Mapping[str, Any], value: Any) -> Any:
    """What a file says, read by the type of the option of the same name; what an option says is so already."""
    if how.get("multiple"):
        if not isinstance(value, (list, tuple)):
            raise BadInput(f"{name} must be a list.", hint="Begin each line of it with a dash.")
        return [_typed(name, {"type": how.get("type")}, one) for one in value]
    if isinstance(value, (list, dict)):
        raise BadInput(f"{name} must be one value.", hint="hanse apply --help")
    try:
        return (how.get("type") or click.STRING).convert(value, None, None)
    except click.BadParameter as problem:
        raise BadInput(f"{name}: {problem.message}", hint="hanse apply --help") from None


def _yaml(file: Path) -> Any:
    try:
        return marked.plain(marked.read(file.read_bytes()))
    except OSError:
        raise BadInput(f"{file} cannot be read.", hint="Is there a file of this name?") from None
    except Unreadable as problem:
        raise BadInput(f"{file}, line {problem.line}: {problem.words}.", hint="It is a YAML file.") from None


def wish(said: Mapping[str, Any], authority: Authority) -> Wish:
    """What is asked of an authority; `BadInput` when it cannot be read."""
    begins = _day(said, "begins") if "begins" in said else clock.read(clock.text(clock.now()))
    return Wish(
        authority=authority.id,
        datasets=tuple(said["datasets"]),
        project=said["project"],
        reasons=tuple(said["reasons"]),
        kind=Kind(said.get("kind", Kind.AGREEMENT)),
        operations=tuple(map(Operation, said.get("operations", [Operation.ANALYSE]))),
        purpose=Purpose(said.get("purpose", Purpose.RESEARCH)),
        selection=said.get("selection", "").strip(),
        environments=tuple(said.get("environments", ())),
        conditions=tuple(map(terms.read, said.get("conditions", ()))),
        begins=begins,
        ends=_ends(said, begins),
        limits=replace(LIMITS, **{name: said[name] for name in LIMIT_NAMES if name in said}),
        members=tuple(_member(Path(one)) for one in said.get("members", ())),
        amends=said.get("amends", ""),
    )


def _member(file: Path) -> Person:
    """Somebody who works with the applicant: their name, organisation and country, and the files with the public halves
    of their keys (`hanse key show --json`); `BadInput` for anything else."""
    body = _yaml(file)
    if not isinstance(body, dict) or set(body) != {"name", "organisation", "country", "keys"}:
        raise BadInput(
            f"{file} does not hold name, organisation, country and keys, and nothing else.",
            hint="docs/researcher.md shows such a file.",
        )
    if not isinstance(body["keys"], list) or not body["keys"]:
        raise BadInput(
            f"{file}: keys must be a list of files.", hint="`hanse key show --json` prints such a file."
        )
    found = {one.use: one.public for one in (keys.load(file.parent / str(one)) for one in body["keys"])}
    if KeyUse.WORKING not in found:
        raise BadInput(
            f"{file} names no working key.",
            hint="`hanse key show --json` prints it, on your colleague's machine.",
        )
    person = Applicant(
        str(body["name"]), str(body["organisation"]), str(body["country"]), found.get(KeyUse.SPARE)
    )
    return person.person(found[KeyUse.WORKING], Role.MEMBER)


def _ends(said: Mapping[str, Any], begins: datetime) -> datetime:
    if "ends" in said and "days" in said:
        raise BadInput("An application has days or an end, and not both.", hint="Leave one of them out.")
    try:
        ends = _day(said, "ends") if "ends" in said else begins + timedelta(days=said.get("days", 365))
    except OverflowError:
        raise BadInput("The permit would end after the year 9999.", hint="Name an earlier day.") from None
    if ends <= begins:
        raise BadInput("The permit would end before it begins.", hint="--until is a later day than --from.")
    return ends


def _day(said: Mapping[str, Any], name: str) -> datetime:
    """The beginning of a day (UTC)."""
    try:
        return datetime.strptime(said[name], DAY).replace(tzinfo=UTC)
    except ValueError:
        raise BadInput(f"{name}: {said[name]!r} is not a day.", hint="Write it as 2027-01-31.") from None
