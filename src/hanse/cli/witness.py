"""`hanse audit pin|unpin|request|cosign|take|status`: who cosigns the heads of a log, and what came of it."""

from pathlib import Path
from typing import Any

import click

from hanse.cli.home import next_step
from hanse.cli.output import clean, columns, json_option, print_json
from hanse.cli.paths import A_FILE
from hanse.cli.records import address_of, home_option, note_of, records_of
from hanse.core import clock
from hanse.core.errors import Conflict
from hanse.lib import sql, witness
from hanse.lib.checkpoint import WITNESS, VerifierKey
from hanse.lib.witness import Held


@click.command()
@click.argument("key")
@home_option
def pin(key: str, home: Path) -> None:
    """Pin a verifier key: that of a witness, who is to cosign this home's log, or that of a log, which this home is to
    cosign. Get it from its owner, not from a hub."""
    found = VerifierKey.read(key)
    witness.pin(home, found)
    if found.use == WITNESS:
        click.echo(f"{clean(found.name)} is asked to cosign the log of {home}.")
        next_step("give the witness your key, which `hanse audit key` prints; it pins that")
    else:
        click.echo(f"{home} cosigns the log {clean(found.name)}.")
        next_step("give its owner your key, which `hanse audit key --witness` prints; they pin that")


@click.command()
@click.argument("key")
@home_option
def unpin(key: str, home: Path) -> None:
    """Take a verifier key out, and the heads that were kept of it."""
    found = VerifierKey.read(key)
    witness.unpin(home, found)
    click.echo(f"{clean(found.name)} is not pinned any more.")


@click.command()
@click.argument("key")
@home_option
def request(key: str, home: Path) -> None:
    """Print the head of the log as a request to a pinned witness, to be carried there by hand."""
    with records_of(home) as records, sql.read(records) as connection:
        click.echo(witness.request(connection, home, VerifierKey.read(key)).text, nl=False)


@click.command()
@click.argument("file", type=A_FILE)
@home_option
def cosign(file: Path, home: Path) -> None:
    """Cosign the head in a request, when it continues what was cosigned before; print it, to be carried back."""
    click.echo(witness.cosign(home, address_of(home), note_of(file), clock.now()), nl=False)


@click.command()
@click.argument("file", type=A_FILE)
@home_option
def take(file: Path, home: Path) -> None:
    """Keep a head of this home's log that a pinned witness has cosigned."""
    with records_of(home) as records, sql.read(records) as connection:
        for one in witness.take(connection, home, note_of(file)):
            click.echo(f"Cosigned by {clean(one.name)}.")
    next_step("hanse audit verify --witnessed")


@click.command()
@home_option
@json_option
def status(home: Path, as_json: bool) -> None:
    """Show who cosigned this home's log when, and which logs it cosigns. Fails when a log contradicts itself."""
    found = witness.held(home, address_of(home))
    if as_json:
        print_json([_plain(one) for one in found])
    else:
        head = ["what", "key", "entries", "cosigned"]
        for line in columns(
            [head, *([str(cell or "") for cell in list(_plain(one).values())[:4]] for one in found)]
        ):
            click.echo(clean(line))
    for one in found:
        if one.doubt is not None:
            raise Conflict(_contradiction(one), hint=f"Ask its owner. The heads are in {home / 'witness'}.")
    if not as_json:
        next_step("hanse audit verify --witnessed" if found else "hanse audit pin KEY")


def _contradiction(one: Held) -> str:
    size = one.doubt.size if one.doubt else 0
    if one.forked:
        return (
            f"{one.key.name} signed two roots over {size} entries: the log was rewritten, or shows two faces."
        )
    return (
        f"Nothing shows that the head of {one.key.name} over {size} entries continues the one over"
        f" {one.head.size if one.head else 0}: the log was rewritten, or its proof was changed on the way."
    )


def _plain(one: Held) -> dict[str, Any]:
    return {
        "what": "cosigns this log" if one.key.use == WITNESS else "is cosigned here",
        "key": one.key.name,
        "entries": one.head.size if one.head else None,
        "cosigned": clock.text(one.at) if one.at else None,
        "in_doubt": one.doubt.size if one.doubt else None,
        "forked": one.forked,
    }


COMMANDS = (pin, unpin, request, cosign, take, status)
