"""`officer add|list|remove` of a role that has a page on which people decide: who may sign in there."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from hanse.cli.output import clean, columns, json_option, print_json
from hanse.core import clock
from hanse.lib import accounts, sql
from hanse.lib.accounts import Account

Records = Callable[[Path], AbstractContextManager[sa.Engine]]


def port_option(default: int) -> Callable[..., Any]:
    """`--port` of a page; its address is always `http://localhost:PORT`."""
    return click.option(
        "--port",
        type=click.IntRange(1024, 65535),
        default=default,
        show_default=True,
        help="The page's port on this machine.",
    )


def _show(found: Sequence[Account], as_json: bool) -> None:
    rows = [{"name": one.name, "added": one.added, "passkeys": len(one.passkeys)} for one in found]
    if as_json:
        print_json(rows)
        return
    head = ["name", "added", "passkeys"]
    for line in columns([head, *([clean(str(row[name])) for name in head] for row in rows)], {0: 60}):
        click.echo(line)


def officers(role: str, home_option: Callable[..., Any], port: int, records: Records) -> click.Group:
    """The commands for `hanse ROLE officer`."""

    @click.group(help=f"Say who may sign in and decide on the page (`hanse {role} page`).")
    def officer() -> None: ...

    @officer.command()
    @click.argument("name", metavar="FULL_NAME")
    @home_option
    @port_option(port)
    def add(name: str, home: Path, port: int) -> None:
        """Let an officer in: prints a link on which they make a passkey, once, within 15 minutes.

        For somebody who is there already, the link is for one more passkey.
        """
        from hanse.desk.entrance import link_to

        with records(home) as engine, sql.begin(engine) as connection:
            secret = accounts.invite(connection, accounts.named(name), clock.now())
        click.echo(link_to(port, secret))
        click.echo(
            "Open it on this machine while the page is served. Who opens it decides under this name.",
            err=True,
        )

    @officer.command("list")
    @home_option
    @json_option
    def list_officers(home: Path, as_json: bool) -> None:
        """List who may decide on the page."""
        with records(home) as engine, sql.read(engine) as connection:
            _show(accounts.all_of(connection), as_json)

    @officer.command()
    @click.argument("name", metavar="FULL_NAME")
    @home_option
    def remove(name: str, home: Path) -> None:
        """End an officer's sessions and passkeys. What they agreed to can still be verified."""
        with records(home) as engine, sql.begin(engine) as connection:
            accounts.remove(connection, accounts.named(name), clock.now())
        click.echo(f"{clean(name.strip())} decides here no more.")

    return officer
