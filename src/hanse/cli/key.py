"""`hanse key`: a person's keys, and what they let a device do."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from hanse.cli.home import next_step
from hanse.cli.output import consoles, json_option, line, print_json
from hanse.cli.paths import A_FILE, TO_WRITE, home_at
from hanse.core import clock, ids
from hanse.core.errors import BadInput
from hanse.core.order import DELEGATION_TYP, MAX_DELEGATION, Delegation
from hanse.core.scope import KeyUse, Operation
from hanse.lib import files, jws, keys
from hanse.lib.jws import Signer
from hanse.lib.keys import Ring, Stored

home_option = home_at("~/.config/hanse", "HANSE_HOME", "The folder with your keys.")


key_option = click.option(
    "--key",
    type=A_FILE,
    help="Sign with the key in this file, such as the spare one, instead of your working key.",
)


def passphrase_option(again: bool) -> Callable[[Any], Any]:
    """Asked for on the terminal, unless HANSE_PASSPHRASE says it: of who makes a key at once and twice, of who uses one
    when it is used (`open_key`)."""
    return click.option(
        "--passphrase",
        envvar="HANSE_PASSPHRASE",
        prompt=again,
        hide_input=True,
        confirmation_prompt=again,
        help="What opens the key. Leave it out to be asked: what stands on a command line, others can see.",
    )


def stored_key(ring: Ring, file: Path | None) -> Stored:
    """The key in a file, or the working key of the ring, not opened yet; raises as `keys.load` and `Ring.working`."""
    return keys.load(file) if file else ring.working()


def open_key(stored: Stored, passphrase: str | None) -> Signer:
    """The key, opened; asks for the passphrase when nobody said it."""
    return stored.unlock(
        passphrase or click.prompt(f"Passphrase of the {stored.use} key", hide_input=True, err=True)
    )


def signer_of(ring: Ring, file: Path | None, passphrase: str | None) -> Signer:
    """Both at once, for who has nothing to show first."""
    return open_key(stored_key(ring, file), passphrase)


@click.group()
def key() -> None:
    """Make and show the keys that sign your orders."""


@key.command()
@click.option(
    "--spare",
    type=TO_WRITE,
    default=Path("hanse-spare-key.json"),
    show_default=True,
    help="Where to write the spare key.",
)
@home_option
@passphrase_option(again=True)
def new(spare: Path, home: Path, passphrase: str) -> None:
    """Make a working key, and a spare one in a file of its own.

    A permit names both. When the working key is lost, the spare one signs on; so keep them apart.
    """
    working, kept = Ring(home.expanduser()).new(passphrase, spare)
    for one in (working, kept):
        _print(one)
    next_step(f"move {spare} to another place, such as a stick in a drawer; it needs the same passphrase.")


@key.command()
@home_option
@passphrase_option(again=True)
def rotate(home: Path, passphrase: str) -> None:
    """Make a new working key in the place of the old one.

    Every year or two, or when the old one is lost or somebody else may have it. A permit goes on naming the old key
    until it is amended. Apply for that, signed with a key that the permit names: the spare one, or the old one, which
    stays in a file of its own.
    """
    made, old = Ring(home.expanduser()).rotate(passphrase)
    _print(made)
    next_step(f"for each permit: hanse apply FILE --amends PERMIT --key SPARE; the old key is in {old}")


@key.command("list")
@home_option
@json_option
def list_keys(home: Path, as_json: bool) -> None:
    """List your keys."""
    found = Ring(home.expanduser()).all()
    if as_json:
        print_json([_plain(one) for one in found])
        return
    for one in found:
        click.echo(f"{one.use:8} {one.public.kid}  {clock.text(one.made)[:10]}")
    if not found:
        next_step("hanse key new")


@key.command()
@click.argument("use", type=click.Choice([one.value for one in KeyUse]), default=KeyUse.WORKING.value)
@home_option
@json_option
def show(use: str, home: Path, as_json: bool) -> None:
    """Show the public half of a key, and its fingerprint as it is read out on the phone."""
    path = Ring(home.expanduser()).path(KeyUse(use))
    if not path.exists():
        raise BadInput(f"There is no {use} key in {path.parent}.", hint="Run `hanse key new` first.")
    stored = keys.load(path)
    if as_json:
        print_json(_plain(stored))
    else:
        _print(stored)


@key.command()
@click.argument("device", type=A_FILE)
@click.option("--permit", required=True, metavar="ID", help="The permit under which the device may order.")
@click.option(
    "--operation",
    "operations",
    multiple=True,
    required=True,
    type=click.Choice([one.value for one in Operation]),
    help="What it may order; may be given several times.",
)
@click.option("--days", type=click.IntRange(1, MAX_DELEGATION.days), default=7, show_default=True)
@click.option(
    "--out",
    type=TO_WRITE,
    default=Path("delegation.jws"),
    show_default=True,
    help="Where to write the delegation.",
)
@home_option
@key_option
@passphrase_option(again=False)
def delegate(
    device: Path,
    permit: str,
    operations: tuple[str, ...],
    days: int,
    out: Path,
    home: Path,
    key: Path | None,
    passphrase: str | None,
) -> None:
    """Let the key of a device sign orders for a while.

    DEVICE is the device's key file, without its private half: keys/working.json there, or what `hanse key show --json`
    prints. Nobody can delegate further, and the authority need not know.
    """
    if ids.kind(permit) != "permit":
        raise BadInput(
            "--permit names a permit by its id, which begins with permit_.",
            hint="The id stands at the top of the permit's words, and on its page.",
        )
    at = clock.now()
    said = Delegation(
        id=ids.new("delegation"),
        permit=permit,
        device=keys.load(device).public.jwk,
        operations=tuple(dict.fromkeys(map(Operation, operations))),
        issued=at,
        expires=at + timedelta(days=days),
    )
    signer = signer_of(Ring(home.expanduser()), key, passphrase)
    files.write(out, jws.issue(signer, said, DELEGATION_TYP).encode() + b"\n", mode=0o600)
    next_step(f"copy {out} to the device; it counts until {clock.text(said.expires)[:10]}.")


def _plain(one: Stored) -> dict[str, Any]:
    """The public half as a key file, which `delegate` reads."""
    return keys.plain(one.without_private_half()) | {
        "kid": one.public.kid,
        "fingerprint": one.public.fingerprint,
    }


def _print(one: Stored) -> None:
    out, _ = consoles()
    out.print(line((f"{one.use} key ", "bold"), one.public.kid))
    out.print(line("fingerprint ", one.public.fingerprint))
    for group in one.public.fingerprint.split():
        out.print(line("  ", spoken(group)))


SPOKEN = {
    "a": "Alfa",
    "b": "Bravo",
    "c": "Charlie",
    "d": "Delta",
    "e": "Echo",
    "f": "Foxtrot",
}  # ICAO Annex 10


def spoken(group: str) -> str:
    """A group of a fingerprint as it is said on the phone: `3 Alfa 0 Foxtrot`."""
    return " ".join(SPOKEN.get(letter, letter) for letter in group)
