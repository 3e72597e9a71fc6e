"""`hanse authority permit|amend|refuse|revoke|decisions`: what officers decide, by words that they read before."""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from hanse.authority import narrowing, permits, refusals, revocations
from hanse.authority.drafts import Draft
from hanse.authority.home import Home, opened
from hanse.cli.home import next_step
from hanse.cli.limits import LIMIT_NAMES, LIMIT_OPTIONS
from hanse.cli.office import home_option, officer_option
from hanse.cli.output import clean, columns, json_option, print_json
from hanse.cli.paths import A_FILE
from hanse.core import clock
from hanse.core.errors import BadInput
from hanse.core.permit import Kind
from hanse.core.scope import Operation
from hanse.lib import assertions, log, sql

DECISIONS = ("permit", "amend", "refuse", "revoke")  # kinds of entries in the log
yes_option = click.option("--yes", is_flag=True, help="Do not ask: the words were read before.")
more_option = click.option(
    "--more",
    multiple=True,
    metavar="MEMBER",
    help="A member in which the permit may differ from what was asked for, beyond giving less; several.",
)


# Each option that narrows, the member of `narrowing` that it sets, and how.
_NARROWING: tuple[tuple[Any, ...], ...] = (
    ("--dataset", "datasets", {"multiple": True, "metavar": "ID", "help": "A dataset that stays; several."}),
    ("--person", "persons", {"multiple": True, "metavar": "NAME", "help": "A person who stays; several."}),
    (
        "--operation",
        "operations",
        {"multiple": True, "type": click.Choice([one.value for one in Operation]), "help": "Several."},
    ),
    ("--from", "begins", {"type": click.DateTime(["%Y-%m-%d"]), "help": "First day."}),
    ("--until", "ends", {"type": click.DateTime(["%Y-%m-%d"]), "help": "The day on which it has ended."}),
    *LIMIT_OPTIONS,
    ("--sealed", "sealed", {"is_flag": True, "help": "Answers are readable by the person only."}),
    (
        "--kind",
        "kind",
        {"type": click.Choice([one.value for one in Kind]), "help": "On what the permit stands."},
    ),
    ("--exception", "exception", {"help": "Why persons who opted out are included (EHDS Article 71(4))."}),
    ("--opt-out", "opt_out", {"multiple": True, "metavar": "DATASET=COMMITMENT", "help": "Several."}),
)


