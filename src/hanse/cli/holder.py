"""`hanse node trust|approvals|approve|refuse|veto|uses|opt-out`: what the holder of the data decides, and sees."""

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hanse.cli.home import home_option, next_step, store_of
from hanse.cli.output import clean, columns, json_option, print_json
from hanse.core.permit import KINDS, Kind
from hanse.lib import jws, log, sql
from hanse.node import config, permits
from hanse.node.permits import Permits
from hanse.node.trust import trust as pin

officer_option = click.option(
    "--officer", metavar="NAME", default=getpass.getuser, help="Who decides; otherwise who is logged in here."
)


def _permits(home: Path) -> Permits:
    return Permits(store_of(home), config.read(home))


@click.command()
@click.argument("authority", metavar="AUTHORITY_KID")
@click.option(
    "--kind",
    "kinds",
    required=True,
    metavar="KIND,...",
    help=f"Which permits it may give: {', '.join(KINDS)}; several with commas.",
)
@home_option
def trust(authority: str, kinds: str, home: Path) -> None:
    """Accept the permits of an authority, known by its key's thumbprint. Compare it with the authority first."""
    wanted = [_kind(one) for one in kinds.split(",")]
    found = pin(config.read(home), store_of(home), authority, wanted)
    click.echo(f"{clean(found.name)} may give {', '.join(sorted(found.kinds))}.")
    click.echo(f"Fingerprint: {jws.fingerprint(found.kid)}")
    next_step("start hanse node serve again, so that it knows the authority")


def _kind(text: str) -> Kind:
    try:
        return Kind(text.strip())
    except ValueError:
        raise click.BadParameter(f"{text!r} is none of {', '.join(KINDS)}", param_hint="--kind") from None


@click.command()
@home_option
@json_option
def approvals(home: Path, as_json: bool) -> None:
    """Show what is asked of your data and what you gave, in the words of the signed documents."""
    found = _permits(home).asked()
    if as_json:
        print_json([asdict(one) | {"text": one.said.text} for one in found])
        return
    for one in found:
        click.echo(f"[{one.state}]\n" + "\n".join(map(clean, one.said.text.splitlines())) + "\n")
    waiting = [one.id for one in found if one.state == "waiting"]
    next_step(f"hanse node approve {waiting[0]}, or refuse" if waiting else "hanse node uses")


@click.command()
@click.argument("permit")
@officer_option
@home_option
def approve(permit: str, officer: str, home: Path) -> None:
    """Let your data be used under exactly this version of a permit."""
    held = _permits(home).approve(permit, officer)
    click.echo(f"Approved by {officer}: {permit}, version {held.document.version}, SHA-256 {held.hash}")
    next_step(f"hanse node uses; hanse node veto {permit} stops it")


def _forbid(words: str, permit: str, officer: str, reason: str, home: Path) -> None:
    _permits(home).forbid(permit, officer, reason)
    click.echo(f"{words} by {officer}: {permit}. Nothing leaves this node under any version of it.")
    next_step("hanse node approvals")


@click.command()
@click.argument("permit")
@click.option("--reason", default="", help="The researcher reads it.")
@officer_option
@home_option
def refuse(permit: str, officer: str, reason: str, home: Path) -> None:
    """Say no to a permit that you have not approved."""
    _forbid("Refused", permit, officer, reason, home)


@click.command()
@click.argument("permit")
@click.option("--reason", required=True, help="The researcher reads it.")
@officer_option
@home_option
def veto(permit: str, officer: str, reason: str, home: Path) -> None:
    """Stop every use under a permit now, also what is running."""
    _forbid("Stopped", permit, officer, reason, home)


_USES = ("use", "result", "refusal", "redelivery", "interrupted", "deletion")


@click.command()
@click.option(
    "--last", type=click.IntRange(1), default=50, show_default=True, help="How many entries of the log."
)
@home_option
@json_option
def uses(last: int, home: Path, as_json: bool) -> None:
    """Show who used your data: under which permit, for which operation, when, and what left."""
    with sql.read(store_of(home).records) as connection:
        newest, _ = log.head(connection)
        found = [
            one
            for one in log.entries(connection, after=max(0, newest - last))
            if one.kind in _USES and "permit" in one.body
        ]
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for line in columns([["at", "what", "permit", "operation", "who"], *map(_row, found)]):
        click.echo(clean(line))
    next_step("hanse node approvals")


def _row(entry: log.Entry) -> list[str]:
    body: Any = entry.body
    what = {
        "use": "began",
        "result": f"{body.get('left')} left{', sealed' if body.get('sealed') else ''}",
        "refusal": f"refused: {body.get('decision')}",
        "deletion": f"destroyed: {body.get('reason')}",
    }.get(entry.kind, entry.kind)
    return [entry.at, what, str(body["permit"]), str(body.get("operation", "")), str(body.get("who", ""))]


@click.command(name="opt-out")
@click.argument("name")
@home_option
def opt_out(name: str, home: Path) -> None:
    """Print the commitment to the persons whom the node leaves out of a dataset, for the authority."""
    click.echo(permits.opt_out(store_of(home), name))
    next_step("give it to the authority, which writes it into the permit")


COMMANDS = (trust, approvals, approve, refuse, veto, uses, opt_out)
