"""`hanse apply` and `hanse applications`: asking for data, and what became of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import yaml

from hanse.cli.home import next_step
from hanse.cli.key import home_option, passphrase_option
from hanse.cli.output import clean, columns, hub_option, json_option, print_json
from hanse.client import Hanse, access
from hanse.client.access import Applicant, Wish
from hanse.core import clock, document
from hanse.core.errors import BadInput
from hanse.core.permit import Kind
from hanse.core.scope import KeyUse, Operation, Purpose
from hanse.lib import files, keys
from hanse.lib.keys import Ring

MANY = frozenset({"datasets", "reasons", "operations"})
MEMBERS = MANY | {
    "authority",
    "project",
    "kind",
    "purpose",
    "selection",
    "days",
    "name",
    "organisation",
    "country",
}
NEEDED = ("authority", "datasets", "project", "reasons", "name", "organisation", "country")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--authority", metavar="ID", help="Who is to decide; `hanse applications --authorities` lists them."
)
@click.option("--dataset", "datasets", multiple=True, metavar="ID", help="What is asked for; repeatable.")
@click.option("--project", help="The name of the project.")
@click.option(
    "--reason", "reasons", multiple=True, help="A paragraph: why, and what comes of it; repeatable."
)
@click.option("--operation", "operations", multiple=True, type=click.Choice(list(Operation)))
@click.option(
    "--kind", type=click.Choice([Kind.EHDS, Kind.AGREEMENT]), help="On what the permit is to stand."
)
@click.option("--purpose", type=click.Choice(list(Purpose)), help="Of EHDS Article 53(1).")
@click.option("--selection", help="Only the persons of this CQL2 question.")
@click.option("--days", type=click.IntRange(1, 3653), help="How long; 365 unless it is said.")
@click.option("--name", help="Your name.")
@click.option("--organisation", help="Your organisation.")
@click.option("--country", help="Its country, as two letters.")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@hub_option
@home_option
@passphrase_option(again=False)
@json_option
def apply(
    file: Path | None, yes: bool, hub_url: str, home: Path, passphrase: str, as_json: bool, **options: Any
) -> None:
    """Apply for data, with options or a YAML file of the same names.

    Shows what will be signed, in words made from its bytes, and signs it with your working key when you agree.
    """
    said = _said(file, options)
    ring = Ring(home.expanduser())
    working = ring.working()
    wish, applicant = (
        _wish(said),
        Applicant(said["name"], said["organisation"], said["country"], _spare(ring)),
    )
    with Hanse(hub_url) as hub:
        made = access.write(hub, wish, applicant, working.public)
        click.echo(access.said(made), err=True)
        if not yes:
            click.confirm("Sign exactly this?", abort=True, err=True)
        token = access.sign(made, working.unlock(passphrase))
        hash = hub.send(token)
    folder = home.expanduser() / "applications"
    files.make_folder(folder)
    files.write(folder / hash, token.encode(), mode=0o600)
    if as_json:
        print_json({"application": hash, "document": document.to_plain(made)})
    else:
        click.echo(hash)
    next_step(
        f"the authority compares your fingerprint: {working.public.fingerprint}; then hanse applications"
    )


def _said(file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    """What options and the file say together; options win. `BadInput` when something is missing or unknown."""
    try:
        body = yaml.safe_load(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError, yaml.YAMLError):
        raise BadInput(f"{file} is not YAML in UTF-8.") from None
    if not isinstance(body, dict) or not set(body) <= MEMBERS:
        raise BadInput(f"{file} holds something else than {', '.join(sorted(MEMBERS))}.")
    said = body | {name: value for name, value in options.items() if value}
    if missing := [name for name in NEEDED if not said.get(name)]:
        raise BadInput(f"The application does not say: {', '.join(missing)}.", hint="hanse apply --help")
    if wrong := [name for name in MANY & said.keys() if not isinstance(said[name], (list, tuple))]:
        raise BadInput(f"{', '.join(wrong)} must be a list.")
    return said


def _wish(said: dict[str, Any]) -> Wish:
    begins = clock.read(clock.text(clock.now()))
    try:
        return Wish(
            authority=str(said["authority"]),
            datasets=tuple(map(str, said["datasets"])),
            project=str(said["project"]),
            reasons=tuple(map(str, said["reasons"])),
            kind=Kind(said.get("kind", Kind.AGREEMENT)),
            operations=tuple(map(Operation, said.get("operations", [Operation.ANALYSE]))),
            purpose=Purpose(said.get("purpose", Purpose.RESEARCH)),
            selection=str(said.get("selection", "")),
            begins=begins,
            ends=begins + timedelta(days=int(said.get("days", 365))),
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"The application cannot be read: {error}.", hint="hanse apply --help") from None


def _spare(ring: Ring) -> Any:
    path = ring.path(KeyUse.SPARE)
    return keys.load(path).public if path.exists() else None


@click.command()
@click.argument("hash", required=False)
@click.option("--authorities", is_flag=True, help="List who decides, instead.")
@hub_option
@home_option
@json_option
def applications(hash: str | None, authorities: bool, hub_url: str, home: Path, as_json: bool) -> None:
    """Show what became of your applications, or of the one with this hash."""
    with Hanse(hub_url) as hub:
        if authorities:
            listed = hub.authorities()
            if as_json:
                print_json(listed)
            else:
                _table([[one["id"], one["name"], one["country"], one["state"]] for one in listed])
            return
        folder = home.expanduser() / "applications"
        sent = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        found = [hub.application(one) for one in ([hash] if hash else sent)]
    if as_json:
        print_json(found)
        return
    for one in found:
        click.echo(f"{one['application']}  {one['authority']['name']}: {one['authority']['state']}")
        _table([["", one["name"], one["dataset_name"], one["state"]] for one in one["nodes"]])
        if one["permit_hash"]:
            click.echo(f"  permit {one['permit_hash']}")
            next_step(f"hanse analyse METHOD --permit {one['permit_hash']}")
    if not found:
        next_step("hanse apply")


def _table(rows: list[list[str]]) -> None:
    if rows:
        click.echo("\n".join(columns([[clean(cell) for cell in row] for row in rows])))
