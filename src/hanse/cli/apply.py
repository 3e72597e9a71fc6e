"""`hanse apply` and `hanse applications`: asking for data, and what became of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
import yaml

from hanse.cli.home import next_step
from hanse.cli.key import home_option, key_option, open_key, passphrase_option, stored_key
from hanse.cli.login import browser_option, issuer_option, prove, wait_option, whole
from hanse.cli.output import clean, columns, hub_option, json_option, print_json
from hanse.client import Hanse, access, authorities
from hanse.client.access import LIMITS, Applicant, Wish
from hanse.client.authorities import Authority, Known
from hanse.core import clock, document, terms
from hanse.core.application import Application
from hanse.core.errors import BadInput
from hanse.core.permit import Kind
from hanse.core.scope import KeyUse, Limits, Operation, Person, Purpose, Role
from hanse.lib import files, keys
from hanse.lib.keys import Ring, Stored

MANY = frozenset({"datasets", "reasons", "operations", "environments", "conditions", "members"})
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
        {"multiple": True, "metavar": "RULE", "help": "Such as 'prohibition to export'; repeatable."},
    ),
    ("--from", "begins", {"metavar": "DATE", "help": "First day; today unless said."}),
    ("--until", "ends", {"metavar": "DATE", "help": "The day on which it has ended."}),
    ("--days", "days", {"type": click.IntRange(1, 3653), "help": "How long, instead; 365 unless said."}),
    ("--minimum", "minimum", {"type": click.IntRange(1), "help": "Fewest persons that a number stands for."}),
    ("--rounding", "rounding", {"type": click.IntRange(1), "help": "Base of rounding."}),
    ("--budget", "budget", {"type": click.IntRange(0), "help": "Most orders at one node."}),
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


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@member_options
@click.option("--dry-run", is_flag=True, help="Show the words, and sign and send nothing.")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@click.option("--login", "by_login", is_flag=True, help="Log in at once, as `hanse login` does.")
@issuer_option
@browser_option
@wait_option
@hub_option
@home_option
@key_option
@passphrase_option(again=False)
@json_option
def apply(
    file: Path | None,
    dry_run: bool,
    yes: bool,
    by_login: bool,
    issuer: str,
    no_browser: bool,
    wait: int,
    hub_url: str,
    home: Path,
    key: Path | None,
    passphrase: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Apply for data, with options or a YAML file of the same names (datasets, reasons, ... for those that repeat).

    Shows what will be signed, in words made from its bytes, and signs it with your working key when you agree.
    """
    said, ring = _said(file, options), Ring(home.expanduser())
    stored, known = stored_key(ring, key), Known(home.expanduser())
    applicant = Applicant(said["name"], said["organisation"], said["country"], _spare(ring, stored))
    with Hanse(hub_url) as hub:
        authority = hub.authority(str(said["authority"]))
        made = access.write(hub, _wish(said, authority), applicant, _working(ring, stored).public)
        click.echo(access.said(made), err=True)
        _introduce(authority, known, str(said["authority"]))
        if dry_run:
            click.echo("Nothing was signed or sent.", err=True)
            return
        if not yes:
            click.confirm("Sign exactly this?", abort=True, err=True)
        known.keep(authority.key.kid, authority.name)
        signer = open_key(stored, passphrase)
        hash = _send(hub, home.expanduser(), access.sign(made, signer))
        _print(hash, made, as_json)
        if by_login:
            prove(hub, ring, hash, signer, issuer=issuer, browser=not no_browser, wait=wait)
        else:
            next_step(f"hanse login {hash[:12]}, or by telephone: {stored.public.fingerprint}")


def _introduce(authority: Authority, known: Known, wanted: str) -> None:
    """Says whom one is about to rely on, when it is for the first time; `Refused` when the hub shows another key."""
    if known.met(authority.key.kid, authority.name) or authorities.named(wanted, authority.key.kid):
        return
    click.echo(
        clean(
            f"\nYou apply to {authority.name} for the first time. The hub says that its fingerprint is\n"
            f"  {authority.key.fingerprint}\n"
            "Compare it with the authority itself. From now on, no other key counts under this name."
        ),
        err=True,
    )


def _send(hub: Hanse, home: Path, token: str) -> str:
    """Sends an application and keeps what was sent; its hash."""
    hash = hub.send(token)
    files.make_folder(home / "applications")
    files.write(home / "applications" / hash, token.encode(), mode=0o600)
    return hash


def _print(hash: str, made: Application, as_json: bool) -> None:
    if as_json:
        print_json({"application": hash, "document": document.to_plain(made)})
    else:
        click.echo(hash)


