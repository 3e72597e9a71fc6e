"""`hanse hub`: set up and run the hub, and decide which nodes belong to it."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socket import socket
from typing import Any

import click
import sqlalchemy as sa

from hanse.cli.output import columns, consoles, json_option, line, print_json
from hanse.cli.paths import home_at
from hanse.core import clock
from hanse.core.errors import NotSetUp
from hanse.hub import config, operators, registry
from hanse.hub.config import HubConfig
from hanse.hub.registry import Node, State
from hanse.hub.tables import MIGRATIONS
from hanse.lib import memory, sql

home_option = home_at("hub", "HANSE_HUB_HOME", "The folder with the hub's settings, keys and records.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def hub() -> None:
    """Run the hub: set up, enrol nodes, serve.

    \b
    Examples:
      hanse hub init --url https://hub.example.org
      hanse hub serve
      hanse hub invite --name Turku
      hanse hub approve Turku
    """


@hub.command()
@home_option
@click.option("--url", help="The address that nodes and people use.")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option("--name", help="What the data space is called, on its pages and in its catalogue.")
@click.option("--publisher", help="The organisation that publishes the catalogue.")
@click.option("--database", help="postgresql+psycopg://... instead of SQLite in the home.")
@click.option("--mailbox", help="postgresql://... that several hub processes share, instead of memory.")
def init(home: Path, **given: Any) -> None:
    """Set up a hub, or change its settings. Its key is made once and stays."""
    try:
        before = config.read(home, {})
    except NotSetUp:
        before = HubConfig(home)
    settings = replace(before, **{name: value for name, value in given.items() if value is not None})
    if given["port"] and not given["url"] and not before.url.startswith("https"):
        settings = replace(settings, url=f"http://{settings.host}:{settings.port}")
    key = config.init(settings)
    sql.migrate(sql.engine(settings.database_url), MIGRATIONS)
    click.echo(f"The hub in {home} has the key {key.public.fingerprint} and the address {settings.url}.")
    click.echo(f"Next: hanse hub serve --home {home}")


@hub.command()
@home_option
def serve(home: Path) -> None:
    """Run the hub until it is interrupted."""
    import uvicorn  # here and below, since only this command needs them

    from hanse.hub.app import make_app
    from hanse.web.site import of_hub

    class Server(uvicorn.Server):
        """Ends the calls of waiting nodes first: otherwise each would hold up the end. They call again."""

        async def shutdown(self, sockets: list[socket] | None = None) -> None:
            await app.state.hub.mailbox.close()
            await super().shutdown(sockets)

    settings = config.read(home, os.environ)
    app = make_app(settings, of_hub)
    listens = f"http://{settings.host}:{settings.port}"
    click.echo(f"The hub listens on {listens}; its address is {settings.url}.", err=True)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=60,  # nodes keep their connections, and a new one costs a TLS handshake
            timeout_graceful_shutdown=5,
        )
    )
    memory.settle()
    with suppress(KeyboardInterrupt):  # uvicorn raises it again once the hub has ended in order
        server.run()


@hub.command()
@home_option
@click.option("--name", default="", help="For whom it is; shown with the node that uses it.")
def invite(home: Path, name: str) -> None:
    """Print a token with which one node can enrol, within 7 days."""
    settings = config.read(home, os.environ)
    with sql.begin(_engine(settings)) as connection:
        token = registry.invite(connection, settings.key().public.kid, name, clock.now())
    click.echo(token.text())
    click.echo(
        "Give it to the node's operator in confidence, who runs:\n"
        f"  hanse node init --hub {settings.url} --enrol TOKEN --name NAME --country CC",
        err=True,
    )


@hub.command("operator-link")
@home_option
def operator_link(home: Path) -> None:
    """Print an address that opens the operator page once, within 10 minutes."""
    settings = config.read(home, os.environ)
    with sql.begin(_engine(settings)) as connection:
        secret = operators.new_link(connection, clock.now())
    click.echo(f"{settings.url}/en/operator/enter?pass={secret}")
    click.echo("Open it in your browser within 10 minutes; it works once. Give it to nobody.", err=True)


@hub.command()
@home_option
@json_option
def nodes(home: Path, as_json: bool) -> None:
    """List the nodes and authorities with their state and fingerprint."""
    with sql.read(_engine(config.read(home, os.environ))) as connection:
        found = registry.participants(connection)
    rows = [_shown(node) for node in found]
    if as_json:
        print_json(rows)
        return
    out, err = consoles()
    if not found:
        err.print("No node has enrolled yet: hanse hub invite")
        return
    keys = ("name", "role", "country", "state", "last_seen", "note", "fingerprint", "id")
    table = [
        [key.replace("_", " ") for key in keys],
        *([str(row[key] or "–") for key in keys] for row in rows),
    ]
    first, *rest = columns(table, {0: 40, 5: 30})
    out.print(line((first, "bold")), *map(line, rest), sep="\n")
    if any(node.state is State.PENDING for node in found):
        err.print("Next, for a pending node: hanse hub approve NAME")


def _shown(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "role": node.role.value,
        "country": node.country,
        "state": node.state.value,
        "note": node.note,
        "fingerprint": node.key.fingerprint,
        "enrolled": node.enrolled,
        "last_seen": node.seen,
        "software": node.software,
        "vocabulary": node.vocabulary,
    }


@hub.command()
@click.argument("node")
@home_option
@yes_option
def approve(node: str, home: Path, yes: bool) -> None:
    """Let NODE (name or id) take part, after comparing its fingerprint with what its operator reads out."""
    question = "Does the node's operator read out the same fingerprint?"
    _decide(home, "approve", node, yes, question)


@hub.command()
@click.argument("node")
@home_option
@yes_option
def refuse(node: str, home: Path, yes: bool) -> None:
    """Refuse NODE (name or id), which waits for approval."""
    _decide(home, "refuse", node, yes, "Refuse this node?")


@hub.command()
@click.argument("node")
@home_option
@yes_option
def remove(node: str, home: Path, yes: bool) -> None:
    """End NODE's (name or id) part in the federation, and take its datasets out of the catalogue."""
    _decide(home, "remove", node, yes, "Remove this node and its datasets from the catalogue?")


def _decide(home: Path, decision: str, wanted: str, yes: bool, question: str) -> None:
    engine = _engine(config.read(home, os.environ))
    with sql.read(engine) as connection:
        node = registry.find(connection, wanted)
    click.echo(
        f"{node.name} ({node.country}), {node.state.value}, {node.id}\nFingerprint: {node.key.fingerprint}"
    )
    if not yes:
        click.confirm(question, abort=True)
    with sql.begin(engine) as connection:
        state = registry.decide(connection, decision, node.id, clock.now())
    click.echo(f"{node.name} is {state.value}.")


def _engine(settings: HubConfig) -> sa.Engine:
    engine = sql.engine(settings.database_url)
    sql.migrate(engine, MIGRATIONS)
    return engine