def narrowing_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--narrow FILE` and the options for its usual members."""
    for spelling, name, more in reversed(_NARROWING):
        command = click.option(spelling, name, **more)(command)
    narrow = click.option("--narrow", type=A_FILE, help="JSON with members that differ from the application.")
    return narrow(command)


def _changes(narrow: Path | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a file and options say together; an option wins."""
    changes = dict(narrowing.read(narrow)) if narrow else {}
    limits = {name: said[name] for name in LIMIT_NAMES if said[name] is not None}
    given = {
        name: value for name, value in said.items() if value not in (None, (), False) and name not in limits
    }
    for name, value in given.items():
        changes[name] = _plain(name, value)
    if limits:
        changes["limits"] = {**changes.get("limits", {}), **limits}
    return changes


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return narrowing.day(value)
    if name == "opt_out":
        return dict(one.partition("=")[::2] for one in value)
    return list(value) if isinstance(value, tuple) else value


@click.command()
@click.argument("hash")
@officer_option
@narrowing_options
@more_option
@yes_option
@home_option
def permit(
    hash: str, officer: str, narrow: Path | None, more: tuple[str, ...], yes: bool, home: Path, **said: Any
) -> None:
    """Give a permit for an application, or less than it asks for. What is shown is what is signed."""
    with opened(home) as here:
        with sql.read(here.records) as connection:
            draft = permits.draft(connection, here.settings, here.key, hash, _changes(narrow, said))
        _decide(here, draft, officer, more, yes)


@click.command()
@click.argument("permit_id", metavar="SHA-256|PERMIT")
@officer_option
@narrowing_options
@more_option
@yes_option
@home_option
def amend(
    permit_id: str,
    officer: str,
    narrow: Path | None,
    more: tuple[str, ...],
    yes: bool,
    home: Path,
    **said: Any,
) -> None:
    """Change a permit by the authority's own decision: its next version takes the place of the one before.

    A change that somebody applied for is given with `hanse authority permit`.
    """
    with opened(home) as here:
        with sql.read(here.records) as connection:
            id, changes = _id(connection, here, permit_id), _changes(narrow, said)
            draft = permits.draft_amendment(connection, here.settings, here.key, id, changes)
        _decide(here, draft, officer, more, yes)


def _id(connection: sa.Connection, here: Home, shown: str) -> str:
    """The id of the permit whose newest version has the SHA-256 `shown`, which `permit` printed; otherwise `shown`."""
    given = permits.all_of(connection, here.key)
    return next((one.permit.id for one in given if one.hash == shown), shown)


def _decide(here: Home, draft: Draft, officer: str, more: tuple[str, ...], yes: bool) -> None:
    """Shows the words of the bytes, asks, and has exactly these bytes signed."""
    click.echo(draft.said.text)
    if draft.beyond:
        click.echo(f"\nMORE THAN WAS ASKED FOR, OR SOMETHING ELSE: {', '.join(draft.beyond)}")
    if not yes and not sys.stdin.isatty():
        raise BadInput(
            "Nobody is here to confirm these words.", hint="Add --yes when somebody has read them."
        )
    if not yes:
        click.confirm(f"\nSign these words as {clean(officer)}?", abort=True, err=True)
    hash = permits.sign(here.records, here.settings, here.key, draft.payload, officer, clock.now(), more)
    click.echo(f"\nSigned: {hash}")
    next_step("it is sent by `hanse authority serve`; holders decide about it at their nodes")


@click.command()
@click.argument("hash")
@officer_option
@click.option("--reason", required=True, help="What the applicant is told.")
@home_option
def refuse(hash: str, officer: str, reason: str, home: Path) -> None:
    """Refuse an application."""
    with opened(home) as here:
        said = refusals.refuse(here.records, here.settings, here.key, hash, officer, reason, clock.now())
    click.echo(f"Refused: {said.application}")


@click.command()
@click.argument("permit_id", metavar="SHA-256|PERMIT")
@officer_option
@click.option("--reason", required=True, help="Kept here; nodes are told only that the permit is revoked.")
@home_option
def revoke(permit_id: str, officer: str, reason: str, home: Path) -> None:
    """Take back a permit in all its versions. Every node that it names is told at once."""
    with opened(home) as here:
        with sql.read(here.records) as connection:
            id = _id(connection, here, permit_id)
        nodes = revocations.revoke(here.records, here.settings, here.key, id, officer, reason, clock.now())
    told = f"{len(nodes)} nodes are told." if nodes else "nodes are told after `hanse authority resume`."
    click.echo(f"Revoked: {id}; {told}")


@click.command()
@home_option
@json_option
def decisions(home: Path, as_json: bool) -> None:
    """Verify which passkey agreed to which decision, and list all of them. What was decided by command has none."""
    with opened(home) as here, sql.read(here.records) as connection:
        agreed = {one.entry.number: one for one in assertions.verify(connection)}
        entries = [one for one in log.entries(connection) if one.kind in DECISIONS]
    rows = [
        {
            "entry": one.number,
            "at": one.at,
            "kind": one.kind,
            "about": one.body.get("permit") or one.body["application"],
            "passkey": agreed[one.number].credential if one.number in agreed else "",
            "document": agreed[one.number].document if one.number in agreed else "",
        }
        for one in entries
    ]
    if as_json:
        print_json(rows)
        return
    head = ["entry", "at", "kind", "about", "passkey"]
    shown = [[str(row[name]) or "by command" for name in head] for row in rows]
    for line in columns([head, *shown], {3: 33, 4: 16}):
        click.echo(line)
    next_step(
        f"{len(agreed)} of {len(rows)} decisions have the assertion of an officer's passkey, and it verifies"
    )


COMMANDS = (permit, amend, refuse, revoke, decisions)