def _said(file: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """What options and the file say together; options win. `BadInput` when something is missing or unknown."""
    body = _yaml(file) if file else {}
    names = {name for _, name, _ in MEMBERS}
    if not isinstance(body, dict) or not names.issuperset(body):
        raise BadInput(f"{file} holds something else than {', '.join(sorted(names))}.")
    given = {name: value for name, value in options.items() if value not in (None, (), "")}
    said = body | given
    if missing := [name for name in NEEDED if not said.get(name)]:
        raise BadInput(f"The application does not say: {', '.join(missing)}.", hint="hanse apply --help")
    if wrong := [name for name in MANY & said.keys() if not isinstance(said[name], (list, tuple))]:
        raise BadInput(f"{', '.join(wrong)} must be a list.")
    if "ends" in given:
        said.pop("days", None)
    return said


def _yaml(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        raise BadInput(f"{file} is not YAML in UTF-8.") from None


def _wish(said: Mapping[str, Any], authority: Authority) -> Wish:
    begins = _day(said["begins"]) if "begins" in said else clock.read(clock.text(clock.now()))
    try:
        return Wish(
            authority=authority.id,
            datasets=tuple(map(str, said["datasets"])),
            project=str(said["project"]),
            reasons=tuple(map(str, said["reasons"])),
            kind=Kind(said.get("kind", Kind.AGREEMENT)),
            operations=tuple(map(Operation, said.get("operations", [Operation.ANALYSE]))),
            purpose=Purpose(said.get("purpose", Purpose.RESEARCH)),
            selection=str(said.get("selection", "")).strip(),
            environments=tuple(map(str, said.get("environments", ()))),
            conditions=tuple(terms.read(str(one)) for one in said.get("conditions", ())),
            begins=begins,
            ends=_ends(said, begins),
            limits=Limits(
                minimum=int(said.get("minimum", LIMITS.minimum)),
                rounding=int(said.get("rounding", LIMITS.rounding)),
                budget=int(said.get("budget", LIMITS.budget)),
            ),
            members=tuple(_member(Path(one)) for one in said.get("members", ())),
            amends=str(said.get("amends", "")),
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"The application cannot be read: {error}.", hint="hanse apply --help") from None


def _member(file: Path) -> Person:
    """Somebody who works with the applicant: their name, organisation and country, and the files with the public halves
    of their keys (`hanse key show --json`); `BadInput` for anything else."""
    body = _yaml(file)
    if not isinstance(body, dict) or set(body) != {"name", "organisation", "country", "keys"}:
        raise BadInput(f"{file} does not hold name, organisation, country and keys, and nothing else.")
    if not isinstance(body["keys"], list) or not body["keys"]:
        raise BadInput(
            f"{file}: keys must be a list of files.", hint="`hanse key show --json` prints such a file."
        )
    found = {one.use: one.public for one in (keys.load(file.parent / str(one)) for one in body["keys"])}
    if KeyUse.WORKING not in found:
        raise BadInput(f"{file} names no working key.")
    person = Applicant(
        str(body["name"]), str(body["organisation"]), str(body["country"]), found.get(KeyUse.SPARE)
    )
    return person.person(found[KeyUse.WORKING], Role.MEMBER)


def _ends(said: Mapping[str, Any], begins: datetime) -> datetime:
    if "ends" in said and "days" in said:
        raise BadInput("An application has days or an end, and not both.")
    ends = _day(said["ends"]) if "ends" in said else begins + timedelta(days=int(said.get("days", 365)))
    if ends <= begins:
        raise BadInput("The permit would end before it begins.", hint="--until is a later day than --from.")
    return ends


def _day(value: Any) -> datetime:
    """The beginning of a day (UTC); YAML reads 2027-01-31 as a date already."""
    try:
        return datetime.strptime(str(value), DAY).replace(tzinfo=UTC)
    except ValueError:
        raise BadInput("A day is written as 2027-01-31.") from None


def _working(ring: Ring, stored: Stored) -> Stored:
    """The working key, which the permit is to name first, also when the spare one signs."""
    return ring.working() if ring.path(KeyUse.WORKING).exists() else stored


def _spare(ring: Ring, stored: Stored) -> Any:
    path = ring.path(KeyUse.SPARE)
    if path.exists():
        return keys.load(path).public
    return stored.public if stored.use is KeyUse.SPARE else None


@click.command()
@click.argument("hash", required=False)
@click.option(
    "--authorities", "who", is_flag=True, help="List who decides, with their fingerprints, instead."
)
@hub_option
@home_option
@json_option
def applications(hash: str | None, who: bool, hub_url: str, home: Path, as_json: bool) -> None:
    """Show what became of your applications, or of the one whose hash begins so."""
    with Hanse(hub_url) as hub:
        if who:
            _show_authorities(hub.authorities(), as_json)
            return
        folder = home.expanduser() / "applications"
        sent = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        found = [hub.application(one) for one in ([whole(home.expanduser(), hash)] if hash else sent)]
    if as_json:
        print_json(found)
        return
    for one in found:
        _show(one)
    if not found:
        next_step("hanse apply")


def _show(one: Mapping[str, Any]) -> None:
    click.echo(clean(f"{one['application']}  {one['authority']['name']}: {one['authority']['state']}"))
    for login in one.get("logins", ()):
        click.echo(clean(f"  login of {login['sent']}: {login['state']}"))
    _table([["", row["name"], row["dataset_name"], row["state"]] for row in one["nodes"]])
    if one["permit_hash"]:
        click.echo(f"  permit {one['permit_hash']}")
        next_step(f"hanse analyse METHOD --permit {one['permit_hash']}")


def _show_authorities(listed: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(listed)
        return
    found = [authorities.choose(listed, one["id"]) for one in listed]
    logins = [
        ", ".join(one.issuer for one in said.clients) if (said := who.accepted()) else "" for who in found
    ]
    _table(
        [
            [row["id"], row["name"], row["country"], row["state"], who.key.fingerprint, login or "no logins"]
            for row, who, login in zip(listed, found, logins, strict=True)
        ]
    )
    next_step("compare the fingerprint with the authority itself; then hanse apply --authority FINGERPRINT")


def _table(rows: list[list[str]]) -> None:
    if rows:
        click.echo("\n".join(columns([[clean(cell) for cell in row] for row in rows])))
