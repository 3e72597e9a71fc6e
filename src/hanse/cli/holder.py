"""`hanse node page|officer|trust|approvals|approve|refuse|veto|uses|opt-out|resume`: what a holder decides and sees."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
import sqlalchemy as sa

from hanse.cli.home import home_option, next_step, store_of
from hanse.cli.officers import officers, port_option
from hanse.cli.output import clean, columns, json_option, print_json
from hanse.core.permit import KINDS, Kind
from hanse.lib import continuity, jws, sql
from hanse.node import config, permits, usage
from hanse.node.permits import Permits
from hanse.node.trust import trust as pin

PAGE_PORT = 8091
officer_option = click.option(
    "--officer", metavar="NAME", default=getpass.getuser, help="Who decides; otherwise who is logged in here."
)


def _permits(home: Path) -> Permits:
    return Permits(store_of(home), config.read(home))


@contextmanager
def _records(home: Path) -> Iterator[sa.Engine]:
    records = store_of(home).records
    try:
        yield records
    finally:
        records.dispose()


@click.command()
@home_option
@port_option(PAGE_PORT)
def page(home: Path, port: int) -> None:
    """Serve the page on which you decide and see every use, to this machine only, until interrupted.

    It runs beside `hanse node serve`; what is decided counts there at once.
    """
    from hanse.desk import node as pages
    from hanse.desk.site import serve

    store, settings = store_of(home), config.read(home)
    desk = pages.desk(store, settings, port)
    click.echo(
        f"Who decides about the data of {settings.name} does so at {desk.origin}/; stop with Ctrl-C.",
        err=True,
    )
    serve(desk, pages.pages(store))


officer = officers("node", home_option, PAGE_PORT, _records)


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
    next_step("hanse node approvals")


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
        print_json(
            [
                {
                    "id": one.id,
                    "state": one.state,
                    "said": asdict(one.said),
                    "text": one.said.text,
                    "application": asdict(one.answers) if one.answers else None,
                }
                for one in found
            ]
        )
        return
    for one in found:
        for state, said in ((one.state, one.said), ("its application", one.answers)):
            if said:
                click.echo(f"[{state}]\n" + "\n".join(map(clean, said.text.splitlines())) + "\n")
    waiting = [one.said.hash for one in found if one.state == "waiting"]
    next_step(f"hanse node approve {waiting[0]}, or refuse" if waiting else "hanse node uses")


@click.command()
@click.argument("permit", metavar="SHA-256|PERMIT")
@officer_option
@home_option
def approve(permit: str, officer: str, home: Path) -> None:
    """Let your data be used under exactly the version of a permit that you read: its SHA-256. The permit's id stands
    for its newest version, which may have come after you read."""
    held = _permits(home).approve(permit, officer)
    id = held.document.id
    click.echo(f"Approved by {officer}: {id}, version {held.document.version}, SHA-256 {held.hash}")
    next_step(f"hanse node uses; hanse node veto {id} stops it")


def _id(home: Path, shown: str) -> str:
    """The id of the permit whose id or SHA-256 is `shown`; `NotFound` when there is none."""
    known = _permits(home)
    with _records(home) as records, sql.read(records) as connection:
        read = known.permit(connection, shown)
        return known.newest(connection, read.document.id if read else shown).document.id


def _forbid(words: str, shown: str, officer: str, reason: str, home: Path) -> None:
    id = _id(home, shown)
    _permits(home).forbid(id, officer, reason)
    click.echo(f"{words} by {officer}: {id}. Nothing leaves this node under any version of it.")
    next_step("hanse node approvals")


@click.command()
@click.argument("permit", metavar="SHA-256|PERMIT")
@click.option("--reason", default="", help="The researcher reads it.")
@officer_option
@home_option
def refuse(permit: str, officer: str, reason: str, home: Path) -> None:
    """Say no to a permit that you have not approved."""
    _forbid("Refused", permit, officer, reason, home)


@click.command()
@click.argument("permit", metavar="SHA-256|PERMIT")
@click.option("--reason", required=True, help="The researcher reads it.")
@officer_option
@home_option
def veto(permit: str, officer: str, reason: str, home: Path) -> None:
    """Stop every use under a permit now, also what is running."""
    _forbid("Stopped", permit, officer, reason, home)


@click.command()
@click.option("--permit", default="", metavar="PERMIT", help="Only under this permit.")
@click.option(
    "--last", type=click.IntRange(1), default=50, show_default=True, help="How many entries of the log."
)
@home_option
@json_option
def uses(permit: str, last: int, home: Path, as_json: bool) -> None:
    """Show who used your data: under which permit, for which operation, when, and what left. The latest comes first."""
    with sql.read(store_of(home).records) as connection:
        found = usage.used(connection, last, permit)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = [[one.at, one.outcome, one.what, one.permit, one.operation, one.who] for one in found]
    for line in columns([["at", "outcome", "what", "permit", "operation", "who"], *rows]):
        click.echo(clean(line))
    next_step("hanse node approvals")


@click.command(name="opt-out")
@click.argument("name")
@home_option
def opt_out(name: str, home: Path) -> None:
    """Print the commitment to the persons whom the node leaves out of a dataset, for the authority."""
    click.echo(permits.opt_out(store_of(home), name))
    next_step("give it to the authority, which writes it into the permit")


@click.command()
@click.option(
    "--reason", required=True, help="How the records came to be an older copy; it goes into the log."
)
@officer_option
@home_option
def resume(reason: str, officer: str, home: Path) -> None:
    """Let the node go on after its records were restored from a backup, once you have made your decisions again.

    Until then it carries out no order. What was approved after the backup is not approved any more; what was stopped,
    is not stopped: look at `hanse node approvals` first.
    """
    with _records(home) as records:
        found = continuity.resume(records, home, officer, reason)
    click.echo(
        f"Resumed by {officer}. The log does not continue {len(found)} of the heads that it has shown;"
    )
    click.echo(
        f"the longest stood for {found[-1].size} entries. Tell your witnesses: they pin this log anew."
    )
    next_step("hanse node serve, when it does not run")


COMMANDS = (page, officer, trust, approvals, approve, refuse, veto, uses, opt_out, resume)
